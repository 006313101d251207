"""The settings of a LUSID: which one, which credentials, which timeouts, and the rules that their values must keep.

Owns the rule that a secret never travels over plain http except to loopback. Knows no variable's name (`environment`
does): each rule is told what to call the value. No message quotes a value, which may be a secret in the wrong place.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from connectors.start_up_files import read_start_up_file
from schemas.errors import ConfigError

LONGEST_SECONDS = 1800.0
"""The SDK's own total timeout; also what 0 (in the SDK: no timeout) means here, so that nothing waits for ever."""

PASSWORD_GRANT = ("token_url", "username", "password", "client_id", "client_secret")
"""The settings that a password grant needs, all of them (RFC 6749, 4.3)."""


class LusidSettings(BaseModel):
    """LUSID's URL, our credentials and the timeouts; from `read_settings`, or built in code.

    Attributes:
        lusid_url: base URL, `https://<domain>.lusid.com/api`.
        client_certificate: PEM file of the certificate authorities to trust, which is what the SDK means by it.
        connect_seconds: longest wait for a connection.
        read_seconds: longest silence before or inside an answer; LUSID processes a batch before it begins to answer.
        total_seconds: longest duration of one attempt, up to the last byte of its answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    lusid_url: str
    token_url: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    access_token: SecretStr | None = None
    access_token_file: Path | None = None
    app_name: str = "lusid-bulkload"
    correlation_id: str | None = None
    client_certificate: Path | None = None
    proxy_address: str | None = None
    proxy_username: str | None = None
    proxy_password: SecretStr | None = None
    connect_seconds: float = 10.0
    read_seconds: float = 120.0
    total_seconds: float = 300.0

    @model_validator(mode="after")
    def _no_secret_over_plain_http(self) -> Self:
        lusid_url(self.lusid_url, "lusid_url")
        if self.token_url is not None:
            secret_url(self.token_url, "token_url")
        return self


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine, judged by its name or address without resolving it."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def lusid_url(text: str, origin: str) -> str:
    """The LUSID base URL without a slash at its end; raises ConfigError, naming `origin`, when it cannot be one."""
    parts = _url(text, origin)
    if parts.query or parts.fragment or not parts.path.rstrip("/").endswith("/api"):
        raise ConfigError(f"{origin} must end in /api, as in https://<domain>.lusid.com/api")
    return secret_url(text, origin).rstrip("/")


def _base_url(text: str, origin: str) -> str:
    """The LUSID base URL of what the newest SDK calls one, which adds `/api` itself."""
    parts = _url(text, origin)
    if parts.query or parts.fragment or parts.path.rstrip("/").endswith("/api"):
        raise ConfigError(f"{origin} must not end in /api, as in https://<domain>.lusid.com: the newest SDK adds it")
    return lusid_url(f"{text.rstrip('/')}/api", origin)


def secret_url(text: str, origin: str) -> str:
    """The URL, if secrets may be sent to it; otherwise raises ConfigError, naming `origin`."""
    if _url(text, origin).scheme == "http" and not is_loopback(text):
        raise ConfigError(
            f"{origin} must begin with https://: a bearer token or password never travels over "
            "plain http except to loopback"
        )
    return text


def _proxy_url(text: str, origin: str) -> str:
    _url(text, origin)
    return text


def _url(text: str, origin: str) -> SplitResult:
    if re.search(r"[\s\\]", text):
        raise ConfigError(f"{origin} contains a character that no URL may contain")
    try:
        parts = urlsplit(text)
        _ = parts.port  # reading it checks it
    except ValueError:
        raise ConfigError(f"{origin} is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{origin} must be a URL that begins with https:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{origin} must not contain a user name or password: they have settings of their own")
    return parts


def _file(text: str, origin: str) -> Path:
    path = Path(text).expanduser()
    try:
        read_start_up_file(path, 1)
    except OSError as error:
        raise ConfigError(f"{origin} names {path}, which cannot be read: {error.strerror}") from None
    return path


def _header(text: str, origin: str) -> str:
    if not text.isascii():
        raise ConfigError(f"{origin} travels in an HTTP header: it must be ASCII")
    return text


def _seconds(text: str, origin: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ConfigError(f"{origin} must be a whole number of milliseconds")
    return int(text) / 1000 or LONGEST_SECONDS


RULES: Mapping[str, Callable[[str, str], object]] = {
    "lusid_url": lusid_url,
    "older_lusid_url": lusid_url,
    "base_url": _base_url,
    "token_url": secret_url,
    "proxy_address": _proxy_url,
    "access_token_file": _file,
    "client_certificate": _file,
    "app_name": _header,
    "correlation_id": _header,
    "connect_seconds": _seconds,
    "read_seconds": _seconds,
    "total_seconds": _seconds,
}
"""Each setting's rule, which checks and converts its text, given the text and what to call it."""
