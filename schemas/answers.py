"""What LUSID's answers say, read tolerantly: its texts are foreign, bounded and escaped before anyone sees them.

Shapes: docs/lusid.md; the SDK's models (LusidProblemDetails, LusidValidationProblemDetails, ErrorDetail).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

TEXT_LIMIT = 500
"""Characters of one server text that are kept; enough for every message seen, too few to flood a report."""

ERRORS_LIMIT = 20_000
"""Entries of an `errors` map that are kept: more than any request has keys."""


def server_text(value: object, limit: int = TEXT_LIMIT) -> str:
    """A server's text on one line: control characters escaped, at most `limit` characters.

    What should be text and is a list or an object is not shown: it may be of any size and depth.
    """
    text = value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:limit])
    return text if len(text) <= limit else text[: limit - 1] + "…"


@dataclass(frozen=True)
class Problem:
    """Problem details of a refused request.

    Attributes:
        errors: path inside the body (`requests[3].side`, `key.displayName`) to messages.
        failed: per-key details, where a refusal carries them, as `ErrorDetail`.
    """

    status: int
    code: int | None = None
    name: str = ""
    title: str = ""
    detail: str = ""
    instance: str = ""
    errors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    failed: Mapping[str, "ErrorDetail"] = field(default_factory=dict)

    @classmethod
    def from_body(cls, status: int, body: object) -> "Problem":
        """Reads whatever JSON came with a refusal; a shape we do not know leaves fields empty."""
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
        """Whether LUSID itself speaks: the page of a proxy, or half an answer, says nothing of the request."""
        return bool(self.name or self.errors or self.failed) or self.code is not None

    @property
    def reason(self) -> str:
        """The one text that says most: detail, else title, else name, else the first of `errors`."""
        first = next((m for texts in self.errors.values() for m in texts), "")
        return self.detail or self.title or self.name or first or f"HTTP {self.status}"

    @property
    def kind(self) -> str:
        """A short code for grouping: the problem's name, else its number, else the status."""
        return self.name or (str(self.code) if self.code is not None else f"HTTP{self.status}")


@dataclass(frozen=True)
class ErrorDetail:
    """One entry of a `failed` map. `id` is not always the key (docs/lusid.md): join on the map's key."""

    type: str = ""
    detail: str = ""

    @classmethod
    def from_body(cls, body: object) -> "ErrorDetail":
        """Reads an entry of `failed`, adding its `errorDetails` texts to the detail."""
        if not isinstance(body, Mapping):
            return cls(detail=server_text(body))
        detail = server_text(body.get("detail"))
        more = body.get("errorDetails")
        if isinstance(more, list):
            texts = [server_text(v) for e in more if isinstance(e, Mapping) for v in e.values()]
            detail = "; ".join(t for t in [detail, *texts[:10]] if t)
        return cls(type=server_text(body.get("type"), 100), detail=detail)


def error_details(body: object) -> dict[str, ErrorDetail]:
    """A `failed` map; anything that is not a map is read as empty."""
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
