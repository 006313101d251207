"""The errors that a load can raise, grouped by what their catcher does.

A row or a key that fails is data (see `schemas.states`), never an exception: exceptions end a call or a run. Every
class keeps its details in attributes and survives pickling, because process runners move exceptions between processes.

    LoadError
    ├── FatalError            stop the run
    │   ├── ConfigError       usage, settings, mapping                           exit 2
    │   │   └── NoLusidError  what answers at the URL is none
    │   ├── ExtractError      the extract cannot be read or is incomplete        exit 2
    │   ├── AuthError         LUSID refuses our credentials; resumable           exit 4
    │   │   └── NotPermittedError  it knows who we are, and refuses this call
    │   ├── MissingError      LUSID lacks what the rows refer to; nothing was sent  exit 3
    │   ├── UnreachableError  LUSID does not answer; resumable                   exit 4
    │   ├── StoppedError      interrupted, or the circuit breaker; resumable     exit 4
    │   │   └── LimitError    the load's own limit: its guard or failure budget
    │   ├── RunFolderError    the run folder cannot be written                   exit 4 (2 before it exists)
    │   └── BalanceError      the books do not balance                           exit 5
    ├── RetryableError        the same call may be sent again
    │   ├── NeverSentError    it never reached LUSID
    │   ├── PerhapsAppliedError  the answer is lost: LUSID may have applied it
    │   └── ThrottledError    LUSID refused it before doing any work, on every attempt
    └── RejectedError         LUSID refused the whole call
"""

from collections.abc import Callable
from typing import ClassVar, Self

from schemas.answers import Problem

SEE_OUTPUT = "; what the command prints says more"
"""Ends what people outside are told, where a message quotes an extract."""


class LoadError(Exception):
    """Base of every error that bulkload raises on purpose; `message` is one line for people.

    Attributes:
        message: what happened, where, and what to do; never a secret, never the value of a cell.
        exit_code: the command's exit code when the error ends it (README: How it ends).
        outside: where the message quotes an extract or a key, what it amounts to in words that do not; else empty.
        ending: of an error whose message may quote LUSID, what it amounts to in our words; empty where all are ours.
    """

    exit_code = 1
    ending: ClassVar[str] = ""

    def __init__(self, message: str, outside: str = "") -> None:
        super().__init__(message)
        self.message, self.outside = message, outside

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.message,), self.__dict__)

    @property
    def shareable(self) -> str:
        """What people may be told who need not be allowed to see persons: LUSID's words and headers may be a row's."""
        return self.outside or self.ending or self.message

    def reworded(self, change: Callable[[str], str]) -> Self:
        """The same error with other words, for whoever sees persons and for whoever does not."""
        words = {"message": change(self.message), "outside": self.outside and change(self.outside)}
        error = type(self)(words["message"])
        error.__dict__.update({**self.__dict__, **words})
        return error


class FatalError(LoadError):
    """Nothing more can be sent in this run."""

    exit_code = 4


class ConfigError(FatalError):
    """The command, a setting or a mapping is wrong; nothing was sent."""

    exit_code = 2


class NoLusidError(ConfigError):
    """What answers at the URL refuses the first call, so it is no LUSID."""

    ending = "what answers at the target's URL refuses the first call: is FBN_LUSID_URL right?"


class MissingError(FatalError):
    """A preflight found that LUSID lacks what the rows refer to, or has it of another kind; nothing was sent."""

    exit_code = 3


class ExtractError(FatalError):
    """The extract cannot be read, is not complete, or changed while it was being read."""

    exit_code = 2


class AuthError(FatalError):
    """LUSID or its token endpoint refuses our credentials (401 after a refresh, 403)."""


class NotPermittedError(AuthError):
    """LUSID knows who we are and does not let us make this call (403)."""

    ending = "LUSID does not permit a call (403)"


class UnreachableError(FatalError):
    """There is no answer from the URL, or only transport failures.

    Attributes:
        perhaps_applied: whether the call may have been sent before the failure, and applied.
    """

    ending = "LUSID does not answer, or not as LUSID does"

    def __init__(self, message: str, *, perhaps_applied: bool = False) -> None:
        super().__init__(message)
        self.perhaps_applied = perhaps_applied


class StoppedError(FatalError):
    """The run was stopped by an interrupt, the circuit breaker or a limit of its own."""

    ending = "stopped early: interrupted, or too many calls or rows came to nothing"


class LimitError(StoppedError):
    """The run was stopped by its guard or its failure budget: by what is in its own extract, so others may go on."""


class RunFolderError(FatalError):
    """The run folder cannot be made or written."""


class BalanceError(FatalError):
    """Rows read and rows accounted for differ, which is a defect, whatever else went well."""

    exit_code = 5


class RetryableError(LoadError):
    """The call itself is not at fault and may be sent again."""

    ending = "a call to LUSID came to nothing"


class NeverSentError(RetryableError):
    """The call never reached LUSID: connection refused, host name not resolved, connect timeout."""


class PerhapsAppliedError(RetryableError):
    """The call was sent and its answer is lost: LUSID may have applied it.

    Attributes:
        request_id: LUSID's id for the call, where so much of the answer came.
        refusal: what somebody said who is not LUSID, as LUSID would have meant it.
    """

    def __init__(self, message: str, request_id: str | None = None, refusal: "LoadError | None" = None) -> None:
        super().__init__(message)
        self.request_id, self.refusal = request_id, refusal


class ThrottledError(RetryableError):
    """LUSID refused the call before doing any work (429, 503, 408), on every attempt.

    Attributes:
        wait_seconds: the last Retry-After, in seconds; None when there was none.
    """

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class RejectedError(LoadError):
    """LUSID refused the whole call (a 4xx that a retry will not change).

    Attributes:
        status: the HTTP status.
        problem: the problem details, as far as the answer had any.
    """

    ending = "LUSID refused a call"

    def __init__(self, message: str, status: int = 400, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem or Problem(status=status)
