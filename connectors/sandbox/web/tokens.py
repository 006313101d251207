"""The token endpoint: password and refresh-token grants, answered as LUSID's identity provider does.

Any user may sign in, except with the password `wrong`, since the sandbox keeps no users. Tokens live in memory and end
with the sandbox. Shapes: OAuth 2.0 (RFC 6749).
"""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.sandbox.protocol.exact_json import Document

WRONG_PASSWORD = "wrong"  # noqa: S105  # the one password that is refused, so that refusal can be rehearsed


@dataclass(eq=False)
class TokenRefusedError(Exception):
    """The grant is refused.

    Attributes:
        error: OAuth's error code.
        description: why, for a person.
    """

    error: str
    description: str


class Tokens:
    """Issues tokens and recognises them; safe to share between threads.

    Args:
        seconds: how long an access token is valid, in seconds.
        fixed: a bearer token that is always valid.
    """

    def __init__(self, seconds: float, fixed: str | None = None) -> None:
        self._seconds = seconds
        self._fixed = fixed
        self._lock = threading.Lock()
        self._expiry: dict[str, float] = {}
        self._refresh: set[str] = set()

    def accepts(self, token: str) -> bool:
        """Whether the bearer token is valid now."""
        if self._fixed is not None and secrets.compare_digest(token.encode(), self._fixed.encode()):
            return True
        with self._lock:
            return self._expiry.get(token, 0) > time.monotonic()

    def issue(self) -> str:
        """A new access token."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._expiry[token] = time.monotonic() + self._seconds
        return token

    def revoke_all(self) -> None:
        """Revokes every access token and every refresh token issued so far."""
        with self._lock:
            self._expiry.clear()
            self._refresh.clear()

    def grant(self, form: Mapping[str, str]) -> Document:
        """The answer to a token request.

        Raises:
            TokenRefusedError: the grant is refused; the answer has status 400.
        """
        kind = form.get("grant_type")
        if kind == "password":
            _check_password(form)
        elif kind == "refresh_token":
            self._check_refresh(form.get("refresh_token", ""))
        else:
            raise TokenRefusedError("unsupported_grant_type", "grant_type must be password or refresh_token")
        refresh = secrets.token_urlsafe(32)
        with self._lock:
            self._refresh.add(refresh)
        return {
            "token_type": "Bearer",
            "expires_in": int(self._seconds),
            "access_token": self.issue(),
            "refresh_token": refresh,
            "scope": "openid client groups offline_access",
        }

    def _check_refresh(self, token: str) -> None:
        with self._lock:
            if token not in self._refresh:
                raise TokenRefusedError("invalid_grant", "The refresh token is invalid or expired.")


def _check_password(form: Mapping[str, str]) -> None:
    for name in ("username", "password"):
        if not form.get(name):
            raise TokenRefusedError("invalid_request", f"{name} is required")
    if form["password"] == WRONG_PASSWORD:
        raise TokenRefusedError("invalid_grant", "The credentials provided were invalid.")
