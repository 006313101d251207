"""The sources of the bearer token: given, read from a file, or fetched with a password and refreshed.

Owns tokens and their lifetimes; the client uses them. The token endpoint's answers may echo what was sent, so only the
OAuth error code of one reaches a message. Shapes of the requests: RFC 6749, 4.3.2 (password) and 6 (refresh), as the
official SDK sends them.
"""

import math
import re
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn, Protocol
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr

from connectors.lusid.call import Response
from connectors.lusid.retrying import Retrier
from connectors.lusid.settings import PASSWORD_GRANT, LusidSettings
from connectors.lusid.transport import Transport
from connectors.start_up_files import read_start_up_file
from schemas.errors import AuthError, ConfigError, NeverSentError, RetryableError

SCOPE = "openid client groups offline_access"
REFRESH_MARGIN_SECONDS = 60.0
TOKEN_RETRIES = 3
"""Fewer than for data: every sender waits while one fetches the token."""

TOKEN_SECONDS = 30.0
"""Longest attempt at the token endpoint: one that has not signed us in by then hangs."""

OAUTH_CODES = (
    *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"),
    *("invalid_scope", "access_denied", "server_error", "temporarily_unavailable", "unsupported_response_type"),
    *("interaction_required", "login_required", "account_selection_required", "consent_required"),
)
"""The values of `error` (RFC 6749, 4.1.2.1 and 5.2; OpenID Connect Core, 3.1.2.6); any other text may be an echo."""

_TOKEN_BYTES = 64 * 1024


class TokenSource(Protocol):
    """A source of bearer tokens; safe to share between threads."""

    def token(self) -> str:
        """A token that is valid as far as we know.

        Raises:
            AuthError: no token can be had.
            NeverSentError: the token endpoint does not answer, so nothing can be sent.
        """

    def renew(self, refused: str) -> str:
        """Another token, after LUSID answered 401 to `refused`. Raises as `token` does."""


def token_source(settings: LusidSettings, transport: Transport, retrier: Retrier) -> TokenSource:
    """The token source that the settings ask for: a token file, else an access token, else a password grant.

    Args:
        settings: hold the credentials.
        transport: reaches the token endpoint.
        retrier: retries the token endpoint; not the one of LUSID's senders, whose waits are their own.

    Raises:
        ConfigError: the settings hold no complete credentials.
        AuthError: the access token has characters that no token may have.
    """
    if settings.access_token_file is not None:
        return FileToken(settings.access_token_file)
    if settings.access_token is not None:
        return StaticToken(settings.access_token)
    return PasswordGrant(settings, transport, retrier)


class StaticToken:
    """One token that cannot be renewed, such as a personal access token."""

    def __init__(self, token: SecretStr) -> None:
        self._token = SecretStr(_checked(token.get_secret_value().strip(), "The access token"))

    def token(self) -> str:
        """The token that was given."""
        return self._token.get_secret_value()

    def renew(self, refused: str) -> NoReturn:
        """Raises AuthError: there is no other token."""
        raise AuthError("LUSID refuses the access token: it is wrong, expired or revoked")


class FileToken:
    """A token that another program writes to a file, and may replace at any time.

    The file is read for each call: that costs microseconds, and a new token is used at once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def token(self) -> str:
        """The file's present token."""
        named = f"The access token file {self._path}"
        try:
            text = read_start_up_file(self._path, _TOKEN_BYTES).decode("ascii", "replace").strip()
        except OSError as error:
            raise AuthError(f"{named} cannot be read: {error.strerror}") from None
        return _checked(text, named)

    def renew(self, refused: str) -> str:
        """The file's token, if it has been replaced by now."""
        token = self.token()
        if token == refused:
            raise AuthError(f"LUSID refuses the token in {self._path}: it is wrong or expired")
        return token


