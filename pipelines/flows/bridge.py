"""Connects a caller in this process with a flow: plain options go through Prefect, everything else past it.

Prefect stores what goes through it. The caller's progress and the flow's report therefore go over the bridge. Also
decides what to raise when Prefect cannot run a flow. Knows no flow by name.
"""

import os
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.options import Options, Progress
from schemas.errors import ConfigError, UnreachableError
from schemas.settings import LoadOptions, about

if TYPE_CHECKING:
    from pipelines.flows.outcomes import Outcome
    from pipelines.nights.backfill import BackfillReport
    from pipelines.nights.report import NightlyReport
    from pipelines.report.report import Report

TAG = "bulkload"
"""Of every flow run of ours: automations go by it."""

_PREFECTS = ("prefect", "httpx")
"""The packages whose errors are Prefect's and not ours."""

_T = TypeVar("_T", "Report", "NightlyReport", "BackfillReport")


class Bridge:
    """Holds the caller's progress for the flow, and the flow's outcome for the caller.

    Attributes:
        progress: receives notes and progress.
        outcome: how the flow ended; None before it has.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.outcome: Outcome | Exception | None = None

    def leave(self, outcome: "Outcome | Exception") -> None:
        """Keeps how the flow ended."""
        self.outcome = outcome


_bridge: ContextVar[Bridge | None] = ContextVar("bridge", default=None)


def current_bridge() -> Bridge:
    """The bridge to the caller; one without a caller where a worker runs the flow."""
    return _bridge.get() or Bridge(Progress())


def plain_options(options: Options, *, of_night: bool = False) -> dict[str, Any]:
    """The options as plain values, as a deployment passes them.

    Args:
        options: of a load, or of every load of a night.
        of_night: leave out those that loads of a single extract have alone, where they are not set.

    Raises:
        ConfigError: an option is an open target or lists held references, which Prefect must not store.
    """
    if options.hold or not isinstance(options.target, str | None):
        raise ConfigError("an open target and held references cannot go through Prefect")
    plain = options.plain()
    if of_night:
        unset = {each.name for each in fields(LoadOptions) if about(each).one_extract and not plain.get(each.name)}
        return {name: value for name, value in plain.items() if name not in unset}
    return plain


def through_prefect(call: Callable[..., Any], kind: type[_T], progress: Progress) -> _T:
    """Runs a flow in this process; returns its outcome from the bridge.

    Args:
        call: a flow with its parameters.
        kind: the type of its outcome.
        progress: receives notes and progress.

    Raises:
        UnreachableError: Prefect could not run the flow, or failed while it ran; the message says which.
        LoadError: what ended the flow.
    """
    from prefect import tags  # a flow has imported it by now

    bridge = Bridge(progress)
    token = _bridge.set(bridge)
    before = os.umask(0o077)  # the temporary server's database is private, too
    try:
        with tags(TAG):
            state = call(return_state=True)
    except Exception as error:
        if bridge.outcome is None:
            raise UnreachableError(
                f"Prefect did not begin the load ({type(error).__name__}), so nothing was sent: make sure that the "
                "server of PREFECT_API_URL or of the active profile answers, or load without Prefect (--direct)"
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
    assert isinstance(bridge.outcome, kind)  # noqa: S101 - a flow keeps what its function returns
    return bridge.outcome


def _own_or_unreachable(error: Exception) -> Exception:
    """Our own errors as they are, and those of Prefect or its client as an UnreachableError."""
    if type(error).__module__.partition(".")[0] not in _PREFECTS:
        return error
    return UnreachableError(
        f"Prefect failed while the load was under way ({type(error).__name__}): `bulkload runs` shows how far it got, "
        "and `bulkload resume --direct` continues without Prefect"
    )
