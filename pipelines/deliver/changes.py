"""What an upsert did to each key: created, updated or the same, from the versions in LUSID's answers.

LUSID counts an entity's versions from 1, and says when the latest one was made. One that was made before the call began
is not the call's: it changed nothing. All moments are by LUSID's own clock.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

CREATED, UPDATED, SAME, UNTOLD = "c", "u", "s", "-"
CHANGES = {CREATED: "created", UPDATED: "updated", SAME: "same"}
"""A letter in the journal, and its word in the files of a run; an answer that does not tell has none."""

_MARGIN = timedelta(seconds=2)
"""HTTP dates have whole seconds."""

_SECOND = len("2026-11-20T08:15:00")
_UTC = ("Z", "+00:00")


def call_began(answered_at: datetime | None, seconds: float) -> str | None:
    """When a call began by LUSID's clock, as its answers write moments, to the second.

    Args:
        answered_at: the answer's Date; None where it has none.
        seconds: how long the answer took.
    """
    if answered_at is None:
        return None
    return (answered_at.astimezone(UTC) - timedelta(seconds=seconds) - _MARGIN).isoformat()[:_SECOND]


def changes_of(values: Mapping[str, Any], keys: Sequence[str], began: str | None) -> str:
    """A letter for each key, in their order; empty where none of them is told.

    Args:
        values: the answer's, by key.
        keys: those of the answer that are accepted.
        began: when the call began, as `call_began` gives it.
    """
    if began is None:
        return ""
    letters = "".join([_change(values.get(key), began) for key in keys])
    return letters if letters.strip(UNTOLD) else ""


def without_updates(letters: str) -> str:
    """The letters of a LUSID in which what changes nothing makes a version, too: an update may be none.

    Args:
        letters: as `changes_of` gives them.
    """
    left = letters.replace(UPDATED, UNTOLD)
    return left if left.strip(UNTOLD) else ""


def _change(value: Any, began: str) -> str:
    version = value.get("version") if isinstance(value, dict) else None
    if version is None and isinstance(value, dict):
        block = value.get("block")
        version = block.get("version") if isinstance(block, dict) else None
    if not isinstance(version, dict):
        return UNTOLD
    number, made = version.get("asAtVersionNumber"), version.get("asAtModified")
    if not isinstance(number, int) or not isinstance(made, str) or not made.endswith(_UTC):
        return UNTOLD
    if made[:_SECOND] < began:
        return SAME
    return CREATED if number == 1 else UPDATED
