"""Asks LUSID before loads begin for what their rows refer to: of one load, a night, a trading day, or several nights.

Commands and flows begin with it where `preflight` is asked for. Knows no Prefect.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from pipelines.compare.preflight.preflight import preflight
from pipelines.loading.spec import LoadSpec
from pipelines.nights.backfill import nights_between
from pipelines.nights.folder import NAMES, Names
from pipelines.nights.night import Night
from pipelines.nights.requirements import contents
from pipelines.nights.trading_day import NAMES as NAMES_OF_A_DAY
from pipelines.options import Progress
from schemas.errors import MissingError
from schemas.texts import many

Note = Callable[[str], None]


def loads_of_night(folder: str, given: Mapping[str, Any], day: date | None, note: Note) -> list[LoadSpec]:
    """The loads of a night, each with its mapping and its own options.

    Args:
        folder: the night's; may hold `{date:...}`.
        given: options of every load.
        day: the business date; None for the one that it is now.
        note: told what is passed over, and what is missing.

    Raises:
        ConfigError: there is no such folder, it holds no extract, an option or night.yaml is wrong.
    """
    return _loads(Night.of(folder, day), NAMES, given, note)


def loads_of_trading_day(folder: str, given: Mapping[str, Any], note: Note) -> list[LoadSpec]:
    """The loads of a trading day for which there are extracts; see `loads_of_night`."""
    return _loads(Night.of(folder, None, NAMES_OF_A_DAY), NAMES_OF_A_DAY, given, note, usual=())


def _loads(night: Night, names: Names, given: Mapping[str, Any], note: Note, **more: Any) -> list[LoadSpec]:
    found = contents(night, names, **more)
    for text in [*found.notes, *(f"{operation} {why}" for operation, why in found.missing.items())]:
        note(text)
    return [
        LoadSpec.of(e.operation, e.paths, **{**given, **night.settings(e.operation, given), "mapping": e.mapping})
        for e in found.extracts.values()
    ]


def loads_of_nights(pattern: str, first: date, last: date, given: Mapping[str, Any], note: Note) -> list[LoadSpec]:
    """The loads of the nights of several dates; see `loads_of_night`."""

    def loads() -> Iterator[LoadSpec]:
        for day, folder in nights_between(pattern, first, last):
            yield from loads_of_night(str(folder), given, day, note)

    return list(loads())


def stop_if_missing(specs: Sequence[LoadSpec], progress: Progress) -> None:
    """Asks for what loads refer to; what is missing is noted, without anything from a row, and stops them.

    Args:
        specs: the loads, of one target and one dialect.
        progress: told what is read, waited for and found.

    Raises:
        MissingError: something is missing; nothing was sent.
        ConfigError, ExtractError, AuthError, UnreachableError: as `preflight` raises them.
    """
    found = preflight([replace(spec, progress=progress) for spec in specs])
    for each in found.findings:
        rows = many(each.rows, "row", "rows")
        progress.quote(*(f"{rows}: {text}; {each.owner}: {each.then}" for text in (each.text, each.shareable)))
    if found.findings:
        worst, more = found.findings[0], len(found.findings) - 1
        others = f", and {more} more such" if more else ""
        advice = "nothing was sent: supply what is missing, or load without preflight"
        rows = many(worst.rows, "row", "rows")
        raise MissingError(
            *(f"the preflight says: {text} ({rows}){others}; {advice}" for text in (worst.text, worst.shareable))
        )
