"""One call to LUSID: the HTTP request that carries it, and what its response says.

Owns the headers that every call sends, and the rule by which an answer is LUSID's own: only then does a refusal say
that nothing was applied. A gateway, a proxy or a service mesh in front of LUSID answers in its own words, with any
status, when it has lost the answer to what LUSID did. Sends nothing itself; `schemas.answers` bounds and escapes
LUSID's texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Any

import requests

from connectors.lusid.retry_table import PROXY_SIGN_IN, Action, classify, is_lusid_problem
from connectors.lusid.settings import LusidSettings
from schemas.answers import Problem
from schemas.errors import AuthError, ConfigError, LoadError, NotPermittedError, RejectedError, UnreachableError
from schemas.texts import server_text

USER_AGENT = f"lusid-bulkload/{version('lusid-bulkload')}"

REQUEST_ID = "lusid-meta-requestId"
"""The header in which LUSID names a request (docs/lusid.md)."""

_TEXTS = ("name", "type", "title", "detail", "instance")
"""What LUSID's problem details hold beside `code` and `status`, in every example of them (docs/lusid.md)."""

Params = Mapping[str, str | Sequence[str]] | Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call to LUSID.

    Attributes:
        path: begins with `/api/`; appended to the base URL unchanged.
        body: encoded JSON; None for a read.
        idempotent: whether applying the request twice does no harm.
    """

    method: str
    path: str
    params: Params
    body: bytes | None
    idempotent: bool

    @property
    def is_believed(self) -> bool:
        """Whether the answer is to prove something: it must be LUSID's own, to this very call."""
        return self.method == "GET" or not self.idempotent

    @property
    def what(self) -> str:
        """The call as messages name it; but for a POST only the collection: the rest of its path is identifiers."""
        if self.method == "POST":
            return f"POST {self.path}"
        return f"{self.method} {'/'.join(self.path.split('/')[:3])}"

    def request(self, settings: LusidSettings, base_url: str, token: str) -> requests.Request:
        """The HTTP request, authorised by `token`.

        Args:
            settings: name the application and the correlation id.
            base_url: LUSID's, without a slash at its end.
            token: a bearer token.
        """
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Authorization": f"Bearer {token}",
            "User-Agent": USER_AGENT,
            "X-LUSID-Application": settings.app_name,
        }
        if self.body is None:
            headers["Cache-Control"] = "no-cache"  # what is read is to prove something
        else:
            headers["Content-Type"] = "application/json"
        if settings.correlation_id is not None:
            headers["CorrelationId"] = settings.correlation_id
        return requests.Request(self.method, base_url + self.path, headers=headers, data=self.body, params=self.params)


@dataclass(frozen=True, slots=True)
class Response:
    """One whole HTTP response of any status, with the secrets it echoed removed.

    Attributes:
        headers: names are matched without regard to case.
        body: the parsed JSON; if the body is not JSON, at most 500 characters of its text.
        is_json: whether the body was JSON.
        seconds: from connecting to the last byte.
        is_own: whether LUSID itself gives it (`is_lusids_own`), and not something on the way.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    is_json: bool
    seconds: float
    is_own: bool

    @property
    def request_id(self) -> str | None:
        """LUSID's id for the call, from its header."""
        header = self.headers.get(REQUEST_ID)
        return server_text(header, 200) if header else None


def is_lusids_own(status: int, headers: Mapping[str, str], body: object, *, signs: bool) -> bool:
    """Whether an answer is LUSID's own: a 2xx in JSON, or the whole problem details of a refusal.

    Args:
        status: the HTTP status.
        headers: names are matched without regard to case.
        body: the parsed JSON; None where there was none.
        signs: whether this target names the request in its answers' headers; an answer without is then another's.
    """
    if body is None or (signs and not headers.get(REQUEST_ID)):
        return False
    return status // 100 == 2 or (isinstance(body, Mapping) and _is_whole(body, status))


def refusal(response: Response, *, what: str, base_url: str) -> LoadError:
    """The error for a final response that is not a success.

    Args:
        response: LUSID's.
        what: the call in a few words.
        base_url: the configured URL, named in the error when it seems to be wrong.
    """
    status = response.status
    if status == 404 and not is_lusid_problem(response.body):
        doubt = "is FBN_LUSID_URL right, and --dialect?" if what.startswith("POST") else "is FBN_LUSID_URL right?"
        return ConfigError(f"{base_url} does not know {what} (404): {doubt}")
    problem = replace(Problem.from_body(status, response.body), is_own=response.is_own)
    if not problem.instance:
        problem = replace(problem, instance=request_id(response) or "")
    match classify(status):
        case Action.REJECT | Action.HALVE:
            message = f"LUSID refuses {what}: {problem.reason} (HTTP {status})"
            return RejectedError(message, status, problem)
        case Action.REFRESH_TOKEN:
            return AuthError(f"LUSID refuses our token for {what} (401), even a fresh one")
        case _:
            return _stopped(status, what, problem.reason)


def moment_of(date: str | None) -> datetime | None:
    """An HTTP date; None where there is none."""
    try:
        found = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def request_id(response: Response) -> str | None:
    """LUSID's id for the call: from its header, otherwise from the end of `instance`, a link to its log."""
    if response.request_id:
        return response.request_id
    instance = response.body.get("instance") if isinstance(response.body, dict) else None
    if not isinstance(instance, str) or "/logs/" not in instance:
        return None
    return server_text(instance.rpartition("/logs/")[2], 200) or None


def _is_whole(problem: Mapping[str, object], status: int) -> bool:
    texts = [problem.get(member) for member in _TEXTS]
    return (
        all(isinstance(text, str) for text in texts)
        and bool(problem["name"] and problem["instance"])
        and type(problem.get("code")) is int
        and problem.get("status") == status
    )


def _stopped(status: int, what: str, reason: str) -> LoadError:
    if status == 403:
        return NotPermittedError(f"LUSID does not permit {what} (403): {reason}")
    if status == 407:
        return UnreachableError(PROXY_SIGN_IN)
    if status // 100 == 3:
        return ConfigError(f"{what} was redirected (HTTP {status}), which we do not follow: is FBN_LUSID_URL right?")
    return UnreachableError(f"{what} answered with the unexpected status {status}")
