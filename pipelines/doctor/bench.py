"""The bench that all probes work at: calls, what is made, names that nobody else has, and waiting for reads."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from connectors.lusid.call import Response
from connectors.lusid.client import LusidClient
from pipelines.doctor.findings import CouldNotTellError
from pipelines.doctor.scratch import Made, Scratch
from schemas.dialects import Dialect
from schemas.errors import ConfigError, LoadError
from schemas.texts import server_text

Json = Mapping[str, Any]

MOST_LAG = 60.0
"""Seconds that a read may lag behind before it is given up."""

LOOK_AGAIN = 0.2
_NOT_FOUND = 404
_MOST_SAID = 300

_TURNED_AWAY = frozenset({401, 403, 404, 405})
"""Statuses of a call that LUSID did not look into: it made nothing, and says nothing of an assumption."""

_NO_REFUSAL = _TURNED_AWAY | {407, 408, 429}


class Bench:
    """What probes share, in one examination.

    Attributes:
        client: makes the calls, one after another.
        scope: that everything is made in.
        tag: in the name of everything that is made: nobody else has it.
    """

    def __init__(self, client: LusidClient, scratch: Scratch, dialect: Dialect, scope: str, tag: str) -> None:
        self.client, self.dialect, self.scope, self.tag = client, dialect, scope, tag
        self._scratch = scratch
        self._definitions: dict[str, LoadError | None] = {}

    def named(self, name: str) -> str:
        """A code of our own."""
        return f"doctor-{self.tag}-{name}"

    def post(self, path: str, body: Any, makes: tuple[Made, ...] = (), **params: str) -> Response:
        """Posts a body.

        Args:
            makes: what that may make.

        Raises:
            LoadError: there is no answer.
        """
        if makes:
            self._scratch.will_make(*makes)
        answer = self.client.ask("POST", path, params=params, body=orjson.dumps(body))
        if answer.is_own and answer.status in _TURNED_AWAY:
            self._scratch.never_made(*makes)
        self._scratch.answered(*makes)
        return answer

    def done(self, answer: Response, what: str) -> Json:
        """The body of a 2xx.

        Raises:
            CouldNotTellError: it is another answer.
        """
        if answer.status // 100 != 2 or not isinstance(answer.body, Mapping):
            raise CouldNotTellError(f"{what}: {said_by(answer)}")
        return answer.body

    def read(self, path: str, params: Mapping[str, Any] | None = None) -> Json | None:
        """What is at a path; None where nothing is.

        Raises:
            CouldNotTellError: LUSID does not say.
            LoadError: there is no answer.
        """
        answer = self.client.ask("GET", path, params=params or {})
        return None if answer.status == _NOT_FOUND else self.done(answer, "reading it back")

    def until(self, look: Callable[[], Json | None], is_it: Callable[[Json], object]) -> Json:
        """What a look shows, once it is what is waited for: reads lag behind.

        Raises:
            CouldNotTellError: it takes too long.
        """
        found: list[Json | None] = [None]

        def there() -> bool:
            found[0] = look()
            return found[0] is not None and bool(is_it(found[0]))

        if self.seconds_until(there) is None or found[0] is None:
            raise CouldNotTellError(f"reading back did not show within {MOST_LAG:g} s what was written")
        return found[0]

    def seconds_until(self, there: Callable[[], bool]) -> float | None:
        """How long it takes until something is to be seen; None where it takes too long."""
        began = self.client.now()
        while not there():
            if self.client.now() - began > MOST_LAG or self.client.stop.is_set():
                return None
            self.client.pause(LOOK_AGAIN)
        return self.client.now() - began

    def definition(self, domain: str, name: str, *, identifier: bool = False) -> str:
        """The key of a text property, or an identifier, of our own, which is defined when it is first asked for.

        Raises:
            CouldNotTellError: LUSID does not define it.
            LoadError: there is no answer.
        """
        key = f"{domain}/{self.scope}/{self.named(name)}"
        if key not in self._definitions:
            try:
                self._define(domain, self.named(name), identifier=identifier)
            except ConfigError:
                raise
            except LoadError as error:
                self._definitions[key] = error
            else:
                self._definitions[key] = None
        failed = self._definitions[key]
        if failed is not None:
            raise failed
        return key

    def _define(self, domain: str, code: str, *, identifier: bool) -> None:
        path = f"/api/propertydefinitions/{domain}/{quote(self.scope, safe='')}/{code}"
        body = {
            "domain": domain,
            "scope": self.scope,
            "code": code,
            "displayName": code,
            "dataTypeId": {"scope": "system", "code": "string"},
            "lifeTime": "Perpetual",
            "constraintStyle": "Identifier" if identifier else "Property",
        }
        makes = Made(f"property definition {domain}/{self.scope}/{code}", path)
        self.done(self.post("/api/propertydefinitions", body, (makes,)), f"defining a property of {domain}")


def refuses(answer: Response) -> bool:
    """Whether LUSID refuses a call for its content."""
    return answer.status // 100 == 4 and answer.status not in _NO_REFUSAL


def said_by(answer: Response) -> str:
    """What an answer says, in few words."""
    body = answer.body
    said = ""
    if isinstance(body, Mapping):
        said = ": ".join(str(body[name]) for name in ("name", "detail") if body.get(name))
    elif isinstance(body, str):
        said = body
    return server_text(f"HTTP {answer.status}{f', {said}' if said else ''}", _MOST_SAID)
