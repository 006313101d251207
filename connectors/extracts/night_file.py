"""Reading night.yaml: one clear line for everything that is wrong with it, and the dates of its calendar's file."""

from datetime import date
from pathlib import Path

from pydantic import ValidationError

from connectors.extracts.mapping_file import told_faults, yaml_content
from connectors.start_up_files import read_start_up_file
from schemas.errors import ConfigError
from schemas.nights.owners import Owners
from schemas.nights.rules import NightRules, Volume

NIGHT_FILE = "night.yaml"

_MEMBERS = (*NightRules.model_fields, *Volume.model_fields, *Owners.model_fields)


def read_night_rules(path: Path) -> NightRules:
    """The rules in a night.yaml, with the dates of its calendar.

    Raises:
        ConfigError: it, or the file of its calendar, cannot be read, or something in it is wrong.
    """
    content = yaml_content(_text(path, str(path)), str(path))
    try:
        rules = NightRules.model_validate({} if content is None else content)
    except ValidationError as error:
        if any(fault["loc"][:1] == ("calendar",) for fault in error.errors(include_url=False)):
            raise ConfigError(
                f"{path}: calendar: is neither a list of dates such as 2026-12-25 nor the name of a file of dates"
            ) from None
        raise ConfigError(f"{path}: {told_faults(error, _MEMBERS)}") from None
    if isinstance(rules.calendar, Path):
        return rules.with_holidays(_holidays(path.parent / rules.calendar, path))
    return rules


def _holidays(calendar: Path, named_by: Path) -> tuple[date, ...]:
    found = []
    for number, line in enumerate(_text(calendar, f"{named_by}: the calendar {calendar}").splitlines(), 1):
        if text := line.partition("#")[0].strip():
            try:
                found.append(date.fromisoformat(text))
            except ValueError:
                raise ConfigError(f"{calendar} line {number}: is no date such as 2026-12-25") from None
    return tuple(found)


def _text(path: Path, name: str) -> str:
    try:
        return read_start_up_file(path).decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not UTF-8 text") from None
