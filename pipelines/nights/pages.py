"""Leaves a night on disk: its record, its page, and the index of nights; a night ends the same without them."""

import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.history.nights.facts import night_facts, trend_of
from pipelines.history.nights.records import PastNight, keep, past_nights
from pipelines.nights.report import NightlyReport
from pipelines.options import Options
from pipelines.report import advice
from pipelines.report.night_html import NightPage, Series, write_index, write_night
from pipelines.report.report import Report
from schemas.errors import ConfigError, RunFolderError
from schemas.manifest import moment
from schemas.nights.record import MissingExtract, NightLoad, NightRecord, RefusedLoad
from schemas.same_load import place_of

INDEX = "index.html"

_LISTED = 60
"""Nights of one folder in the index: a quarter of a year."""


class Leaving:
    """Leaves a night on disk once it is over; knows when it began, and how it is typed again."""

    def __init__(self, verb: str, options: Mapping[str, Any], note: Callable[[str], None]) -> None:
        """Notes when the night begins.

        Args:
            verb: `nightly` or `trading-day`.
            options: of every load.
            note: told why something could not be written.
        """
        self._verb, self._options, self._note = verb, options, note
        self._runs = Options.of(runs=options.get("runs")).runs
        self._started = moment()
        target = options.get("target")
        self.url = target if isinstance(target, str | None) else str(target.url)

    def leave(self, report: NightlyReport) -> NightlyReport:
        """Writes what a night was; returns its report with its page, which is None where it could not be written."""
        day = [] if report.day is None or self._verb != "nightly" else ["--date", report.day.isoformat()]
        words = [advice.program(), self._verb, advice.shown(report.folder), *day]
        command = shlex.join([*words, *advice.flag_words({**self._options, "target": self.url})])
        return replace(report, page=_left(report, self._runs, self._started, command, self._note))


def _left(report: NightlyReport, runs: Path, started: str, command: str, note: Callable[[str], None]) -> Path | None:
    try:
        night = keep(runs, _record(report, started, command))
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
    series: dict[tuple[str, str, str | None], list[PastNight]] = {}
    known = past_nights(runs)
    for night in sorted(known, key=lambda each: each.record.finished, reverse=True):
        series[_series_of(night)] = []
    for night in known:
        series[_series_of(night)].append(night)
    write_index(runs / INDEX, [_series(nights) for nights in series.values()])


def _series_of(night: PastNight) -> tuple[str, str, str | None]:
    return night.record.kind, night.record.name, place_of(night.record.target)


def _series(nights: list[PastNight]) -> Series:
    shown = [trend_of(night) for night in nights[:_LISTED]]
    return Series(
        name=f"{'' if nights[0].record.kind == 'night' else 'trading days of '}{nights[0].record.name}",
        target=nights[0].record.target,
        nights=shown,
        trend=[night.not_accepted for night in reversed(shown)],
        more=max(0, len(nights) - _LISTED),
    )


def _record(report: NightlyReport, started: str, command: str) -> NightRecord:
    assert report.day is not None  # noqa: S101  # who leaves a night knows its date
    return NightRecord(
        kind=report.noun.replace(" ", "-"),
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
        missing=tuple(MissingExtract(operation=m.operation, why=m.why, holds=m.holds) for m in report.missing),
        refused=tuple(RefusedLoad(operation=r.operation, why=str(r), holds=r.holds) for r in report.refused),
        held=report.held,
        notes=report.notes,
        error=report.error.message if report.error else None,
        command=command,
        owners=report.owners,
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
