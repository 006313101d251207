"""Which places may be sent secrets: those that the operator named, by a flag, the environment or a file it points to.

A run folder and a `secrets.json` that merely lies in the working folder may be anybody's.
"""

from urllib.parse import urlsplit

from connectors.lusid.environment import read_settings
from connectors.lusid.settings import is_loopback
from schemas.errors import ConfigError
from schemas.same_load import place_of


def is_named(target: str) -> bool:
    """Whether secrets may go to the target of a run: to this machine, to no LUSID, or to the one the settings name."""
    try:
        if urlsplit(target).scheme not in ("http", "https") or is_loopback(target):
            return True
        return place_of(read_settings()[0].lusid_url) == place_of(target)
    except (ConfigError, ValueError):
        return False


def check_named(target: str | None, run_id: str) -> None:
    """Makes sure that a run's manifest is not alone in saying where secrets go.

    Args:
        target: what the manifest says; None of a dry run.
        run_id: the run.

    Raises:
        ConfigError: nobody else names that target.
    """
    if target is not None and not is_named(target):
        raise ConfigError(
            f"{run_id} says that it was loaded into {target}, which no setting names, and credentials go nowhere on a "
            f"run's word alone: if that is right, add --target={target}"
        )
