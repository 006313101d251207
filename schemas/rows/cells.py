"""The types of single cells. Every cell arrives as text (or a list of texts from Parquet); '' is an absent one.

A decimal becomes the exact text of a JSON number, so that the same fact read from CSV, Parquet or a data frame is
the same bytes on the wire. Times: schemas/rows/times.py. Limits: docs/lusid.md. Nothing here knows columns or rows.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

MANGLED = re.compile(r"^[+-]?\d([.,]\d+)?[eE]\+\d+$|^[+-]?\d+\.0$|^#(#+|N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!)$")
"""What a spreadsheet makes of a long identifier (1.23E+11) or leaves of a broken formula (#REF!), and what a
number column that may be empty makes of any (123.0)."""
_MANGLED_STARTS = frozenset("0123456789+-#")

CODE_PATTERN = r"^[a-zA-Z0-9\-_]*$"
RESOURCE_CODE_PATTERN = r"^[a-zA-Z0-9@/+\-_*#;^&.?]*$"
_CURRENCY_PATTERN = r"^([a-zA-Z0-9]{3,5})?$"
_FILLED_PATTERN = r"\S"
PATTERN_RULES = {
    CODE_PATTERN: ("NotAllowed", "takes letters, digits, - and _ only"),
    RESOURCE_CODE_PATTERN: ("NotAllowed", "takes letters, digits and @ / + - _ * # ; ^ & . ? only"),
    _CURRENCY_PATTERN: ("NotAllowed", "is not a currency code of three to five letters or digits such as GBP or GBX"),
    _FILLED_PATTERN: ("Missing", "is missing"),
}
"""What a cell that does not match a pattern is told: code and rule."""

_DECIMAL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?")
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]
)
"""Soft hyphen, zero-width characters, and the marks of writing direction that a copied cell brings along."""

_SIGNIFICANT_DIGITS = 28

_BEFORE_BAR = re.compile(r"(\\*\|)")
_BAR = re.compile(r"(\\*)\|")
_LAST_BACKSLASHES = re.compile(r"\\+$")


def refuse(code: str, message: str) -> PydanticCustomError:
    """An error of one cell. `message` names the rule, never the cell's value."""
    return PydanticCustomError(code, message)


def clean_key(text: str) -> str:
    """A key as we compare and send it: outer white space and invisible characters gone, NFC."""
    text = text.strip()
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text.translate(_INVISIBLE)).strip()


def code(cell: Any) -> Any:
    """A code as a key is cleaned; what is no text is left for the type to refuse."""
    return clean_key(cell if cell.isascii() else _unmarked(cell)) if isinstance(cell, str) else cell


def identifier(text: object) -> str:
    """An identifier's value; refuses what a spreadsheet or a float column has mangled."""
    if not isinstance(text, str):
        raise refuse("NotText", "takes one value, not a list")
    text = text.strip() if text.isascii() else clean_key(_unmarked(text))
    if text[:1] in _MANGLED_STARTS and not text.isalnum() and MANGLED.match(text):
        raise refuse(
            "MangledIdentifier",
            "looks mangled by a spreadsheet or a number column (digits may be lost): export it as text",
        )
    if not text.isprintable():
        raise refuse("ControlCharacter", "holds a control character or an unusual space")
    return text


def _unmarked(text: str) -> str:
    """A name, refused where a byte order mark is in it: files were joined there, and nobody sees it."""
    if "\ufeff" in text:
        raise refuse("ByteOrderMark", "holds a byte order mark (U+FEFF): remove it")
    return text


def decimal(text: object) -> str:
    """The exact JSON number of a decimal: no exponent, no leading `+`, no trailing zeros.

    At most 28 significant digits and 28 decimals: what LUSID's decimal type keeps.
    """
    if not isinstance(text, str):
        raise refuse("NotDecimal", "takes one decimal, not a list")
    text = text.strip()
    if not text:
        return ""
    match = _DECIMAL.fullmatch(text) if text.isascii() else None
    if match is None or not (match[3] or (match[2] and match[3] is None)):
        raise refuse("NotDecimal", _why_not_decimal(text))
    whole, fraction = match[2].lstrip("0"), (match[3] or "").rstrip("0")
    if (
        len(text) > _SIGNIFICANT_DIGITS
        and max(len((whole + fraction).lstrip("0")), len(fraction)) > _SIGNIFICANT_DIGITS
    ):
        raise refuse("TooManyDigits", f"has more than {_SIGNIFICANT_DIGITS} significant digits or decimals")
    number = f"{whole or '0'}.{fraction}" if fraction else whole or "0"
    return f"-{number}" if match[1] == "-" and number != "0" else number


