"""Where a load goes: a LUSID that somebody named, or the embedded sandbox where that is asked for by name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from connectors.lusid.client import LusidClient
from connectors.lusid.environment import read_settings
from connectors.lusid.settings import LusidSettings
from connectors.lusid.waiting import Waiting, nobody_listens
from schemas.errors import ConfigError
from schemas.settings import LoadOptions

SANDBOX = "sandbox"


@dataclass(frozen=True)
class Target:
    """An open target.

    Attributes:
        url: base URL; `sandbox` for the embedded one, whose port means nothing tomorrow.
    """

    client: LusidClient
    url: str


def lasts(url: str | None) -> bool:
    """Whether what was loaded there may be there still: a sandbox in memory is gone with its run.

    Args:
        url: a target's; None of a dry run, which loads nowhere.
    """
    return url not in (None, SANDBOX)


def target_url(target: str | Target | None) -> str:
    """The URL of a target that is not open yet, as `Target` has it.

    Args:
        target: as in `open_target`.

    Raises:
        ConfigError: no target is named, or its URL or the credentials are missing or malformed.
    """
    if isinstance(target, Target):
        return target.url
    if target is not None and _is_sandbox(target):
        return target
    return read_settings(target=_url(target))[0].lusid_url


@contextmanager
def open_target(
    target: str | Target | None,
    options: LoadOptions,
    note: Callable[[str], None],
    waiting: Callable[[Waiting], None] = nobody_listens,
) -> Iterator[Target]:
    """Opens a target and makes sure that it lets us in.

    Args:
        target: a base URL, `sandbox`, `sandbox:FILE` (its data is kept there), or None for the LUSID that the settings
            name. One that is open already is used, and left open: the loads of a night share theirs.
        options: of the load or loads; the embedded sandbox is of their dialect.
        note: told what the user should know.
        waiting: told of each wait while LUSID takes no calls.

    Raises:
        ConfigError: no target is named, or its URL or the credentials are missing or malformed.
        AuthError, UnreachableError: LUSID does not let us in, or does not answer.
    """
    if isinstance(target, Target):
        yield target
        return
    if target is not None and _is_sandbox(target):
        with _sandbox(target, options, waiting) as opened:
            yield opened
        return
    settings, notes = read_settings(target=_url(target))
    for text in notes:
        note(text)
    with LusidClient(settings, waiting=waiting) as client:
        client.check(options.patience)
        client.follow(options)
        yield Target(client, settings.lusid_url)


def _is_sandbox(target: str) -> bool:
    return target.split(":")[0] == SANDBOX


def _url(target: str | None) -> str | None:
    """The target, which the settings check further; raises ConfigError if it is no URL at all."""
    if target is not None and not target.lower().startswith(("https://", "http://")):
        raise ConfigError("--target takes a URL that begins with https://, `sandbox` or `sandbox:FILE`")
    return target


@contextmanager
def _sandbox(target: str, options: LoadOptions, waiting: Callable[[Waiting], None]) -> Iterator[Target]:
    from connectors.sandbox.server import Sandbox  # its web framework takes longer to import than all the rest

    _, _, file = target.partition(":")
    with Sandbox(database=Path(file) if file else None, dialect=options.dialect) as sandbox:
        settings = LusidSettings(lusid_url=sandbox.url, access_token=SecretStr(sandbox.access_token))
        with LusidClient(settings, waiting=waiting) as client:
            client.follow(options)
            yield Target(client, target)
