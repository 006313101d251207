"""What files of one extract must have in common: the same columns, of the same kinds.

Must not know where the files are, or how they are read.
"""

from collections.abc import Sequence

from connectors.extracts.batches import RowFile
from connectors.extracts.source_files import Source
from schemas.errors import SEE_OUTPUT, ExtractError
from schemas.suggestions import first_of


def check_columns(sources: Sequence[Source], files: Sequence[RowFile]) -> None:
    """All files must have the first one's columns, in any order."""
    expected = dict.fromkeys(files[0].columns)
    for source, file in zip(sources, files, strict=True):
        found = dict.fromkeys(file.columns)
        missing = [name for name in expected if name not in found]
        added = [name for name in found if name not in expected]
        if len(missing) == len(expected):  # one of them begins with a row, and its cells are nobody's business
            raise ExtractError(
                f"{source.name} has no column of {sources[0].name}: the files of one extract must have the same "
                "columns, each file in a header of its own"
            )
        if missing or added:
            told = [f"lacks {', '.join(first_of([*map(repr, missing)]))}"] if missing else []
            told += [f"adds {', '.join(first_of([*map(repr, added)]))}"] if added else []
            same = "the files of one extract must have the same columns"
            raise ExtractError(
                f"{source.name} {' and '.join(told)}, compared with {sources[0].name}: {same}",
                f"{source.name} has other columns than {sources[0].name}: {same}{SEE_OUTPUT}",
            )


def check_types(sources: Sequence[Source], files: Sequence[RowFile]) -> None:
    """A column must be of one kind in all files; width, unit and scale may differ."""
    first: dict[str, tuple[object, str]] = {}
    for source, file in zip(sources, files, strict=True):
        for column, found in file.types().items():
            told = f"{found.name} in {source.name}"
            kind, told_first = first.setdefault(column, ((found.kind, found.is_list), told))
            if kind != (found.kind, found.is_list):
                text = f"is {told_first} but {told}: write it with one type in all files"
                raise ExtractError(f"column {column!r} {text}", f"a column {text}{SEE_OUTPUT}")
