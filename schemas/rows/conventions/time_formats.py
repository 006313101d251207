"""Formats of dates and times: those with a name, strptime's, and several in the order in which they are tried.

A format reads a whole date or none; what it says of a zone, or does not say, is settled in `times`.
"""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.rows.cells import refuse
from schemas.rows.times import TIME, Midnight, iso_parts, offset_of, settle_date, settle_zone
from schemas.suggestions import did_you_mean

_PROBE = datetime(2001, 11, 23, 13, 45, 56, tzinfo=timezone(timedelta(hours=2)))
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # as all moments here, without a zone until it is settled
SERIALS = {"excel_serial": datetime(1899, 12, 30), "excel_serial_1904": datetime(1904, 1, 1)}  # noqa: DTZ001
_FIRST_SERIAL = 61
"""1900-03-01: Excel counts a 29 February 1900, so that earlier serials stand for other days elsewhere."""
_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,12})?", re.ASCII)
_TICKS_OF = {f"epoch_{unit}": Decimal(10) ** ticks for unit, ticks in (("s", 7), ("ms", 4), ("us", 1), ("ns", -2))}
_WIDTHS = {"Y": r"\d{4}", "f": r"\d{1,6}"} | dict.fromkeys("ymdHIMS", r"\d\d")
_DIRECTIVE = re.compile(r"%(.)")
_LOCAL = frozenset("cxX")
"""Directives that the language of a machine decides on; `%x` hides two digits of a year."""
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ORACLE = re.compile(
    r"(?P<d>\d{1,2})-(?P<b>[A-Z]{3})-(?P<y>\d{4}|\d\d)"
    r"(?:[ T](?P<H>\d{1,2})[.:](?P<M>\d\d)(?:[.:](?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?(?:\s*(?P<p>[AP]M))?)?"
    r"\s*(?P<z>Z|UTC|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE | re.ASCII,
)
_FIX = re.compile(r"(\d{4})(\d\d)(\d\d)(?:-(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?)?", re.ASCII)


class Parts(NamedTuple):
    """What a format reads.

    Attributes:
        moment: to the second, as it stands there.
        ticks: the digits of its fraction.
        zone: its own; None where it says none.
        has_time: whether it is more than a date.
    """

    moment: datetime
    ticks: str = ""
    zone: tzinfo | None = None
    has_time: bool = True


Format = Callable[[str], Parts | None]
"""Reads a text; None where it does not follow the format, ValueError where it names no day."""


def time_reader(
    formats: Sequence[str], century: int | None, zone: tzinfo | None, midnight: Midnight | None
) -> Callable[[Any], str]:
    """What reads a cell by the first format that it follows, as the text that LUSID itself writes.

    Args:
        formats: names and strptime formats, at least one.
        century: the first of the hundred years that two digits stand for.
        zone: what times without an offset are local to.
        midnight: what a midnight without an offset is.

    Raises:
        ValueError: one of them is no format, or loses a part of the date it reads.
    """
    tried = [format_named(name, century) for name in formats]
    rule = f"does not follow the format {formats[0]}"
    if len(formats) > 1:
        rule = f"follows none of the formats {', '.join(formats)}"

    def read(cell: Any) -> str:
        if not isinstance(cell, str):
            raise refuse("NotTime", "takes one time, not a list")
        text = cell.strip()
        if not text:
            return ""
        parts = next(filter(None, (_tried(each, text) for each in tried)), None)
        if parts is None:
            raise refuse("NotTime", rule)
        if not parts.has_time:
            return settle_date(parts.moment, zone, midnight)
        return settle_zone(parts.moment, parts.ticks, parts.zone, zone, midnight)

    return read


def _tried(each: Format, text: str) -> Parts | None:
    try:
        return each(text)
    except (ValueError, OverflowError):
        return None


def format_named(name: str, century: int | None) -> Format:
    """The format that has this name, or is written so.

    Raises:
        ValueError: it is no format, or loses a part of the date it reads.
    """
    if "%" in name:
        return _strptime(name, century)
    if name == "oracle":
        return lambda text: _oracle(text, century)
    if name in _NAMED:
        return _NAMED[name]
    raise ValueError(f"{name} is none of {', '.join(NAMES)}, nor a strptime format{did_you_mean(name, NAMES)}")


def _iso(text: str) -> Parts | None:
    match = TIME.fullmatch(text)
    if match is None:
        return None
    moment, ticks, zone = iso_parts(match)
    return Parts(moment, ticks, zone, match[4] is not None)


def _fix(text: str) -> Parts | None:
    """UTCTimestamp and UTCDateOnly of FIX: `20240301-10:15:00.123`."""
    match = _FIX.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[group] or 0) for group in range(1, 7))
    moment = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
    return Parts(moment, match[7] or "", UTC, match[4] is not None)


