"""The families of entities that are upserted by identifiers: how one is made, addressed and read, in each dialect."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from connectors.lusid.call import Response
from pipelines.doctor.bench import Bench, Json
from pipelines.doctor.findings import CouldNotTellError
from pipelines.doctor.scratch import Made
from schemas.dialects import ONLY_2_3
from schemas.errors import LoadError

KEPT, LABEL = "made by bulkload doctor", "kept"

NAMES = ("keys", "clear", "omit", "repeat", "any", "case", "filter", "whole")
"""Entities that are made of each family, one for each probe that changes or looks for one."""


@dataclass(frozen=True)
class Kind:
    """A family as LUSID has it.

    Attributes:
        operation: the operation that loads it.
        collection: the part of its paths.
        domain: of its identifiers and properties.
        scoped: whether an entity has a scope in dialect 2.3.
    """

    operation: str
    collection: str
    domain: str
    scoped: bool = False

    @property
    def lusid_id(self) -> str:
        """The member that holds LUSID's own id."""
        return f"lusid{self.domain}Id"


PERSONS = Kind("persons", "persons", "Person")
LEGAL_ENTITIES = Kind("legal-entities", "legalentities", "LegalEntity")
RECORDS = Kind("investor-records", "investorrecords", "InvestorRecord", scoped=True)
ACCOUNTS = Kind("investment-accounts", "investmentaccounts", "InvestmentAccount", scoped=True)


