"""Where settings come from: environment variables and `secrets.json`, by the names that the official SDKs give them.

Owns those names, and what is said of names that resemble them. Knows no rule for a value and no precedence. No message
quotes a value, which may be a secret in the wrong place.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from connectors.start_up_files import read_start_up_file
from schemas.errors import ConfigError

SECRETS_PATH = "FBN_SECRETS_PATH"
PROFILE = "FBN_PROFILE"

URLS = ("lusid_url", "older_lusid_url", "base_url")
"""The settings that name LUSID. The newest SDK's base URL leaves out the `/api` at the end."""


class Given(NamedTuple):
    """A setting's text and where it comes from, in words."""

    text: str
    origin: str


class Secrets(NamedTuple):
    """What a `secrets.json` says.

    Attributes:
        given: settings by name; empty where there is no file.
        notes: for the user.
    """

    path: Path
    given: dict[str, Given]
    notes: tuple[str, ...] = ()


class _Name(NamedTuple):
    variable: str
    member: str | None = None


NAMES = {
    "lusid_url": _Name("FBN_LUSID_URL", "api.lusidUrl"),
    "older_lusid_url": _Name("FBN_LUSID_API_URL"),
    "base_url": _Name("FBN_BASE_URL"),
    "token_url": _Name("FBN_TOKEN_URL", "api.tokenUrl"),
    "username": _Name("FBN_USERNAME", "api.username"),
    "password": _Name("FBN_PASSWORD", "api.password"),
    "client_id": _Name("FBN_CLIENT_ID", "api.clientId"),
    "client_secret": _Name("FBN_CLIENT_SECRET", "api.clientSecret"),
    "access_token": _Name("FBN_ACCESS_TOKEN", "api.accessToken"),
    "access_token_file": _Name("FBN_ACCESS_TOKEN_FILE"),
    "app_name": _Name("FBN_APP_NAME", "api.applicationName"),
    "correlation_id": _Name("FBN_CORRELATION_ID"),
    "client_certificate": _Name("FBN_CLIENT_CERTIFICATE", "api.clientCertificate"),
    "proxy_address": _Name("FBN_PROXY_ADDRESS", "proxy.address"),
    "proxy_username": _Name("FBN_PROXY_USERNAME", "proxy.username"),
    "proxy_password": _Name("FBN_PROXY_PASSWORD", "proxy.password"),
    "connect_seconds": _Name("FBN_CONNECT_TIMEOUT_MS", "api.connectTimeoutMs"),
    "read_seconds": _Name("FBN_READ_TIMEOUT_MS", "api.readTimeoutMs"),
    "total_seconds": _Name("FBN_TOTAL_TIMEOUT_MS", "api.totalTimeoutMs"),
}
"""Each setting's variable, and its member in the `secrets.json` of the 2.x SDK."""

_READ = {name.variable for name in NAMES.values()} | {SECRETS_PATH, PROFILE}
_PRODUCTS = (
    *("ACCESS", "CONFIGURATION", "DRIVE", "HORIZON", "IDENTITY", "INSIGHTS"),
    *("LUMI", "LUMINESCE", "NOTIFICATIONS", "SCHEDULER", "WORKFLOW"),
)
_OTHERS = {"FBN_RATE_LIMIT_RETRIES"} | {f"FBN_{name}_{url}" for name in _PRODUCTS for url in ("URL", "API_URL")}
"""Variables of FINBOURNE's that mean something to others: nobody misspelt those."""

_ALIKE = 0.85
"""How much a name must resemble a setting's (difflib's ratio): a letter lost or two exchanged, not another word."""

_PREFIX = "FBN"


def from_environment(variables: Mapping[str, str]) -> dict[str, Given]:
    """The settings that the environment has."""
    given = {name: Given(variables.get(variable, "").strip(), variable) for name, (variable, _) in NAMES.items()}
    return {name: each for name, each in given.items() if each.text}


