"""night.html and the index of nights: what happened, what to fix first, whose it is, what is new, what to type.

Each page is one file that needs no network. Its script is ours, and the page's policy allows no other by its hash.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from connectors.run_folder.folder import atomic_write
from pipelines.report import advice
from pipelines.report.html import Slice, slices_of, template
from pipelines.report.night_values import NightFacts, NightReason, TrendNight
from pipelines.report.summary import Summary
from schemas.history_documents import NightFactsDocument, NightReasonDocument
from schemas.manifest import Manifest
from schemas.nights.owners import AGAIN, TODO, Party
from schemas.states import STATES, State

_FIRST = 5
"""Reasons that are told under the verdict."""

_VERBS = {State.UNKNOWN: "unknown", State.FAILED: "refused by LUSID", State.INVALID: "invalid, never sent"}


@dataclass(frozen=True)
class Step:
    """One step of a load's funnel; its sign says whether it is taken off or what is left."""

    name: str
    sign: str
    rows: int


@dataclass(frozen=True)
class Bar:
    """A load on the time line: places in percent of the whole night."""

    operation: str
    left: float
    width: float
    seconds: float
    rate: int
    calls: int
    pace: float
    retries: int


@dataclass(frozen=True)
class Series:
    """The nights of one folder into one target, newest first.

    Attributes:
        trend: rows not accepted, oldest first.
        more: how many older ones are not listed.
    """

    name: str
    target: str | None
    nights: Sequence[TrendNight]
    trend: Sequence[int]
    more: int


