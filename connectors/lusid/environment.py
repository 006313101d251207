"""What the environment says of LUSID: variables, `secrets.json` and `--target`, and which of them takes precedence.

`setting_sources` reads the first two, and `settings` checks the values. Knows nothing of HTTP or runs. No message
quotes a value, which may be a secret in the wrong place.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from connectors.lusid import setting_sources as sources
from connectors.lusid.setting_sources import NAMES, URLS, Given
from connectors.lusid.settings import PASSWORD_GRANT, RULES, LusidSettings, is_loopback
from schemas.errors import ConfigError
from schemas.same_load import place_of


def read_settings(
    *, environ: Mapping[str, str] | None = None, folder: Path | None = None, target: str | None = None
) -> tuple[LusidSettings, list[str]]:
    """Reads the environment and `secrets.json`; where both set something, the environment wins.

    Args:
        environ: used in place of the process's environment.
        folder: where to look for `secrets.json` when FBN_SECRETS_PATH does not name it; by default the working folder.
        target: a LUSID URL that takes precedence over every configured one (`--target`).

    Returns:
        The settings, and notes for the user.

    Raises:
        ConfigError: no LUSID is named, or several are; a file or a value is missing, unreadable or malformed.
    """
    variables = os.environ if environ is None else environ  # noqa: TID251 - one of the two modules that may
    env = sources.from_environment(variables)
    secrets = sources.from_secrets_file(variables, folder or _working_folder())
    file = dict(secrets.given)
    notes = [*_notes(env, file, secrets.path), *secrets.notes, *_misspelt(variables)]
    if all(name in env for name in PASSWORD_GRANT):
        file.pop("access_token", None)  # the environment's credentials win as a whole
    given = _with_one_url(file, env, target)
    if "lusid_url" not in given:
        raise _no_lusid_named(given, [*secrets.notes, *_misspelt(variables), *_unknown(variables)])
    _demand_credentials(given)
    settings = LusidSettings(**{name: _checked(name, value) for name, value in given.items()})
    if not variables.get(sources.SECRETS_PATH, "").strip():
        _check_unnamed_file(given, secrets.path)
    return settings, notes


def _working_folder() -> Path:
    """The working folder; when it has been removed meanwhile, a path under which nothing is found."""
    try:
        return Path.cwd()
    except OSError:
        return Path()


def _with_one_url(file: Mapping[str, Given], env: Mapping[str, Given], target: str | None) -> dict[str, Given]:
    """Everything that is given, the environment's first, with LUSID's URL as `lusid_url` and under no other name.

    Raises:
        ConfigError: a URL is malformed, or two of one place name different LUSIDs.
    """
    given = {name: each for name, each in {**file, **env}.items() if name not in URLS}
    if target is not None:
        return {**given, "lusid_url": Given(target, "--target")}
    place = env if env.keys() & set(URLS) else file
    urls = [Given(_checked(name, place[name]), place[name].origin) for name in URLS if name in place]
    if other := next((url for url in urls if place_of(url.text) != place_of(urls[0].text)), None):
        raise ConfigError(
            f"{urls[0].origin} and {other.origin} name different LUSIDs: unset one of them, or pass --target URL"
        )
    return {**given, "lusid_url": urls[0]} if urls else given


def _no_lusid_named(given: Mapping[str, Given], notes: Iterable[str]) -> ConfigError:
    """The error where nothing says where to load."""
    credentials = [
        given[name].origin for name in ("access_token_file", "access_token", *PASSWORD_GRANT) if name in given
    ]
    although = f", although {credentials[0]} is set" if credentials else ""
    said = (
        f"no LUSID is named{although}: set FBN_LUSID_URL to https://<your-domain>.lusid.com/api or pass --target URL; "
        "to rehearse on this machine, pass --target sandbox"
    )
    return ConfigError("; ".join([said, *notes]))


def _misspelt(variables: Iterable[str]) -> list[str]:
    return [f"{name} is no setting: did you mean {meant}?" for name, meant in sources.misspelt(variables).items()]


def _unknown(variables: Iterable[str]) -> list[str]:
    names = sources.unknown(variables)
    return [f"{', '.join(names)} {'is no setting' if len(names) == 1 else 'are no settings'}"] if names else []


def _notes(env: Mapping[str, Given], file: Mapping[str, Given], path: Path) -> list[str]:
    notes = []
    in_file = file.keys() | (set(URLS) if file.keys() & set(URLS) else set())
    if both := [env[name].origin for name in NAMES if name in env and name in in_file]:
        are = "is" if len(both) == 1 else "are"
        notes.append(
            f"{', '.join(both)} {are} set in the environment and in {path}: the environment wins "
            "(the LUSID SDK would take the file)"
        )
    if "access_token_file" in env and ("access_token" in env or "access_token" in file):
        notes.append("FBN_ACCESS_TOKEN_FILE and an access token are both set: the token in the file is used")
    return notes


def _demand_credentials(given: Mapping[str, Given]) -> None:
    if "access_token" in given or "access_token_file" in given:
        return
    missing = [NAMES[name].variable for name in PASSWORD_GRANT if name not in given]
    if len(missing) == len(PASSWORD_GRANT):
        raise ConfigError(
            "LUSID needs credentials: set FBN_ACCESS_TOKEN, or FBN_TOKEN_URL, FBN_USERNAME, "
            "FBN_PASSWORD, FBN_CLIENT_ID and FBN_CLIENT_SECRET, or put them into secrets.json"
        )
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise ConfigError(f"The credentials for LUSID are incomplete: {', '.join(missing)} {are} not set")


def _check_unnamed_file(given: Mapping[str, Given], path: Path) -> None:
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


def _checked(name: str, given: Given) -> Any:
    if not given.text.isprintable():  # undecodable bytes too: a later error would quote them
        raise ConfigError(f"{given.origin} contains characters that cannot be printed")
    return RULES[name](given.text, given.origin) if name in RULES else given.text
