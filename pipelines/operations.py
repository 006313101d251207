"""The operations: one frozen declaration for each endpoint. The engine knows no endpoint by name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pipelines.evidence import Evidence, holders_of_account, orders_of_block, record_by_identifier
from schemas.binding import KeyRule
from schemas.columns import Columns, Row, RowShape
from schemas.dialects import Dialect, did_you_mean
from schemas.errors import ConfigError
from schemas.investment_accounts import (
    HOLDER,
    INVESTMENT_ACCOUNT,
    PORTFOLIO,
    investment_account_request,
)
from schemas.investor_records import INVESTOR_RECORD, investor_record_request
from schemas.members import Member
from schemas.orders import ORDER, ORDER_ROW, block_request
from schemas.states import Mode
from schemas.values import clean_key

Wire = dict[str, Any]
Refs = Callable[[Row], Iterable[str]]


class Body(Enum):
    """How requests stand together in one call."""

    KEYED = "keyed dict"
    """`{key: request}`"""
    REQUESTS = "requests list"
    """`{"requests": [request]}`"""


class Answers(Enum):
    """How a 2xx answer names what was done."""

    BY_KEY = "values / failed"
    """`values` and `failed` are maps by request key; in Partial mode some may have failed."""
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
            rows of one key.
        members: lists inside a request that rows add to; empty when one row is one request.
        alone: column or columns whose value may stand in one request only (an order's id).
        idempotent: whether sending the same request twice is documented to do no harm.
        answer_key: names the request that a value of an ALL_OR_NOTHING answer speaks of.
        lusid_id: member of an answer's value that holds LUSID's own id.
        provides, needs: references a row brings into LUSID and those it needs there already; an operation that
            needs what failed before it in the same night is held.
        evidence: what to read when an answer is lost; parents: what to read to tell whether what a request needs
            is there (`pipelines.evidence`).
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
    lusid_id: str = ""
    parents: Callable[[Mapping[str, Any], Dialect], Iterable[Evidence]] = lambda *_: ()
    provides: Refs = lambda _: ()
    needs: Refs = lambda _: ()

    @property
    def grouped(self) -> bool:
        """Whether several rows may make one request."""
        return bool(self.members)

    def check_mode(self, mode: Mode) -> None:
        """Raises ConfigError when the endpoint lacks the mode: it is never quietly replaced."""
        if mode not in self.modes:
            raise ConfigError(f"{self.name} has no {mode} mode: use --mode {' or '.join(sorted(self.modes))}")

    def check_dialect(self, dialect: Dialect) -> None:
        """Raises ConfigError when servers of this age have no such call."""
        if dialect not in self.dialects:
            ages = ", ".join(sorted(self.dialects))
            raise ConfigError(f"{self.name} has no dialect {dialect}: it speaks {ages}")


def _family_refs(prefix: str) -> Refs:
    """References `Domain/Scope/Code=value` of the filled columns of a family."""

    def refs(row: Row) -> Iterable[str]:
        for name, value in row.items():
            if name.startswith(prefix) and isinstance(value, str) and value:
                yield f"{name.removeprefix(prefix)}={clean_key(value)}"

    return refs


def _block_key(value: Mapping[str, Any]) -> str:
    block = value.get("block")
    found = block.get("id") if isinstance(block, Mapping) else None
    parts = [found.get("scope"), found.get("code")] if isinstance(found, Mapping) else []
    return "/".join(p for p in parts if isinstance(p, str))


_BOTH = frozenset(Mode)
_TWO_AGES = frozenset({Dialect.V2_1, Dialect.V2_3})

_ALL = (
    Operation(
        name="investor-records",
        entity="investor record",
        path="/api/investorrecords/$batchUpsert",
        expected_status=201,
        body=Body.KEYED,
        answers=Answers.BY_KEY,
        max_items=None,
        modes=_BOTH,
        dialects=_TWO_AGES,
        shape=INVESTOR_RECORD,
        key=KeyRule(any_of="identifier:"),
        build=investor_record_request,
        evidence=record_by_identifier("investorrecords"),
        idempotent=True,
        lusid_id="lusidInvestorRecordId",
        provides=_family_refs("identifier:"),
    ),
    Operation(
        name="investment-accounts",
        entity="investment account",
        path="/api/investmentaccounts/$batchUpsert",
        expected_status=201,
        body=Body.KEYED,
        answers=Answers.BY_KEY,
        max_items=None,
        modes=_BOTH,
        dialects=_TWO_AGES,
        shape=INVESTMENT_ACCOUNT,
        key=KeyRule(any_of="identifier:"),
        build=investment_account_request,
        evidence=record_by_identifier("investmentaccounts"),
        parents=holders_of_account,
        members=(HOLDER, PORTFOLIO),
        idempotent=True,
        lusid_id="lusidInvestmentAccountId",
        provides=_family_refs("identifier:"),
        needs=_family_refs("holder:"),
    ),
    Operation(
        name="orders",
        entity="block",
        path="/api/ordermanagement/createorders",
        expected_status=201,
        body=Body.REQUESTS,
        answers=Answers.ALL_OR_NOTHING,
        max_items=100,
        modes=_BOTH,
        dialects=_TWO_AGES,
        shape=ORDER_ROW,
        key=KeyRule(all_of=("block_scope", "block_code")),
        build=block_request,
        evidence=orders_of_block,
        members=(ORDER,),
        alone=("order_scope", "order_code"),
        idempotent=False,
        answer_key=_block_key,
    ),
)

OPERATIONS: Mapping[str, Operation] = {o.name: o for o in _ALL}
"""Every operation by the name the command line knows it by."""


def operation_named(name: str) -> Operation:
    """The operation of this name; raises ConfigError, suggesting the near one."""
    if name not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        raise ConfigError(f"there is no operation {name}{did_you_mean(name, OPERATIONS)} ({known})")
    return OPERATIONS[name]
