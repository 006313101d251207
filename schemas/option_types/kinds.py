"""What an option says of itself, and what may stand in it: numbers within bounds, texts, texts that a check accepts.

Pydantic is imported when a schema is made: `bulkload --help` must answer at once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple


class About(NamedTuple):
    """Describes an option.

    Attributes:
        help: its line in --help; empty where it has no flag and is for Python alone.
        takes: the values it takes, where its type does not say so.
        metavar: stands for its value in --help.
        one_extract: only commands that load a single extract have it.
    """

    help: str = ""
    takes: str = ""
    metavar: str | None = None
    one_extract: bool = False


class Exact(NamedTuple):
    """Takes only real numbers and switches, within bounds, and no texts that look like them."""

    least: int | None = None
    most: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """The type's own schema, narrowed."""
        bounds = {"ge": self.least, "le": self.most}
        return {**handler(source), "strict": True, **{name: n for name, n in bounds.items() if n is not None}}


class Filled:
    """Refuses an empty text, which usually comes from an unset variable, and one with a NUL in it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """The type's own schema behind the check."""
        from pydantic_core.core_schema import no_info_before_validator_function

        return no_info_before_validator_function(_filled, handler(source))


def _filled(value: Any) -> Any:
    if value == "" or "\0" in str(value):
        raise ValueError("names nothing")
    return value


class Checked(NamedTuple):
    """Takes a text that a check accepts.

    Attributes:
        check: raises ValueError for a text that will not do.
    """

    check: Callable[[str], object]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """The type's own schema before the check."""
        from pydantic_core.core_schema import no_info_after_validator_function

        return no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: Any) -> Any:
        if value is not None:
            self.check(value)
        return value


Text = Annotated[str, Filled()]
Location = Annotated[Path, Filled()]
Switch = Annotated[bool, Exact()]
