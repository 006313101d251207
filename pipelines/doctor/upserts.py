"""Probes of upserts by identifiers, each made with every family: what stays, what goes, what matches, what is whole."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from connectors.lusid.listing import LARGEST_PAGE, filter_among
from pipelines.doctor.bench import refuses, said_by
from pipelines.doctor.families import LABEL, NAMES, Family, label_of, listed, reason_of
from pipelines.doctor.findings import CouldNotTellError
from schemas.assumptions import Told

CHANGED = "changed by bulkload doctor"


class Seen(NamedTuple):
    """What a probe saw: whether the assumption holds, what LUSID did, and what follows."""

    told: Told
    saw: str
    follow: Mapping[str, Any] = {}


def judged(holds: object, saw: str, **follow: Any) -> Seen:
    """What was seen, where the probe can tell; what is true holds."""
    return Seen(Told.HOLDS if holds else Told.DIFFERS, saw, follow)


def otherwise(saw: str, **follow: Any) -> Seen:
    """What was seen where the assumption does not hold."""
    return Seen(Told.DIFFERS, saw, follow)


def keys_echoed(family: Family) -> Seen:
    """Answers are by the keys that were sent."""
    body = family.made().body
    got = {*(body.get("values") or {}), *(body.get("failed") or {})}
    sent = {family.bench.named(f"Key-{name}") for name in NAMES}
    strange = sorted(got - sent)
    return judged(
        got == sent, f"answered for {strange[0]}" if strange else f"answered for {len(got)} of {len(sent)} keys"
    )


def null_clears(family: Family) -> Seen:
    """A property without a value is removed."""
    family.made()
    answer = family.upsert({"Doctor": family.body("clear", displayName=CHANGED, properties=listed(family.label, None))})
    failed = answer.body.get("failed") if isinstance(answer.body, Mapping) else None
    if refuses(answer) or failed:
        said = reason_of(next(iter(failed.values()))) if failed else said_by(answer)
        return otherwise(f"a null is refused: {said}", null_clears=False)
    family.bench.done(answer, "the upsert")
    left = label_of(family.read("clear", CHANGED).get("properties", {}).get(family.label))
    saw = "the property is gone" if left is None else "the property is still there"
    return judged(left is None, saw, null_clears=left is None)


def omitted_stay(family: Family) -> Seen:
    """What an upsert leaves out stays."""
    family.made()
    family.upserted("an upsert", family.body("omit", displayName=CHANGED))
    held = family.read("omit", CHANGED)
    parts = {
        "the description": held.get("description") == family.whole_body("omit")["description"],
        "the property": label_of(held.get("properties", {}).get(family.label)) == LABEL,
        "the second identifier": label_of(held.get("identifiers", {}).get(family.other_key)) is not None,
    }
    gone = [part for part, stays in parts.items() if not stays]
    return judged(not gone, f"gone: {', '.join(gone)}" if gone else "all stays", omitted_stay=not gone)


def unchanged_makes_no_version(family: Family) -> Seen:
    """Sending the same again changes nothing, and makes no version."""
    lusid_id = family.lusid_id("repeat")
    before = family.upserted("repeat", family.whole_body("repeat"))
    value = family.upserted("repeat", family.whole_body("repeat"))
    if value.get(family.kind.lusid_id) != lusid_id:
        return otherwise("another entity was made")
    numbers = [_version(each) for each in (before, value)]
    if None in numbers:
        raise CouldNotTellError("the answer shows no version")
    same = numbers[0] == numbers[1]
    saw = "the version is the same" if same else "there is a new version"
    return judged(same, saw, unchanged_makes_version=not same)


def any_identifier_matches(family: Family) -> Seen:
    """An upsert updates the entity that has any of its identifiers."""
    lusid_id = family.lusid_id("any")
    both = listed(family.key, family.value("any")) | listed(family.other_key, family.bench.named("any-new"))
    try:
        value = family.upserted("an upsert with another second identifier", family.body("any", identifiers=both))
    except CouldNotTellError as refused:
        return otherwise(refused.message)
    same = value.get(family.kind.lusid_id) == lusid_id
    return judged(same, "the entity was updated" if same else "another entity was made")


def identifiers_match_case(family: Family) -> Seen:
    """Values of identifiers that differ in case are two."""
    lusid_id = family.lusid_id("case")
    other = family.value("case").swapcase()
    body = family.body("case", identifiers=listed(family.key, other))
    answer = family.bench.post(
        f"/api/{family.kind.collection}/$batchUpsert", {"Doctor": body}, (family.makes(other),), successMode="Partial"
    )
    found = family.bench.done(answer, "the upsert")
    value = next(family.values(found), None)
    if value is None:
        raise CouldNotTellError(reason_of(next(iter((found.get("failed") or {}).values()), None)))
    apart = value.get(family.kind.lusid_id) != lusid_id
    saw = "another entity was made" if apart else "the entity was updated"
    return judged(apart, saw, identifiers_match_case=apart)


def atomic_refusal(family: Family) -> Seen:
    """An Atomic call with a bad key is a 4xx with problem details that name it, and nothing is applied."""
    family.made()
    wrong = {family.label: {"key": family.label, "value": {"metricValue": {"value": 1}}}}
    requests = {"Good": family.body("atomic-good"), "Bad": family.body("atomic-bad", properties=wrong)}
    answer = family.upsert(requests, ("atomic-good", "atomic-bad"), "Atomic")
    family.catch_up()
    left = family.look(family.value("atomic-good")) is not None
    body = answer.body if isinstance(answer.body, Mapping) else {}
    if answer.status // 100 == 2 and not body.get("failed"):
        raise CouldNotTellError("a number was taken for a text property, so that nothing was refused")
    if left:
        return otherwise(f"HTTP {answer.status}, and the good key was applied", atomic_is_whole=False)
    whole = {"atomic_is_whole": True}
    if answer.status // 100 == 2:
        return otherwise(f"HTTP {answer.status} with failures, nothing applied", **whole)
    if not refuses(answer):
        raise CouldNotTellError(said_by(answer))
    named = any(str(path).startswith("Bad") for path in body.get("errors") or {})
    saw = f"{said_by(answer)}; nothing applied; the bad key is {'' if named else 'not '}named"
    return judged(answer.is_own and named, saw, **whole)


def filter_in(family: Family) -> Seen:
    """Lists take a filter by several identifiers, and show those alone."""
    family.made()
    family.catch_up()
    wanted = [family.value("filter"), family.value("whole")]
    asked = {"filter": filter_among(f"identifiers[{family.key}]", wanted), "limit": LARGEST_PAGE}
    answer = family.bench.client.ask("GET", f"/api/{family.kind.collection}", params=asked)
    if refuses(answer):
        return otherwise(f"refused: {said_by(answer)}")
    items = family.bench.done(answer, "the list").get("values") or []
    shown = sorted(str(label_of(item.get("identifiers", {}).get(family.key))) for item in items)
    saw = (
        "the two that were asked for" if shown == sorted(wanted) else f"{len(shown)} entities where two were asked for"
    )
    return judged(shown == sorted(wanted), saw)


def _version(value: Mapping[str, Any]) -> tuple[Any, Any] | None:
    version = value.get("version")
    if not isinstance(version, Mapping) or "asAtVersionNumber" not in version:
        return None
    return version["asAtVersionNumber"], version.get("asAtModified")


UPSERTS: Mapping[str, Callable[[Family], Seen]] = {
    "keys-echoed": keys_echoed,
    "null-clears": null_clears,
    "omitted-stay": omitted_stay,
    "unchanged": unchanged_makes_no_version,
    "identifier-any": any_identifier_matches,
    "identifier-case": identifiers_match_case,
    "atomic-refusal": atomic_refusal,
    "filter-in": filter_in,
}
"""The probes of every family, by name, in the order in which they are made."""
