"""Keeps secrets out of what servers say: whatever a reply echoes of them is gone before anyone reads the reply.

Owns which secrets this process holds and how they may be spelt. A reply that holds none costs one search of its
bytes for each secret, and is not copied.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

from requests.structures import CaseInsensitiveDict

from schemas.spellings import replaced

SECRET = "[secret]"  # noqa: S105 - what stands in its place
SHORTEST = 6
"""Characters of the shortest secret that is looked for: a shorter one stands in every other sentence by chance, and
where it is missing from them all it could be guessed."""

MOST_TOKENS = 8
"""Tokens that are remembered; an older one has long expired."""

_BEGINNING = 12
_PROBE = 4
_TOKEN_CHARACTERS = r"[A-Za-z0-9._~+/=-]*"  # noqa: S105 - no token (RFC 6750)


@dataclass(frozen=True, repr=False)
class _Secret:
    """One secret.

    Attributes:
        probe: a part of it that no encoding changes; empty when there is none, and each text is then looked into.
    """

    value: str
    machine_made: bool
    probe: bytes
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, value: str, *, machine_made: bool) -> "_Secret":
        """Of a long one that no person chose the beginning is looked for too, for a server may show no more."""
        cut = machine_made and len(value) > _BEGINNING + _PROBE
        part = value[:_BEGINNING] if cut else value
        longest = max(re.findall("[A-Za-z0-9]+", part), key=len, default="")
        pattern = re.escape(part) + (_TOKEN_CHARACTERS if cut else "")
        probe = longest.encode() if len(longest) >= _PROBE else b""
        return cls(value, machine_made, probe, re.compile(pattern))


class Scrubber:
    """The secrets of one client; safe to share between threads."""

    def __init__(self) -> None:
        self._given: tuple[_Secret, ...] = ()
        self._tokens: tuple[_Secret, ...] = ()
        self._lock = Lock()

    def know_given(self, *values: str | None) -> None:
        """Adds secrets that people chose: they may be words that stand in a customer's data too."""
        found = [_Secret.of(v, machine_made=False) for v in values if v is not None and len(v) >= SHORTEST]
        self._given = (*self._given, *found)

    def know_token(self, value: str) -> None:
        """Adds a secret that a machine made."""
        if len(value) < SHORTEST or any(s.value == value for s in self._tokens):
            return
        with self._lock:
            self._tokens = (*self._tokens[1 - MOST_TOKENS :], _Secret.of(value, machine_made=True))

    def know_pair(self, user: str, password: str) -> str:
        """Adds `user:password` as Basic authentication sends it; gives that."""
        pair = b64encode(f"{user}:{password}".encode()).decode()
        self._given = (*self._given, _Secret.of(pair, machine_made=False))
        return pair

    def cleaner(self, content: bytes, sent: object, *, read: bool) -> Callable[[str], str] | None:
        """What takes the secrets out of each text of a reply; None where it holds none.

        Args:
            content: the reply's bytes.
            sent: the request's body. A word of its own, in a key perhaps, is no echo: the answer's keys are matched
                with those that were sent.
            read: whether this is what was asked for and found: it is compared, and only a token is foreign to it.
        """
        known = self._tokens if read else (*self._tokens, *self._given)
        probes = {probe for probe in {s.probe for s in known} if probe in content}  # tokens begin alike: look once
        if not probes:
            return None
        own = sent if isinstance(sent, bytes) else b""
        found = [s for s in known if s.probe in probes and (s.machine_made or s.value.encode() not in own)]
        return partial(_cleaned, secrets=found) if found else None

    def headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """A reply's headers without the secrets."""
        clean = self.cleaner("\n".join(headers.values()).encode("utf-8", "replace"), None, read=False)
        if clean is None:
            return headers
        return CaseInsensitiveDict({name: clean(value) for name, value in headers.items()})


def _cleaned(text: str, secrets: Iterable[_Secret]) -> str:
    for secret in secrets:
        if secret.probe.decode() in text:
            text = replaced(text, partial(secret.pattern.sub, SECRET))
    return text


def cleaned_json(body: Any, clean: Callable[[str], str]) -> Any:
    """Parsed JSON with each of its texts cleaned, names too, in place. Not recursive: a server chooses the depth."""
    holder = {"": body}
    waiting: list[Any] = [holder]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            members = list(node.items())
            node.clear()
            node.update((clean(name), clean(v) if isinstance(v, str) else v) for name, v in members)
            waiting += [v for v in node.values() if isinstance(v, dict | list)]
        else:
            node[:] = [clean(v) if isinstance(v, str) else v for v in node]
            waiting += [v for v in node if isinstance(v, dict | list)]
    return holder[""]
