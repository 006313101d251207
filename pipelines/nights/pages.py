"""Leaves a night on disk: its record, its page, and the index of nights; a night ends the same without them."""

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from pipelines.history.nights.facts import night_facts, trend_of
from pipelines.history.nights.records import PastNight, keep, past_nights
from pipelines.nights.report import NightlyReport
from pipelines.report.night_html import NightPage, Series, write_index, write_night
from pipelines.report.report import Report
from schemas.errors import ConfigError, RunFolderError
from schemas.manifest import moment
from schemas.nights.owners import Owners
from schemas.nights.record import MissingExtract, NightLoad, NightRecord
from schemas.same_load import place_of

INDEX = "index.html"

_LISTED = 60
"""Nights of one folder in the index: a quarter of a year."""


def leave(
    report: NightlyReport, runs: Path, started: str, command: str, owners: Owners, note: Callable[[str], None]
) -> Path | None:
    """Writes what a night was; returns its page, or None where that could not be written.

    Args:
        report: how it ended.
        runs: where runs are kept.
        started: when it began, as manifests write it.
        command: what continues it.
        owners: who must act.
        note: told why something could not be written.
    """
    try:
        night = keep(runs, _record(report, started, command, owners))
        write_page(night)
        write_index_of(runs)
    except (ConfigError, RunFolderError) as error:
        note(f"the page of the night could not be written: {error.message}")
        return None
    except Exception as error:  # noqa: BLE001  # a defect of the page: the night is over, and ends as it ended
        note(f"the page of the night could not be written ({type(error).__name__}): please report it")
        return None
    return night.page


def write_page(night: PastNight) -> NightPage:
    """Writes the page of a night as it is now, and returns what it shows.

    Raises:
        ConfigError: a file of one of its runs is damaged.
        RunFolderError: it cannot be written.
    """
    return write_night(night.page, night_facts(night))


def write_index_of(runs: Path) -> None:
    """Writes the index of all nights.

    Raises:
        RunFolderError: it cannot be written.
    """
    series: dict[tuple[str, str | None], list[PastNight]] = defaultdict(list)
    known = past_nights(runs)
    for night in sorted(known, key=lambda each: each.record.finished, reverse=True):
        series.setdefault((night.record.name, place_of(night.record.target)), [])
    for night in known:
        series[night.record.name, place_of(night.record.target)].append(night)
    write_index(runs / INDEX, [_series(nights) for nights in series.values()])


def _series(nights: list[PastNight]) -> Series:
    shown = [trend_of(night) for night in nights[:_LISTED]]
    return Series(
        name=nights[0].record.name,
        target=nights[0].record.target,
        nights=shown,
        trend=[night.not_accepted for night in reversed(shown)],
        more=max(0, len(nights) - _LISTED),
    )


def _record(report: NightlyReport, started: str, command: str, owners: Owners) -> NightRecord:
    assert report.day is not None  # noqa: S101  # who leaves a night knows its date
    return NightRecord(
        name=report.name,
        date=report.day.isoformat(),
        folder=str(report.folder.absolute()),
        target=report.target,
        started=started,
        finished=moment(),
        verdict=report.verdict,
        colour=report.colour,
        exit_code=report.exit_code,
        headline=report.headline,
        loads=tuple(map(_load, report.reports)),
        missing=tuple(MissingExtract(operation=each.operation, why=each.why) for each in report.missing),
        held=report.held,
        notes=report.notes,
        error=report.error.message if report.error else None,
        command=command,
        owners=owners,
    )


def _load(report: Report) -> NightLoad:
    reasons: Counter[str] = Counter()
    for reason in report.reasons:
        reasons[f"{reason.state}: {reason.code}"] += reason.rows
    return NightLoad(
        run_id=report.run_id,
        operation=report.operation,
        verdict=report.verdict,
        colour=report.colour,
        rows={"read": report.rows_read, **{state.value: rows for state, rows in report.rows.items()}},
        reasons=reasons,
        requests=report.requests,
        retries=report.retries,
        seconds=round(report.seconds, 3),
    )
