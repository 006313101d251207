"""The guard: how much a load may do to LUSID before a person has to look."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.errors import ConfigError
from schemas.option_types.budget import Limit
from schemas.settings import flag


class Doing(NamedTuple):
    """What a load would do, in keys.

    Attributes:
        keys: of the extract.
        change: keys that LUSID would hold otherwise than now; clear: those of them of which a value would be removed.
        create: keys that are new to LUSID.
        vanished: keys that the feed had and the extract lacks; None without a feed.
        known: keys that the feed had.
    """

    keys: int
    change: int
    clear: int
    create: int
    vanished: int | None = None
    known: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Doing":
        """What a plan counts, by effect."""
        return cls(
            keys=sum(counts.values()),
            change=counts["change"] + counts["clear"],
            clear=counts["clear"],
            create=counts["create"],
        )


class Over(NamedTuple):
    """A limit that a load is over.

    Attributes:
        option: its name.
        keys: how many it would take, of so many.
    """

    option: str
    limit: Limit
    keys: int
    of: int

    def __str__(self) -> str:
        return f"{_WORDS[self.option].format(keys=self.keys, of=self.of)}, more than {flag(self.option)} {self.limit}"


_WORDS = {
    "max_change": "{keys:,} of {of:,} keys would change",
    "max_clear": "{keys:,} of {of:,} keys would lose a value",
    "max_create": "{keys:,} of {of:,} keys would be new to LUSID",
    "max_vanished": "{keys:,} of the {of:,} keys of the feed are not in the extract",
}


def check_guards(guards: Mapping[str, Limit], *, has_feed: bool) -> None:
    """Raises ConfigError for a limit that this load cannot be held to.

    Args:
        guards: the limits, by option.
        has_feed: whether it is known which keys the extract had before.
    """
    if "max_vanished" in guards and not has_feed:
        raise ConfigError(
            "--max-vanished compares the extract with the keys that its feed had before, and this load belongs to no "
            "feed: leave it out"
        )


def over(guards: Mapping[str, Limit], doing: Doing) -> Iterator[Over]:
    """The limits that a load is over, in the order of the options."""
    for option, limit in guards.items():
        count = getattr(doing, option.removeprefix("max_"))
        of = doing.known if option == "max_vanished" else doing.keys
        if count is not None and not limit.allows(count, of):
            yield Over(option, limit, count, of)