class PasswordGrant:
    """Tokens fetched with user name and password, and refreshed 60 seconds before they expire."""

    def __init__(self, settings: LusidSettings, transport: Transport, retrier: Retrier) -> None:
        """Signs in when a token is first needed.

        Args:
            settings: hold the token URL and the credentials.
            transport: reaches the token endpoint.
            retrier: retries the token endpoint.

        Raises:
            ConfigError: the credentials are incomplete.
        """
        self._url, self._sign_in = _credentials(settings)
        self._named = f"The token endpoint {urlsplit(self._url)._replace(query='').geturl()}"
        self._transport = transport
        self._basic = transport.scrubber.add_basic_pair(self._secret("client_id"), self._secret("client_secret"))
        self._retrier = retrier
        self._clock = retrier.timing.clock
        self._lock = Lock()
        self._token: SecretStr | None = None
        self._refresh_token: SecretStr | None = None
        self._good_until = -math.inf
        self._failures: list[str] = []

    def token(self) -> str:
        """The present token, or a fresh one when it is about to expire."""
        return self._good(lambda: self._token is not None and self._clock() < self._good_until)

    def renew(self, refused: str) -> str:
        """A fresh token, or the one that another sender has fetched since `refused` was handed out."""
        return self._good(lambda: self._token is not None and self._token.get_secret_value() != refused)

    def _good(self, is_good: Callable[[], bool]) -> str:
        """The token, fetched when it is no longer good.

        Senders that waited while another one failed to fetch share its failure; otherwise each would retry as long as
        the first, one after another.
        """
        failures = len(self._failures)
        with self._lock:
            if not is_good():
                if len(self._failures) > failures:
                    raise NeverSentError(self._failures[-1])
                self._fetch()
            return self._token.get_secret_value() if self._token else ""

    def _fetch(self) -> None:
        response = self._refreshed() or self._signed_in()
        body = response.body if isinstance(response.body, dict) else {}
        fetched = body.get("access_token")
        if not isinstance(fetched, str):
            raise AuthError(f"{self._named} answered {response.status} without a token: is FBN_TOKEN_URL right?")
        self._token = SecretStr(_checked(fetched, f"{self._named}: its access token"))
        refresh = body.get("refresh_token")
        self._refresh_token = SecretStr(refresh) if isinstance(refresh, str) else None
        self._transport.scrubber.add_token(refresh if isinstance(refresh, str) else "")
        self._good_until = self._clock() + _lifetime(body.get("expires_in"))

    def _refreshed(self) -> Response | None:
        """The answer to the refresh token; None when there is none or it is refused."""
        if self._refresh_token is None:
            return None
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token.get_secret_value()}
        response = self._ask(form, {"Authorization": f"Basic {self._basic}"})
        return response if response.status // 100 == 2 else None

    def _signed_in(self) -> Response:
        form = {"grant_type": "password", "scope": SCOPE}
        form |= {name: self._secret(name) for name in self._sign_in}
        response = self._ask(form, {})
        if response.status // 100 != 2:
            raise _refusal(response, self._named)
        return response

    def _ask(self, form: dict[str, str], headers: dict[str, str]) -> Response:
        headers = {"Accept": "application/json", **headers}
        asked = requests.Request("POST", self._url, headers=headers, data=form)
        try:
            final = self._retrier.run(
                lambda: self._transport.exchange(asked, TOKEN_SECONDS, for_token=True, alone=True),
                what=self._named,
                idempotent=True,
            )
        except RetryableError as error:  # whatever happened to it, nothing was sent to LUSID itself
            self._failures.append(error.message)
            raise NeverSentError(error.message) from None
        return final.response

    def _secret(self, name: str) -> str:
        value = self._sign_in[name]
        return value.get_secret_value() if isinstance(value, SecretStr) else value


def _credentials(settings: LusidSettings) -> tuple[str, dict[str, str | SecretStr]]:
    given = {name: value for name in PASSWORD_GRANT if (value := getattr(settings, name)) is not None}
    if len(given) < len(PASSWORD_GRANT):
        raise ConfigError(
            "LUSID needs an access token, or all of token URL, user name, password, client id and client secret"
        )
    return given.pop("token_url"), given


def _refusal(response: Response, endpoint: str) -> AuthError | ConfigError:
    if response.status // 100 == 3 or response.status in (404, 405):
        return ConfigError(f"{endpoint} answered {response.status}: is FBN_TOKEN_URL right?")
    code = response.body.get("error") if isinstance(response.body, dict) else None
    if code not in OAUTH_CODES:
        code = f"HTTP {response.status}"
    advice = _ADVICE.get(code, "check the credentials")
    return AuthError(f"{endpoint} refuses to sign us in ({code}): {advice}")


_ADVICE = {
    "invalid_grant": "check FBN_USERNAME and FBN_PASSWORD",
    "invalid_client": "check FBN_CLIENT_ID and FBN_CLIENT_SECRET",
}


def _lifetime(expires_in: Any) -> float:
    """Seconds for which to use a token; without a readable `expires_in`, until LUSID refuses it."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError):
        return math.inf
    return seconds - min(REFRESH_MARGIN_SECONDS, seconds / 2) if seconds > 0 else math.inf


def _checked(token: str, named: str) -> str:
    """The token, if a header can carry it: the libraries below quote one that it cannot."""
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise AuthError(f"{named} is empty or contains characters that no token may contain")
    return token