def _oracle(text: str, century: int | None) -> Parts | None:
    """`DD-MON-YYYY`, with two digits of the year where a century is declared, and with a time of day or without."""
    match = _ORACLE.fullmatch(text)
    if match is None or (len(match["y"]) == 2 and century is None) or match["b"].upper() not in _MONTHS:
        return None
    year = int(match["y"]) if len(match["y"]) == 4 else _full_year(int(match["y"]), century or 0)
    hour = int(match["H"] or 0)
    if match["p"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["p"].upper() == "PM" else 0)
    clock = (hour, int(match["M"] or 0), int(match["S"] or 0))
    moment = datetime(year, _MONTHS.index(match["b"].upper()) + 1, int(match["d"]), *clock)  # noqa: DTZ001
    return Parts(moment, match["f"] or "", offset_of(match["z"]) if match["z"] else None, match["H"] is not None)


def _full_year(digits: int, century: int) -> int:
    """The year of the hundred from `century` on that ends in two digits."""
    return century + (digits - century) % 100


def _epoch(name: str) -> Format:
    def read(text: str) -> Parts | None:
        if _NUMBER.fullmatch(text) is None:
            return None
        seconds, ticks = divmod(int(Decimal(text) * _TICKS_OF[name] // 1), 10_000_000)
        return Parts(_EPOCH + timedelta(seconds=seconds), f"{ticks:07d}", UTC)

    return read


def _excel(name: str) -> Format:
    """Days since a day, the fraction being the time of day to the millisecond, which is as far as Excel goes."""

    def read(text: str) -> Parts | None:
        if _NUMBER.fullmatch(text) is None or (name == "excel_serial" and Decimal(text) < _FIRST_SERIAL):
            return None
        serial = Decimal(text)
        millis = int((serial * 86_400_000).to_integral_value())
        moment = SERIALS[name] + timedelta(milliseconds=millis)
        return Parts(moment.replace(microsecond=0), f"{moment.microsecond:06d}", None, serial != int(serial))

    return read


def _check_directives(directives: Collection[str]) -> None:
    """Refuses what strptime passes over, or reads as a machine's language has it."""
    if "p" in directives and "I" not in directives:
        raise ValueError("reads `%p` beside `%H`, of which it would say nothing: write `%I` for the hour")
    if not _LOCAL.isdisjoint(directives):
        raise ValueError("means something else on each machine: write `%d`, `%m`, `%Y`, `%H`, `%M`, `%S` instead")


def _strptime(text_format: str, century: int | None) -> Format:
    directives = {*_DIRECTIVE.findall(text_format)}
    _check_directives(directives)
    try:
        back = datetime.strptime(_PROBE.strftime(text_format), text_format)  # noqa: DTZ007  # only its parts matter
    except (ValueError, re.error):
        back = None
    if back is None or back.date() != _PROBE.date() or (back.hour, back.minute) not in {(0, 0), (13, 0), (13, 45)}:
        raise ValueError(
            "is not a strptime format that reads a whole date, such as %d/%m/%Y or %d/%m/%Y %H:%M "
            "(`%I` needs `%p`; a zone is read by `%z` or given as `timezone`)"
        )
    short_year = "y" in directives and "Y" not in directives
    if short_year and century is None:
        raise ValueError("reads two digits of a year: declare `century`, the first of the hundred years they stand for")
    has_time, shape = back.hour != 0, _shape(text_format)

    def read(text: str) -> Parts | None:
        if shape is not None and shape.fullmatch(text) is None:
            return None
        moment = datetime.strptime(text, text_format)  # noqa: DTZ007  # settle_zone decides
        if short_year and century is not None:
            moment = moment.replace(year=_full_year(moment.year % 100, century))
        bare = moment.replace(microsecond=0, tzinfo=None)
        return Parts(bare, f"{moment.microsecond:06d}", moment.tzinfo, has_time)

    return read


def _shape(text_format: str) -> re.Pattern[str] | None:
    """What a text must look like where digits of two parts meet: strptime would part `2024115` as it likes."""
    tokens = re.split(r"(%.)", text_format)
    numeric = [token[:1] == "%" and token[1:] in _WIDTHS for token in tokens]
    if not any(a and b and not between for a, between, b in zip(numeric[1:], tokens[2:], numeric[3:], strict=False)):
        return None
    written = [_WIDTHS[t[1:]] if is_number else r".+?" if t[:1] == "%" else _literal(t)
               for t, is_number in zip(tokens, numeric, strict=True)]  # fmt: skip
    return re.compile("".join(written), re.ASCII | re.IGNORECASE)


def _literal(text: str) -> str:
    return r"\s+".join(map(re.escape, re.split(r"\s+", text)))


_NAMED: dict[str, Format] = {"iso": _iso, "fix": _fix}
_NAMED |= {name: _epoch(name) for name in _TICKS_OF} | {name: _excel(name) for name in SERIALS}
NAMES = (*_NAMED, "oracle")
"""The names of formats."""
