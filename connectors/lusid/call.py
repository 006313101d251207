"""One call to LUSID, and the HTTP request that carries it.

Owns the headers that every call sends. Sends nothing itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import requests

from connectors.lusid.settings import LusidSettings

USER_AGENT = f"lusid-bulkload/{version('lusid-bulkload')}"

Params = Mapping[str, str | Sequence[str]] | Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call to LUSID.

    Attributes:
        path: begins with `/api/`; appended to the base URL unchanged.
        body: encoded JSON; None for a read.
        idempotent: whether applying the request twice does no harm.
    """

    method: str
    path: str
    params: Params
    body: bytes | None
    idempotent: bool

    @property
    def is_believed(self) -> bool:
        """Whether the answer is to prove something: it must be LUSID's own, to this very call."""
        return self.method == "GET" or not self.idempotent

    @property
    def what(self) -> str:
        """The call as messages name it; of a read only the collection, since the rest of its path is identifiers."""
        if self.method == "POST":
            return f"POST {self.path}"
        return f"GET {'/'.join(self.path.split('/')[:3])}"

    def request(self, settings: LusidSettings, base_url: str, token: str) -> requests.Request:
        """The HTTP request, authorised by `token`.

        Args:
            settings: name the application and the correlation id.
            base_url: LUSID's, without a slash at its end.
            token: a bearer token.
        """
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Authorization": f"Bearer {token}",
            "User-Agent": USER_AGENT,
            "X-LUSID-Application": settings.app_name,
        }
        if self.body is None:
            headers["Cache-Control"] = "no-cache"  # what is read is to prove something
        else:
            headers["Content-Type"] = "application/json"
        if settings.correlation_id is not None:
            headers["CorrelationId"] = settings.correlation_id
        return requests.Request(self.method, base_url + self.path, headers=headers, data=self.body, params=self.params)
