"""One night: its folder, its business date, and what its night.yaml says, held to the operations that a night has."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from connectors.extracts.night_file import NIGHT_FILE, read_night_rules
from pipelines.nights.dates import bears_date, fixed_part, folder_of, is_dated
from pipelines.nights.folder import NAMES, Names
from pipelines.operations.table import operation_named
from pipelines.options import Options
from schemas.errors import ConfigError
from schemas.nights.rules import NightRules
from schemas.settings import LoadOptions
from schemas.suggestions import did_you_mean

_NOT_SETTINGS = frozenset(
    {"target", "runs", "dialect", "dry_run", "mapping", "once", "wait", "red_at", "feed", "date", "timezone"}
)
"""Options that are the whole night's, or that night.yaml has a member of its own for."""

_SETTINGS = tuple(option.name for option in fields(LoadOptions) if option.name not in _NOT_SETTINGS)


@dataclass(frozen=True)
class Night:
    """One night.

    Attributes:
        pattern: its folder as it was given, which may hold `{date:...}`.
        folder: where its extracts are.
        day: its business date.
        rules: of its night.yaml; the defaults without one.
        file: the night.yaml; None without one.
    """

    pattern: str
    folder: Path
    day: date
    rules: NightRules = field(default_factory=NightRules)
    file: Path | None = None

    @classmethod
    def of(cls, pattern: str, day: date | None, names: Names = NAMES) -> "Night":
        """The night of a folder.

        Its night.yaml stands in its folder, or in that which its dated folders stand in.

        Args:
            pattern: the folder, which may hold `{date:...}`.
            day: the business date; None for the one that it is now.
            names: the operations of the night.

        Raises:
            ConfigError: the pattern, or something in night.yaml, is wrong.
        """
        shared = _found([fixed_part(pattern)]) if is_dated(pattern) else None
        rules = checked(shared, names) if shared else NightRules()
        on = day or rules.today()
        folder = folder_of(pattern, on) if is_dated(pattern) else Path(pattern)
        file = _found(_own_and_above(folder.absolute(), on)) or shared
        if file is not None and file != shared:
            rules = checked(file, names)
        return cls(pattern, folder, day or rules.today(), rules, file)

    @property
    def name(self) -> str:
        """What the nights of this folder are called on every date: the name of the folder without the date."""
        above = fixed_part(self.pattern) if is_dated(self.pattern) else None
        return (above or [*_own_and_above(self.folder.absolute(), self.day)][-1]).absolute().name or "night"

    @property
    def may_still_come(self) -> bool:
        """Whether what is missing may still come; later on it never came."""
        return datetime.now(UTC) < self.rules.begins(self.day) + self.rules.due

    @property
    def closed(self) -> str | None:
        """Why nothing is required tonight; None where what is required is."""
        return self.rules.closed(self.day)

    def mapping(self, operation: str) -> Path | None:
        """The mapping that night.yaml names for an operation's extract."""
        named = self.rules.mappings.get(operation)
        return self.file.parent / named if named is not None and self.file is not None else None

    def settings(self, operation: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options of one load: those of night.yaml that no flag overrides.

        Args:
            operation: the load's.
            options: of the whole night; a value that is not the default was given.
        """
        default = vars(LoadOptions())
        own = {"red_at": self.rules.red_at, "feed": self.rules.feeds.get(operation), "date": self.day.isoformat()}
        given = {**self.rules.settings.get(operation, {}), **own}
        if self.file is not None and given.get("assume"):
            given["assume"] = str(self.file.parent / given["assume"])
        return {n: v for n, v in given.items() if v is not None and options.get(n, default[n]) == default[n]}


def _own_and_above(folder: Path, day: date) -> Iterator[Path]:
    """A folder and, where its name is that of a date, the one it stands in."""
    yield folder
    if bears_date(folder.name, day):
        yield from _own_and_above(folder.parent, day)


def _found(folders: Iterable[Path]) -> Path | None:
    return next((folder / NIGHT_FILE for folder in folders if (folder / NIGHT_FILE).exists()), None)


def checked(file: Path, names: Names) -> NightRules:
    """The rules of a night.yaml, whose operations are those of the night, in an order that their rows allow.

    Raises:
        ConfigError: something is wrong with them.
    """
    rules = read_night_rules(file)
    for member, operations in rules.operations.items():
        for operation in operations:
            if operation not in names:
                raise ConfigError(f"{file}: {member}: {operation} is none of a night{did_you_mean(operation, names)}")
    for fault in [*_out_of_order(rules, names), *_wrong_settings(rules)]:
        raise ConfigError(f"{file}: {fault}")
    return rules


def ordered(rules: NightRules, names: Names) -> Names:
    """The night's operations in the order of their loads; before each come those that it may depend on."""
    own, found = list(names), dict[str, None]()
    for operation in rules.order:
        if operation_named(operation).depends:
            found |= dict.fromkeys(each for each in own[: own.index(operation)] if each not in rules.order)
        found[operation] = None
    return {operation: names[operation] for operation in dict.fromkeys([*found, *names])}


def _out_of_order(rules: NightRules, names: Names) -> Iterator[str]:
    own, wanted = list(names), list(ordered(rules, names))
    for operation in wanted:
        if operation_named(operation).depends:
            late = [each for each in own[: own.index(operation)] if wanted.index(each) > wanted.index(operation)]
            if late:
                yield f"order: {operation} depends on {late[0]}, which must come before it"


def _wrong_settings(rules: NightRules) -> Iterator[str]:
    for operation, feed in rules.feeds.items():
        try:
            Options.of(feed=feed)
        except ConfigError as error:
            yield f"feeds.{operation}: {error.message}"
    for operation, settings in rules.settings.items():
        for name in settings:
            if name not in _SETTINGS:
                yield f"settings.{operation}.{name}: is no option of a night's load{did_you_mean(name, _SETTINGS)}"
                return
        try:
            given = Options.of(**settings)
            operation_named(operation).check_mode(given.mode)
            operation_named(operation).check_duplicates(given.duplicates)
        except ConfigError as error:
            yield f"settings.{operation}: {error.message}"
