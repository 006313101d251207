"""Combines the rows of one key into one request: which columns must agree, and which ones form lists."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from schemas.requests.properties import Wire
from schemas.rows.columns import Columns, Row, declared_as


@dataclass(frozen=True)
class Disagreement:
    """Two rows of one request that contradict each other.

    Attributes:
        first: position in the group of the earlier row.
        second: position of the row that contradicts it.
        column: the column in which they differ.
        message: what is wrong, for people.
    """

    first: int
    second: int
    column: str
    message: str


@dataclass(frozen=True, eq=False)
class Member:
    """A list inside a request to which each row adds an item: an account's holders, a block's orders.

    Attributes:
        name: what one item is called.
        columns: the plain columns of an item, and the prefixes of its families, which end in `:`.
        key: the columns whose values identify an item inside the request.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    def own(self, columns: Iterable[str]) -> tuple[str, ...]:
        """The columns of an extract that belong to an item of the list rather than to the request as a whole."""
        return tuple(name for name, column in declared_as(columns).items() if column in self.columns)


def shared_columns(columns: Columns, members: Iterable[Member]) -> list[str]:
    """The columns that must have the same value in every row of a request."""
    owned = {name for member in members for name in member.own(columns.names)}
    return [n for n in columns.names if n not in columns.ignored and n not in owned]


def disagreements(rows: Sequence[Row], shared: Sequence[str], members: Sequence[Member]) -> Iterable[Disagreement]:
    """Yields every contradiction between rows of one request, each with the first row that gave the value.

    Args:
        rows: the validated rows of the request, in the order of the extract.
        shared: the columns that must have the same value in every row.
        members: the lists to which the rows add items.
    """
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
    """The list of items in row order; an item that several rows repeat is listed once.

    Args:
        rows: the validated rows of one request.
        member: the list.
        build: builds an item from its row.
    """
    found: dict[tuple[str, ...], Row] = {}
    owned = _owned(tuple(rows[0]), member)
    for row in rows:
        if any(map(row.get, owned)):
            found.setdefault(_key(row, member), row)
    return [build(row) for row in found.values()]


@dataclass(frozen=True)
class Gathered:
    """Builds one request from the validated rows of one key.

    Attributes:
        whole: builds it from the first row and from the list of each member, whatever stands in its place.
        items: builds what a row adds to the list of each member.
    """

    whole: Callable[[Row, Mapping[Member, Any]], Wire]
    items: Mapping[Member, Callable[[Row], Wire]]

    def __call__(self, rows: Sequence[Row]) -> Wire:
        """Builds the request of these rows, which do not contradict each other."""
        lists = {member: member_list(rows, member, build) for member, build in self.items.items()}
        return self.whole(rows[0], lists)


def _key(row: Row, member: Member) -> tuple[str, ...]:
    return tuple(row.get(c, "") for c in member.key)


@lru_cache(maxsize=64)
def _owned(columns: tuple[str, ...], member: Member) -> tuple[str, ...]:
    """The columns of a row that belong to an item; cached, because all rows of an extract have the same columns."""
    return member.own(columns)
