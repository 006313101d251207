"""Rows of one key become one request: what must agree between them, and the lists their own parts make."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from schemas.requests.properties import Wire
from schemas.rows.columns import Columns, Row, declared_as


@dataclass(frozen=True)
class Disagreement:
    """Two rows of one request that cannot both be right.

    Attributes:
        first: position in the group of the row that was there first.
        second: position of the row that contradicts it.
    """

    first: int
    second: int
    column: str
    message: str


@dataclass(frozen=True, eq=False)
class Member:
    """A list inside a request that each row adds to: an account's holders, a block's orders.

    Attributes:
        columns: plain columns of the member; families end in `:`.
        key: column whose value names the member inside the request.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    def own(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Those of an extract's columns that belong to the member and not to the request as a whole."""
        return tuple(name for name, column in declared_as(columns).items() if column in self.columns)


def shared_columns(columns: Columns, members: Iterable[Member]) -> list[str]:
    """The columns that must hold the same in every row of a request."""
    owned = {name for member in members for name in member.own(columns.names)}
    return [n for n in columns.names if n not in columns.ignored and n not in owned]


def disagreements(rows: Sequence[Row], shared: Sequence[str], members: Sequence[Member]) -> Iterable[Disagreement]:
    """Every contradiction between the rows of one request, against the first row that spoke."""
    for second, row in enumerate(rows[1:], start=1):
        for column in shared:
            if row[column] != rows[0][column]:
                yield Disagreement(0, second, column, "differs between rows of one request")
    for member in members:
        yield from _member_clashes(rows, member)


def _member_clashes(rows: Sequence[Row], member: Member) -> Iterable[Disagreement]:
    seen: dict[tuple[str, ...], int] = {}
    owned = _owned(tuple(rows[0]), member)
    for position, row in enumerate(rows):
        if any(map(row.get, owned)):
            first = seen.setdefault(_key(row, member), position)
            for column in owned:
                if row[column] != rows[first][column]:
                    yield Disagreement(first, position, column, f"differs between rows of one {member.name}")


def member_list(rows: Sequence[Row], member: Member, build: Callable[[Row], Wire]) -> list[Wire]:
    """The member's list in row order; a member that several rows repeat is there once."""
    found: dict[tuple[str, ...], Row] = {}
    owned = _owned(tuple(rows[0]), member)
    for row in rows:
        if any(map(row.get, owned)):
            found.setdefault(_key(row, member), row)
    return [build(row) for row in found.values()]


def _key(row: Row, member: Member) -> tuple[str, ...]:
    return tuple(row.get(c, "") for c in member.key)


@lru_cache(maxsize=64)
def _owned(columns: tuple[str, ...], member: Member) -> tuple[str, ...]:
    """The columns of a row that belong to a member; the rows of an extract all have the same."""
    return member.own(columns)
