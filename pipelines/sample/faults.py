"""What a planted row is, how it gets into a file, and how the README tells of it.

The rows themselves are `planted`'s. Knows no files.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.sample import accounts, people
from pipelines.sample.plan import Cells, Plan
from schemas.states import State


@dataclass(frozen=True)
class Planted:
    """One planted row.

    Attributes:
        row: its 1-based data record in a file that is long enough; in a shorter one it stands at
            the end.
        cells: canonical column to text; a column left out is empty.
        state: how it ends in a nightly run that begins with an empty LUSID, Partial mode, dialect
            2.1.
        fault: what is wrong.
        cure: canonical column to the text that puts it right; empty when another row's cure is
            enough.
        client: cells the client's own extract words differently, canonical column to the client's
            text.
    """

    row: int
    cells: Mapping[str, str]
    state: State
    fault: str
    cure: Mapping[str, str] = field(default_factory=dict)
    client: Mapping[str, str] = field(default_factory=dict)

    @property
    def can_be_sent(self) -> bool:
        """Whether validation finds nothing wrong: such rows are within a plan's counts."""
        return self.state not in (State.INVALID, State.DUPLICATE)


@dataclass(frozen=True)
class PlantedRows:
    """The planted rows of the three files, each in row order."""

    investors: tuple[Planted, ...]
    accounts: tuple[Planted, ...]
    orders: tuple[Planted, ...]

    def within(self, plan: Plan) -> Plan:
        """What is left to draw of a plan beside the planted keys that can be sent."""
        return plan.less(
            investors=len(_sent_keys(self.investors, people.EXTERNAL)),
            accounts=len(_sent_keys(self.accounts, accounts.EXTERNAL)),
            blocks=len(_sent_keys(self.orders, "block_code")),
            orders=len(_sent_keys(self.orders, "order_code")),
        )


def _sent_keys(rows: Iterable[Planted], key: str) -> set[str]:
    return {row.cells[key] for row in rows if row.can_be_sent}


def interleave(chunks: Iterable[Cells], header: Sequence[str], planted: Sequence[Planted]) -> Iterator[Cells]:
    """The chunks with each planted row at its place, or at the end of a file too short for it."""
    waiting = list(planted)
    done = 0
    for chunk in chunks:
        while waiting and waiting[0].row - 1 - done <= len(chunk[header[0]]):
            _insert(chunk, waiting[0].row - 1 - done, waiting.pop(0))
        done += len(chunk[header[0]])
        yield chunk
    if waiting:
        rest: Cells = {column: [] for column in header}
        for at, row in enumerate(waiting):
            _insert(rest, at, row)
        yield rest


def _insert(chunk: Cells, at: int, row: Planted) -> None:
    for column, texts in chunk.items():
        texts.insert(at, row.cells.get(column, ""))


def planted_table(planted: PlantedRows) -> str:
    """The planted rows as a Markdown table: file, row, fault, state, cure."""
    lines = ["| file | `_row` | what is wrong | ends as | correct it by |", "|---|---|---|---|---|"]
    for name in ("investors", "accounts", "orders"):
        rows: tuple[Planted, ...] = getattr(planted, name)
        lines += [f"| {name} | {row.row} | {row.fault} | {row.state} | {_cure_text(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cure_text(row: Planted) -> str:
    if row.cure:
        return ", ".join(f"`{column}` = `{text}`" for column, text in row.cure.items())
    if row.state.traits.good:
        return ""
    return "nothing here: it loads once the row it waits for is right"