class NightPage:
    """What the template asks of a night beyond its facts."""

    def __init__(self, facts: NightFacts, path: Path) -> None:
        """Takes the facts and where the page is."""
        self._facts, self._path = facts, path
        self.folder = path.parent.name
        tonight = facts.trend[-1]
        self.read, self.accepted, self.not_accepted = tonight.read, tonight.accepted, tonight.not_accepted
        self.still_open = sum(load.still_open for load in facts.loads)
        self.later = self.still_open != self.not_accepted
        ranked = [reason for reason in facts.reasons if reason.state is not State.HELD]
        self.first = ranked[:_FIRST]
        self.others = len(facts.reasons) - len(self.first)
        self.todo = bool(facts.record.missing or facts.record.refused or facts.record.error or self.first)

    @property
    def told(self) -> str:
        """How the night ended, without its name."""
        return self._facts.record.headline.partition(": ")[2]

    @property
    def commands(self) -> list[tuple[str, str]]:
        """What to type, and what to do before; what continues the night goes before everything else."""
        record = self._facts.record
        if record.exit_code in (2, 4) and record.command:
            return [(advice.CONTINUE, record.command)]
        steps: dict[str, list[str]] = {}
        for load in self._facts.loads:
            run = load.summary
            if run is not None and load.still_open and not load.replays and (text := advice.next_command(run)):
                steps.setdefault(advice.next_step(run), []).append(text)
        if self.later and self.still_open:
            text = advice.command_on_all("open", Path(advice.shown(self._path.parent.parent.parent)))
            steps.setdefault("List what is still not in, why, and what to type for it.", []).append(text)
        return [(step, "\n".join(texts)) for step, texts in steps.items()]

    def document(self) -> NightFactsDocument:
        """The document that `report --night --json` prints."""
        record, since = self._facts.record, self._facts.since
        return NightFactsDocument(
            night=record.folder,
            name=record.name,
            date=record.date,
            target=record.target,
            verdict=record.verdict,
            colour=record.colour,
            exit_code=record.exit_code,
            headline=record.headline,
            page=str(self._path),
            runs=[load.run_id for load in self._facts.loads],
            read=self.read,
            accepted=self.accepted,
            not_accepted=self.not_accepted,
            open=self.still_open,
            new=since.new if since else None,
            still=since.still if since else None,
            cured=since.cured if since else None,
            reasons=list(map(_reason_document, self._facts.reasons)),
            next=[line for _, text in self.commands for line in text.splitlines()],
        )

    @staticmethod
    def verb(reason: NightReason) -> str:
        """What became of a reason's rows."""
        return _VERBS.get(reason.state, reason.state.replace("_", " "))

    @staticmethod
    def todo_of(reason: NightReason) -> str:
        """What to do about a reason's rows."""
        if reason.state is State.HELD:
            return "Nothing by itself: replay it after the rows that it waits for."
        return AGAIN if reason.state.traits.again else TODO[reason.party]

    @staticmethod
    def slices(run: Summary) -> list[Slice]:
        """The slices of a load's bar."""
        return [*slices_of(run)]

    @staticmethod
    def bar(run: Summary) -> str:
        """A load's bar in words."""
        return "rows by state: " + ", ".join(f"{state} {run.rows[state]:,}" for state in STATES if run.rows[state])

    @staticmethod
    def funnel(run: Summary) -> Iterator[Step]:
        """From the rows read to those accepted: first what was never sent, then what LUSID did with the rest."""
        yield Step("read", "", run.rows["read"])
        for is_sent in (False, True):
            if is_sent:
                yield Step("sent", "", sum(run.rows[state] for state in STATES if state.traits.sent))
            for state in STATES:
                if state.traits.sent is is_sent and state is not State.ACCEPTED and run.rows[state]:
                    yield Step(state.replace("_", " "), "-", run.rows[state])
        yield Step("accepted", "", run.rows[State.ACCEPTED])

    @staticmethod
    def warnings(run: Summary) -> list[str]:
        """What a load noticed."""
        return [*advice.alerts(run), *advice.warnings(run)]

    @staticmethod
    def link(run_id: str, file: str) -> str:
        """A file of a run, from the night's folder."""
        return f"../../{quote(run_id)}/{file}"

    @cached_property
    def timeline(self) -> list[Bar]:
        """When each load ran."""
        runs = [load.summary for load in self._facts.loads if load.summary]
        spans = [(run, *span) for run in runs if (span := _span(run.manifest))]
        if not spans:
            return []
        first, last = min(span[1] for span in spans), max(span[2] for span in spans)
        whole = max((last - first).total_seconds(), 0.001)
        return [
            Bar(
                operation=run.operation,
                left=100 * (began - first).total_seconds() / whole,
                width=100 * (ended - began).total_seconds() / whole,
                seconds=run.manifest.seconds,
                rate=round(run.rows["read"] / max(run.manifest.seconds, 0.001)),
                calls=run.manifest.requests,
                pace=run.manifest.seconds / run.manifest.requests if run.manifest.requests else 0.0,
                retries=run.manifest.retries,
            )
            for run, began, ended in spans
        ]

    @property
    def begins(self) -> str:
        """When the first load began."""
        return min(load.summary.manifest.started for load in self._facts.loads if load.summary)[11:19]

    @property
    def ends(self) -> str:
        """When the last load ended."""
        return max(load.summary.manifest.finished for load in self._facts.loads if load.summary)[11:19]


def _reason_document(reason: NightReason) -> NightReasonDocument:
    since = reason.since
    return NightReasonDocument(
        state=reason.state,
        code=reason.code,
        rows=reason.rows,
        party=reason.party,
        owner=reason.owner,
        holds=reason.holds,
        new=since.new if since else None,
        still=since.still if since else None,
        since=since.since if since else None,
    )


def _span(manifest: Manifest) -> tuple[datetime, datetime] | None:
    try:
        return datetime.fromisoformat(manifest.started), datetime.fromisoformat(manifest.finished)
    except ValueError:
        return None


def write_night(path: Path, facts: NightFacts) -> NightPage:
    """Writes night.html, and returns what it shows.

    Args:
        path: where it goes, in the night's folder.
        facts: what it shows.

    Raises:
        RunFolderError: it cannot be written.
    """
    page = NightPage(facts, path.absolute())
    text = template("night.html.j2").render(facts=facts, page=page, source=Party.SOURCE, us=Party.US)
    with atomic_write(path) as part:
        part.write_text(text, "utf-8")
    return page


def write_index(path: Path, nights: Sequence[Series]) -> None:
    """Writes the index of nights.

    Args:
        path: where it goes, in the folder of the runs.
        nights: by folder and target, the one that ran last first.

    Raises:
        RunFolderError: it cannot be written.
    """
    text = template("index.html.j2").render(nights=nights)
    with atomic_write(path) as part:
        part.write_text(text, "utf-8")
