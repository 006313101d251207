"""What a caller in this process and a flow hand each other: options through Prefect, everything else past it.

Prefect keeps what goes through it, so only plain options do; who watches, and the report, go over a desk that both
know. Owns what is raised when Prefect cannot run a flow. Knows no flow by name.
"""

import os
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pipelines.nights.backfill import BackfillReport
from pipelines.nights.report import NightlyReport
from pipelines.options import Options, Progress
from pipelines.report.report import Report
from schemas.errors import ConfigError, UnreachableError

Outcome = Report | NightlyReport | BackfillReport
_PREFECTS = ("prefect", "httpx")
"""The packages whose errors are Prefect's, and not ours."""

_T = TypeVar("_T", Report, NightlyReport, BackfillReport)


@dataclass
class Desk:
    """Where a caller leaves who watches, and a flow what came of it."""

    progress: Progress = field(default_factory=Progress)
    outcome: Outcome | Exception | None = None


_desk: ContextVar[Desk | None] = ContextVar("desk", default=None)


def the_desk() -> Desk:
    """The caller's desk; one that nobody looks at where a worker runs the flow."""
    return _desk.get() or Desk()


def plain_options(options: Options) -> dict[str, Any]:
    """The options as a deployment gives them.

    Raises:
        ConfigError: an option holds an open target or what failed elsewhere, which Prefect must not keep.
    """
    if options.hold or not isinstance(options.target, str | None):
        raise ConfigError("an open target and held references cannot go through Prefect")
    return options.plain()


def through_prefect(call: Callable[..., Any], kind: type[_T], progress: Progress | None) -> _T:
    """Runs a flow in this process; gives what it left on the desk.

    Args:
        call: a flow with its parameters.
        kind: what the flow leaves when it did not fail.
        progress: told what happens.

    Raises:
        UnreachableError: Prefect could not run the flow, or failed while it ran; the message says which.
        LoadError: what ended the flow.
    """
    desk = Desk(progress or Progress())
    token = _desk.set(desk)
    before = os.umask(0o077)  # the temporary server's database is nobody else's either
    try:
        state = call(return_state=True)
    except Exception as error:
        if desk.outcome is None:
            raise UnreachableError(
                f"Prefect did not begin the load ({type(error).__name__}), so nothing was sent: see that the server of "
                "PREFECT_API_URL answers, or load without Prefect (--direct)"
            ) from error
        desk.progress.note(f"Prefect could not be told how the load ended ({type(error).__name__})")
    else:
        if desk.outcome is None:
            state.result()  # raises the defect that ended the flow
    finally:
        os.umask(before)
        _desk.reset(token)
    if isinstance(desk.outcome, Exception):
        raise _own_or_unreachable(desk.outcome)
    assert isinstance(desk.outcome, kind)  # noqa: S101 - each flow leaves what its function returns
    return desk.outcome


def _own_or_unreachable(error: Exception) -> Exception:
    """What ended the flow's own code: ours as it is, Prefect's or its client's in our words."""
    if type(error).__module__.partition(".")[0] not in _PREFECTS:
        return error
    return UnreachableError(
        f"Prefect failed while the load was under way ({type(error).__name__}): `bulkload runs` says how far it got, "
        "and `bulkload resume` goes on without Prefect"
    )