def misspelt(variables: Iterable[str]) -> dict[str, str]:
    """The names among variables that resemble a setting's and are none, each with the setting's."""
    found = {}
    for name in sorted(set(variables) - _READ - _OTHERS):
        plain = name.upper().replace("-", "_")
        alike = sorted(plain[: len(_PREFIX)]) == sorted(_PREFIX)
        if alike and (hits := difflib.get_close_matches(plain, _READ, n=1, cutoff=_ALIKE)):
            found[name] = hits[0]
    return found


def unknown(variables: Iterable[str]) -> list[str]:
    """The names among variables that begin as settings do, are none, and resemble none."""
    names = set(variables)
    return sorted(n for n in names - _READ - _OTHERS - misspelt(names).keys() if n.upper().startswith(_PREFIX))


def from_secrets_file(variables: Mapping[str, str], folder: Path) -> Secrets:
    """What the `secrets.json` says that FBN_SECRETS_PATH names, or else the one in a folder.

    Args:
        variables: the environment's.
        folder: where to look for a file that nobody names.

    Raises:
        ConfigError: a file that is named is missing; one that is there is unreadable or malformed.
    """
    named = variables.get(SECRETS_PATH, "").strip()
    path = Path(named).expanduser() if named else folder / "secrets.json"
    if not named and not path.exists():
        return Secrets(path, {})
    content = _json_object(path, f"{SECRETS_PATH} names {path}, which" if named else str(path))
    wanted = variables.get(PROFILE, "").strip()
    if "profiles" in content and (wanted or "api" not in content):
        return _from_profile(content, path, wanted)
    given = dict(_members(content, {name: member for name, (_, member) in NAMES.items() if member}, path))
    notes = [f'{path} has "api" and "profiles": "api" is used, and FBN_PROFILE chooses a profile']
    return Secrets(path, given, tuple(notes if "profiles" in content else ()))


def _from_profile(content: Mapping[str, Any], path: Path, wanted: str) -> Secrets:
    """The settings of one profile, as the newest SDK reads them."""
    profiles = _section(content, "profiles", path)
    name = wanted or "default"
    if name not in profiles:
        others = ", ".join(sorted(profiles.keys() - {"proxy"})) or "none"
        problem = f'{path} has no profile "{name}": FBN_PROFILE chooses one, and it has {others}'
        if wanted:
            raise ConfigError(problem)
        return Secrets(path, {}, (problem,))
    members = {setting: f"{name}.{member.partition('.')[2]}" for setting, (_, member) in NAMES.items() if member}
    members |= {setting: member for setting, (_, member) in NAMES.items() if member and member.startswith("proxy.")}
    members["base_url"] = f"{name}.baseUrl"
    del members["lusid_url"]
    return Secrets(path, dict(_members(profiles, members, path, "profiles.")))


def _members(
    sections: Mapping[str, Any], members: Mapping[str, str], path: Path, within: str = ""
) -> Iterator[tuple[str, Given]]:
    for name, member in members.items():
        section_name, _, key = member.rpartition(".")
        value = _section(sections, section_name, path, within).get(key)
        origin = f'{path}: the member "{within}{member}"'
        if text := _text(value, origin, number=key.endswith("Ms")):
            yield name, Given(text, origin)


def _section(content: Mapping[str, Any], name: str, path: Path, within: str = "") -> dict[str, Any]:
    section = content.get(name) or {}
    if not isinstance(section, dict):
        raise ConfigError(f'{path}: the member "{within}{name}" must be an object')
    return section


def _text(value: object, origin: str, *, number: bool) -> str:
    if value is None:
        return ""
    if number and type(value) is int:
        return str(value)
    if not isinstance(value, str):
        raise ConfigError(f"{origin} must be text")
    return value.strip()


def _json_object(path: Path, source: str) -> dict[str, Any]:
    try:
        content = orjson.loads(read_start_up_file(path).removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except orjson.JSONDecodeError as error:
        problem = f"is not JSON: see line {error.lineno}, column {error.colno}"
    else:
        if isinstance(content, dict) and any(isinstance(content.get(form), dict) for form in ("api", "profiles")):
            return content
        problem = 'must be a JSON object whose member "api" or "profiles" is an object, as the LUSID SDKs read it'
    raise ConfigError(f"{source} {problem}")
