"""The setting `--known`: which reference data exists when the sandbox starts.

`all`: whatever a request names exists. `none`: only what is created afterwards does. A file, in YAML or JSON, says it
for each section: `all`, `none`, or what there is; a section that it leaves out is `all` (docs/sandbox.md).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from connectors.sandbox.domain.reference.definitions import add_definition, read_definition
from connectors.sandbox.domain.reference.instruments import add_instrument
from connectors.sandbox.domain.reference.people import add_identified
from connectors.sandbox.domain.reference.portfolios import add_portfolio
from connectors.sandbox.protocol.calls import REFERENCE_KINDS, ApiCall
from connectors.sandbox.protocol.problems import ItemError, ProblemError
from connectors.sandbox.store import Transaction
from schemas.errors import ConfigError

_SECTIONS = {
    "propertyDefinitions": "propertydefinitions",
    "instruments": "instruments",
    "portfolios": "portfolios",
    "persons": "persons",
    "legalEntities": "legalentities",
    "transactionTypes": "transactiontypes",
}
"""The sections of the file, and the kinds of entities in the store."""

_Add = Callable[[Transaction, ApiCall], object]


@dataclass(frozen=True)
class Known:
    """The reference data that a sandbox has.

    Attributes:
        assumed: kinds of which everything is taken to exist.
        seeds: add what else exists.
    """

    assumed: frozenset[str]
    seeds: tuple[_Add, ...] = ()


ALL = Known(REFERENCE_KINDS)


def read_known(said: str) -> Known:
    """Reads `all`, `none` or a file.

    Raises:
        ConfigError: the file cannot be read, or is malformed; the message names the section.
    """
    if said in ("all", "none"):
        return ALL if said == "all" else Known(frozenset())
    try:
        found = yaml.safe_load(Path(said).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--known takes all, none or a file, and {said} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{said} is neither YAML nor JSON: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{said}: it has no sections; there are {', '.join(_SECTIONS)}")
    if unknown := sorted(map(str, found.keys() - _SECTIONS.keys())):
        raise ConfigError(f"{said}: there is no section {unknown[0]}; there are {', '.join(_SECTIONS)}")
    seeds = [add for section in _SECTIONS for add in _seeds(said, section, found.get(section, "all"))]
    assumed = (kind for section, kind in _SECTIONS.items() if found.get(section, "all") == "all")
    return Known(frozenset(assumed), tuple(seeds))


def _seeds(file: str, section: str, content: Any) -> list[_Add]:
    """What adds the entities of a section; raises ConfigError if it is malformed."""
    if content in ("all", "none", None):
        return []
    try:
        return [*_READERS[section](content)]
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{file}: {section} is malformed: {error}") from None


def settle(transaction: Transaction, call: ApiCall, known: Known | None) -> frozenset[str]:
    """Adds what is known and not there yet; returns the kinds of which everything is taken to exist.

    A database keeps them, so that it answers alike when it is opened without the setting.

    Args:
        transaction: writes to the store.
        call: the call that creates it.
        known: None for what the database was made with.

    Raises:
        ConfigError: something in the file contradicts itself, or what the database holds already.
    """
    if known is None:
        noted = transaction.noted("assumed")
        return REFERENCE_KINDS if noted is None else frozenset(noted.split())
    for add in known.seeds:
        try:
            add(transaction, call)
        except (ProblemError, ItemError) as error:
            raise ConfigError(f"--known: {error.detail}") from None
    transaction.note("assumed", " ".join(sorted(known.assumed)))
    return known.assumed


def _later(add: Callable[..., object], *what: object) -> _Add:
    """Adds it once there is a transaction."""
    return lambda transaction, call: add(transaction, call, *what)


def _definitions(content: Any) -> Iterator[_Add]:
    for each in _list(content):
        try:
            yield _later(partial(add_definition, again=True), read_definition(each))
        except ProblemError as problem:
            raise ValueError(problem.detail) from None


def _instruments(content: Any) -> Iterator[_Add]:
    for each in _list(content):
        yield _later(add_instrument, {str(name): str(value) for name, value in dict(each).items()})


def _portfolios(content: Any) -> Iterator[_Add]:
    for each in _list(content):
        scope, slash, code = str(each).partition("/")
        if not (scope and slash and code):
            raise ValueError(f"{each} is not written as scope/code")
        yield _later(add_portfolio, scope, code)


def _identified(noun: str) -> Callable[[Any], Iterator[_Add]]:
    def read(content: Any) -> Iterator[_Add]:
        for key, values in dict(content).items():
            yield from (_later(add_identified, noun, (str(key), str(value))) for value in _list(values))

    return read


def _types(content: Any) -> Iterator[_Add]:
    for each in _list(content):
        yield _later(add_portfolio, "default", str(each), "transactiontypes")


def _list(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise TypeError("it must be all, none or a list")
    return content


_READERS: Mapping[str, Callable[[Any], Iterator[_Add]]] = {
    "propertyDefinitions": _definitions,
    "instruments": _instruments,
    "portfolios": _portfolios,
    "persons": _identified("Person"),
    "legalEntities": _identified("LegalEntity"),
    "transactionTypes": _types,
}
