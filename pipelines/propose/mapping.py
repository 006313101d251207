"""The first mapping of an extract: its text, from what the other modules of this room found out.

It needs no target and changes nothing; what it says of rows are numbers of rows, and of cells how many fit.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import gettempdir

from connectors.extracts.extract import open_sources
from connectors.extracts.mapping_file import mapping_of
from connectors.extracts.remote.copies import local_sources
from connectors.extracts.source_files import Source
from pipelines.operations.operation import Operation
from pipelines.propose.column_rules import proposed_rules, value_columns
from pipelines.propose.conventions import fits_of
from pipelines.propose.foreign_cells import without_foreign
from pipelines.propose.layout import Layout, layout_of, with_footer
from pipelines.propose.names import Match, matches, unused
from pipelines.propose.sample import FIRST, Sample, sample_of
from pipelines.propose.text import commented, indented, line, scalar
from schemas.dialects import Dialect
from schemas.errors import ConfigError, ExtractError
from schemas.rows.binding import Binding
from schemas.rows.kinds import Kind
from schemas.rows.reading import ReadingRules
from schemas.rows.times import TimeText
from schemas.suggestions import MOST_TOLD, did_you_mean, first_of

_A_VALUE = re.compile(r"[\d\s.,:/+'-]*\d[\d\s.,:/+'-]*|.{65,}", re.DOTALL)
"""What no column is called: a number, a date, or what is longer than names are."""


def propose_mapping(paths: Sequence[str | Path], operation: Operation, dialect: Dialect) -> str:
    """The text of a mapping.

    Args:
        paths: the extract, as a load takes it.
        operation: what its rows are for.
        dialect: the age of the server.

    Raises:
        ConfigError: the dialect does not have the operation.
        ExtractError: the extract cannot be read in any way that is known here.
    """
    operation.check_dialect(dialect)
    with local_sources(paths, Path(gettempdir())) as sources:
        layout, sample = _read(sources, operation, dialect)
    found = matches(sample.columns, operation.shape, dialect)
    sample, foreign = without_foreign(sample, value_columns(found, operation.shape, dialect))
    rules = proposed_rules(found, sample, operation.shape, dialect)
    rules += commented(_needed(found, unused(sample.columns, found), operation, dialect))
    is_empty = all(rule.startswith("#") for rule in rules)
    columns = [commented(["columns:"])[0] if is_empty else "columns:", *indented(rules)]
    members = [line("operation", operation.name), *layout.lines, *foreign, *columns]
    to_do = _NOTHING if is_empty else _missing("\n".join(members), sample, operation, dialect)
    head = [_looked_at(sample), _HEAD, *(f"To do before it loads: {text}" for text in (layout.to_do, to_do) if text)]
    return "\n".join([*commented(head), *members, *_unused(sample, found, operation, dialect), ""])


_HEAD = "What is commented out is not certain: decide, and take the mark away. `bulkload columns` explains each column."
_NOTHING = "no column is certain: name what feeds the columns below"


def _read(sources: Sequence[Source], operation: Operation, dialect: Dialect) -> tuple[Layout, Sample]:
    """How an extract is written, and rows of it."""
    if sources[0].is_parquet:
        return Layout(ReadingRules(), []), _sample(sources, ReadingRules())
    layout = layout_of(sources[0], lambda header: len(matches(header, operation.shape, dialect)))
    sample = _sample(sources, layout.reading)
    footed = with_footer(layout, sources[0], sample) if len(sources) == 1 else layout
    return footed, sample if footed.reading == layout.reading else _sample(sources, footed.reading)


def _sample(sources: Sequence[Source], reading: ReadingRules) -> Sample:
    with open_sources(sources, declared=reading) as extract:
        return sample_of(extract)


def _looked_at(sample: Sample) -> str:
    """Which rows were looked at."""
    if not sample.read:
        return "The extract has no rows: all that is proposed is so by names alone."
    first = min(FIRST, sample.read)
    told = f"Proposed from the first {first:,} row{'s' * (first > 1)}"
    if sample.read > first:
        told += f" and {len(sample.rows) + len(sample.bad) - first:,} of the {sample.read - first:,} behind them"
    if not sample.last:
        told += "; what follows those was not read"
    if sample.bad:
        place, code = sample.bad[0]
        told += f". {len(sample.bad):,} could not be read, the first {place} ({code})"
    return f"{told}."


def _needed(found: Iterable[Match], spare: Sequence[str], operation: Operation, dialect: Dialect) -> list[str]:
    """A line for each column that a row needs and nothing was found for."""
    there = {match.canonical.partition(":")[0] for match in found}
    shape = operation.shape
    lines = [
        line(plain.name, "?", f"needed: {plain.about}{did_you_mean(plain.name, spare)}")
        for plain in shape.plain_of(dialect).values()
        if plain.needed and plain.name not in there
    ]
    return lines + [
        line(family.example, "?", f"needed, this one or one like it: {family.about}")
        for family in shape.families_of(dialect)
        if family.needed and family.prefix not in there
    ]


def _missing(text: str, sample: Sample, operation: Operation, dialect: Dialect) -> str | None:
    """What a load would say of a mapping."""
    try:
        mapping = mapping_of(text, "as proposed", operation.name)
        Binding(sample.columns, operation.shape, dialect, operation.key, mapping, sample.kinds)
    except (ConfigError, ExtractError) as error:
        return error.message
    return None


def _unused(sample: Sample, found: Sequence[Match], operation: Operation, dialect: Dialect) -> list[str]:
    """The extract's columns that feed nothing; of a header that may be a row, no name is anybody's business."""
    spare = unused(sample.columns, found)
    if not spare:
        return []
    if any(map(_A_VALUE.fullmatch, sample.columns)):
        names = [f"column_{number}" for number in range(1, len(sample.columns) + 1)]
        doubt = "the first row looks like data: if the extract has no header, name its columns"
        return commented([line("header", "none", doubt), line("names", names)])
    there = {match.canonical for match in found}
    free = [name for name in operation.shape.plain_of(dialect) if name not in there]
    told = [f"{scalar(c)}{did_you_mean(c, free)}{_written(sample, c)}" for c in spare[:MOST_TOLD]]
    more = first_of(spare)[MOST_TOLD:]
    return commented(["Columns of the extract that feed nothing:", *indented([*told, *more])])


def _written(sample: Sample, column: str) -> str:
    """How the times of a column are written, if it has any."""
    cells = sample.cells(column)
    if column in sample.kinds or not cells:
        return ""
    times = [fit for fit in fits_of(cells, TimeText, Kind.TEXT, comma=False) if fit.fits and fit.is_good]
    return "".join(f"; format: {scalar(fit.declared.get('format', 'ISO 8601'))} {fit}" for fit in times)
