"""Which error an answer that is not a success raises, and what it says.

Pure: status and body in, one of `schemas.errors` out. It sees only answers that `pacing` gives back
because repeating cannot better them. LUSID's texts are bounded and escaped by `schemas.answers`.
"""

from dataclasses import replace

from connectors.lusid.retry_table import Action, classify, is_lusid_problem
from connectors.lusid.transport import Reply
from schemas.answers import Problem, server_text
from schemas.errors import AuthError, ConfigError, LoadError, RejectedError, UnreachableError


def refusal(reply: Reply, *, what: str, base_url: str) -> LoadError:
    """The error for an answer that is neither a success nor worth repeating.

    Args:
        reply: LUSID's answer.
        what: the request in a few words.
        base_url: the configured URL, to name when it seems to be the wrong one.
    """
    status = reply.status
    if status == 404 and not is_lusid_problem(reply.body):
        doubt = "is FBN_LUSID_URL right, and --dialect?" if what.startswith("POST") else "is FBN_LUSID_URL right?"
        return ConfigError(f"{base_url} does not know {what} (404): {doubt}")
    problem = Problem.from_body(status, reply.body)
    if not problem.instance:
        problem = replace(problem, instance=request_id(reply) or "")
    match classify(status):
        case Action.REJECT | Action.HALVE:
            message = f"LUSID refuses {what}: {problem.reason} (HTTP {status})"
            return RejectedError(message, status, problem)
        case Action.REFRESH_TOKEN:
            return AuthError(f"LUSID refuses our token for {what} (401), a fresh one too")
        case _:
            return _stopped(status, what, problem.reason)


def request_id(reply: Reply) -> str | None:
    """LUSID's id of the request: its header, else the end of `instance`, a link to its log."""
    if header := reply.headers.get("lusid-meta-requestId"):
        return server_text(header, 200)
    instance = reply.body.get("instance") if isinstance(reply.body, dict) else None
    if not isinstance(instance, str) or "/logs/" not in instance:
        return None
    return server_text(instance.rpartition("/logs/")[2], 200) or None


def _stopped(status: int, what: str, reason: str) -> LoadError:
    if status == 403:
        return AuthError(f"LUSID does not permit {what} (403): {reason}")
    if status == 407:
        return UnreachableError("The proxy wants a sign-in (407): check FBN_PROXY_USERNAME and FBN_PROXY_PASSWORD")
    if status // 100 == 3:
        return ConfigError(f"{what} is redirected (HTTP {status}), which is not followed: is FBN_LUSID_URL right?")
    return UnreachableError(f"{what} answered {status}, for which there is no rule")
