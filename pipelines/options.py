"""The options of a load, and the progress that it reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from enum import EnumType
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias, get_args

import numpy as np
from pydantic import TypeAdapter, ValidationError

from connectors.lusid.waiting import Waiting
from connectors.targets import Target
from schemas.errors import ConfigError
from schemas.expectations import Expectations
from schemas.option_types.kinds import About, Exact, Switch, Text
from schemas.settings import GUARDS, LARGEST, LoadOptions, about
from schemas.suggestions import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

Extracts: TypeAlias = "str | Path | Sequence[str | Path] | pd.DataFrame"


@dataclass(frozen=True)
class Options(LoadOptions):
    """The options of a load: those with a flag of the same name, and those that only a process can have.

    Attributes:
        target: as in `LoadOptions`, or an open one, which the load leaves open.
        expect: what must be true of the whole extract; overrides the mapping's.
        followed: loads that depend on this one follow, so its report names the references that failed.
        hold: references (`InvestorRecord/Scope/Code=value`) that failed in earlier loads of the night, and why.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"allow_inf_nan": False, "arbitrary_types_allowed": True}

    target: Annotated[Text | Target | None, About(takes="a URL, sandbox or sandbox:FILE")] = None  # type: ignore[assignment]  # wider: a process may have it open
    expect: Annotated[Expectations, About(takes="a map of expectations")] = field(default_factory=Expectations)
    followed: Switch = False
    hold: Annotated[Mapping[str, str], About(takes="a map of references")] = field(default_factory=dict)

    @classmethod
    def of(cls, **changes: Any) -> "Options":
        """Options from plain values, as in `Options.of(mode="Atomic", runs="/data/runs")`; None counts as not given.

        Raises:
            ConfigError: one line that names the option, what it takes and what was given.
        """
        given = {name: _plain(value) for name, value in changes.items() if value is not None}
        for name in given:
            if name not in _FIELDS:
                raise ConfigError(f"there is no option {name}{did_you_mean(name, _FIELDS)}")
        try:
            return _OPTIONS.validate_python(given)
        except ValidationError as error:
            raise _refusal(error, given) from None

    def guarded(self, **limits: Any) -> "Options":
        """The options with some limits of the guard in place of their own, as `of` takes them; without any, with none.

        Raises:
            ConfigError: as `of` raises it.
        """
        given = self.of(**limits).guards if limits else dict.fromkeys(GUARDS)
        return replace(self, **dict[str, Any](given))

    def prepared_by(self, **crew: Any) -> "Options":
        """The options with another engine and its scheduler in place of their own, as `of` takes them.

        Raises:
            ConfigError: as `of` raises it.
        """
        other = self.of(**{"engine": self.engine, **crew})
        return replace(self, engine=other.engine, scheduler=other.scheduler)

    def plain(self) -> dict[str, Any]:
        """The options as JSON members, without `hold` and `followed`; `of` reads them back."""
        here = {"hold", "followed"}
        found = _OPTIONS.dump_python(self, mode="json", exclude=here, exclude_none=True, exclude_unset=True)
        return dict(found)


_OPTIONS = TypeAdapter(Options)
_FIELDS = {option.name: option for option in fields(Options)}
_SHOWN = 40
"""Characters shown of a wrong text."""


def _plain(value: Any) -> Any:
    """The value, with numpy's numbers as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def _refusal(error: ValidationError, given: Mapping[str, Any]) -> ConfigError:
    """The error that says in one line what does not fit."""
    faults = error.errors(include_url=False)
    name = str(faults[0]["loc"][0])
    cause = faults[0].get("ctx", {}).get("error")
    if cause is not None and isinstance(cause.args[0], ConfigError):
        return cause.args[0]
    if name == "expect" and isinstance(given[name], Mapping | Expectations):
        said = "; ".join(": ".join([*map(str, f["loc"]), f["msg"].removeprefix("Value error, ")]) for f in faults)
        return ConfigError(said)
    return ConfigError(f"{name} takes {_taken(name, given[name])}, not {kind_of(given[name])}")


def _taken(name: str, given: object) -> str:
    """What an option takes, in words; the largest number of all is named where the given one is above it."""
    kind, *rules = get_args(_FIELDS[name].type)
    if words := about(_FIELDS[name]).takes:
        return words
    if isinstance(kind, EnumType):
        *others, last = map(str, kind.__members__.values())
        return f"{', '.join(others)} or {last}"
    if kind is bool:
        return "True or False"
    bounds = next(rule for rule in rules if isinstance(rule, Exact))
    is_open = bounds.most is None or (bounds.most == LARGEST and not (isinstance(given, int) and given > LARGEST))
    until = "on" if is_open else f"to {bounds.most}"
    return f"a {'whole ' if kind is int else ''}number from {bounds.least} {until}"


def kind_of(value: object) -> str:
    """A value that does not fit, in words."""
    match value:
        case "":
            return "an empty text: is a shell variable unset?"
        case str():
            return f"the text {value[:_SHOWN]!r}"
        case bool() | int() | float():
            return f"{value!r}"
        case _:
            return f"a value of type {type(value).__name__}"


class Progress:
    """Receives what a load reports. This one ignores it; the terminal's shows it."""

    def note(self, text: str) -> None:
        """Takes a note that the user should see."""

    def quote(self, text: str, outside: str) -> None:
        """Takes a note that may quote a row or LUSID, and `outside`, what whoever may not see persons is told of it."""
        self.note(text)

    def begins(self, day: date, feed: str | None) -> None:
        """Takes the business date of a load that begins, and the feed that it is of."""

    def reading(self, rows: int) -> None:
        """Takes the number of rows read and validated so far."""

    def sending(self, settled: int, total: int) -> None:
        """Takes the number of requests settled so far, and of all; at most fifty times a second, and at the end."""

    def waiting(self, wait: Waiting) -> None:
        """Takes a wait that begins because LUSID takes no calls, in the thread that waits."""

    def stopping(self) -> None:
        """Takes that the run was interrupted: what is in flight is still waited for. Called in a signal's handler."""

    def closed(self, run: Path) -> None:
        """Takes the folder of a run whose books are closed."""
