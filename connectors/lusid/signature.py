"""Whether LUSID itself gives an answer: only then does a refusal say that nothing was applied.

A gateway, a proxy or a service mesh in front of LUSID answers in its own words, with any status, when it has lost the
answer to what LUSID did. Pure.
"""

from collections.abc import Mapping

REQUEST_ID = "lusid-meta-requestId"
"""The header in which LUSID names a request (docs/lusid.md)."""

_TEXTS = ("name", "type", "title", "detail", "instance")
"""What LUSID's problem details hold beside `code` and `status`, in every example of them (docs/lusid.md)."""


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


def _is_whole(problem: Mapping[str, object], status: int) -> bool:
    texts = [problem.get(member) for member in _TEXTS]
    return (
        all(isinstance(text, str) for text in texts)
        and bool(problem["name"] and problem["instance"])
        and type(problem.get("code")) is int
        and problem.get("status") == status
    )
