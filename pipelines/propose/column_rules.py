"""The rules of canonical columns, proposed from names and cells together.

Owns what is certain enough to be used as it stands. Must not know files.
"""

from collections.abc import Sequence
from typing import Any

from pipelines.propose.conventions import Fit, fits_of, has_decimal_comma
from pipelines.propose.names import Match
from pipelines.propose.sample import Sample
from pipelines.propose.text import commented, rule_lines
from pipelines.propose.words import is_decided, words_of
from schemas.dialects import Dialect
from schemas.rows.cells import DecimalText
from schemas.rows.columns import Columns, RowShape, cell_types
from schemas.rows.header import family_column
from schemas.rows.kinds import Kind
from schemas.rows.times import TimeText

_ZONE = "# timezone: Europe/London  # its times have no offset: name the zone that they are local to"
_SEVERAL_WAYS = "Nothing in the sample proves one of these: take the one that is right."


def proposed_rules(found: Sequence[Match], sample: Sample, shape: RowShape, dialect: Dialect) -> list[str]:
    """The lines of the mapping's columns, what is uncertain commented out.

    Args:
        found: what names say.
        sample: the extract's.
        shape: what the operation reads.
        dialect: the age of the server.
    """
    types = {match.canonical: _cell_type(match.canonical, shape, dialect) for match in found}
    numbers = [c for match in found if types[match.canonical] is DecimalText for c in match.columns]
    comma = any(has_decimal_comma(sample.cells(c)) for c in numbers if c not in sample.kinds)
    plain = shape.plain_of(dialect)
    lines: list[str] = []
    for match in found:
        vocabulary = plain[match.canonical].words.get(dialect, ()) if match.canonical in plain else ()
        for column in match.columns:
            cells, kind = sample.cells(column), sample.kinds.get(column, Kind.TEXT)
            words = words_of(match.canonical, vocabulary, cells)
            if words is None:
                fits = fits_of(cells, types[match.canonical], kind, comma=comma)
                lines += _rule(match, column, fits, certain=fits[0].is_good)
            else:
                lines += _rule(match, column, [words], vocabulary, certain=is_decided(words))
    return lines


def value_columns(found: Sequence[Match], shape: RowShape, dialect: Dialect) -> set[str]:
    """The extract's columns that hold numbers or times, by what their names say."""
    types = ((match, _cell_type(match.canonical, shape, dialect)) for match in found)
    return {column for match, cell in types if cell in (DecimalText, TimeText) for column in match.columns}


def _cell_type(name: str, shape: RowShape, dialect: Dialect) -> Any:
    """The type of a canonical column's cells."""
    plain = shape.plain_of(dialect)
    column = None if name in plain else family_column(name, shape, plain, [])
    return cell_types(Columns((name,), {column.prefix: (column,)} if column else {}), shape, dialect)[name]


def _rule(
    match: Match, column: str, fits: Sequence[Fit], vocabulary: Sequence[str] = (), *, certain: bool
) -> list[str]:
    """The lines of a column whose cells are written in one of some ways.

    Args:
        match: the canonical column.
        column: what feeds it.
        fits: the ways.
        vocabulary: LUSID's words, where the extract has others.
        certain: whether its cells leave no doubt of it.
    """
    lines = []
    for fit in fits:
        more = [_ZONE] if fit.needs_zone else []
        if vocabulary and not certain:
            more.append(f"# values: for each of the extract's words one of {', '.join(vocabulary)}")
        told = str(fit) if match.certain else f"{fit}; by its name it is not the only one that this could be"
        lines += rule_lines(match.canonical, column, fit.declared, told, more)
    if len(fits) > 1:
        return commented([_SEVERAL_WAYS, *lines])
    return lines if certain and match.certain else commented(lines)
