"""One call as the client makes it: which path, with what, and the HTTP request that carries it.

Owns the headers LUSID is sent. Sends nothing.
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
    """A call.

    Attributes:
        path: begins with `/api/`; joined to the base URL as it is.
        body: encoded JSON; None for a read.
        idempotent: whether applying the request twice does no harm.
    """

    method: str
    path: str
    params: Params
    body: bytes | None
    idempotent: bool

    @property
    def what(self) -> str:
        """For messages. Of a read only the collection: the rest of its path are identifiers."""
        if self.method == "POST":
            return f"POST {self.path}"
        return f"GET {'/'.join(self.path.split('/')[:3])}"

    def request(self, settings: LusidSettings, base_url: str, token: str) -> requests.Request:
        """The HTTP request, signed with `token`."""
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Authorization": f"Bearer {token}",
            "User-Agent": USER_AGENT,
            "X-LUSID-Application": settings.app_name,
        }
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        if settings.correlation_id is not None:
            headers["CorrelationId"] = settings.correlation_id
        return requests.Request(self.method, base_url + self.path, headers=headers, data=self.body, params=self.params)
