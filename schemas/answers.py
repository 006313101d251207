"""Reads the refusals in LUSID's answers tolerantly; `texts` bounds and escapes what they say before anyone sees it.

Shapes: docs/lusid.md; the SDK's models (LusidProblemDetails, LusidValidationProblemDetails, ErrorDetail).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.texts import server_text

ERRORS_LIMIT = 20_000
"""Entries kept of an `errors` map: more than any call has keys."""


@dataclass(frozen=True)
class Problem:
    """Problem details of a refused call.

    Attributes:
        status: the HTTP status.
        code: LUSID's error code.
        name: its name, in PascalCase.
        instance: the link to the call's log.
        errors: messages by path inside the body (`requests[3].side`, `key.displayName`).
        failed: details by key, where a refusal has them.
        is_own: whether LUSID itself says it, so that nothing was applied: the client knows.
    """

    status: int
    code: int | None = None
    name: str = ""
    title: str = ""
    detail: str = ""
    instance: str = ""
    errors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    failed: Mapping[str, "ErrorDetail"] = field(default_factory=dict)
    is_own: bool = False

    @classmethod
    def from_body(cls, status: int, body: object) -> "Problem":
        """Reads whatever JSON came with a refusal; an unknown shape leaves fields empty."""
        if not isinstance(body, Mapping):
            return cls(status=status, detail=server_text(body) if isinstance(body, str) else "")
        code = body.get("code")
        return cls(
            status=status,
            code=code if isinstance(code, int) else None,
            name=server_text(body.get("name")),
            title=server_text(body.get("title")),
            detail=server_text(body.get("detail")),
            instance=server_text(body.get("instance")),
            errors=_errors(body.get("errors")),
            failed=error_details(body.get("failed")),
        )

    @property
    def is_lusids(self) -> bool:
        """Whether LUSID itself refused: a proxy's page, or half an answer, says nothing about the call."""
        return bool(self.name or self.errors or self.failed) or self.code is not None

    @property
    def reason(self) -> str:
        """The most informative text: detail, else title, else name, else the first of `errors`."""
        first = next((m for texts in self.errors.values() for m in texts), "")
        return self.detail or self.title or self.name or first or f"HTTP {self.status}"

    @property
    def kind(self) -> str:
        """A short code to group by: the problem's name, else its error code, else the status."""
        return self.name or (str(self.code) if self.code is not None else f"HTTP{self.status}")


@dataclass(frozen=True)
class ErrorDetail:
    """One entry of a `failed` map; it belongs to the map's key, since its `id` may differ (docs/lusid.md)."""

    type: str = ""
    detail: str = ""

    @classmethod
    def from_body(cls, body: object) -> "ErrorDetail":
        """Reads an entry of `failed`, and adds the texts of its `errorDetails` to the detail."""
        if not isinstance(body, Mapping):
            return cls(detail=server_text(body))
        detail = server_text(body.get("detail"))
        more = body.get("errorDetails")
        if isinstance(more, list):
            texts = [server_text(v) for e in more if isinstance(e, Mapping) for v in e.values()]
            detail = "; ".join(t for t in [detail, *texts[:10]] if t)
        return cls(type=server_text(body.get("type"), 100), detail=detail)


def error_details(body: object) -> dict[str, ErrorDetail]:
    """Reads a `failed` map; anything else is read as an empty one."""
    if not isinstance(body, Mapping):
        return {}
    return {str(key): ErrorDetail.from_body(value) for key, value in body.items()}


def _errors(body: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(body, Mapping):
        return {}
    out: dict[str, tuple[str, ...]] = {}
    for path, texts in body.items():
        if len(out) >= ERRORS_LIMIT:
            break
        listed = texts if isinstance(texts, list) else [texts]
        out[str(path)] = tuple(server_text(t) for t in listed[:10])
    return out
