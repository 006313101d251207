"""`bulkload preflight`: says before a load what its rows refer to and LUSID does not have. Sends nothing but reads."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import orjson

from connectors.extracts.assumptions_file import read_assumptions
from connectors.run_folder.folder import write_json
from connectors.targets import open_target, target_url
from pipelines.arguments import speaking_of_arguments
from pipelines.compare.preflight.calls import Calls, NotAskedError
from pipelines.compare.preflight.collecting import collect
from pipelines.compare.preflight.definitions import of_another_kind, requests_for, undefined
from pipelines.compare.preflight.findings import Finding, Owner
from pipelines.compare.preflight.lists import LONGEST, Lists
from pipelines.compare.preflight.lookups import LookUps
from pipelines.compare.preflight.references import Group, Kind, PropertyUse, References, Used
from pipelines.loading.spec import LoadSpec, named
from schemas.assumptions import Assumptions
from schemas.dialects import Dialect
from schemas.documents import PreflightDocument
from schemas.errors import ConfigError, ExtractError, RunFolderError
from schemas.suggestions import did_you_mean
from schemas.texts import many

MISSING = 3
"""The exit code where something is missing or of another kind."""

_ENTITIES = (
    *(Kind.PORTFOLIO, Kind.PERSON, Kind.LEGAL_ENTITY, Kind.RECORD),
    *(Kind.ORDER, Kind.BLOCK, Kind.PLACEMENT, Kind.EXECUTION, Kind.ALLOCATION),
)


@dataclass(frozen=True)
class Preflight:
    """What a preflight found.

    Attributes:
        target: the LUSID that was asked.
        rows: that were read. invalid: of these, rows whose cells are refused; what they refer to was not asked for.
        asked: how many different references LUSID was asked for, by what they are.
        not_asked: what LUSID could not be asked for, and why.
        calls: made to LUSID.
        written: where the requests for definitions are; None where none were wanted.
    """

    target: str
    operations: Sequence[str]
    rows: int
    invalid: int
    asked: Counter[str]
    findings: Sequence[Finding]
    not_asked: Sequence[str]
    calls: int
    written: Path | None = None

    @property
    def exit_code(self) -> int:
        """0 where nothing is missing."""
        return MISSING if self.findings else 0

    def document(self) -> PreflightDocument:
        """What --json prints."""
        return PreflightDocument(
            target=self.target,
            exit_code=self.exit_code,
            operations=list(self.operations),
            rows=self.rows,
            invalid=self.invalid,
            asked=dict(self.asked),
            missing=[finding.document() for finding in self.findings],
            not_asked=list(self.not_asked),
            calls=self.calls,
            definitions=str(self.written) if self.written else None,
        )


@speaking_of_arguments()
def preflight(specs: Sequence[LoadSpec], *, definitions: Path | None = None) -> Preflight:
    """Reads extracts once and asks LUSID for what they refer to.

    What one extract brings into LUSID, others need not find there: a night's records are the holders of its accounts.

    Args:
        specs: the loads, of one target and one dialect; the first one's progress is told what happens.
        definitions: the file to write the requests to that define what is not defined; None for none.

    Raises:
        ConfigError: no target is named; a mapping, a header or an option is wrong; the file cannot be written.
        ExtractError: an extract cannot be read, or is not complete.
        AuthError, UnreachableError: LUSID does not let us in, or does not answer.
    """
    first = specs[0]
    target_url(first.options.target)  # before an extract is opened
    for spec in specs:
        spec.operation.check_dialect(spec.options.dialect)
    assumed = read_assumptions(first.options.assume)
    with ExitStack() as closing:
        references = closing.enter_context(References())
        for spec in specs:
            try:
                collect(spec, references, others=len(specs) > 1)
            except (ConfigError, ExtractError) as error:
                raise (
                    named(error, spec.operation.name, spec.extract) if len(specs) > 1 else error
                ) from error.__cause__
        progress = first.progress
        target = closing.enter_context(
            open_target(first.options.target, first.options, progress.note, progress.waiting)
        )
        asking = _Asking(references, Calls(target.client), first.options.dialect, assumed)
        findings = sorted(asking.findings(), key=lambda each: -each.rows)
        not_asked = [*asking.not_asked, *_cannot(references)]
        if definitions is not None:
            _write(definitions, target.url, asking.undefined)
        return Preflight(
            target=target.url,
            operations=[spec.operation.name for spec in specs],
            rows=references.rows,
            invalid=references.invalid,
            asked=asking.asked,
            findings=findings,
            not_asked=not_asked,
            calls=asking.calls.count,
            written=definitions,
        )


def _cannot(references: References) -> Iterator[str]:
    """What rows also refer to."""
    for what, rows in sorted(references.unasked.items()):
        yield f"{what} ({many(rows, 'row', 'rows')}): LUSID has no list of them that could be asked"


def _write(path: Path, target: str, uses: Sequence[PropertyUse]) -> None:
    requests, left_out = requests_for(uses)
    try:
        write_json(path, {"target": target, "requests": requests, "left_out": left_out})
    except RunFolderError as error:
        raise ConfigError(error.message) from None


class _Asking:
    """The questions of one preflight.

    Attributes:
        asked: how many different references were asked for, by what they are.
        not_asked: what could not be asked for, and why.
        undefined: properties and identifiers that are not defined.
    """

    def __init__(self, references: References, calls: Calls, dialect: Dialect, assumed: Assumptions) -> None:
        self.references, self.calls = references, calls
        self._look_ups, self._lists = LookUps(calls, dialect), Lists(calls, dialect, assumed.filter_of(LONGEST))
        self.asked = Counter[str]()
        self.not_asked: list[str] = []
        self.undefined: list[PropertyUse] = []

    def findings(self) -> list[Finding]:
        """Asks for everything."""
        asked = (self._definitions, self._instrument_types, self._instruments, self._entities, self._sides)
        return [finding for ask in asked for finding in ask()]

    def _definitions(self) -> Iterator[Finding]:
        uses = {key: use for key, use in self.references.properties.items() if "instrument" not in use.kinds}
        uses = {key: use for key, use in uses.items() if use.rows}
        self.asked["property or identifier type"] = len(uses)
        try:
            found = self._look_ups.definitions(sorted(uses)) if uses else {}
        except NotAskedError as why:
            self._could_not("property definitions", why)
            return
        for key, use in uses.items():
            if key in found:
                yield from of_another_kind(use, found[key])
        self.undefined = [use for key, use in uses.items() if key not in found]
        defined = {
            domain: self._look_ups.keys_defined(domain) for domain in dict.fromkeys(map(_domain, self.undefined))
        }
        yield from (undefined(use, defined[_domain(use)]) for use in self.undefined)

    def _instrument_types(self) -> Iterator[Finding]:
        uses = [use for use in self.references.properties.values() if "instrument" in use.kinds and use.rows]
        if not uses:
            return
        try:
            known = self._look_ups.instrument_types()
        except NotAskedError as why:
            self._could_not("identifier types of instruments", why)
            return
        self.asked["identifier type of instruments"] = len(uses)
        for use in uses:
            if use.key not in known:
                near = did_you_mean(use.key, known).removeprefix("; ")
                problem = f"is none of LUSID's identifier types{f': {near}' if near else ''}"
                then = f"correct the header or the mapping ({', '.join(sorted(use.columns))})"
                owner = Owner.SOURCE if near else Owner.EITHER
                yield Finding("identifier type of instruments", use.key, problem, 1, use.rows, owner, then)

    def _instruments(self) -> Iterator[Finding]:
        yield from self._missing(
            [Group(Kind.INSTRUMENT, "")], lambda _: self._look_ups.resolve_instruments(self.references)
        )

    def _entities(self) -> Iterator[Finding]:
        for kind in _ENTITIES:
            groups = self.references.groups(kind)
            lists = [[group] for group in groups] if kind is Kind.PORTFOLIO else [groups]
            for each in lists:
                yield from self._missing(each, lambda groups: self._lists.find(groups, self.references))

    def _sides(self) -> Iterator[Finding]:
        group = Group(Kind.SIDE, "")
        yield from self._missing([group], lambda _: self.references.know(group, self._look_ups.sides()))

    def _missing(self, groups: Sequence[Group], ask: Callable[[Sequence[Group]], None]) -> Iterator[Finding]:
        """Asks for the references of groups of one kind; what is not there, unless LUSID does not say."""
        count = sum(self.references.still_open(group)[0] for group in groups)
        if not count:
            return
        kind = groups[0].kind
        try:
            ask(groups)
        except NotAskedError as why:
            self._could_not(f"{count:,} {kind.plural if count > 1 else kind.value}", why)
            return
        self.asked[kind.value] += count
        for group in groups:
            missing, rows, examples = self.references.missing(group)
            if missing:
                yield _finding(group, missing, rows, examples)

    def _could_not(self, what: str, why: NotAskedError) -> None:
        self.not_asked.append(f"{what}: {why}")


def _domain(use: PropertyUse) -> str:
    return use.key.split("/")[0]


def _finding(group: Group, count: int, rows: int, examples: Iterable[Used]) -> Finding:
    said = [f"{_readable(group, each.value)} ({each.place})" for each in examples]
    problem, then = _PROBLEMS.get(group.kind, ("not in LUSID", "load it before this load, or correct it"))
    owner = Owner.SET_UP if group.kind is Kind.SIDE else Owner.EITHER
    verb = "is" if count == 1 else "are"
    return Finding(group.kind.value, group.scope, f"{verb} {problem}", count, rows, owner, then, said)


_PROBLEMS = {
    Kind.INSTRUMENT: (
        "not in LUSID by any identifier, so that orders are booked on the unknown instrument",
        "master it in LUSID, correct its identifiers, or load with --unknown-instruments refuse",
    ),
    Kind.SIDE: (
        "no transaction type in LUSID, so that what is ordered cannot be booked",
        "configure it, or correct it",
    ),
}


def _readable(group: Group, value: str) -> str:
    """A reference as an example shows it."""
    if group.kind is not Kind.INSTRUMENT:
        return value
    return ", ".join(f"{key.rsplit('/', 1)[1]} {said}" for key, said in orjson.loads(value))
