"""The errors a load can raise, grouped by what the catcher does.

A row or a key that fails is data (see `schemas.states`), never an exception: exceptions are for what ends a
request or a run. Every class keeps its evidence in attributes and survives pickling, because process runners
move exceptions between processes.

    LoadError
    ├── FatalError            stop the run
    │   ├── ConfigError       usage, settings, mapping                           exit 2
    │   ├── ExtractError      the extract cannot be read, or lies                exit 2
    │   ├── AuthError         LUSID does not let us in; resumable                exit 4
    │   ├── UnreachableError  nobody answers; resumable                          exit 4
    │   ├── StoppedError      interrupted, breaker or failure budget; resumable  exit 4
    │   ├── RunFolderError    the run folder cannot be written                   exit 4 (2 before it exists)
    │   └── BalanceError      the books do not balance                           exit 5
    ├── RetryableError        the same request may be sent again
    │   ├── NeverSentError    it never reached LUSID
    │   ├── PerhapsAppliedError  the answer is lost: LUSID may have done it
    │   └── ThrottledError    LUSID turned it away before any work, for as long as we try
    └── RejectedError         LUSID refused the whole request
"""

from schemas.answers import Problem


class LoadError(Exception):
    """Base of everything bulkload raises on purpose; `message` is one line for a person.

    Attributes:
        message: what, where, and what to do; never a secret, never a cell's value.
        exit_code: the command's exit code when the error ends it (README: A bad night).
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.message,), self.__dict__)


class FatalError(LoadError):
    """Nothing more can be sent in this run."""

    exit_code = 4


class ConfigError(FatalError):
    """The command, a setting or a mapping is wrong; nothing was sent."""

    exit_code = 2


class ExtractError(FatalError):
    """The extract cannot be read as one, is not what was promised, or changed while being read."""

    exit_code = 2


class AuthError(FatalError):
    """LUSID or its token endpoint refuses us (401 after a refresh, 403)."""


class UnreachableError(FatalError):
    """Nobody answers at the URL, or only transport failures come back.

    Attributes:
        perhaps_applied: the request may have been sent before the failure, and applied.
    """

    def __init__(self, message: str, *, perhaps_applied: bool = False) -> None:
        super().__init__(message)
        self.perhaps_applied = perhaps_applied


class StoppedError(FatalError):
    """The run was stopped: an interrupt, the breaker, or the failure budget."""


class RunFolderError(FatalError):
    """The run folder cannot be made or written."""


class BalanceError(FatalError):
    """Rows read and rows accounted for differ: a defect, whatever else went well."""

    exit_code = 5


class RetryableError(LoadError):
    """The request itself is not at fault and may be sent again."""


class NeverSentError(RetryableError):
    """The request never reached LUSID: refused, unresolved, connect timeout."""


class PerhapsAppliedError(RetryableError):
    """The request was sent and its answer is lost: LUSID may have applied it."""


class ThrottledError(RetryableError):
    """LUSID turned the request away before any work (429, 503, 408), for as long as we try.

    Attributes:
        wait_seconds: what its last Retry-After asked for, in seconds, when it said.
    """

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class RejectedError(LoadError):
    """LUSID refused the whole request (a 4xx that repeating will not change).

    Attributes:
        status: the HTTP status.
        problem: the problem details, as far as the answer had any.
    """

    def __init__(self, message: str, status: int = 400, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem or Problem(status=status)
