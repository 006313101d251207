"""The setting `--differs`: in what a sandbox behaves otherwise than this project infers of LUSID. Knows no entity."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from schemas.errors import ConfigError


@dataclass(frozen=True)
class Variant:
    """How a sandbox behaves where no source says how LUSID does; the defaults are what the loader infers.

    Attributes:
        nulls: what a property without a value does: `clear`, `keep` (it is ignored) or `refuse` (its key fails).
        omitted: what an upsert leaves out: it may `stay` or `go`.
        lists: a list that is given may `replace` the old one, or `merge` with it.
        unchanged: an upsert that changes nothing makes the `same` version, or a new `version`.
        identifiers: they match `exact`, or `caseless`; with `all`, each that is given must be the entity's.
        keys: answers are by the keys that were sent, `echoed`, or in `lower` case.
        atomic: the status of a refused Atomic call, or `failed`: 201 with every failure, or `partly`: 400, and what
            could be applied stays.
        errors: refusals name `all` that is wrong, or `none` of it.
        requests: a version names the request that made it by the id of its answer, `own`, or by an`other`.
        filters: the longest filter that lists take, in characters of a URL; 0 for none.
        lag: seconds by which reads lag behind writes.
        forbidden, broken: part of a path, or `DELETE`: such calls are answered by 403, and by 500; empty for none.
    """

    nulls: str = "clear"
    omitted: str = "stay"
    lists: str = "replace"
    unchanged: str = "same"
    identifiers: str = "exact"
    keys: str = "echoed"
    atomic: str = "400"
    errors: str = "all"
    requests: str = "own"
    filters: int = 999_999
    lag: float = 0.0
    forbidden: str = ""
    broken: str = ""


AS_INFERRED = Variant()

_WORDS: Mapping[str, tuple[str, ...]] = {
    "nulls": ("clear", "keep", "refuse"),
    "omitted": ("stay", "go"),
    "lists": ("replace", "merge"),
    "unchanged": ("same", "version"),
    "identifiers": ("exact", "caseless", "all"),
    "keys": ("echoed", "lower"),
    "atomic": ("400", "409", "422", "failed", "partly"),
    "errors": ("all", "none"),
    "requests": ("own", "other"),
}
_NUMBERS: Mapping[str, type] = {"filters": int, "lag": float}


def parse_variant(said: str | None) -> Variant:
    """Reads `nulls=keep,filters=500`.

    Raises:
        ConfigError: a name or a value is none.
    """
    given: dict[str, Any] = {}
    for part in filter(None, (said or "").split(",")):
        name, _, value = (text.strip() for text in part.partition("="))
        given[name] = _value(name, value)
    return Variant(**given)


def _value(name: str, value: str) -> Any:
    if name in _NUMBERS:
        try:
            number = _NUMBERS[name](value)
        except ValueError:
            number = -1
        if not 0 <= number < 1e6:
            raise ConfigError(f"--differs {name} takes a number, 0 or more, not {value!r}")
        return number
    if name in _WORDS and value not in _WORDS[name]:
        raise ConfigError(f"--differs {name} takes {', '.join(_WORDS[name])}, not {value!r}")
    names = [each.name for each in fields(Variant)]
    if name not in names:
        raise ConfigError(f"--differs has no {name!r}; there are {', '.join(names)}")
    return value
