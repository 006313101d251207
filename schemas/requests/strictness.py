"""The narrower rules of `--strict`: what LUSID may take, but few firms use, so that it is more often a mistake."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import AfterValidator, BeforeValidator

from schemas.rows.cells import CODE_PATTERN, Currency, Labels, NeededResourceCode, ResourceCode, refuse, split_labels
from schemas.rows.columns import Check, Columns, Family, Plain, Row, RowShape

_MOST_OF_A_CODE = 64
_CODE = re.compile(CODE_PATTERN)
_CURRENCY = re.compile("(?:[A-Z]{3})?")


def strict_shape(shape: RowShape) -> RowShape:
    """A shape with the narrower rules."""
    plain = tuple(_narrow(each) for each in shape.plain)
    families = tuple(_narrow(each) for each in shape.families)
    checks = [check for check in (shape.check, shape.check_strictly) if check is not None]
    return replace(shape, plain=plain, families=families, check=_all_of(checks) if checks else None)


def _narrow(column: Any) -> Any:
    assert isinstance(column, Plain | Family)  # noqa: S101
    return replace(column, rule=_NARROWER.get(column.cell))


def _all_of(checks: list[Check]) -> Check:
    def check(row: Row, columns: Columns) -> list[tuple[str, str]]:
        return [broken for each in checks for broken in each(row, columns)]

    return check


def _code(text: str) -> str:
    if len(text) > _MOST_OF_A_CODE:
        raise refuse("TooLong", f"has more than {_MOST_OF_A_CODE} characters, the most that --strict takes")
    if not _CODE.fullmatch(text):
        raise refuse("NotAllowed", "takes letters, digits, - and _ only, with --strict")
    return text


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text):
        raise refuse("NotAllowed", "is not a currency code of three capital letters such as GBP, as --strict demands")
    return text


def _labels(cell: Any) -> Any:
    items = [item.strip() for item in (cell if isinstance(cell, list) else split_labels(cell))]
    if any("|" in item for item in items):
        raise refuse("BadLabel", "has an item with `|` in it, which --strict refuses")
    if len(set(items)) != len(items):
        raise refuse("RepeatedLabel", "repeats an item, which --strict refuses")
    return cell


_NARROWER: Mapping[Any, Any] = {
    ResourceCode: AfterValidator(_code),
    NeededResourceCode: AfterValidator(_code),
    Currency: AfterValidator(_currency),
    Labels: BeforeValidator(_labels),
}
