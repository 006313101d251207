"""Limits that stop a load: a number, or a share of all.

The failure budget is of rows that may fail; the guard's limits are of keys that may change in LUSID.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from schemas.errors import ConfigError, LimitError

_FORM = re.compile(r"^(\d+(?:\.\d+)?)(%?)$")


@dataclass(frozen=True)
class Limit:
    """50, or 2.5%.

    Attributes:
        amount: a number, or a percentage of all.
        percent: whether it is a percentage.
    """

    amount: Decimal
    percent: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `N` or `N%`; raises ValueError for anything else."""
        match = _FORM.match(text.strip())
        if match is None or (not match[2] and "." in match[1]) or (match[2] and Decimal(match[1]) > 100):
            raise ValueError(text)
        return cls(Decimal(match[1]), bool(match[2]))

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:
        """A text wherever it is written down."""
        from pydantic_core import core_schema as core

        text = core.to_string_ser_schema()
        return core.no_info_plain_validator_function(
            cls._read, json_schema_input_schema=core.str_schema(), serialization=text
        )

    @classmethod
    def _read(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        try:
            return cls.parse(str(value))
        except ConfigError as error:
            raise ValueError(error) from None

    def __str__(self) -> str:
        return f"{self.amount}{'%' if self.percent else ''}"

    def allows(self, count: int, of: int) -> bool:
        """Whether so many of all are not too many."""
        return count * 100 <= of * self.amount if self.percent else count <= self.amount


class FailureBudget(Limit):
    """`--max-failures`: rows that may fail, or a percentage of the rows read."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `N` or `N%`; raises ConfigError for anything else."""
        try:
            return super().parse(text)
        except ValueError:
            raise ConfigError(f"--max-failures takes a number of rows or a percentage up to 100%, not {text}") from None

    def exceeded(self, failed: int, rows: int) -> LimitError | None:
        """The error that stops the run; None while no more rows have failed than the budget allows."""
        if self.allows(failed, rows):
            return None
        return LimitError(f"{failed:,} of {rows:,} rows failed, more than --max-failures {self} allows")
