"""What the environment says of LUSID's settings: variables and `secrets.json`.

Owns their names, which are the official SDK's, and their precedence; `settings` checks the values. Knows nothing of
HTTP or runs. No message quotes a value, which may be a secret in the wrong place.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from connectors.lusid.settings import PASSWORD_GRANT, RULES, LusidSettings, is_loopback
from connectors.start_up_files import read_start_up_file
from schemas.errors import ConfigError


def read_settings(
    *, environ: Mapping[str, str] | None = None, folder: Path | None = None, target: str | None = None
) -> tuple[LusidSettings, list[str]]:
    """Reads the environment and `secrets.json`; where both set something, the environment wins.

    Args:
        environ: used in place of the process's environment.
        folder: where to look for `secrets.json` when FBN_SECRETS_PATH does not name it; by default the working folder.
        target: a LUSID URL that takes precedence over every configured one (`--target`).

    Returns:
        The settings, and notes for the user. `lusid_url` is None when no LUSID is configured; credentials are required
        only when one is.

    Raises:
        ConfigError: a named file or a value is missing, unreadable or malformed.
    """
    variables = os.environ if environ is None else environ  # noqa: TID251 - one of the two modules that may
    env = _from_environment(variables)
    path, file = _from_secrets_file(variables, folder or _working_folder())
    notes = _notes(env, file, path)
    if all(name in env for name in PASSWORD_GRANT):
        file.pop("access_token", None)  # the environment's credentials win as a whole
    given = file | env
    if target is not None:
        given["lusid_url"] = _Given(target, "--target")
    if "lusid_url" in given:
        _demand_credentials(given)
    settings = LusidSettings(**{name: _checked(name, value) for name, value in given.items()})
    if "lusid_url" in given and not variables.get("FBN_SECRETS_PATH", "").strip():
        _check_unnamed_file(given, path)
    return settings, notes


class _Given(NamedTuple):
    text: str
    origin: str


class _Name(NamedTuple):
    variables: tuple[str, ...]
    member: str | None


_NAMES = {
    "lusid_url": _Name(("FBN_LUSID_URL", "FBN_LUSID_API_URL"), "api.lusidUrl"),
    "token_url": _Name(("FBN_TOKEN_URL",), "api.tokenUrl"),
    "username": _Name(("FBN_USERNAME",), "api.username"),
    "password": _Name(("FBN_PASSWORD",), "api.password"),
    "client_id": _Name(("FBN_CLIENT_ID",), "api.clientId"),
    "client_secret": _Name(("FBN_CLIENT_SECRET",), "api.clientSecret"),
    "access_token": _Name(("FBN_ACCESS_TOKEN",), "api.accessToken"),
    "access_token_file": _Name(("FBN_ACCESS_TOKEN_FILE",), None),
    "app_name": _Name(("FBN_APP_NAME",), "api.applicationName"),
    "correlation_id": _Name(("FBN_CORRELATION_ID",), None),
    "client_certificate": _Name(("FBN_CLIENT_CERTIFICATE",), "api.clientCertificate"),
    "proxy_address": _Name(("FBN_PROXY_ADDRESS",), "proxy.address"),
    "proxy_username": _Name(("FBN_PROXY_USERNAME",), "proxy.username"),
    "proxy_password": _Name(("FBN_PROXY_PASSWORD",), "proxy.password"),
    "connect_seconds": _Name(("FBN_CONNECT_TIMEOUT_MS",), "api.connectTimeoutMs"),
    "read_seconds": _Name(("FBN_READ_TIMEOUT_MS",), "api.readTimeoutMs"),
    "total_seconds": _Name(("FBN_TOTAL_TIMEOUT_MS",), "api.totalTimeoutMs"),
}


def _working_folder() -> Path:
    """The working folder; when it has been removed meanwhile, a path under which nothing is found."""
    try:
        return Path.cwd()
    except OSError:
        return Path()


def _from_environment(variables: Mapping[str, str]) -> dict[str, _Given]:
    found = {}
    for name, (candidates, _) in _NAMES.items():
        set_ones = (_Given(variables.get(v, "").strip(), v) for v in candidates)
        if first := next((given for given in set_ones if given.text), None):
            found[name] = first
    return found


def _from_secrets_file(variables: Mapping[str, str], folder: Path) -> tuple[Path, dict[str, _Given]]:
    named = variables.get("FBN_SECRETS_PATH", "").strip()
    path = Path(named).expanduser() if named else folder / "secrets.json"
    if not named and not path.exists():
        return path, {}
    content = _json_object(path, f"FBN_SECRETS_PATH names {path}, which" if named else str(path))
    found = {}
    for name, (_, member) in _NAMES.items():
        if member is not None and (text := _member(content, member, path)):
            found[name] = _Given(text, f'{path}: the member "{member}"')
    return path, found


def _json_object(path: Path, source: str) -> dict[str, Any]:
    try:
        content = orjson.loads(read_start_up_file(path).removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except orjson.JSONDecodeError as error:
        problem = f"is not JSON: see line {error.lineno}, column {error.colno}"
    else:
        if isinstance(content, dict) and isinstance(content.get("api"), dict):
            return content
        problem = 'must be a JSON object whose member "api" is an object, as the LUSID SDK reads it'
    raise ConfigError(f"{source} {problem}")


def _member(content: Mapping[str, Any], member: str, path: Path) -> str:
    section_name, _, key = member.partition(".")
    section = content.get(section_name) or {}
    if not isinstance(section, dict):
        raise ConfigError(f'{path}: the member "{section_name}" must be an object')
    value = section.get(key)
    if value is None:
        return ""
    if type(value) is int and key.endswith("Ms"):
        return str(value)
    if not isinstance(value, str):
        raise ConfigError(f'{path}: the member "{member}" must be text')
    return value.strip()


def _notes(env: Mapping[str, _Given], file: Mapping[str, _Given], path: Path) -> list[str]:
    notes = []
    if both := [env[name].origin for name in _NAMES if name in env and name in file]:
        are = "is" if len(both) == 1 else "are"
        notes.append(
            f"{', '.join(both)} {are} set in the environment and in {path}: the environment wins "
            "(the LUSID SDK would take the file)"
        )
    if "access_token_file" in env and ("access_token" in env or "access_token" in file):
        notes.append("FBN_ACCESS_TOKEN_FILE and an access token are both set: the token in the file is used")
    return notes


def _demand_credentials(given: Mapping[str, _Given]) -> None:
    if "access_token" in given or "access_token_file" in given:
        return
    missing = [_NAMES[name].variables[0] for name in PASSWORD_GRANT if name not in given]
    if len(missing) == len(PASSWORD_GRANT):
        raise ConfigError(
            "LUSID needs credentials: set FBN_ACCESS_TOKEN, or FBN_TOKEN_URL, FBN_USERNAME, "
            "FBN_PASSWORD, FBN_CLIENT_ID and FBN_CLIENT_SECRET, or put them into secrets.json"
        )
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise ConfigError(f"The credentials for LUSID are incomplete: {', '.join(missing)} {are} not set")


def _check_unnamed_file(given: Mapping[str, _Given], path: Path) -> None:
    """Makes sure that a file that nobody named does not say where the environment's secrets go."""
    token = "access_token" in given or "access_token_file" in given
    secrets = [("access_token", "access_token_file"), ("password", "client_secret")][0 if token else 1]
    where = ["lusid_url", "proxy_address", "client_certificate", *([] if token else ["token_url"])]
    pairs = [*((name, secret) for name in where for secret in secrets), ("proxy_address", "proxy_password")]
    for name, secret in pairs:
        if name not in given or secret not in given or is_loopback(given[name].text):
            continue
        theirs, ours = given[name].origin, given[secret].origin
        if theirs.startswith(f"{path}:") and not ours.startswith(f"{path}:"):
            raise ConfigError(
                f"{theirs} would be sent what {ours} holds, and nobody named that file: "
                f"set FBN_SECRETS_PATH to {path} if it is yours"
            )


def _checked(name: str, given: _Given) -> Any:
    if not given.text.isprintable():  # undecodable bytes too: a later error would quote them
        raise ConfigError(f"{given.origin} contains characters that cannot be printed")
    return RULES[name](given.text, given.origin) if name in RULES else given.text
