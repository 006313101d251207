"""What a night requires of its extracts: that they come, are of tonight, and have as many rows as usual.

Decides what is missing before anything is loaded, and gives each load the number of rows that it may have. Reads no
extract: how many rows there are, the load itself finds out before it sends anything.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from connectors.extracts.source_files import find_sources
from pipelines.nights.folder import EXPECTED, FolderContents, Names, NightExtract, find_extracts
from pipelines.nights.night import Night, ordered
from schemas.errors import ConfigError, ExtractError
from schemas.expectations import Expectations

FEWEST_NIGHTS = 3
"""Nights of which a median is taken; of fewer, one odd night would be the measure."""


@dataclass(frozen=True)
class Contents:
    """What a night finds in its folder.

    Attributes:
        extracts: what can be loaded, by operation.
        missing: why an extract cannot be: it is required and not there, or of another night; by operation.
        notes: what was passed over.
    """

    extracts: Mapping[str, NightExtract]
    missing: Mapping[str, str]
    notes: tuple[str, ...]


def contents(night: Night, names: Names, usual: Collection[str] = EXPECTED) -> Contents:
    """The extracts of a night's folder, held to its night.yaml.

    Args:
        night: the night.
        names: its operations, and how the names of their extracts begin.
        usual: operations whose absence is noted although nothing requires them.

    Raises:
        ConfigError: the folder cannot be read, or it holds no extract and nothing is required.
    """
    found = _found(night, ordered(night.rules, names), usual)
    notes, extracts, missing = list(found.notes), {}, {}
    for extract in found.extracts:
        mapped = replace(extract, mapping=night.mapping(extract.operation) or extract.mapping)
        kept, passed_over = _of_the_date(night, mapped)
        notes += passed_over
        why = _stale(night, kept) if kept.paths else _of_another_date(night, extract)
        if why:
            missing[extract.operation] = why
        else:
            extracts[extract.operation] = kept
    there = {extract.operation for extract in found.extracts}
    absent = [operation for operation in night.rules.require if operation not in there]
    if absent and night.closed:
        notes.append(f"{night.day} is {night.closed}, so nothing is required: {', '.join(absent)} did not come")
    else:
        missing |= {each: f"has not come: {_nothing(night, each, names)}" for each in absent}
    return Contents(extracts, missing, tuple(notes))


def _found(night: Night, names: Names, usual: Collection[str]) -> FolderContents:
    expected = [operation for operation in usual if operation not in night.rules.require]
    if night.rules.require and not night.folder.exists():
        return FolderContents((), ())
    try:
        return find_extracts(night.folder, names, expected)
    except ConfigError:
        if not night.rules.require or not os.access(night.folder, os.R_OK | os.X_OK) or not night.folder.is_dir():
            raise
        return FolderContents((), ())


def _nothing(night: Night, operation: str, names: Names) -> str:
    if not night.folder.exists():
        return f"there is no folder {night.folder}"
    return f"{night.folder} holds no {' or '.join(f'{name}*' for name in names[operation])}"


def _of_the_date(night: Night, extract: NightExtract) -> tuple[NightExtract, list[str]]:
    """The files of an extract whose names bear the night's date, and a note on the others."""
    if night.rules.date is None:
        return extract, []
    told = f"{night.day:{night.rules.date}}"
    kept = tuple(path for path in extract.paths if told in path.name)
    others = [path.name for path in extract.paths if path not in kept]
    notes = [f"not loaded, because their names do not hold {told}: {', '.join(others)}"] if kept and others else []
    return replace(extract, paths=kept), notes


def _of_another_date(night: Night, extract: NightExtract) -> str:
    names = ", ".join(path.name for path in extract.paths)
    return f"is of another date: {names} does not hold {night.day:{night.rules.date}}"


def _stale(night: Night, extract: NightExtract) -> str | None:
    """Why an extract is of an earlier night; None where it is not too old."""
    if night.rules.fresh is None:
        return None
    try:
        sources = find_sources(extract.paths)
    except ExtractError:  # the load says what is wrong with it
        return None
    oldest = min(sources, key=lambda source: source.stamp[0])
    written = datetime.fromtimestamp(oldest.stamp[0] / 1e9, UTC)
    measured = min(datetime.now(UTC), night.rules.begins(night.day) + night.rules.due)
    if measured - written <= night.rules.fresh:
        return None
    age = _age(measured - written)
    return f"is stale: {oldest.path.name} was written on {written:%Y-%m-%d %H:%M} UTC, {age} before the night"


def _age(age: timedelta) -> str:
    return f"{age.days} days" if age.days >= 2 else f"{age // timedelta(hours=1)} h"


def expected(night: Night, operation: str, rows_before: Callable[[str], list[int]]) -> Expectations:
    """What must be true of an operation's extract tonight.

    Args:
        night: the night.
        operation: the load's.
        rows_before: gives the rows of an operation on the last nights.
    """
    found = Expectations()
    if night.rules.done_marker is not None:
        found = found.merged(Expectations(done_marker=(night.folder / night.rules.done_marker).absolute()))
    volume = night.rules.rows.get(operation)
    if volume is None:
        return found
    fewest, most = volume.limits(_median(rows_before(operation)) if volume.compares else None)
    limits = {name: limit for name, limit in (("min_rows", fewest), ("max_rows", most)) if limit is not None}
    return found.merged(Expectations(**limits))


def unknown_volumes(night: Night, rows_before: Callable[[str], list[int]]) -> Iterator[str]:
    """Notes on operations whose rows cannot be compared yet."""
    for operation, volume in night.rules.rows.items():
        if volume.compares and (known := len(rows_before(operation))) < FEWEST_NIGHTS:
            nights = f"{known} earlier {'night is' if known == 1 else 'nights are'} known"
            yield f"{operation}: its number of rows is not compared yet: {nights}, and it takes {FEWEST_NIGHTS}"


def _median(rows: list[int]) -> float | None:
    if len(rows) < FEWEST_NIGHTS:
        return None
    ranked, half = sorted(rows), len(rows) // 2
    return ranked[half] if len(rows) % 2 else (ranked[half - 1] + ranked[half]) / 2
