"""A client that dies at one of its calls: the crash of a process, for models that load, crash and resume in memory."""

from typing import Any


class DiedError(BaseException):
    """The process is gone, as far as the run can tell."""


class Dying:
    """A client that dies at one of its calls."""

    def __init__(self, client: Any, crash: tuple[int, bool] | None) -> None:
        self._client, (self._left, self._after) = client, crash or (0, False)

    def post(self, *given: Any, **more: Any) -> Any:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise DiedError
        answer = self._client.post(*given, **more)
        if self._left == 0:
            raise DiedError
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
