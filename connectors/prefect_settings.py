"""Prefect's settings, as far as we read and set them: which server it talks to, and that its telemetry is off.

Prefect itself is not imported here, so that a command that does not use it need not wait for it.
"""

import os
import tomllib
from collections.abc import Mapping, MutableMapping
from pathlib import Path

FORCED = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
"""Turns Prefect's telemetry off on both sides: the client's events and the temporary server's."""

DEFAULTS = {
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # about ten on a quick machine
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the terminal is ours; Prefect's pages show its log
}
"""Our defaults in place of Prefect's own, where the user has set nothing."""


def configure_prefect(environ: MutableMapping[str, str] | None = None) -> None:
    """Sets Prefect's settings; call it before Prefect is imported, because Prefect reads them then.

    Args:
        environ: used in place of the process's environment, which the temporary server inherits.
    """
    variables = os.environ if environ is None else environ  # noqa: TID251 - one of the two modules that may
    for name, value in DEFAULTS.items():
        variables.setdefault(name, value)
    variables.update(FORCED)


def prefect_server(environ: Mapping[str, str] | None = None) -> str | None:
    """The URL of the Prefect server that PREFECT_API_URL names, or else the active profile; None where neither does.

    As Prefect reads them: a variable that is set and empty names none, whatever the profile says.

    Args:
        environ: used in place of the process's environment.
    """
    variables = os.environ if environ is None else environ  # noqa: TID251 - one of the two modules that may
    given = variables.get("PREFECT_API_URL")
    url = given if given is not None else _profile(variables).get("PREFECT_API_URL")
    return url.strip() or None if isinstance(url, str) else None


def _profile(variables: Mapping[str, str]) -> Mapping[str, object]:
    """The settings of the active profile; none where there is no such profile, or the file cannot be read."""
    try:
        home = variables.get("PREFECT_HOME") or Path("~/.prefect").expanduser()
        file = Path(variables.get("PREFECT_PROFILES_PATH") or Path(home, "profiles.toml"))
        found = tomllib.loads(file.read_text(encoding="utf-8"))
        profile = found["profiles"][variables.get("PREFECT_PROFILE") or found["active"]]
    except (OSError, ValueError, LookupError, TypeError, RuntimeError):  # Prefect itself goes on without, too
        return {}
    return profile if isinstance(profile, dict) else {}
