"""Cells of a sample that spreadsheets and databases wrote in place of values, or around them.

Owns what is proposed for the whole file because of them. Which they are, `schemas.rows.conventions` knows.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from pipelines.propose.sample import Place, Sample
from pipelines.propose.text import commented, line
from schemas.rows.conventions.foreign_words import NULL_WORDS, without_mark


def without_foreign(sample: Sample, values: Collection[str]) -> tuple[Sample, list[str]]:
    """The sample as it is read with what is proposed, and the lines that propose it.

    A mark such as `="00123"` can be nothing else. A word for no value is one where it stands among numbers or times;
    in texts alone it may be a text.

    Args:
        sample: of an extract.
        values: its columns that hold numbers or times.
    """
    if sample.kinds:
        return sample, []
    lines: list[str] = []
    marked = [place for _, place, text in _texts(sample) if without_mark(text, names=False) is not text]
    if marked:
        lines.append(line("excel_text", value=True, told=f"{_cells(marked)} a spreadsheet's mark of a text"))
    words: dict[str, list[tuple[str, Place]]] = {}
    for column, place, text in _texts(sample):
        if text.strip() in NULL_WORDS:
            words.setdefault(text.strip(), []).append((column, place))
    certain = sorted(word for word, found in words.items() if any(column in values for column, _ in found))
    others = sorted(words.keys() - set(certain))
    for group in (certain, others):
        places = [place for word in group for _, place in words[word]]
        if places:
            text = line("null", group, f"{_cells(places)} such a word for no value")
            lines += [text] if group is certain else commented([text])
    return replace(sample, unmarked=bool(marked), nulls=frozenset(certain)), lines


def _texts(sample: Sample) -> Iterator[tuple[str, Place, str]]:
    """The cells of a sample that are filled, each with its column and place."""
    for column in sample.columns:
        yield from ((column, place, cell) for place, cell in sample.cells(column) if isinstance(cell, str))


def _cells(places: list[Place]) -> str:
    if len(places) == 1:
        return f"1 cell has, in {places[0]},"
    return f"{len(places):,} cells have, the first in {places[0]},"
