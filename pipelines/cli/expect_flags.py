"""Turns the flags of the completeness check into the expectations that it checks."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas.errors import ConfigError
from schemas.expectations import Expectations

_FLAGS = {
    "totals": "--control-total takes COLUMN=SUM",
    "trailer": "--trailer takes TEXT or TEXT=CELL (2 or more)",
    "settled_seconds": "--settled takes seconds",
    "rows": "--expect-rows takes a number of rows",
    "min_rows": "--min-rows takes a number of rows",
}
_TOO_FEW = "--expect-rows is less than --min-rows"


def expectations(
    *, totals: list[str] | None, trailer: str | None, done_marker: Path | None = None, **others: Any
) -> Expectations:
    """Expectations from flags; those that are not given stay unset, so that the mapping's apply.

    Args:
        totals: `COLUMN=SUM` each.
        trailer: `TEXT` or `TEXT=CELL`.
        done_marker: as typed, so relative to the working folder.
        others: other members of `Expectations`.

    Raises:
        ConfigError: one line that names what cannot be read.
    """
    given: dict[str, Any] = {name: value for name, value in others.items() if value is not None}
    if totals:
        given["totals"] = dict(_parted(text, "--control-total takes COLUMN=SUM") for text in totals)
    if trailer is not None:
        text, _, cell = trailer.partition("=")
        given["trailer"] = {"starts_with": text, **({"rows_cell": cell} if cell else {})}
    if done_marker is not None:
        given["done_marker"] = done_marker.absolute()
    try:
        return Expectations.model_validate(given)
    except ValidationError as error:
        members = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
        wrong = ", ".join(sorted(_FLAGS.get(member, member) for member in members)) or _TOO_FEW
        raise ConfigError(f"{wrong}; see `bulkload load --help`") from None


def _parted(text: str, usage: str) -> tuple[str, str]:
    column, equals, total = text.rpartition("=")
    if not equals or not column:
        raise ConfigError(f"{usage}, not {text}")
    return column, total
