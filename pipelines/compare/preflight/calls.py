"""The calls of a preflight: counted, and with an error of their own where LUSID does not say."""

from collections.abc import Callable, Mapping
from typing import Any

from connectors.lusid.client import LusidClient
from pipelines.operations.evidence import NOT_FOUND
from schemas.errors import ConfigError, FatalError, LoadError, NotPermittedError, RejectedError, UnreachableError

Json = Mapping[str, Any]


class NotAskedError(Exception):
    """LUSID does not say; the text is why."""


class RefusedError(NotAskedError):
    """LUSID refuses the call as it is."""


class AbsentError(NotAskedError):
    """LUSID says that there is no such thing."""


class Calls:
    """Makes the calls of one preflight.

    Attributes:
        client: makes them.
        count: how many were made, repeats not counted.
    """

    def __init__(self, client: LusidClient) -> None:
        self.client = client
        self.count = 0

    def get(self, path: str, params: Mapping[str, Any]) -> Json:
        """The body of what is read; raises as `answer` does."""
        body = self.answer(lambda: self.client.get(path, params).body)
        if not isinstance(body, Mapping):
            raise NotAskedError(f"the answer to GET {path.split('/')[2]} is malformed")
        return body

    def there(self, path: str, params: Mapping[str, str] | None = None) -> Json | None:
        """An entity read by itself; None where LUSID says that there is none. Raises as `answer` does."""
        try:
            return self.get(path, params or {})
        except AbsentError:
            return None

    def answer(self, call: Callable[[], Any]) -> Any:
        """What a call gives.

        Raises:
            NotAskedError: LUSID refuses the call, or does not know it.
            UnreachableError: there is no answer.
        """
        self.count += 1
        try:
            return call()
        except RejectedError as error:
            raise (AbsentError if error.status == NOT_FOUND else RefusedError)(error.message) from None
        except (NotPermittedError, ConfigError) as error:  # the call is not known, or not for us
            raise NotAskedError(error.message) from None
        except FatalError:
            raise
        except LoadError as error:
            raise UnreachableError(error.message) from None


def items(body: Json) -> list[Json]:
    """The items of a list's page."""
    values = body.get("values")
    return [each for each in values if isinstance(each, Mapping)] if isinstance(values, list) else []
