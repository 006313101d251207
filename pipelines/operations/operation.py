"""What an operation is: everything the engine must know of an endpoint, and nothing an endpoint must know of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pipelines.operations.evidence import Evidence
from schemas.dialects import Dialect
from schemas.errors import ConfigError
from schemas.requests.allocations import CallWide
from schemas.requests.members import Member
from schemas.requests.properties import Wire
from schemas.rows.columns import Columns, KeyRule, Row, RowShape
from schemas.rows.mapping import Mapping as ColumnMapping
from schemas.states import Duplicates, Mode

Refs = Callable[[Row], Iterable[str]]


def nothing(row: Row) -> Iterable[str]:
    """No references."""
    del row
    return ()


class Body(Enum):
    """How requests stand together in one call: what opens the list and what closes it."""

    KEYED = (b"{", b"}")
    """`{key: request}`"""
    REQUESTS = (b'{"requests":[', b"]}")
    """`{"requests": [request]}`"""
    IDS = (b"[", b"]")
    """`[id]`"""
    ALLOCATION_IDS = (b'{"allocationIds":[', b"]}")
    """`{"allocationIds": [id], ...}`; what rows say of the whole call stands before the last brace."""

    def around(self, entries: bytes, members: bytes = b"") -> bytes:
        """A call's body.

        Args:
            entries: encoded requests, commas between them.
            members: further members of the body, a comma before each.
        """
        opening, closing = self.value
        return b"%b%b%b%b%b" % (opening, entries, closing[:-1], members, closing[-1:])


class Answers(Enum):
    """How a 2xx answer names what was done."""

    BY_KEY = "values / failed"
    """`failed` is a map by key, `values` a map by key or a list of ids; in Partial mode some may have failed."""
    ALL_OR_NOTHING = "all or 400"
    """`values` is a list; one bad request refuses the call, whatever the mode."""


@dataclass(frozen=True)
class Operation:
    """One endpoint.

    Attributes:
        path: begins with /api/; joined to a base URL that ends in /api.
        max_items: requests LUSID takes in one call; None where it publishes no limit.
        modes: success modes the endpoint has or that we build on it.
        build: given the extract's columns, makes the request of a validated row, or, with `members`, of the
            rows of one key. Where one row is one request, it is asked once for all rows that fill the same cells.
        members: lists inside a request that rows add to; empty when one row is one request.
        alone: column or columns whose value may stand in one request only (an order's id).
        idempotent: whether sending the same request twice is documented to do no harm.
        answer_key: names the request that an entry of a list of `values` speaks of.
        answer_name: what an answer calls a key, where that is not the key itself.
        success_mode: whether the call takes `successMode`.
        call_wide: what a row says of the whole call it goes in.
        legacy: path and body of servers of the legacy dialect, where they differ.
        lusid_id: member of an answer's value that holds LUSID's own id.
        provides, needs: references a row brings into LUSID and those it needs there already; an operation that
            needs what failed before it in the same night is held.
        completes: references that are whole only when every row that names them is in (the executions of a placement);
            what `provides` names is there as soon as one row is.
        evidence: what to read when an answer is lost; parents: what to read to tell whether what a request needs
            is there (`pipelines.operations.evidence`).
    """

    name: str
    entity: str
    path: str
    expected_status: int
    body: Body
    answers: Answers
    max_items: int | None
    modes: frozenset[Mode]
    dialects: frozenset[Dialect]
    shape: RowShape
    key: KeyRule
    build: Callable[[Columns, Dialect], Callable[[Any], Wire]]
    idempotent: bool
    evidence: Callable[[Mapping[str, Any], Dialect], Iterable[Evidence]]
    members: tuple[Member, ...] = ()
    alone: tuple[str, ...] = ()
    answer_key: Callable[[Mapping[str, Any]], str] | None = None
    answer_name: Callable[[str], str] | None = None
    success_mode: bool = False
    call_wide: Callable[[Columns, Dialect], Callable[[Row], CallWide]] | None = None
    legacy: tuple[str, Body] | None = None
    lusid_id: str = ""
    parents: Callable[[Mapping[str, Any], Dialect], Iterable[Evidence]] = lambda *_: ()
    provides: Refs = nothing
    completes: Refs = nothing
    needs: Refs = nothing

    @property
    def grouped(self) -> bool:
        """Whether several rows may make one request."""
        return bool(self.members)

    @property
    def depends(self) -> bool:
        """Whether a row may need what another load brings in."""
        return self.needs is not nothing

    def endpoint(self, dialect: Dialect) -> tuple[str, Body]:
        """(path, body) in a dialect."""
        if dialect is Dialect.LEGACY and self.legacy is not None:
            return self.legacy
        return self.path, self.body

    def check_mode(self, mode: Mode) -> None:
        """Raises ConfigError when the endpoint lacks the mode: it is never quietly replaced."""
        if mode not in self.modes:
            raise ConfigError(f"{self.name} has no {mode} mode: use --mode {' or '.join(sorted(self.modes))}")

    def check_duplicates(self, policy: Duplicates) -> None:
        """Raises ConfigError for a policy that picks from rows of one key where all of them make one request."""
        if self.grouped and policy is not Duplicates.REFUSE:
            raise ConfigError(
                f"{self.name} has no --duplicates {policy}: all rows of one {self.entity} are one request; leave it out"
            )

    def check_key(self, mapping: ColumnMapping | None) -> None:
        """Raises ConfigError when a mapping names requests otherwise than answers do, which name them by their ids."""
        named_by_id = self.answer_key is not None or self.answer_name is not None
        if mapping is None or not mapping.key_columns or not named_by_id:
            return
        rules = [mapping.columns.get(name) for name in self.key.all_of]
        if mapping.key_columns != [rule.column if rule else None for rule in rules]:
            raise ConfigError(
                f"{self.name}: the mapping names a key, but LUSID names each {self.entity} by its id, "
                f"{' and '.join(self.key.all_of)}: leave `key` out"
            )

    def check_dialect(self, dialect: Dialect) -> None:
        """Raises ConfigError when servers of this age have no such call."""
        if dialect not in self.dialects:
            ages = ", ".join(sorted(self.dialects))
            raise ConfigError(f"{self.name} has no dialect {dialect}: it speaks {ages}")


@dataclass(frozen=True)
class Manner:
    """How one run speaks: an operation, in a mode, in a dialect."""

    operation: Operation
    mode: Mode
    dialect: Dialect

    @property
    def path(self) -> str:
        """Where calls go."""
        return self.operation.endpoint(self.dialect)[0]

    @property
    def body(self) -> Body:
        """How requests stand together in a call."""
        return self.operation.endpoint(self.dialect)[1]
