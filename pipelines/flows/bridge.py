"""What a caller in this process and a flow hand each other: options through Prefect, everything else past it.

Prefect keeps what goes through it, so only plain options do; who watches, and the report, go over a bridge past it.
Owns what is raised when Prefect cannot run a flow. Knows no flow by name.
"""

import os
from collections.abc import Callable
from contextvars import ContextVar
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


class Bridge:
    """Where a caller leaves who watches, and a flow what came of it.

    Attributes:
        progress: told what happens.
        outcome: what the flow left; None before.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.outcome: Outcome | Exception | None = None

    def leave(self, outcome: Outcome | Exception) -> None:
        """Takes what came of the flow."""
        self.outcome = outcome


_bridge: ContextVar[Bridge | None] = ContextVar("bridge", default=None)


def current_bridge() -> Bridge:
    """The bridge to the caller; one to nobody where a worker runs the flow."""
    return _bridge.get() or Bridge(Progress())


def plain_options(options: Options) -> dict[str, Any]:
    """The options as a deployment gives them.

    Raises:
        ConfigError: an option holds an open target or what failed elsewhere, which Prefect must not keep.
    """
    if options.hold or not isinstance(options.target, str | None):
        raise ConfigError("an open target and held references cannot go through Prefect")
    return options.plain()


def through_prefect(call: Callable[..., Any], kind: type[_T], progress: Progress) -> _T:
    """Runs a flow in this process; gives what it left on the bridge.

    Args:
        call: a flow with its parameters.
        kind: what the flow leaves when it did not fail.
        progress: told what happens.

    Raises:
        UnreachableError: Prefect could not run the flow, or failed while it ran; the message says which.
        LoadError: what ended the flow.
    """
    bridge = Bridge(progress)
    token = _bridge.set(bridge)
    before = os.umask(0o077)  # the temporary server's database is nobody else's either
    try:
        state = call(return_state=True)
    except Exception as error:
        if bridge.outcome is None:
            raise UnreachableError(
                f"Prefect did not begin the load ({type(error).__name__}), so nothing was sent: see that the server of "
                "PREFECT_API_URL or of the active profile answers, or load without Prefect (--direct)"
            ) from error
        bridge.progress.note(f"Prefect could not be told how the load ended ({type(error).__name__})")
    else:
        if bridge.outcome is None:
            state.result()  # raises the defect that ended the flow
    finally:
        os.umask(before)
        _bridge.reset(token)
    if isinstance(bridge.outcome, Exception):
        raise _own_or_unreachable(bridge.outcome)
    assert isinstance(bridge.outcome, kind)  # noqa: S101 - each flow leaves what its function returns
    return bridge.outcome


def _own_or_unreachable(error: Exception) -> Exception:
    """What ended the flow's own code: ours as it is, Prefect's or its client's in our words."""
    if type(error).__module__.partition(".")[0] not in _PREFECTS:
        return error
    return UnreachableError(
        f"Prefect failed while the load was under way ({type(error).__name__}): `bulkload runs` says how far it got, "
        "and `bulkload resume --direct` goes on without Prefect"
    )
