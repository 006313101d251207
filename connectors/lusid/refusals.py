"""Turns a final response that is not a success into one of `schemas.errors`.

Pure functions of status and body. `schemas.answers` bounds and escapes LUSID's texts.
"""

from dataclasses import replace

from connectors.lusid.retry_table import PROXY_SIGN_IN, Action, classify, is_lusid_problem
from connectors.lusid.transport import Response
from schemas.answers import Problem, server_text
from schemas.errors import AuthError, ConfigError, LoadError, RejectedError, UnreachableError


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


def request_id(response: Response) -> str | None:
    """LUSID's id for the call: from its header, otherwise from the end of `instance`, a link to its log."""
    if response.request_id:
        return response.request_id
    instance = response.body.get("instance") if isinstance(response.body, dict) else None
    if not isinstance(instance, str) or "/logs/" not in instance:
        return None
    return server_text(instance.rpartition("/logs/")[2], 200) or None


def _stopped(status: int, what: str, reason: str) -> LoadError:
    if status == 403:
        return AuthError(f"LUSID does not permit {what} (403): {reason}")
    if status == 407:
        return UnreachableError(PROXY_SIGN_IN)
    if status // 100 == 3:
        return ConfigError(f"{what} was redirected (HTTP {status}), which we do not follow: is FBN_LUSID_URL right?")
    return UnreachableError(f"{what} answered with the unexpected status {status}")
