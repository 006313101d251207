"""What a night requires and how it is loaded: the content of night.yaml.

Strict: a member that is not known is an error before anything is loaded. Which operations a night has, and what their
options take, is checked by `pipelines.nights.night`.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.nights.owners import Owners
from schemas.settings import LARGEST
from schemas.verdicts import RedAt

_AGE = re.compile(r"(\d{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SHARE = re.compile(r"(\d{1,6}(?:\.\d+)?)%")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _age(value: Any) -> Any:
    match = _AGE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("is not an age such as 90m, 24h or 2d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _bound(value: Any) -> Any:
    is_share = isinstance(value, str) and _SHARE.fullmatch(value)
    if is_share or (type(value) is int and 0 <= value <= LARGEST):
        return value
    raise ValueError("is neither a share of the median such as 80% nor a number of rows")


def _file_name(value: Path) -> Path:
    if not value.name or "\0" in str(value):
        raise ValueError("names no file")
    return value


def _date_format(value: str) -> str:
    try:
        told = {f"{day:{value}}" for day in (date(2026, 1, 1), date(2026, 1, 2), date(2026, 2, 1), date(2027, 1, 1))}
    except ValueError:
        told = set()
    if len(told) < 4 or "/" in value:
        raise ValueError('is not how a file name holds a date, such as "%Y%m%d" or "%d-%m-%y"')
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        raise ValueError("is not a time zone such as Europe/London") from None
    return value


def _weekday(value: str) -> str:
    if value not in WEEKDAYS:
        raise ValueError(f"takes {', '.join(WEEKDAYS)}")
    return value


Day = date
Age = Annotated[
    timedelta, BeforeValidator(_age, json_schema_input_type=Annotated[str, Field(pattern=r"^\d{1,5}[mhd]$")])
]
Bound = Annotated[int | str, BeforeValidator(_bound, json_schema_input_type=int | str)]
FileName = Annotated[Path, AfterValidator(_file_name)]
Operation = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Volume(_Part):
    """How many rows an extract may have."""

    min: Bound | None = None
    """The fewest: a share of the median of the last nights, such as 80%, or a number of rows."""
    max: Bound | None = None
    """The most, in the same way."""

    def limits(self, median: float | None) -> tuple[int | None, int | None]:
        """The fewest and the most rows; None where there is no limit, or none is known yet.

        Args:
            median: of the rows of the last nights; None where there are too few of them.
        """
        return _limit(self.min, median), _limit(self.max, median)

    @property
    def compares(self) -> bool:
        """Whether it says anything of the last nights."""
        return any(isinstance(each, str) for each in (self.min, self.max))


def _limit(bound: int | str | None, median: float | None) -> int | None:
    if not isinstance(bound, str):
        return bound
    return None if median is None else round(float(bound.rstrip("%")) * median / 100)


class NightRules(_Part):
    """The whole of night.yaml. Everything in it is optional."""

    require: tuple[Operation, ...] = ()
    """Operations whose extract must come; without one the night is red, and loads that need it are held."""
    order: tuple[Operation, ...] = ()
    """The order of the loads; operations that are not named follow in their own order."""
    mappings: dict[Operation, FileName] = Field(default_factory=dict)
    """The mapping of each operation's extract, a path from the folder of night.yaml; default: <operation>.yaml."""
    date: Annotated[str, AfterValidator(_date_format)] | None = None
    """How the names of the extracts hold the business date; files of other dates are not loaded."""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """Where the business date begins."""
    due: Age = timedelta(hours=36)
    """How long after the business date has begun an extract may still come; then what is missing never came."""
    fresh: Age | None = None
    """How old a file of an extract may be; an older one is of an earlier night, and is not loaded."""
    rows: dict[Operation, Volume] = Field(default_factory=dict)
    """How many rows each operation's extract may have; one with more or fewer is not loaded."""
    done_marker: FileName | None = None
    """A file that must be there, no older than the extracts; a path from the night's folder."""
    settings: dict[Operation, dict[str, Any]] = Field(default_factory=dict)
    """Options of each operation's load, as their flags name them; a flag that is given goes before."""
    calendar: tuple[Day, ...] | FileName = ()
    """Holidays, on which nothing is required: dates, or the name of a file with one date a line."""
    weekend: tuple[Annotated[str, AfterValidator(_weekday)], ...] = ("saturday", "sunday")
    """Days of the week on which nothing is required."""
    owners: Owners = Owners()
    """Who must act: names of the three parties, and which of them a code is for."""
    feeds: dict[Operation, Name] = Field(default_factory=dict)
    """The feed of each operation's extract."""
    red_at: RedAt | None = None
    """From which share of an extract's rows on rejects are red."""

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        for name, words in (("require", self.require), ("order", self.order)):
            if len(set(words)) < len(words):
                raise ValueError(f"{name} names an operation twice")
        return self

    @property
    def operations(self) -> Mapping[str, tuple[str, ...]]:
        """The operations that each member names."""
        named = ("mappings", "rows", "settings", "feeds")
        return {"require": self.require, "order": self.order, **{name: tuple(getattr(self, name)) for name in named}}

    def begins(self, day: Day) -> datetime:
        """The moment at which a business date begins."""
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.timezone))

    def today(self) -> Day:
        """The business date that it is now."""
        return datetime.now(ZoneInfo(self.timezone)).date()

    def with_holidays(self, dates: tuple[Day, ...]) -> "NightRules":
        """The same rules with the dates that the calendar's file holds."""
        return self.model_copy(update={"calendar": dates})

    def closed(self, day: Day) -> str | None:
        """Why nothing is required on a date; None on a business date."""
        if isinstance(self.calendar, tuple) and day in self.calendar:
            return "a holiday of the calendar"
        return f"a {WEEKDAYS[day.weekday()].title()}" if WEEKDAYS[day.weekday()] in self.weekend else None
