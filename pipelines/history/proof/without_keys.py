"""A manifest without personal data: counts, rules and times stay; what names a key, or may, is left out."""

from pipelines.account.rules import RUN_STOPPED
from schemas.manifest import Manifest, Reason
from schemas.texts import many

_LEFT_OUT = "left out: it may name keys"
_STOPPED = "the run stopped first"


def without_keys(manifest: Manifest) -> Manifest:
    """The manifest as somebody may see it who must not know whom the run was about."""
    error = {"error": _LEFT_OUT} if manifest.error else {}
    return manifest.changed(
        reasons=tuple(map(_reason, manifest.reasons)),
        alerts=_counted(manifest.alerts, "alert", "alerts"),
        warnings=_counted(manifest.warnings, "warning", "warnings"),
        **error,
    )


def _reason(reason: Reason) -> Reason:
    """A reason by its rule alone; one of a version that did not know rules has only its code."""
    rule = reason.rule if "rule" in reason.model_fields_set else _LEFT_OUT
    if reason.code == RUN_STOPPED:  # its rule quotes what stopped the run
        rule = _STOPPED
    return reason.model_copy(update={"message": rule, "rule": rule, "examples": []})


def _counted(texts: tuple[str, ...], one: str, more: str) -> tuple[str, ...]:
    return (f"{many(len(texts), one, more)} left out: they may name keys",) if texts else ()
