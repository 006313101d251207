"""Gathers what a night's page shows: from its record, the manifests and outcomes of its runs, and the nights before."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain

from connectors.targets import lasts
from pipelines.history.catalog import PastRun, past_runs, replays_of
from pipelines.history.nights.pace import pace_of
from pipelines.history.nights.records import PastNight, nights_before, past_nights
from pipelines.history.nights.tables import (
    MOST_CAUSES,
    HeldBy,
    Reason,
    compare_nights,
    cured,
    held_rows,
    still_failing,
    unkeyed_rows,
)
from pipelines.history.open_tables import make_open_rows
from pipelines.history.run_tables import all_tables, outcome_tables
from pipelines.report.night_values import Cause, NightFacts, NightLoadPart, NightReason, Since, TrendNight
from pipelines.report.summary import Rule, Summary, all_reasons, rule_shown
from schemas.errors import ConfigError, RunFolderError
from schemas.manifest import moment
from schemas.states import State, good_in
from schemas.texts import server_text

MOST_RULES = 5

_FIRST = (State.UNKNOWN, State.FAILED, State.INVALID, State.ROLLED_BACK, State.NOT_SENT, State.HELD)
"""What a person looks at first: rows that may be in, refused ones, wrong ones, and last what waits for them."""

_OPEN = "SELECT since, count(*) FROM open_rows GROUP BY ALL"


def night_facts(night: PastNight) -> NightFacts:
    """Everything that the page of a night shows, as it is now.

    Raises:
        ConfigError: the outcomes of one of its runs are damaged.
        RunFolderError: what does not fit into memory does not fit into the folder either.
    """
    known = past_runs(night.runs)
    by_id = {run.run_id: run for run in known}
    before = nights_before(night, past_nights(night.runs))
    runs = [by_id[load.run_id] for load in night.record.loads if load.run_id in by_id]
    nights = [night, *before]
    numbered = {load.run_id: (n, load.operation) for n, each in enumerate(nights) for load in each.record.loads}
    places = {run: by_id[run].folder.outcomes for run in numbered if run in by_id}
    files = {run: place for run, place in places.items() if place.exists()}
    still: dict[Reason, tuple[int, int, int]] = {}
    done: dict[Reason, tuple[int, int]] = {}
    unkeyed, held = 0, list[HeldBy]()
    if any(trend_of(each).not_accepted for each in nights[:2]):
        with outcome_tables(night.runs, files) as sql:
            compare_nights(sql, {run: numbered[run] for run in files}, dry_run=night.record.target is None)
            still, done, unkeyed, held = still_failing(sql), cured(sql), unkeyed_rows(sql), held_rows(sql)
    dates = [each.record.date for each in nights]
    since = {r: _since(still.get(r), done.get(r), dates) for r in {*still, *done}} if before else None
    trend = (*map(trend_of, reversed(before)), trend_of(night, is_tonight=True))
    causes = _causes(held)
    return NightFacts(
        record=night.record,
        loads=tuple(_loads(night, by_id, known)),
        reasons=tuple(_reasons(runs, since, nights, _holding(held))),
        causes=causes[:MOST_CAUSES],
        more_causes=max(0, len(causes) - MOST_CAUSES),
        since=_sum(since.values()) if since is not None else None,
        before=before[0].record.date if before else None,
        unkeyed=unkeyed,
        trend=trend,
        as_of=moment(),
    )


def _since(still: tuple[int, int, int] | None, done: tuple[int, int] | None, dates: Sequence[str]) -> Since:
    new, old, oldest = still or (0, 0, 0)
    healed, gone = done or (0, 0)
    return Since(new, old, dates[oldest] if old else None, healed, gone)


def _sum(parts: Iterable[Since]) -> Since:
    found = [*parts]
    oldest = min((each.since for each in found if each.since), default=None)
    return Since(
        sum(each.new for each in found),
        sum(each.still for each in found),
        oldest,
        sum(each.cured for each in found),
        sum(each.gone for each in found),
    )


def _loads(night: PastNight, by_id: Mapping[str, PastRun], known: list[PastRun]) -> Iterator[NightLoadPart]:
    still = _still_open(night, by_id, known)
    for load in night.record.loads:
        run = by_id.get(load.run_id)
        summary = None
        if run is not None:
            with suppress(ConfigError):
                summary = Summary.of(run.folder, run.manifest)
        replays = tuple(each.run_id for each in reversed([*_descendants(load.run_id, known)]))
        pace = None if run is None else pace_of(run.folder)
        yield NightLoadPart(summary, load.operation, load.run_id, still.get(load.run_id, 0), replays, pace)


def _descendants(run_id: str, known: list[PastRun]) -> Iterator[PastRun]:
    for each in replays_of(run_id, known):
        yield each
        yield from _descendants(each.run_id, known)


def _still_open(night: PastNight, by_id: Mapping[str, PastRun], known: list[PastRun]) -> dict[str, int]:
    """Rows of each run that are not in by now; a later night has its own, so those it names too are counted here."""
    runs = [by_id[load.run_id] for load in night.record.loads if load.run_id in by_id]
    open_rows = {run.run_id: run.not_accepted for run in runs}
    first = min((run.manifest.started for run in runs), default="")
    later = [run for run in known if run.manifest.started >= first and lasts(run.manifest.target) and not run.dry]
    if not any(open_rows.values()) or {run.run_id for run in later} <= {*open_rows}:
        return open_rows
    with suppress(ConfigError, RunFolderError), all_tables(night.runs) as sql:
        damaged = {run.run_id for run, _ in make_open_rows(sql, later)}
        found = dict(sql.execute(_OPEN).fetchall())
        return {r.run_id: r.not_accepted if r.run_id in damaged else found.get(r.manifest.started, 0) for r in runs}
    return open_rows


def _holding(held: Sequence[HeldBy]) -> Counter[Reason]:
    """How many held rows wait for rows of each reason."""
    found: Counter[Reason] = Counter()
    for each in held:
        if each.parent is not None:
            found[each.parent.state, each.parent.code] += each.rows
    return found


def _reasons(
    runs: Sequence[PastRun],
    since: Mapping[Reason, Since] | None,
    nights: Sequence[PastNight],
    holding: Mapping[Reason, int],
) -> Iterator[NightReason]:
    """The reasons of tonight's runs.

    Args:
        runs: tonight's.
        since: what is new of each reason; None where there is no night to compare with.
        nights: tonight and those before, newest first.
        holding: how many rows wait for those of each reason.
    """
    rows: dict[Reason, Counter[str]] = defaultdict(Counter)
    rules: dict[Reason, list[tuple[str, Rule]]] = defaultdict(list)
    for run in runs:
        for reason in all_reasons(run.manifest):
            found = (reason.state.value, reason.code)
            rows[found][run.manifest.operation] += reason.rows
            rules[found].append((run.manifest.operation, rule_shown(reason)))
    owners = nights[0].record.owners
    for (state, code), by_operation in sorted(rows.items(), key=lambda each: _rank(each[0], each[1].total())):
        party = owners.party(State(state), code)
        names = {owners.name(party, operation): None for operation in by_operation}
        ranked = sorted(rules[state, code], key=lambda each: -each[1].rows)
        yield NightReason(
            state=State(state),
            code=server_text(code, 200),
            rows=by_operation,
            rules=tuple(ranked[:MOST_RULES]),
            more=sum(rule.rows for _, rule in ranked[MOST_RULES:]),
            party=party,
            owner=", ".join(names),
            holds=holding.get((state, code), 0),
            since=since.get((state, code), Since()) if since is not None else None,
            trend=tuple(_rows_of(each, f"{state}: {code}") for each in reversed(nights)),
        )


def _rank(reason: Reason, rows: int) -> tuple[int, int, str]:
    state = State(reason[0])
    return (_FIRST.index(state) if state in _FIRST else 0), -rows, reason[1]


def _rows_of(night: PastNight, reason: str) -> int:
    return sum(load.reasons.get(reason, 0) for load in night.record.loads)


def _causes(held: Sequence[HeldBy]) -> tuple[Cause, ...]:
    """What holds rows, whichever loads they are of."""
    by_cause: dict[str, list[HeldBy]] = defaultdict(list)
    for each in held:
        by_cause[each.cause].append(each)
    found = []
    for cause, parts in by_cause.items():
        parent = next((each.parent for each in parts if each.parent), None)
        examples = tuple(server_text(text, 120) for text in chain.from_iterable(each.examples for each in parts))
        found.append(
            Cause(
                text=server_text(cause),
                operation=parent.operation if parent else None,
                key=server_text(parent.key, 200) if parent and parent.key else None,
                row=parent.row if parent else None,
                why=server_text(f"{parent.code}: {parent.message}") if parent else None,
                held={each.operation: each.rows for each in parts},
                examples=examples[:5],
            )
        )
    return tuple(sorted(found, key=lambda each: (-each.total, each.text)))


def trend_of(night: PastNight, *, is_tonight: bool = False) -> TrendNight:
    """A night as one of several, by its record alone."""
    loads = night.record.loads
    read = sum(load.rows.get("read", 0) for load in loads)
    states = good_in(dry_run=night.record.target is None)
    good = sum(load.rows.get(state, 0) for load in loads for state in states)
    return TrendNight(
        date=night.record.date,
        folder=night.path.name if night.page.is_file() or is_tonight else "",
        colour=night.record.colour,
        read=read,
        accepted=sum(load.rows.get(State.ACCEPTED, 0) for load in loads),
        not_accepted=read - good,
        seconds=sum(load.seconds for load in loads),
    )
