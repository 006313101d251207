"""Planted rows, which are wrong on purpose: inserting them among the drawn ones, and the README's table of them.

`planted` has the rows themselves. Knows no files.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.sample import accounts, investors
from pipelines.sample.plan import Cells, Plan
from schemas.states import State


@dataclass(frozen=True)
class Planted:
    """One planted row.

    Attributes:
        row: the number of its data record, counted from 1; in a file that is too short it stands at the end.
        cells: the text of each canonical column; a column left out is empty.
        state: its state after a nightly run that begins with an empty LUSID, in Partial mode and dialect 2.1.
        flaw: what is wrong.
        cure: the text that corrects each wrong canonical column; empty when another row's cure is enough.
        client: the client's text for each canonical column that the client's extract words differently.
    """

    row: int
    cells: Mapping[str, str]
    state: State
    flaw: str
    cure: Mapping[str, str] = field(default_factory=dict)
    client: Mapping[str, str] = field(default_factory=dict)

    @property
    def can_be_sent(self) -> bool:
        """Whether validation accepts the row; such rows are included in a plan's counts."""
        return self.state not in (State.INVALID, State.DUPLICATE)


@dataclass(frozen=True)
class PlantedRows:
    """The planted rows of the three files, each in row order."""

    investors: tuple[Planted, ...]
    accounts: tuple[Planted, ...]
    orders: tuple[Planted, ...]

    def within(self, plan: Plan) -> Plan:
        """The part of a plan that is left to draw, without the planted keys that can be sent."""
        return plan.less(
            investors=len(_sent_keys(self.investors, investors.EXTERNAL)),
            accounts=len(_sent_keys(self.accounts, accounts.EXTERNAL)),
            blocks=len(_sent_keys(self.orders, "block_code")),
            orders=len(_sent_keys(self.orders, "order_code")),
        )


def _sent_keys(rows: Iterable[Planted], key: str) -> set[str]:
    return {row.cells[key] for row in rows if row.can_be_sent}


def interleave(chunks: Iterable[Cells], header: Sequence[str], planted: Sequence[Planted]) -> Iterator[Cells]:
    """Yields the chunks with each planted row inserted at its place, or at the end of a file too short for it.

    Args:
        chunks: the drawn rows.
        header: the columns, in order.
        planted: the rows to insert, in row order.
    """
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
    """The planted rows as a Markdown table: file, row, flaw, state, cure."""
    lines = ["| file | `_row` | what is wrong | ends as | correct it by |", "|---|---|---|---|---|"]
    for name in ("investors", "accounts", "orders"):
        rows: tuple[Planted, ...] = getattr(planted, name)
        lines += [f"| {name} | {row.row} | {row.flaw} | {row.state} | {_cure_text(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cure_text(row: Planted) -> str:
    if row.cure:
        return ", ".join(f"`{column}` = `{text}`" for column, text in row.cure.items())
    if row.state.traits.good:
        return ""
    return "nothing: it loads once the row that it depends on is corrected"
