"""Whatever LUSID's lists take and show, what a preflight calls missing is what is not there, in few calls."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import Mock
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.compare.preflight.calls import Calls, NotAskedError
from pipelines.compare.preflight.lists import MOST_ALONE, Lists
from pipelines.compare.preflight.references import Group, Kind, References, Used
from schemas.answers import Problem
from schemas.dialects import Dialect
from schemas.errors import LoadError, NotPermittedError, RejectedError, UnreachableError

KEY = "Person/Hr/Id"
PERSONS = Group(Kind.PERSON, KEY)


def refusal(status: int) -> RejectedError:
    return RejectedError("no", status, Problem(status))


@dataclass
class ListingLusid:
    """A LUSID that has some persons, and lists them as it pleases.

    Attributes:
        longest: characters of a filter that it takes.
        page: entities on a page, at most.
        hidden: persons that lists do not show, though they are there.
    """

    there: set[str]
    longest: int = 100_000
    page: int = 5000
    hidden: frozenset[str] = frozenset()
    error: LoadError | None = None
    asked: list[str] = field(default_factory=list)

    def get(self, path: str, params: Mapping[str, Any]) -> Mock:
        self.asked.append(path)
        if self.error is not None:
            raise self.error
        if path != "/api/persons":
            value = unquote(path.removeprefix("/api/persons/Hr/Id/"))
            if value not in self.there:
                raise refusal(404)
            return Mock(body=self._shown(value))
        shown = sorted(self.there - self.hidden)
        if said := params.get("filter"):
            if len(said) > self.longest:
                raise refusal(400)
            assert said.startswith(f"identifiers[{KEY}] in (")
            named = {each.replace("''", "'") for each in re.findall(r"'((?:[^']|'')*)'", said)}
            shown = [value for value in shown if value in named]
        start = int(params.get("page") or 0)
        following = start + self.page if start + self.page < len(shown) else None
        values = [self._shown(value) for value in shown[start : start + self.page]]
        return Mock(body={"values": values, "nextPage": following and str(following)})

    def _shown(self, value: str) -> Mapping[str, Any]:
        return {"identifiers": {KEY: {"key": KEY, "value": {"labelValue": value}}}}


def missing(lusid: ListingLusid, wanted: Mapping[str, int]) -> tuple[int, int, set[str]]:
    with References() as references:
        references.add(PERSONS, [Used(value, rows, "a.csv row 1") for value, rows in wanted.items()])
        calls = Calls(lusid)  # type: ignore[arg-type]  # it has what is called of a client
        Lists(calls, Dialect.V2_1).find([PERSONS], references)
        assert calls.count == len(lusid.asked)
        count, rows, _ = references.missing(PERSONS)
        return count, rows, {value for batch in references.batches(PERSONS, 7) for value in batch}


NAMES = st.text("ab'ö %", min_size=1, max_size=6)


@given(
    wanted=st.dictionaries(NAMES, st.integers(1, 3), min_size=1, max_size=30),
    others=st.sets(NAMES, max_size=30),
    known=st.randoms(use_true_random=False),
    longest=st.sampled_from([100_000, 400, 60]),
    page=st.sampled_from([5000, 7]),
)
@settings(max_examples=60)
def test_what_is_missing_is_what_is_not_there(
    wanted: Mapping[str, int], others: set[str], known: Any, longest: int, page: int
) -> None:
    there = {value for value in sorted(wanted) if known.random() < 0.6}
    lusid = ListingLusid(there | others, longest, page)
    absent = wanted.keys() - lusid.there

    try:
        count, rows, found = missing(lusid, wanted)
    except NotAskedError:
        assert longest == 60
        assert len(wanted) > MOST_ALONE
    else:
        assert found == absent
        assert (count, rows) == (len(absent), sum(wanted[value] for value in absent))


def many(count: int) -> dict[str, int]:
    return {f"P{n:07d}": 1 for n in range(count)}


def test_a_list_that_holds_few_is_read_whole_and_not_filtered() -> None:
    wanted = many(3000)
    lusid = ListingLusid({*wanted} - {"P0000007"})
    assert missing(lusid, wanted)[2] == {"P0000007"}
    assert len(lusid.asked) == 2


def test_a_list_that_holds_very_many_is_given_up_after_as_many_pages_as_filters_would_be() -> None:
    wanted = many(2000)
    filters = 2000 * 20 / 7500
    lusid = ListingLusid({*wanted, *(f"A{n:07d}" for n in range(20_000))}, page=1000)
    assert missing(lusid, wanted)[0] == 0
    assert len(lusid.asked) < 2 * filters + 4


def test_a_list_that_does_not_show_all_is_not_believed() -> None:
    wanted = many(MOST_ALONE)
    lusid = ListingLusid({*wanted}, hidden=frozenset(wanted))
    assert missing(lusid, wanted)[0] == 0
    with pytest.raises(NotAskedError, match="too many"):
        missing(ListingLusid({*many(100)}, hidden=frozenset(many(100))), many(100))


def test_a_list_that_does_not_show_all_is_not_believed_either_when_it_is_read_whole() -> None:
    wanted = many(900)
    lusid = ListingLusid({*wanted}, hidden=frozenset(wanted))
    with pytest.raises(NotAskedError, match="too many"):
        missing(lusid, wanted)


def test_what_is_not_permitted_is_not_asked_and_what_is_away_ends_it() -> None:
    with pytest.raises(NotAskedError, match="403"):
        missing(ListingLusid(set(), error=NotPermittedError("LUSID does not permit GET (403)")), many(1))
    with pytest.raises(UnreachableError):
        missing(ListingLusid(set(), error=UnreachableError("away")), many(1))