@dataclass
class Family:
    """One family at the bench.

    Attributes:
        on: the family whose entities it refers to: persons of records, records of accounts.
    """

    bench: Bench
    kind: Kind
    on: "Family | None" = None
    _made: Response | None = None
    _failed: str = ""
    _turn: int = 0
    _ids: dict[str, str] = field(default_factory=dict)

    @property
    def is_scoped(self) -> bool:
        """Whether its entities have a scope."""
        return self.kind.scoped and self.bench.dialect in ONLY_2_3

    @property
    def key(self) -> str:
        """The property key of its first identifier."""
        return self.bench.definition(self.kind.domain, "id", identifier=True)

    @property
    def other_key(self) -> str:
        """The property key of its second identifier."""
        return self.bench.definition(self.kind.domain, "other", identifier=True)

    @property
    def label(self) -> str:
        """The property key of its text."""
        return self.bench.definition(self.kind.domain, "text")

    def value(self, name: str) -> str:
        """The first identifier of an entity; letters of both cases are in it."""
        return self.bench.named(f"{name}-Aa")

    def body(self, name: str, **members: Any) -> dict[str, Any]:
        """An upsert with no more than it needs.

        Args:
            name: of the entity.
            members: in place of those, or beside them.
        """
        found = {"identifiers": listed(self.key, self.value(name)), "displayName": KEPT, **self._refers()}
        return {**found, **({"scope": self.bench.scope} if self.is_scoped else {}), **members}

    def whole_body(self, name: str) -> dict[str, Any]:
        """An upsert with a second identifier, a description and a property."""
        both = listed(self.key, self.value(name)) | listed(self.other_key, self.bench.named(f"{name}-other"))
        return self.body(name, identifiers=both, description=KEPT, properties=listed(self.label, LABEL))

    def made(self) -> Response:
        """The answer to the call that made its entities; once.

        Raises:
            CouldNotTellError: it did not make all of them.
        """
        if self._made is None and not self._failed:
            try:
                self._made = self._make()
            except LoadError as error:
                self._failed = error.message
        if self._made is None:
            raise CouldNotTellError(self._failed)
        return self._made

    def _make(self) -> Response:
        requests = {self.bench.named(f"Key-{name}"): self.whole_body(name) for name in NAMES}
        answer = self.upsert(requests, tuple(NAMES))
        body = self.bench.done(answer, f"making {self.kind.operation}")
        if failed := body.get("failed"):
            raise CouldNotTellError(f"making {self.kind.operation}: {reason_of(next(iter(failed.values())))}")
        self._ids = {name: self.shown(body, self.value(name)) for name in NAMES}
        return answer

    def lusid_id(self, name: str) -> str:
        """LUSID's own id of an entity that was made."""
        self.made()
        return self._ids[name]

    def upsert(self, requests: Mapping[str, Json], names: tuple[str, ...] = (), mode: str = "Partial") -> Response:
        """Upserts entities.

        Args:
            requests: by key.
            names: of the entities that this may make.
            mode: what a bad one fails.
        """
        makes = tuple(self.makes(self.value(name)) for name in names)
        return self.bench.post(f"/api/{self.kind.collection}/$batchUpsert", requests, makes, successMode=mode)

    def upserted(self, name: str, body: Json) -> Json:
        """Upserts one entity; returns its value.

        Raises:
            CouldNotTellError: LUSID refuses it.
        """
        answer = self.bench.done(self.upsert({"Doctor": body}), "the upsert")
        for value in (answer.get("values") or {}).values():
            return dict(value)
        failed = next(iter((answer.get("failed") or {}).values()), None)
        raise CouldNotTellError(f"{name}: {reason_of(failed)}")

    def read(self, name: str, called: str) -> Json:
        """An entity as LUSID holds it, once it shows the display name that it was given last.

        Raises:
            CouldNotTellError: it never does.
        """
        return self.bench.until(lambda: self.look(self.value(name)), lambda shown: shown.get("displayName") == called)

    def catch_up(self) -> None:
        """Waits until reads show what was written so far: they show then what is written now.

        Raises:
            CouldNotTellError: they never do.
        """
        self._turn += 1
        called = f"{KEPT}, turn {self._turn}"
        self.upserted("an upsert", self.body("whole", displayName=called))
        self.read("whole", called)

    def look(self, value: str) -> Json | None:
        """The entity with a first identifier; None where there is none."""
        path, params = self._address(value)
        return self.bench.read(path, {**dict(params), "propertyKeys": [self.label]})

    def makes(self, value: str) -> Made:
        """The entity with a first identifier, and where it is deleted."""
        return Made(f"{self.kind.operation} {self.key}={value}", *self._address(value))

    def shown(self, body: Json, value: str) -> str:
        """LUSID's own id of the value of an answer that has an identifier."""
        for each in self.values(body):
            if label_of(each.get("identifiers", {}).get(self.key)) == value and each.get(self.kind.lusid_id):
                return str(each[self.kind.lusid_id])
        raise CouldNotTellError("the answer shows no entity with the identifier that was sent")

    def values(self, body: Json) -> Iterator[Json]:
        """The values of an answer."""
        values = body.get("values")
        yield from (each for each in (values or {}).values() if isinstance(each, Mapping))

    def _address(self, value: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        _, scope, code = self.key.split("/")
        root, text = f"/api/{self.kind.collection}", quote(value, safe="")
        if self.is_scoped:
            return f"{root}/{code}/{text}", (("scope", self.bench.scope), ("identifierScope", scope))
        return f"{root}/{quote(scope, safe='')}/{code}/{text}", ()

    def _refers(self) -> dict[str, Any]:
        """The members that name the entity of another family."""
        if self.on is None:
            return {}
        self.on.made()
        key, value = self.on.key, self.on.value("whole")
        if self.kind is RECORDS:
            member = "identifiers" if self.is_scoped else "investorIdentifiers"
            named = {key: value} if self.is_scoped else listed(key, value)
            return {"investor": {"investorType": "Person", member: named}}
        return {"accountType": "Individual", "accountHolders": [self.holder("H1", "whole")], "investmentPortfolios": []}

    def holder(self, key: str, name: str) -> Json:
        """A holder of an account of dialect 2.3: a record."""
        records = self.on
        assert records is not None, "only accounts have holders"  # noqa: S101
        return {"key": key, "scope": self.bench.scope, "identifiers": {records.key: records.value(name)}}


def listed(key: str, value: str | None) -> dict[str, Any]:
    """A property or identifier as requests have it; without a value it is cleared."""
    return {key: {"key": key, "value": None if value is None else {"labelValue": value}}}


def label_of(entry: Any) -> str | None:
    """The text of a property or identifier in an answer; None where it has none."""
    value = entry.get("value") if isinstance(entry, Mapping) else None
    found = value.get("labelValue") if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else None


def reason_of(failed: Any) -> str:
    """Why a key failed, as LUSID says."""
    if not isinstance(failed, Mapping):
        return "the answer does not say what became of it"
    return " ".join(str(failed[name]) for name in ("type", "detail") if failed.get(name)) or "LUSID gives no reason"
