"""How fast a load's calls were answered over its time, from the times in its journal."""

from collections.abc import Mapping, Sequence
from statistics import median, quantiles
from typing import Any

from connectors.run_folder.folder import RunFolder
from pipelines.history.journal_calls import calls_of
from pipelines.report.night_values import Pace
from schemas.errors import RunFolderError

PARTS = 40
"""Equal stretches of a load's time, of which each has its numbers."""

MOST_BYTES = 128 << 20
"""A journal that is larger takes seconds to read; `bulkload sql` over `calls` has its times."""


def pace_of(folder: RunFolder) -> Pace | None:
    """The pace of a run; None where its journal has no times, is damaged or too large."""
    try:
        if folder.journal.stat().st_size > MOST_BYTES:
            return None
        calls = [call for call in calls_of(folder) if None not in (call["sent_at"], call["settled_at"])]
    except (OSError, RunFolderError):
        return None
    return _pace(calls) if calls else None


def _pace(calls: Sequence[Mapping[str, Any]]) -> Pace:
    first, last = min(call["sent_at"] for call in calls), max(call["settled_at"] for call in calls)
    length = max(1, last - first)
    parts: list[list[Mapping[str, Any]]] = [[] for _ in range(PARTS)]
    for call in calls:
        parts[min(PARTS - 1, PARTS * (call["settled_at"] - first) // length)].append(call)
    seconds = length / 1000 / PARTS
    answers = sorted(_answers(calls))
    again = [call for call in calls if (call["attempts"] or 1) > 1]
    return Pace(
        begins=first / 1000,
        seconds=length / 1000,
        rates=tuple(round(sum(c["accepted"] + c["refused"] for c in part) / seconds) for part in parts),
        answers=tuple(_middle(each) for each in map(_answers, parts) if each),
        again=tuple(sum((c["attempts"] or 1) - 1 for c in part) for part in parts),
        median=_middle(answers),
        most_of=round(quantiles(answers, n=20)[-1]) if len(answers) > 1 else _middle(answers),
        slowest=answers[-1] if answers else 0,
        waited=sum(c["settled_at"] - c["sent_at"] - c["answer_ms"] for c in again) / 1000,
    )


def _answers(calls: Sequence[Mapping[str, Any]]) -> list[int]:
    """Milliseconds of the answers that came."""
    return [call["answer_ms"] for call in calls if call["answer_ms"] is not None]


def _middle(numbers: Sequence[int]) -> int:
    return round(median(numbers)) if numbers else 0
