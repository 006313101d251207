"""What rows may refer to, and how the references of an extract of any size are counted: on disk, not in memory."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Self

EXAMPLES = 5
"""References that are named for each group; the rest are counted."""

MOST_UNITS = 20
"""Different units of one property that are told apart."""

_QUICK = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536"
"""Nobody reads the file after a crash; 64 MiB of it are kept in memory."""

_TABLE = """
CREATE TABLE reference (
    kind TEXT, scope TEXT, value TEXT, rows INTEGER, place TEXT, provided INTEGER DEFAULT 0, known INTEGER DEFAULT 0,
    PRIMARY KEY (kind, scope, value)) WITHOUT ROWID
"""
_ADD = """
INSERT INTO reference (kind, scope, value, rows, place) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET place = CASE rows WHEN 0 THEN excluded.place ELSE place END, rows = rows + excluded.rows
"""
_PROVIDE = """
INSERT INTO reference (kind, scope, value, rows, place, provided) VALUES (?, ?, ?, 0, '', 1)
ON CONFLICT DO UPDATE SET provided = 1
"""
_KNOW = "UPDATE reference SET known = 1 WHERE kind = ? AND scope = ? AND value = ?"
_OPEN = "kind = ? AND scope = ? AND rows > 0 AND NOT provided AND NOT known"


class Kind(StrEnum):
    """What is referred to; the value is what a person calls it."""

    INSTRUMENT = "instrument"
    PORTFOLIO = "portfolio"
    PERSON = "person"
    LEGAL_ENTITY = "legal entity"
    RECORD = "investor record"
    ORDER = "order"
    BLOCK = "block"
    PLACEMENT = "placement"
    EXECUTION = "execution"
    ALLOCATION = "allocation"
    SIDE = "side"

    @property
    def plural(self) -> str:
        """Several of them."""
        return f"{self.value[:-1]}ies" if self.value.endswith("y") else f"{self.value}s"


class Group(NamedTuple):
    """References that are asked for together.

    Attributes:
        scope: what their values are of: an identifier's key and, where it has one, its entity's scope behind a space;
            the scope of portfolios and of all that has a ResourceId; empty where there is nothing of the kind.
    """

    kind: Kind
    scope: str


class Used(NamedTuple):
    """A reference, how many rows hang on it, and where the first of them is (`orders.csv row 7`)."""

    value: str
    rows: int
    place: str


@dataclass
class PropertyUse:
    """How the rows use a property or an identifier.

    Attributes:
        key: `Domain/Scope/Code`.
        kinds: `label`, `metric`, `labels`, `identifier`; `reference` where it identifies another entity, `instrument`
            an instrument.
        rows: with a value.
        sets: rows that set the value of their own entity.
        dated: rows with a value and a date from which it is in effect.
        ends: rows with a value, without such a date, and with one until which it is in effect.
        units: rows by the unit of the value; of many different ones only some.
        columns: the extract's columns that have it, each as a person knows it.
    """

    key: str
    kinds: set[str] = field(default_factory=set)
    rows: int = 0
    sets: int = 0
    dated: int = 0
    ends: int = 0
    units: dict[str, int] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)

    def used_as(self, kind: str, column: str, rows: int) -> None:
        """Counts rows that have a value.

        Args:
            kind: one of `kinds`.
            column: as a person knows it.
            rows: with a value.
        """
        self.kinds.add(kind)
        self.columns.add(column)
        self.rows += rows

    def set_with(self, dates: Iterable[tuple[bool, bool]]) -> None:
        """Counts rows that set the value: whether each gives a date from which, and until which, it is in effect."""
        for begins, ends in dates:
            self.sets += 1
            self.dated += begins
            self.ends += ends and not begins

    def measured_in(self, units: Iterable[str]) -> None:
        """Counts the units of values."""
        for unit in units:
            if unit in self.units or len(self.units) < MOST_UNITS:
                self.units[unit] = self.units.get(unit, 0) + 1


class References:
    """All that the rows of one or several extracts refer to, counted; what is in memory does not grow with them.

    Attributes:
        properties: uses by key.
        unasked: what rows also refer to and LUSID cannot be asked for, in words, to the rows.
        rows: that were read. invalid: of these, rows with a cell that is refused, whose references do not count.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # a file that is nobody's
        self._database.executescript(f"{_QUICK}; {_TABLE}")
        self.properties: dict[str, PropertyUse] = {}
        self.unasked: dict[str, int] = {}
        self.rows = self.invalid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def use(self, key: str) -> PropertyUse:
        """The use of a property, to be added to."""
        return self.properties.setdefault(key, PropertyUse(key))

    def read(self, rows: int, invalid: int) -> None:
        """Counts rows that were read."""
        self.rows += rows
        self.invalid += invalid

    def leave_out(self, what: str, rows: int) -> None:
        """Counts rows that refer to something that LUSID cannot be asked for."""
        self.unasked[what] = self.unasked.get(what, 0) + rows

    def add(self, group: Group, found: Iterable[Used]) -> None:
        """Counts references of a group."""
        self._many(_ADD, ((*group, *each) for each in found))

    def provide(self, group: Group, values: Iterable[str]) -> None:
        """Notes what rows bring into LUSID themselves, so that it need not be there before."""
        self._many(_PROVIDE, ((*group, value) for value in values))

    def know(self, group: Group, values: Iterable[str]) -> None:
        """Notes what LUSID has."""
        self._many(_KNOW, ((*group, value) for value in values))

    def _many(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(statement, rows)
        self._database.execute("COMMIT")

    def groups(self, *kinds: Kind) -> list[Group]:
        """The groups of some kinds with references that LUSID must have, the largest first."""
        asked = ", ".join("?" * len(kinds))
        found = self._database.execute(
            f"SELECT kind, scope FROM reference WHERE kind IN ({asked}) AND rows > 0 AND NOT provided"  # noqa: S608  # marks
            " GROUP BY kind, scope ORDER BY COUNT(*) DESC, scope",
            kinds,
        )
        return [Group(Kind(kind), scope) for kind, scope in found]

    def asked(self) -> Mapping[Kind, int]:
        """How many different references of each kind LUSID must have."""
        found = self._database.execute(
            "SELECT kind, COUNT(*) FROM reference WHERE rows > 0 AND NOT provided GROUP BY kind ORDER BY kind"
        )
        return {Kind(kind): count for kind, count in found}

    def still_open(self, group: Group) -> tuple[int, int]:
        """How many references of a group LUSID is not known to have, and the characters of their values."""
        found = self._database.execute(f"SELECT COUNT(*), TOTAL(LENGTH(value)) FROM reference WHERE {_OPEN}", group)  # noqa: S608
        count, letters = found.fetchone()
        return count, int(letters)

    def open_values(self, group: Group, after: str = "", limit: int = 2000) -> list[str]:
        """Such references, in order: no more than `limit`, from behind `after` on."""
        found = self._database.execute(
            f"SELECT value FROM reference WHERE {_OPEN} AND value > ? ORDER BY value LIMIT ?",  # noqa: S608
            (*group, after, limit),
        )
        return [value for (value,) in found]

    def batches(self, group: Group, limit: int = 2000) -> Iterator[list[str]]:
        """All such references, some at a time."""
        after = ""
        while values := self.open_values(group, after, limit):
            yield values
            after = values[-1]

    def missing(self, group: Group) -> tuple[int, int, list[Used]]:
        """How many references of a group are missing, the rows that hang on them, and those with the most rows."""
        with closing(self._database.cursor()) as ask:
            count, rows = ask.execute(f"SELECT COUNT(*), TOTAL(rows) FROM reference WHERE {_OPEN}", group).fetchone()  # noqa: S608
            examples = ask.execute(
                f"SELECT value, rows, place FROM reference WHERE {_OPEN} ORDER BY rows DESC, value LIMIT ?",  # noqa: S608
                (*group, EXAMPLES),
            )
            return count, int(rows), [Used(*each) for each in examples]