def _why_not_decimal(text: str) -> str:
    if text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
        return "is not a finite number"
    if re.match(r"^[+-]?\d+(\.\d+)?[eE][+-]?\d+$", text):
        return "is in scientific notation, which may have lost digits: write the number out"
    if "," in text or "(" in text or " " in text:
        return "is not a plain decimal such as 1234.50: declare `decimal` and `thousands` in the mapping"
    return "is not a decimal number such as 1234.50"


def label_set(cell: Any) -> list[str]:
    """A set of labels: `|` between items in CSV, a list in Parquet. Up to 250, each once, 1024 characters each."""
    items = list(dict.fromkeys(label_items(cell)))
    if "" in items:
        raise refuse("EmptyLabel", "has an empty item")
    if len(items) > 250:
        raise refuse("TooManyLabels", "has more than 250 items")
    if sum(map(len, items)) > 1024 and max(map(len, items)) > 1024:
        raise refuse("TooLong", "has an item of more than 1024 characters")
    return items


def label_items(cell: Any) -> list[str]:
    """The items of a cell, as they are written."""
    items = cell if isinstance(cell, list) else split_labels(cell) if cell.strip() else []
    return [item.strip() for item in items]


def split_labels(text: str) -> list[str]:
    r"""The items of a CSV cell: a `|` stands between two, and `\|` for one inside an item.

    Backslashes before a `|` stand for half as many, so that an item may end in one.
    """
    if "\\" not in text:
        return text.split("|")
    items, item = [], ""
    for part in _BEFORE_BAR.split(text):
        if part[-1:] != "|":
            item += part
            continue
        backslashes = len(part) - 1
        item += "\\" * (backslashes // 2)
        if backslashes % 2:
            item += "|"
        else:
            items.append(item)
            item = ""
    return [*items, item]


def joined_labels(items: Sequence[str]) -> str:
    """The CSV cell that `split_labels` reads as these items."""
    text = "|".join(items)
    if "\\" not in text and text.count("|") == max(len(items) - 1, 0):
        return text
    *firsts, last = [_BAR.sub(lambda found: found[1] * 2 + "\\|", item) for item in items]
    return "|".join([*(_LAST_BACKSLASHES.sub(lambda found: found[0] * 2, item) for item in firsts), last])


def switch(cell: object) -> str:
    """The words `true` and `false`, in any case."""
    word = cell.strip().lower() if isinstance(cell, str) else "a list"
    if word in {"", "true", "false"}:
        return word
    raise refuse("NotSwitch", "is neither true nor false")


def choice(allowed: tuple[str, ...], hint: Callable[[str], str]) -> Callable[[str], str]:
    """One of a vocabulary, exactly as LUSID spells it; `hint` suggests the near one."""
    known = frozenset(allowed)

    def check(text: str) -> str:
        if text in known or not text:
            return text
        raise refuse("NotAllowed", f"is none of {', '.join(allowed)}{hint(text)}")

    return check


def _unless_blank(text: str) -> str:
    """Text as it is; a cell of white space only, which a padded extract has, is absent."""
    return text if not text or text.strip() else ""


Label = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_unless_blank)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=_FILLED_PATTERN)]
Description = Annotated[str, StringConstraints(max_length=512), AfterValidator(_unless_blank)]
Word = Annotated[str, StringConstraints(max_length=256, strip_whitespace=True)]
NeededWord = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(max_length=64, pattern=CODE_PATTERN), BeforeValidator(code)]
NeededCode = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=CODE_PATTERN), BeforeValidator(code)]
ResourceCode = Annotated[str, StringConstraints(max_length=256, pattern=RESOURCE_CODE_PATTERN), BeforeValidator(code)]
NeededResourceCode = Annotated[
    str, StringConstraints(min_length=1, max_length=256, pattern=RESOURCE_CODE_PATTERN), BeforeValidator(code)
]
Identifier = Annotated[str, StringConstraints(max_length=64), BeforeValidator(identifier)]
Instrument = Annotated[str, StringConstraints(max_length=256), BeforeValidator(identifier)]
Currency = Annotated[str, StringConstraints(strip_whitespace=True, pattern=_CURRENCY_PATTERN)]
Unit = Annotated[str, StringConstraints(max_length=256, strip_whitespace=True)]
DecimalText = Annotated[str, BeforeValidator(decimal)]
Labels = Annotated[list[str], BeforeValidator(label_set)]
Switch = Annotated[str, BeforeValidator(switch)]

NAMES = (Identifier, Instrument, Code, NeededCode, ResourceCode, NeededResourceCode)
"""Types of cells that name something: digits they had may not be lost, nor may two of them become one."""
TEXTS = (Name, Description, Label, Labels)
"""Types of cells that are told as they are written."""
