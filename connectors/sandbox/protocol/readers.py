"""Readers: small functions that check one JSON value and return it in the form we keep. They know nothing of LUSID.

A reader is called with the value, its path in the body and the errors so far. It adds whatever it cannot accept to the
errors, under the path, and carries on, so that one answer names every mistake. A path consists of member names and map
keys joined by dots, and list positions in brackets: `requests[3].orders[0].quantity`. An explicit null counts as
absent: LUSID's own SDK sends nulls for optional members.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.sandbox.protocol.dates import utc_text
from connectors.sandbox.protocol.exact_json import Document


class Errors(dict[str, list[str]]):
    """Messages by the path of the value that they are about."""

    def add(self, path: str, message: str) -> None:
        """Adds one message about the value at `path` (`$` is the body itself)."""
        self.setdefault(path or "$", []).append(message)


Reader = Callable[[Any, str, Errors], Any]
"""(value, path, errors) -> the value as kept, or None when it was refused; then the errors say why."""

Check = Callable[[Any, str, Errors], None]
"""(whole value, path, errors): adds to the errors what is wrong between the parts of the value."""

LARGEST = Decimal("79228162514264337593543950335")
"""The largest .NET decimal, the type in which LUSID appears to keep numbers (C# SDK)."""

DECIMALS = 28
"""The most digits a .NET decimal has after the point."""


def text(low: int = 1, high: int = 256, pattern: str | None = None) -> Reader:
    """Reads a string.

    Args:
        low: the fewest characters.
        high: the most characters; 256 is LUSID's general limit.
        pattern: the regular expression that the whole string must match.
    """
    matches = re.compile(pattern, re.ASCII).fullmatch if pattern else None

    def read(value: Any, path: str, errors: Errors) -> str | None:
        if not isinstance(value, str):
            errors.add(path, "must be a string")
        elif not low <= len(value) <= high:
            errors.add(path, f"must be {low} to {high} characters long, is {len(value)}")
        elif matches and not matches(value):
            errors.add(path, f"must match the regular expression ^{pattern}$")
        else:
            return value
        return None

    return read


def number(value: Any, path: str, errors: Errors) -> int | Decimal | None:
    """Reads a JSON number, never a string or a boolean, within the range of a .NET decimal."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        errors.add(path, "must be a number")
    elif not -LARGEST <= value <= LARGEST:
        errors.add(path, "is outside the range of a decimal")
    elif isinstance(value, Decimal) and -int(value.as_tuple().exponent) > DECIMALS:
        errors.add(path, f"has more than {DECIMALS} decimals")
    else:
        return value
    return None


def date_time(value: Any, path: str, errors: Errors) -> str | None:
    """Reads a date-time in one of LUSID's documented forms, and returns it in UTC with seven decimals."""
    moment = utc_text(value) if isinstance(value, str) else None
    if moment is None:
        errors.add(path, "must be an ISO date, eg 'yyyy-MM-ddTHH:mm:ss.FFFFFFFK', with an offset")
    return moment


def listed(item: Reader, low: int = 0, high: int | None = None) -> Reader:
    """Reads a list.

    Args:
        item: reads an item.
        low: the fewest items.
        high: the most items; None for no limit.
    """

    def read(value: Any, path: str, errors: Errors) -> list[Any] | None:
        if not isinstance(value, list):
            errors.add(path, "must be a list")
            return None
        if len(value) < low or (high is not None and len(value) > high):
            upto = "" if high is None else f" to {high}"
            errors.add(path, f"must hold {low}{upto} items, holds {len(value)}")
            return None
        return [item(each, f"{path}[{n}]", errors) for n, each in enumerate(value)]

    return read


def mapped(item: Reader, key: Reader | None = None, low: int = 0, high: int | None = None) -> Reader:
    """Reads an object of `low` to `high` entries.

    Args:
        item: reads the value of an entry.
        key: checks the key of an entry, under the entry's own path.
        low: the fewest entries.
        high: the most entries; None for no limit.
    """

    def read(value: Any, path: str, errors: Errors) -> Document | None:
        if not isinstance(value, dict):
            errors.add(path, "must be an object")
            return None
        if len(value) < low or (high is not None and len(value) > high):
            upto = "" if high is None else f" to {high}"
            errors.add(path, f"must hold {low}{upto} entries, holds {len(value)}")
        out: Document = {}
        for name, each in value.items():
            below = f"{path}.{name}" if path else name
            if key is not None:
                key(name, below, errors)
            out[name] = item(each, below, errors)
        return out

    return read


def members(required: Mapping[str, Reader], optional: Mapping[str, Reader] | None = None) -> Reader:
    """Reads an object with these members and no others; optional members that are null are dropped."""
    known = {**required, **(optional or {})}

    def read(value: Any, path: str, errors: Errors) -> Document | None:
        if not isinstance(value, dict):
            errors.add(path, "must be an object")
            return None
        prefix = f"{path}." if path else ""
        out: Document = {}
        for name, each in value.items():
            reader = known.get(name)
            if reader is None:
                errors.add(f"{prefix}{name}", f"{name} is not a member of this request")
            elif each is not None:
                out[name] = reader(each, f"{prefix}{name}", errors)
        for name in required:
            if value.get(name) is None:
                errors.add(f"{prefix}{name}", f"The {name} field is required.")
        return out

    return read


def checked(reader: Reader, *checks: Check) -> Reader:
    """Reads with `reader`, then checks the whole value if nothing in it was refused."""

    def read(value: Any, path: str, errors: Errors) -> Any:
        before = len(errors)
        out = reader(value, path, errors)
        if out is not None and len(errors) == before:
            for check in checks:
                check(out, path, errors)
        return out

    return read


def unique_by(member: str, name_of: Callable[[Any], str], message: str) -> Check:
    """A check for `listed`: no two items have the same `member`.

    Args:
        member: the member, which every item has.
        name_of: names its value; values of one name are the same.
        message: what is wrong with a later item; `{}` stands for the name.
    """

    def check(items: Sequence[Document], path: str, errors: Errors) -> None:
        seen: set[str] = set()
        for n, item in enumerate(items):
            name = name_of(item[member])
            if name in seen:
                errors.add(f"{path}[{n}].{member}", message.format(name))
            seen.add(name)

    return check
