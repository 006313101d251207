"""Removes secrets that a server echoes: no response reaches the code above with one of them in it.

Owns which secrets this process holds and in which spellings to look for them. A response without any costs one search
of its bytes for each secret, and is not copied (docs/decisions/0016-redaction.md).
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

from requests.structures import CaseInsensitiveDict

from schemas.texts import replaced

SECRET = "[secret]"  # noqa: S105 - the text that replaces a secret
SHORTEST = 6
"""Characters of the shortest secret that is looked for: a shorter one occurs by chance in ordinary sentences, and
masking each occurrence would give it away."""

MOST_TOKENS = 8
"""Tokens that are remembered; an older one has long expired."""

_BEGINNING = 12
_PROBE = 4
_TOKEN_CHARACTERS = r"[A-Za-z0-9._~+/=-]*"  # noqa: S105 - the alphabet of tokens (RFC 6750, 2.1)


@dataclass(frozen=True, repr=False)
class _Secret:
    """One secret.

    Attributes:
        probe: a part of it that no encoding changes; when empty, there is none and every text is searched.
    """

    value: str
    machine_made: bool
    probe: bytes
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, value: str, *, machine_made: bool) -> "_Secret":
        """A secret; of a long one made by a machine the first characters are enough, for a server may show no more."""
        cut = machine_made and len(value) > _BEGINNING + _PROBE
        part = value[:_BEGINNING] if cut else value
        longest = max(re.findall("[A-Za-z0-9]+", part), key=len, default="")
        pattern = re.escape(part) + (_TOKEN_CHARACTERS if cut else "")
        probe = longest.encode() if len(longest) >= _PROBE else b""
        return cls(value, machine_made, probe, re.compile(pattern))


class Scrubber:
    """Knows the secrets of one client and removes them from texts; safe to share between threads."""

    def __init__(self) -> None:
        self._given: tuple[_Secret, ...] = ()
        self._tokens: tuple[_Secret, ...] = ()
        self._lock = Lock()

    def add_chosen(self, *values: str | None) -> None:
        """Adds secrets that people chose; they may be words that occur in a customer's data too."""
        found = [_Secret.of(v, machine_made=False) for v in values if v is not None and len(v) >= SHORTEST]
        self._given = (*self._given, *found)

    def add_token(self, value: str) -> None:
        """Adds a secret that a machine made, unless it is too short or already known."""
        if len(value) < SHORTEST or any(s.value == value for s in self._tokens):
            return
        with self._lock:
            self._tokens = (*self._tokens[1 - MOST_TOKENS :], _Secret.of(value, machine_made=True))

    def add_basic_pair(self, user: str, password: str) -> str:
        """Adds `user:password` as Basic authentication sends it (RFC 7617), and returns that."""
        pair = b64encode(f"{user}:{password}".encode()).decode()
        self._given = (*self._given, _Secret.of(pair, machine_made=False))
        return pair

    def cleaner(self, content: bytes, sent: object, *, read: bool) -> Callable[[str], str] | None:
        """A function that removes the secrets from each text of a response; None when the response holds none.

        Args:
            content: the response's bytes.
            sent: the request's body. A password that is also a word in it, such as a key, is left alone, because the
                answer is matched with the keys that were sent.
            read: whether this is the body of a successful read. Its texts are compared with what was sent, so only
                tokens are removed from it.
        """
        known = self._tokens if read else (*self._tokens, *self._given)
        probes = {probe for probe in {s.probe for s in known} if probe in content}  # tokens begin alike: search once
        if not probes:
            return None
        own = sent if isinstance(sent, bytes) else b""
        found = [s for s in known if s.probe in probes and (s.machine_made or s.value.encode() not in own)]
        return partial(_cleaned, secrets=found) if found else None

    def headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """A response's headers without the secrets."""
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
    """Parsed JSON with all texts and member names cleaned, in place; not recursive, as the server chooses the depth."""
    holder = {"": body}
    timing: list[Any] = [holder]
    while timing:
        node = timing.pop()
        if isinstance(node, dict):
            members = list(node.items())
            node.clear()
            node.update((clean(name), clean(v) if isinstance(v, str) else v) for name, v in members)
            timing += [v for v in node.values() if isinstance(v, dict | list)]
        else:
            node[:] = [clean(v) if isinstance(v, str) else v for v in node]
            timing += [v for v in node if isinstance(v, dict | list)]
    return holder[""]
