"""Probes of what is of no single operation: lag of reads, filters, refusals, headers. They are made with persons."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote_plus

from connectors.lusid.listing import filter_among
from pipelines.doctor.bench import LOOK_AGAIN, MOST_LAG, refuses, said_by
from pipelines.doctor.families import Family, reason_of
from pipelines.doctor.findings import CouldNotTellError
from pipelines.doctor.upserts import Seen, judged, otherwise
from schemas.assumptions import NOT_INFERRED_BELOW
from schemas.settings import LoadSettings

LENGTHS = (7500, 4000, 2000, 1500, 1000, 500, NOT_INFERRED_BELOW)
"""Lengths of filters that are tried, in characters of a URL: those that bulkload begins with, and shorter ones."""

LISTED = "/api/orders"
TAKEN = 4000
"""The length that bulkload takes LUSID to take."""

SAFETY = 2
"""Times the lag that was seen: one look does not see the longest."""

_EPOCH = re.compile(r"[0-9]{1,12}(\.[0-9]+)?")


def read_lag(family: Family) -> Seen:
    """Reads lag behind writes by no more than `--read-lag` says by default."""
    bench, inferred = family.bench, LoadSettings().read_lag
    family.made()
    seconds = bench.seconds_until(lambda: family.look(family.value("whole")) is not None)
    if seconds is None:
        longest = math.ceil(SAFETY * MOST_LAG)
        return otherwise(f"nothing was shown within {MOST_LAG:g} s", read_lag=longest)
    told = f"{seconds:.1f} s" if seconds >= LOOK_AGAIN else "none to be seen"
    return judged(seconds <= inferred, told, read_lag=max(inferred, math.ceil(SAFETY * seconds)))


def problem_details(family: Family) -> Seen:
    """A refusal is whole problem details, with the id of the request in a header."""
    answer = family.upsert({"Doctor": {}})
    if not refuses(answer):
        raise CouldNotTellError(f"an empty request was not refused: {said_by(answer)}")
    lacking = [n for n in ("name", "code", "type", "title", "status", "detail", "instance") if not _has(answer.body, n)]
    if answer.request_id is None:
        lacking.append("the header lusid-meta-requestId")
    without = f"; without {', '.join(lacking)}" if lacking else ""
    return judged(not lacking, f"{said_by(answer)}{without}")


def request_id(family: Family) -> Seen:
    """A version names the request that made it as the header of its answer does."""
    answer = family.made()
    said = answer.request_id
    named = {(each.get("version") or {}).get("requestIdCreated") for each in family.values(answer.body)}
    if said is None or named == {None}:
        raise CouldNotTellError("the answer has no request id in its header" if said is None else "versions name none")
    return judged(named == {said}, "both are the same" if named == {said} else "they differ")


def one_entity_of_two_keys(family: Family) -> Seen:
    """Two keys of one call with one identifier are both accepted, and are one entity."""
    body = family.body("twice")
    answer = family.upsert({"First": body, "Second": {**body, "description": "the second"}}, ("twice",))
    found = family.bench.done(answer, "the upsert")
    if failed := found.get("failed"):
        return otherwise(f"refused: {reason_of(next(iter(failed.values())))}")
    ids = {each.get(family.kind.lusid_id) for each in family.values(found)}
    return judged(len(ids) == 1, "one entity" if len(ids) == 1 else f"{len(ids)} entities")


def filter_length(family: Family) -> Seen:
    """Lists take filters of 4,000 characters of a URL."""
    client = family.bench.client
    answer = client.ask("GET", LISTED, params={"limit": "1"})
    if answer.status // 100 != 2:
        raise CouldNotTellError(f"the list of orders is not given: {said_by(answer)}")
    for length in LENGTHS:
        answer = client.ask("GET", LISTED, params={"filter": _filter(length), "limit": "1"})
        if answer.status // 100 == 2:
            follow = {} if length == LENGTHS[0] else {"longest_filter": length}
            return judged(length >= TAKEN, f"{length:,} characters are taken", **follow)
    return otherwise(f"none of {LENGTHS[-1]} characters is taken", longest_filter=0)


def rate_limit(family: Family) -> Seen:
    """Answers say how many calls are left, and until when."""
    headers = family.made().headers
    left, reset = headers.get("X-Rate-Limit-Remaining"), headers.get("X-Rate-Limit-Reset")
    if left is None or reset is None:
        raise CouldNotTellError("the answers have no X-Rate-Limit headers, so only a 429 tells of a limit")
    return rate_limit_said(left.strip(), reset.strip())


def rate_limit_said(left: str, reset: str) -> Seen:
    """Whether the headers are understood."""
    readable = left.isdigit() and (_EPOCH.fullmatch(reset) is not None or _is_moment(reset))
    return judged(readable, "understood" if readable else f"not understood: {left[:20]} until {reset[:40]}")


READS: Mapping[str, Callable[[Family], Seen]] = {
    "read-lag": read_lag,
    "problem-details": problem_details,
    "request-id": request_id,
    "one-entity": one_entity_of_two_keys,
    "filter-length": filter_length,
    "rate-limit": rate_limit,
}
"""The probes that are made with persons alone. The first says how long all others wait."""


def _filter(length: int) -> str:
    """A filter of that many characters, by values that nobody has."""
    values: list[str] = []
    while True:
        more = [*values, f"doctor-none-{len(values):06}"]
        if values and len(quote_plus(filter_among("id.code", more))) > length:
            return filter_among("id.code", values)
        values = more


def _has(body: object, name: str) -> bool:
    return isinstance(body, Mapping) and body.get(name) is not None


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
