"""The data of the sandbox, in SQLite: in memory or in a file. Knows no endpoint and no shape.

There is one connection, one lock and one transaction for each call, so a refused Atomic call is rolled back. An entity
is a row with its document as JSON. Entities are found by (kind, scope, code), by sequence, by parent (the orders of a
block), by a link where there can be several parents (the placements of a block), or by a client-defined identifier. The
sequence of one that is removed is never given again.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from connectors.sandbox.past import Past
from schemas.errors import ConfigError

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entity (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, scope TEXT NOT NULL, code TEXT NOT NULL,
    parent TEXT, document BLOB NOT NULL, requested BLOB, UNIQUE (kind, scope, code));
CREATE INDEX IF NOT EXISTS entity_by_kind ON entity (kind, sequence);
CREATE INDEX IF NOT EXISTS entity_by_parent ON entity (kind, parent, sequence) WHERE parent IS NOT NULL;
CREATE TABLE IF NOT EXISTS identifier (
    kind TEXT, scope TEXT, type TEXT, value TEXT, sequence INTEGER NOT NULL,
    PRIMARY KEY (kind, scope, type, value)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS link (
    relation TEXT, owner TEXT, sequence INTEGER, PRIMARY KEY (relation, owner, sequence)) WITHOUT ROWID;
"""
_REMOVED = "removed"
"""The largest sequence of an entity that was removed, among the settings."""

_BY_IDENTIFIER = "SELECT sequence FROM identifier WHERE kind = ? AND scope = ? AND type = ? AND value = ?"
_SELECT = "SELECT sequence, scope, code, parent, document, requested FROM entity WHERE "


class Entity(NamedTuple):
    """One stored entity.

    Attributes:
        sequence: its number, in order of creation over all kinds, from 1.
        scope, code: its id.
        parent: `scope/code` of what it belongs to, if anything.
        document: its document, as JSON.
        requested: the request that created or last replaced it, as JSON, where later requests are compared with it.
    """

    sequence: int
    scope: str
    code: str
    parent: str | None
    document: bytes
    requested: bytes | None

    @property
    def name(self) -> str:
        """Its id as `scope/code`, which is how its children name their parent."""
        return f"{self.scope}/{self.code}"


