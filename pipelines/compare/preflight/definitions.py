"""Compares how rows use properties with what LUSID defines, and writes the requests that define what is missing."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipelines.compare.preflight.findings import Finding, Owner
from pipelines.compare.preflight.references import PropertyUse
from schemas.errors import ConfigError
from schemas.suggestions import did_you_mean

Json = Mapping[str, Any]

PATH = "/api/propertydefinitions"
_CURRENCY = re.compile(r"[A-Z]{3}")
_WORDS = {"label": "a label", "metric": "a number", "labels": "a set of labels"}
_TYPES = {"label": "Label", "labels": "Label", "metric": "Metric"}


def undefined(use: PropertyUse, keys: Iterable[str]) -> Finding:
    """The finding of a property or identifier that is not defined.

    Args:
        use: how rows use it.
        keys: those that are defined in its domain.
    """
    near = _near(use.key, keys)
    return Finding(
        kind=_noun(use),
        name=use.key,
        problem=f"is not defined{f': {near}' if near else ''}",
        count=1,
        rows=use.rows,
        owner=Owner.SOURCE if near else Owner.SET_UP,
        then=f"correct the header or the mapping ({_columns(use)})" if near else "define it in LUSID",
    )


def _near(key: str, keys: Iterable[str]) -> str:
    """`did you mean X?` for a key with a code like this one's in its scope, or the same code in another scope."""
    stem, _, code = key.rpartition("/")
    found = [each.rpartition("/") for each in keys]
    same = next((f"; did you mean {scope}/{code}?" for scope, _, other in found if other == code), "")
    near = did_you_mean(code, (other for scope, _, other in found if scope == stem)).replace("mean ", f"mean {stem}/")
    return (near or same).removeprefix("; ")


def of_another_kind(use: PropertyUse, definition: Json) -> Iterator[Finding]:
    """What does not fit between the use of a property or identifier and its definition, as far as LUSID tells it."""
    style, kind, life = (definition.get(name) for name in ("constraintStyle", "type", "lifeTime"))
    is_identifier = bool(use.kinds & {"identifier", "reference"})
    if style is not None and is_identifier != (style == "Identifier"):
        wanted = "an identifier" if is_identifier else "a property"
        yield _other(use, f"has the constraint style {style}, and rows use it as {wanted}", use.rows)
        return
    for said in sorted(use.kinds & _WORDS.keys()):
        if style is not None and (said == "labels") != (style == "Collection"):
            has = "a set of labels" if style == "Collection" else "a single value"
            yield _other(use, f"holds {has}, and rows give {_WORDS[said]}", use.rows)
        elif kind in ("Label", "Metric") and kind != _TYPES[said]:
            yield _other(use, f"is a {kind}, and rows give {_WORDS[said]}", use.rows)
    if use.units and definition.get("unitSchema") == "NoUnits":
        yield _other(use, "takes no unit, and rows give one", sum(use.units.values()))
    if life == "Perpetual" and use.dated + use.ends:
        yield _other(use, "is perpetual, and rows give it a date", use.dated + use.ends, "leave the dates out")
    elif life == "TimeVariant" and use.sets > use.dated:
        rows = use.sets - use.dated
        yield _other(use, "is time-variant, and rows give no date from which it is in effect", rows, "give one")


def _other(use: PropertyUse, problem: str, rows: int, then: str = "correct the header or the mapping") -> Finding:
    advice = f"{then} ({_columns(use)}), or use a property that is defined so"
    return Finding(_noun(use), use.key, problem, 1, rows, Owner.EITHER, advice)


def requests_for(uses: Iterable[PropertyUse]) -> tuple[list[Json], list[Json]]:
    """The requests that define properties as rows use them, and those that a person must decide on, with the reason."""
    requests: list[Json] = []
    left_out: list[Json] = []
    for use in uses:
        try:
            body = _request(use)
        except ConfigError as why:
            left_out.append({"key": use.key, "rows": use.rows, "why": why.message})
        else:
            requests.append({"method": "POST", "path": PATH, "rows": use.rows, "body": body})
    return requests, left_out


def _request(use: PropertyUse) -> Json:
    """The body that defines a property; raises ConfigError where the rows leave a choice."""
    kinds = {"identifier" if kind == "reference" else kind for kind in use.kinds}
    if len(kinds) > 1:
        raise ConfigError(f"rows use it as {' and as '.join(sorted(kinds))}")
    if use.ends or 0 < use.dated < use.sets:
        raise ConfigError(
            f"{use.dated:,} of {use.sets:,} rows give a date from which it is in effect: a perpetual property takes "
            "none, a time-variant one needs it"
        )
    (kind,) = kinds
    domain, scope, code = use.key.split("/")
    style = {"identifier": "Identifier", "labels": "Collection"}.get(kind, "Property")
    return {
        "domain": domain,
        "scope": scope,
        "code": code,
        "displayName": code,
        "dataTypeId": {"scope": "system", "code": _data_type(use) if kind == "metric" else "string"},
        "lifeTime": "TimeVariant" if use.dated else "Perpetual",
        "constraintStyle": style,
        **({"collectionType": "Set"} if kind == "labels" else {}),
    }


def _data_type(use: PropertyUse) -> str:
    """The data type of a number; raises ConfigError where its units leave a choice."""
    if not use.units:
        return "number"
    with_unit = sum(use.units.values())
    if with_unit == use.sets and all(map(_CURRENCY.fullmatch, use.units)):
        return "currencyAndAmount"
    units = ", ".join(sorted(use.units)[:5])
    raise ConfigError(
        f"{with_unit:,} of {use.sets:,} rows give a unit ({units}): choose a data type that has these units"
    )


def _noun(use: PropertyUse) -> str:
    return "identifier type" if use.kinds & {"identifier", "reference"} else "property"


def _columns(use: PropertyUse) -> str:
    return ", ".join(sorted(use.columns)[:3])
