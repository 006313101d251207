"""What an operation declares: everything that the engine must know about an endpoint."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pipelines.operations.evidence import Evidence
from schemas.dialects import ALL_BUT_LEGACY, Dialect
from schemas.errors import ConfigError
from schemas.requests.allocations import CallParameters
from schemas.requests.members import Member
from schemas.requests.properties import Wire
from schemas.requests.strictness import strict_shape
from schemas.rows.columns import Columns, KeyRule, Row, RowShape
from schemas.rows.mapping import Mapping as ColumnMapping
from schemas.states import Duplicates, Mode


@dataclass(frozen=True)
class Refs:
    """Reads references from rows: what a row brings into LUSID, or needs there.

    Attributes:
        entities: what they refer to: each begins with one of these.
        read: reads those of a row.
    """

    entities: frozenset[str]
    read: Callable[[Row], Iterable[str]]

    def __call__(self, row: Row) -> Iterable[str]:
        """The references of a row."""
        return self.read(row)


no_refs = Refs(frozenset(), lambda _: ())


class BodyShape(Enum):
    """How the body of a call lists its requests; the value is what comes before and after them."""

    KEYED = (b"{", b"}")
    """`{key: request}`"""
    REQUESTS = (b'{"requests":[', b"]}")
    """`{"requests": [request]}`"""
    IDS = (b"[", b"]")
    """`[id]`"""
    ALLOCATION_IDS = (b'{"allocationIds":[', b"]}")
    """`{"allocationIds": [id], ...}`; members that apply to the whole call follow the list."""

    def around(self, entries: bytes | memoryview, members: bytes = b"") -> bytes:
        """The body of a call.

        Args:
            entries: encoded requests, separated by commas.
            members: further members of the body, each with a comma before it.
        """
        opening, closing = self.value
        return b"".join((opening, entries, closing[:-1], members, closing[-1:]))


class AnswerShape(Enum):
    """How a 2xx answer says what was done."""

    BY_KEY = "values / failed"
    """`failed` is a map by key, `values` a map by key or a list of ids; in Partial mode some may have failed."""
    ALL_OR_NOTHING = "all or 400"
    """`values` is a list; LUSID refuses the whole call for one bad request, whatever the mode."""


class IfHeld(Enum):
    """What LUSID does with a request whose entity it holds already (docs/lusid.md)."""

    UPDATES = "updates it"
    TAKES_THE_SAME = "takes it if it is the same, and refuses it otherwise"
    CHANGES = "changes it, and refuses it where there is none"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One endpoint, as the engine uses it.

    Attributes:
        name: what the command line calls it.
        entity: what one request makes or changes, in words.
        path: begins with /api/; appended to a base URL that ends in /api.
        expected_status: the documented 2xx.
        body: how a call lists its requests.
        answers: how a 2xx answer says what was done.
        max_items: the most requests that LUSID takes in one call; None where it publishes no limit.
        modes: success modes that the endpoint has, or that we build on top of it.
        dialects: servers that have it.
        shape: the columns of its rows.
        key: how a row names its request.
        build: given the extract's columns, returns a function that makes the request of a validated row or, with
            `members`, of the rows of one key. Where one row is one request, that function is called once for all rows
            that fill the same cells.
        idempotent: whether sending the same request twice is documented to do no harm.
        remembered: whether what LUSID accepted of a key stands until the key is sent again, so that a feed can tell
            what has not changed, and what must not be replaced by an older date.
        if_held: what LUSID does where it holds the entity already; None where what it does cannot be read beforehand,
            for it hangs on more than the entity.
        evidence: what to read when an answer is lost (`pipelines.operations.evidence`).
        members: lists inside a request that rows add to; empty when one row is one request.
        alone: columns whose value may occur in one request only (an order's id).
        answer_key: gives the key that an entry of a list of `values` is about.
        answer_name: gives the name that an answer has for a key, where that is not the key itself.
        success_mode: whether the call takes `successMode`.
        call_parameters: given the extract's columns, returns a function that reads from a row what applies to its
            whole call.
        legacy: path and body shape on servers of the legacy dialect, where they differ.
        lusid_id: member of an answer's value that holds LUSID's own id.
        has_instrument: whether an answer's value holds the instrument that LUSID resolved.
        parents: what to read to find out whether everything that a request needs is in LUSID.
        provides: references that a row brings into LUSID.
        completes: references that are complete only when every row that names them is in (the executions of a
            placement); what `provides` names is there as soon as one row is.
        needs: references that must be in LUSID already; a row that needs one that failed in the same night is held.
        file_names: how the names of its extracts in a folder may begin, besides with its own name.
    """

    name: str
    entity: str
    path: str
    expected_status: int = 200
    body: BodyShape
    answers: AnswerShape = AnswerShape.BY_KEY
    max_items: int | None = None
    modes: frozenset[Mode] = frozenset(Mode)
    dialects: frozenset[Dialect] = ALL_BUT_LEGACY
    shape: RowShape
    key: KeyRule
    build: Callable[[Columns, Dialect], Callable[[Any], Wire]]
    idempotent: bool
    evidence: Callable[[Mapping[str, Any], Dialect], Iterable[Evidence]]
    remembered: bool = False
    if_held: IfHeld | None = None
    members: tuple[Member, ...] = ()
    alone: tuple[str, ...] = ()
    answer_key: Callable[[Mapping[str, Any]], str] | None = None
    answer_name: Callable[[str], str] | None = None
    success_mode: bool = False
    call_parameters: Callable[[Columns, Dialect], Callable[[Row], CallParameters]] | None = None
    legacy: tuple[str, BodyShape] | None = None
    lusid_id: str = ""
    has_instrument: bool = False
    parents: Callable[[Mapping[str, Any], Dialect], Iterable[Evidence]] = lambda *_: ()
    provides: Refs = no_refs
    completes: Refs = no_refs
    needs: Refs = no_refs
    file_names: tuple[str, ...] = ()

    @property
    def grouped(self) -> bool:
        """Whether several rows can make one request."""
        return bool(self.members)

    @property
    def depends(self) -> bool:
        """Whether a row may need what another load brings into LUSID."""
        return self.needs is not no_refs

    def rows(self, *, strict: bool) -> RowShape:
        """What a row may hold; `strict` narrows it."""
        return strict_shape(self.shape) if strict else self.shape

    def depends_on(self, other: "Operation") -> bool:
        """Whether a row may need what rows of another operation bring into LUSID."""
        return not self.needs.entities.isdisjoint(other.provides.entities | other.completes.entities)

    def endpoint(self, dialect: Dialect) -> tuple[str, BodyShape]:
        """Path and body shape in a dialect."""
        if dialect is Dialect.LEGACY and self.legacy is not None:
            return self.legacy
        return self.path, self.body

    def check_mode(self, mode: Mode) -> None:
        """Raises ConfigError when the endpoint does not have the mode, which is never replaced silently."""
        if mode not in self.modes:
            raise ConfigError(f"{self.name} has no {mode} mode: use --mode {' or '.join(sorted(self.modes))}")

    def check_duplicates(self, policy: Duplicates) -> None:
        """Raises ConfigError for a policy that picks one of the rows of a key where all of them make one request."""
        if self.grouped and policy is not Duplicates.REFUSE:
            raise ConfigError(
                f"{self.name} has no --duplicates {policy}: all rows of one {self.entity} are one request; leave it out"
            )

    def check_key(self, mapping: ColumnMapping | None) -> None:
        """Raises ConfigError when a mapping's key is not the id by which answers name the requests."""
        named_by_id = self.answer_key is not None or self.answer_name is not None
        if mapping is None or not mapping.key_columns or not named_by_id:
            return
        rules = [mapping.columns.get(name) for name in self.key.all_of]
        if mapping.key_columns != [rule.column if rule else None for rule in rules]:
            raise ConfigError(
                f"{self.name}: the mapping names a key, but LUSID names each {self.entity} by its id, "
                f"{' and '.join(self.key.all_of)}: leave out `key`"
            )

    def check_dialect(self, dialect: Dialect) -> None:
        """Raises ConfigError when servers of this dialect do not have the endpoint."""
        if dialect not in self.dialects:
            known = " or ".join(sorted(self.dialects))
            raise ConfigError(f"{self.name} has no dialect {dialect}: use --dialect {known}")


@dataclass(frozen=True)
class CallSpec:
    """What the calls of one run have in common: operation, mode and dialect."""

    operation: Operation
    mode: Mode
    dialect: Dialect

    @property
    def path(self) -> str:
        """The path of a call."""
        return self.operation.endpoint(self.dialect)[0]

    @property
    def body(self) -> BodyShape:
        """How a call lists its requests."""
        return self.operation.endpoint(self.dialect)[1]