class Transaction:
    """Reads and writes within one call; obtained from `Store`.

    Args:
        connection: to the database.
        past: what readers see in place of what was written.
        lags: whether this is a reader.
        caseless: whether values of identifiers match whatever their case.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        past: Past[Entity] | None = None,
        *,
        lags: bool = False,
        caseless: bool = False,
    ) -> None:
        self._connection = connection
        self._past, self._lags = past or Past[Entity](0.0), lags
        self._caseless = caseless

    def next_sequence(self) -> int:
        """The sequence that the next `add` must use."""
        row = self._connection.execute("SELECT COALESCE(MAX(sequence), 0) FROM entity").fetchone()
        return max(int(row[0]), int(self.noted(_REMOVED) or 0)) + 1

    def add(self, kind: str, entity: Entity) -> None:
        """Stores a new entity."""
        self._past.note(entity.sequence, None)
        self._connection.execute(
            "INSERT INTO entity (kind, sequence, scope, code, parent, document, requested)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (kind, *entity),
        )

    def rewrite(self, entity: Entity) -> None:
        """Replaces parent, document and request of the entity with this sequence."""
        self._past.note(entity.sequence, self.get(entity.sequence))
        self._connection.execute(
            "UPDATE entity SET parent = ?, document = ?, requested = ? WHERE sequence = ?",
            (entity.parent, entity.document, entity.requested, entity.sequence),
        )

    def remove(self, sequence: int) -> None:
        """Removes an entity with its identifiers and links."""
        for table in ("entity", "identifier", "link"):
            self._connection.execute(f"DELETE FROM {table} WHERE sequence = ?", (sequence,))  # noqa: S608  # our tables
        self.note(_REMOVED, str(max(sequence, int(self.noted(_REMOVED) or 0))))

    def link(self, relation: str, owner: str, sequence: int) -> None:
        """Links an entity to an owner.

        Args:
            relation: what the entity is to the owner.
            owner: `scope/code` of the owner.
            sequence: the sequence of the entity.
        """
        self._connection.execute("INSERT OR IGNORE INTO link VALUES (?, ?, ?)", (relation, owner, sequence))

    def linked(self, relation: str, owner: str) -> list[Entity]:
        """The entities linked to `owner` in this relation, in order of creation."""
        condition = "sequence IN (SELECT sequence FROM link WHERE relation = ? AND owner = ?) ORDER BY sequence"
        return self._where(condition, relation, owner)

    def note(self, name: str, value: str) -> None:
        """Keeps a setting of the sandbox with its data."""
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def noted(self, name: str) -> str | None:
        """A setting that is kept with the data; None where it is not."""
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def get(self, sequence: int) -> Entity:
        """The entity with this sequence, which must exist."""
        return self._where("sequence = ?", sequence)[0]

    def find(self, kind: str, scope: str, code: str) -> Entity | None:
        """The entity of a kind and id, or None.

        Args:
            kind: its kind.
            scope: the scope of its id.
            code: the code of its id.
        """
        return next(iter(self._where("kind = ? AND scope = ? AND code = ?", kind, scope, code)), None)

    def children(self, kind: str, parent: str) -> list[Entity]:
        """The entities of a kind that belong to `parent`, in order of creation."""
        return self._where("kind = ? AND parent = ? ORDER BY sequence", kind, parent)

    def page(self, kind: str, offset: int, limit: int, parent: str | None = None) -> list[Entity]:
        """The entities of a kind in order of creation, one page of them.

        Args:
            kind: their kind.
            offset: how many to skip.
            limit: how many to return; -1 for all.
            parent: only the entities that belong to it.
        """
        of_parent, values = ("", [kind]) if parent is None else (" AND parent = ?", [kind, parent])
        return self._where(f"kind = ?{of_parent} ORDER BY sequence LIMIT ? OFFSET ?", *values, limit, offset)

    def has_any(self, kind: str) -> bool:
        """Whether there is an entity of a kind."""
        row = self._connection.execute("SELECT 1 FROM entity WHERE kind = ? LIMIT 1", (kind,)).fetchone()
        return row is not None

    def find_by_identifier(self, kind: str, scope: str, identifier: tuple[str, str]) -> int | None:
        """The sequence of the entity that has an identifier, or None.

        Args:
            kind: the kind of the entity.
            scope: its scope; empty in dialects without scopes.
            identifier: the key and value of the identifier.
        """
        row = self._connection.execute(
            _BY_IDENTIFIER + (" COLLATE NOCASE" if self._caseless else ""), (kind, scope, *identifier)
        ).fetchone()
        return None if row is None or not self._where("sequence = ?", row[0]) else int(row[0])

    def set_identifiers(self, kind: str, scope: str, sequence: int, new: dict[str, str], old: dict[str, str]) -> None:
        """Makes new identifiers lead to an entity, in place of the old values of the same keys.

        Args:
            kind: the kind of the entity.
            scope: its scope.
            sequence: its sequence.
            new: the identifiers to set, key to value.
            old: the identifiers it had, key to value.
        """
        for key, value in new.items():
            before = old.get(key)
            if before == value:
                continue
            if before is not None:
                self._connection.execute(
                    "DELETE FROM identifier WHERE kind = ? AND scope = ? AND type = ? AND value = ?",
                    (kind, scope, key, before),
                )
            self._connection.execute(
                "INSERT INTO identifier (kind, scope, type, value, sequence) VALUES (?, ?, ?, ?, ?)",
                (kind, scope, key, value, sequence),
            )

    def _where(self, condition: str, *values: object) -> list[Entity]:
        found = [Entity(*row) for row in self._connection.execute(_SELECT + condition, values)]
        if not self._lags:
            return found
        return [seen for each in found if (seen := self._past.seen(each.sequence, each)) is not None]


class Store:
    """The database of one sandbox; usable from any thread.

    Args:
        database: a file that outlives the process, created when missing, or None for memory.
        dialect: the shapes of its documents; a file keeps the dialect it was created with.
        lag: seconds by which readers lag behind.
        caseless: whether values of identifiers match whatever their case.

    Raises:
        ConfigError: the file cannot be opened, is not a sandbox's, or was created with another dialect.
    """

    def __init__(self, database: Path | None, dialect: str, *, lag: float = 0.0, caseless: bool = False) -> None:
        self._past, self._caseless = Past[Entity](lag), caseless
        self._lock = threading.Lock()
        if database is not None:
            with suppress(OSError):  # SQLite says what is wrong; its other files have this one's mode
                os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            self._connection = sqlite3.connect(
                database or ":memory:", isolation_level=None, check_same_thread=False, timeout=30
            )
        except sqlite3.Error as error:
            raise ConfigError(f"sandbox database {database}: {error}") from error
        try:
            self._prepare(dialect)
        except sqlite3.Error as error:
            self.close()
            raise ConfigError(f"sandbox database {database}: {error}") from error
        except ConfigError:
            self.close()
            raise

    def _prepare(self, dialect: str) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_TABLES)
        self._connection.execute("INSERT OR IGNORE INTO meta VALUES ('dialect', ?)", (dialect,))
        made = self._connection.execute("SELECT value FROM meta WHERE name = 'dialect'").fetchone()
        if made[0] != dialect:
            raise ConfigError(
                f"the sandbox database was made with dialect {made[0]}, not {dialect}: "
                f"use --dialect {made[0]} or another file"
            )

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Yields a transaction that is committed when the block ends, and rolled back when it raises."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._transaction(lags=False)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Yields a consistent view: nothing is written while the block lasts."""
        with self._lock:
            yield self._transaction(lags=True)

    def _transaction(self, *, lags: bool) -> Transaction:
        return Transaction(self._connection, self._past, lags=lags, caseless=self._caseless)

    def close(self) -> None:
        """Closes the database; committed data stays in its file."""
        self._connection.close()
