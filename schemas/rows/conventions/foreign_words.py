"""Words and marks that spreadsheets and databases write in place of values, or around them.

A cell that is one of them is no value until a mapping says so: it is refused where it would name something, and counted
where it would be told as a text. Nothing here knows columns or rows.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, TypeAdapter, ValidationError

from schemas.rows.cells import clean_key, refuse
from schemas.rows.conventions.plain_columns import PLAIN

_NULL_WORDS = r"""
    NULL null (null) <null> [NULL] \N None nan NaN -nan -NaN NaT <NA> <NaN> #N/A #NA #NV 1.#IND -1.#IND 1.#QNAN -1.#QNAN
"""
_ERROR_WORDS = """
    #REF! #VALUE! #NAME? #DIV/0! #NUM! #NULL! #SPILL! #CALC! #FIELD! #BLOCKED! #CONNECT! #UNKNOWN! #BUSY! #ERROR!
    #GETTING_DATA #PYTHON! #EXTERNAL! #BEZUG! #WERT! #ZAHL! #VALEUR! #NOM? #NOMBRE! #RIF! #VALORE! #NOME? #VALOR!
    #¡REF! #¡VALOR! #¿NOMBRE? #¡DIV/0! #¡NUM! #¡NULO! #VERW! #WAARDE! #NAAM? #GETAL!
"""
NULL_WORDS = frozenset(_NULL_WORDS.split())
"""What databases, data frames and spreadsheets write for no value; people write none of it."""
ERROR_WORDS = frozenset(
    [*_ERROR_WORDS.split(), *(f"Err:{n}" for n in range(501, 541)), *("#" * n for n in range(3, 256))]
)
"""What spreadsheets show in place of a value that they could not work out, or that is wider than its column."""
FOREIGN_WORDS = NULL_WORDS | ERROR_WORDS

_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
"""A text as a formula, which keeps its zeros: `="00123"`."""
_NUMBER_AS_TEXT = re.compile(r"'[-+=@]?[\d.,/: -]*\d[\d.,/: -]*")
"""A number that a leading apostrophe makes a text; a text may begin with one by itself (`'s-Hertogenbosch`)."""

_NULL_WORD = (
    "is a word that databases and spreadsheets write for no value: declare it in the mapping's `null`, or pass --null; "
    "`null: []` of its column says that it is a value"
)
_ERROR_WORD = "is an error of a spreadsheet (#REF!, ####): correct it at its source"
_MARK = (
    'has a spreadsheet\'s mark of a text (="..." or a leading apostrophe): export it without, or declare '
    "`excel_text: true` in the mapping"
)


def without_mark(text: str, *, names: bool) -> str:
    """A cell without the mark of a text that a spreadsheet put around it; the same object where there is none.

    Args:
        text: the cell.
        names: it names something, so that a leading apostrophe can be nothing else.
    """
    bare = text.strip()
    if found := _FORMULA.fullmatch(bare):
        return found[1].replace('""', '"')
    if bare[:1] == "'" and (names or _NUMBER_AS_TEXT.fullmatch(bare)):
        return bare[1:]
    return text


@dataclass(frozen=True)
class Guard:
    """What may not stand in a cell unless a mapping says so.

    Attributes:
        names: cells name something, so that words for no value are refused.
        nulls: words for no value are none of its values.
        marks: marks of a spreadsheet are no part of its values.
    """

    names: bool
    nulls: bool = True
    marks: bool = True

    def cell_type(self, cell: Any) -> Any:
        """A pydantic type behind the guard; that of a list has it for each of its items."""
        return _guarded(self, cell)

    def is_alarming(self, cells: Collection[Any]) -> bool:
        """Whether a look at a whole column cannot tell that nothing in it is refused; costs little for each cell."""
        words = FOREIGN_WORDS if self.names and self.nulls else ERROR_WORDS
        try:
            if not words.isdisjoint(cells):
                return True
            together = "\n".join(cells)
        except TypeError:  # lists
            return True
        if self.marks and ('="' in together or together[:1] == "'" or "\n'" in together):
            return True
        return self.names and (" " in together or not together.isascii())

    def check(self, cell: Any) -> Any:
        """The cell; raises PydanticCustomError where it may not stand there."""
        text = clean_key(cell) if self.names and isinstance(cell, str) else cell
        if not isinstance(text, str):
            return cell
        if text in ERROR_WORDS:
            raise refuse("SpreadsheetError", _ERROR_WORD)
        if self.names and self.nulls and text in NULL_WORDS:
            raise refuse("NullWord", _NULL_WORD)
        if self.marks and without_mark(text, names=self.names) is not text:
            raise refuse("TextMark", _MARK)
        return cell

    def check_items(self, items: list[str]) -> list[str]:
        """The items of a list; raises PydanticCustomError for one that may not stand there."""
        for item in items:
            self.check(item)
        return items


@lru_cache(maxsize=512)
def _guarded(guard: Guard, cell: Any) -> Any:
    """Kept, so that columns of one type have one validator."""
    if _is_list(cell):
        return Annotated[cell, AfterValidator(guard.check_items)]
    return Annotated[cell, BeforeValidator(guard.check)]


def null_words_in(cells: Collection[Any]) -> int:
    """How many cells of a column, or lists in it, are words for no value."""
    try:
        return 0 if NULL_WORDS.isdisjoint(cells) else sum(cell in NULL_WORDS for cell in cells)
    except TypeError:  # lists
        return sum(not NULL_WORDS.isdisjoint(cell) for cell in cells)


def guarded_validator(cell: Any, guard: Guard | None, *, strict: bool) -> Callable[[Collection[Any]], list[Any]]:
    """What gives the validated cells of a column; raises ValidationError for all that it refuses.

    Args:
        cell: the pydantic type of a cell, without a guard.
        guard: what goes before it.
        strict: the type itself takes nothing that the guard refuses, which only knows better why.
    """
    if guard is None:
        return _list_validator(cell)
    guarded, is_alarming = guard.cell_type(cell), guard.is_alarming
    if _is_list(cell):
        return _list_validator(guarded)
    plain, known = _list_validator(cell), PLAIN.get(cell)

    def validate(cells: Collection[Any]) -> list[Any]:
        if not strict and is_alarming(cells):
            return _list_validator(guarded)(cells)
        if known and cells and known.fits(cells):
            return list(cells)
        try:
            return plain(cells)
        except ValidationError:
            return _list_validator(guarded)(cells)

    return validate


def _is_list(cell: Any) -> bool:
    return any(get_origin(part) is list for part in get_args(cell))


@lru_cache(maxsize=512)
def _list_validator(cell: Any) -> Callable[[Collection[Any]], list[Any]]:
    """Kept, because pydantic takes milliseconds to make one and columns share their types."""
    validate: Callable[[Collection[Any]], list[Any]] = TypeAdapter(list[cell]).validator.validate_python
    return validate
