"""Refusals in LUSID's words: problem details for a whole call, error details for one of its items.

Shapes and codes: LusidProblemDetails, LusidValidationProblemDetails and ErrorDetail of the API specification, and the
table of error codes in its description. Knows nothing of HTTP or the store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.sandbox.protocol.exact_json import Document

_NAMED_IN_DETAIL = 3
_CODES = {
    "ResourceConflict": 461,
    "OrderNotFound": 650,
    "PlacementNotFound": 725,
    "ExecutionNotFound": 726,
    "BlockNotFound": 727,
    "PropertyNotDefined": 121,
    "InvalidPropertyLifeTime": 125,
    "PropertyConstraintStyleExcludesProperties": 126,
    "TimeVariantPropertyUpsertDateUnspecified": 196,
    "PerpetualPropertyUpsertDateSpecified": 197,
    "InvalidPropertyValueAssignment": 224,
}
"""Codes from the specification's table of errors, by name."""

_VALIDATION = 132


@dataclass(eq=False)
class ProblemError(Exception):
    """The whole call is refused, and nothing of it is kept.

    Attributes:
        status: HTTP status.
        code: LUSID's error code.
        name: the code's name, in PascalCase.
        detail: what went wrong in this case.
        errors: messages by path in the body, for validation problems.
    """

    status: int
    code: int
    name: str
    detail: str
    errors: Mapping[str, Sequence[str]] | None = None

    def body(self, instance: str) -> Document:
        """The problem details; `instance` is the address of the call's log."""
        out: Document = {
            "name": self.name,
            "errorDetails": [],
            "code": self.code,
            "type": f"https://docs.lusid.com/#section/Error-Codes/{self.code}",
            "title": _spaced(self.name),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "extensions": {},
        }
        if self.errors is not None:
            out["errors"] = {path: list(texts) for path, texts in self.errors.items()}
        return out


@dataclass(eq=False)
class ItemError(Exception):
    """One item of a batch is refused.

    Attributes:
        type: PascalCase, ending in `Failure`.
        detail: what is wrong.
        path: the place inside the item (`accountHolders[0]`), or empty for the item as a whole.
    """

    type: str
    detail: str
    path: str = ""

    def body(self, key: str) -> Document:
        """The item's ErrorDetail under `failed`."""
        return {"id": key, "type": self.type, "detail": self.detail, "errorDetails": []}


def validation_problem(errors: Mapping[str, Sequence[str]]) -> ProblemError:
    """400 for a call that does not fit the specification's models (code 132)."""
    return ProblemError(400, _VALIDATION, "ValidationError", _summary(errors), errors)


def malformed(detail: str) -> ProblemError:
    """400 for a body that is not JSON (code 157)."""
    errors = {"$": [detail]}
    return ProblemError(400, 157, "InvalidRequest", f"The body is not valid JSON: {detail}", errors)


def batch_aborted(failed: Mapping[str, ItemError], status: int = 400) -> ProblemError:
    """For an Atomic batch with failing items, naming every one of them (code 395)."""
    errors = _named(failed)
    return ProblemError(status, 395, "BatchOperationAborted", _summary(errors), errors)


def refused(failed: Mapping[str, ItemError]) -> ProblemError:
    """400 for a list with items that are refused, naming every one of them; the first gives code and name."""
    errors = _named(failed)
    name = next(iter(failed.values())).type.removesuffix("Failure")
    return ProblemError(400, _CODES.get(name, _VALIDATION), name, _summary(errors), errors)


def resource_conflict(errors: Mapping[str, Sequence[str]]) -> ProblemError:
    """400 for an entity that already exists with differing fields (code 461)."""
    return ProblemError(400, _CODES["ResourceConflict"], "ResourceConflict", _summary(errors), errors)


def not_found(detail: str) -> ProblemError:
    """404 for an entity or a path that does not exist (code 460)."""
    return ProblemError(404, 460, "ResourceNotFound", detail)


def _named(failed: Mapping[str, ItemError]) -> dict[str, list[str]]:
    return {f"{key}.{item.path}" if item.path else key: [item.detail] for key, item in failed.items()}


def _summary(errors: Mapping[str, Sequence[str]]) -> str:
    first = [f"{path}: {texts[0]}" for path, texts in list(errors.items())[:_NAMED_IN_DETAIL]]
    more = len(errors) - len(first)
    return "; ".join(first) + (f"; and {more} more" if more else "")


def _spaced(name: str) -> str:
    return "".join(f" {c}" if c.isupper() else c for c in name).strip()
