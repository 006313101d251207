from typing import Any
from urllib.parse import unquote

import pytest
from scripted_lusid import MISSING, Reply, scripted
from shelf import Shelf

from pipelines.operations.evidence import Evidence, Finding, IfPresent, SameInstant, examine, matches
from pipelines.operations.evidence_rules import holders_of_account
from schemas.dialects import Dialect
from schemas.errors import AuthError, LoadError, PerhapsAppliedError, RejectedError


def look(*paths: str, **found: Any) -> Finding:
    return examine([Evidence(path, {"quantity": 5}) for path in paths], Shelf(**found))


def test_everything_there_and_matching_is_applied_and_nothing_there_is_absent() -> None:
    assert look("a", "b", a={"quantity": 5, "x": 1}, b={"quantity": 5.0}) is Finding.APPLIED
    assert look("a", "b") is Finding.ABSENT


@pytest.mark.parametrize(
    "found",
    [
        {"a": {"quantity": 5}},
        {"a": {"quantity": 6}},
        {"a": {}, "b": []},
        {"a": {"id": 6}, "b": {"id": 6}},
        {"a": RejectedError("bad", 400), "b": RejectedError("bad", 400)},
    ],
)
def test_anything_else_is_unclear(found: dict[str, Any]) -> None:
    assert look("a", "b", **found) is Finding.UNCLEAR


@pytest.mark.parametrize("other", [5, 6])
def test_what_is_there_but_not_as_it_was_sent_differs(other: int) -> None:
    assert look("a", "b", a={"quantity": other}, b={"quantity": 6}) is Finding.DIFFERS


def test_a_list_or_an_entity_that_only_leads_to_another_does_not_differ() -> None:
    told = {"quantity": 6}
    listed = [Evidence("a", {"quantity": 5}, {"filter": "x"}), Evidence("a", {"quantity": 5}, then=lambda _: [])]
    assert [examine([each], Shelf(a=told)) for each in listed] == [Finding.UNCLEAR] * 2


def test_no_evidence_at_all_is_unclear() -> None:
    assert look() is Finding.UNCLEAR


@pytest.mark.parametrize("error", [PerhapsAppliedError("lost"), AuthError("out")])
def test_a_missing_answer_is_not_taken_for_an_answer(error: LoadError) -> None:
    with pytest.raises(type(error)):
        look("a", a=error)


@pytest.mark.parametrize(
    ("actual", "wanted", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({}, {"a": None}, True),
        (None, {}, False),
        ([1, 2], [1, 2], True),
        ([2, 1], [1, 2], False),
        ([1], [1, 2], False),
        ("12", [1, 2], False),
        (100, 100.0, True),
        (0.1, 0.1, True),
        (1e2, 100, True),
        ("100", 100, False),
        (True, 1, False),
        (None, 1, False),
        ("A", "A", True),
        ("A", "a", False),
        (None, IfPresent("A"), True),
        ("A", IfPresent("A"), True),
        ("B", IfPresent("A"), False),
        ("2024-03-01T10:00:00Z", SameInstant("2024-03-01T10:00:00.0000000+00:00"), True),
        ("2024-03-01T11:00:00+01:00", SameInstant("2024-03-01T10:00:00.0000000+00:00"), True),
        ("2024-03-01T10:00:01Z", SameInstant("2024-03-01T10:00:00.0000000+00:00"), False),
        ("2024-03-01", SameInstant("2024-03-01T00:00:00.0000000+00:00"), False),
        (None, SameInstant("2024-03-01T10:00:00.0000000+00:00"), False),
        (20240301, SameInstant("2024-03-01T10:00:00.0000000+00:00"), False),
        ("soon", SameInstant("2024-03-01T10:00:00.0000000+00:00"), False),
        ({"a": {"b": [{"c": 1.50}]}}, {"a": {"b": [{"c": 1.5}]}}, True),
    ],
)
def test_an_answer_matches_what_was_sent_or_does_not(actual: Any, wanted: Any, expected: bool) -> None:
    assert matches(actual, wanted) is expected


KEY = "InvestorRecord/ExternalIdentifier/ExternalIRId"
AWKWARD = ["a/b", "50%", "a?b", "#1", "%2E%2E", "...", "-.", "a b+c", "\u00fc;=&", "../x"]


def read_by_identifiers(values: list[str], dialect: Dialect, reply: Reply) -> tuple[list[Finding], list[str]]:
    """Reads records back through the real client, and returns the findings and the paths that arrived."""
    plain = dialect is Dialect.V2_3
    with scripted(lambda _: reply, retries=0) as (lusid, target):
        found = [
            examine(
                holders_of_account(
                    {"accountHolders": [{"identifiers": {KEY: v if plain else {"value": {"labelValue": v}}}}]}, dialect
                ),
                lambda path, params: target.client.get(path, params).body,
            )
            for v in values
        ]
    return found, [call.path for call in lusid.calls]


@pytest.mark.parametrize("dialect", [Dialect.V2_1, Dialect.V2_3])
def test_an_identifier_arrives_in_the_path_as_one_segment_and_as_it_is(dialect: Dialect) -> None:
    before = "/api/investorrecords/" + (
        "ExternalIRId" if dialect is Dialect.V2_3 else "ExternalIdentifier/ExternalIRId"
    )
    found, paths = read_by_identifiers(AWKWARD, dialect, Reply(200, {}))
    assert found == [Finding.APPLIED] * len(AWKWARD)
    assert [path.rpartition("/")[0] for path in paths] == [before] * len(AWKWARD)
    assert [unquote(path.rpartition("/")[2]) for path in paths] == AWKWARD


def test_a_404_to_an_identifier_with_a_slash_does_not_prove_absence() -> None:
    assert read_by_identifiers(["a/b", "ab"], Dialect.V2_1, MISSING)[0] == [Finding.UNCLEAR, Finding.ABSENT]


@pytest.mark.parametrize("dialect", [Dialect.V2_1, Dialect.V2_3])
@pytest.mark.parametrize("reply", [Reply(200, {}), MISSING])
def test_an_identifier_that_would_lead_to_something_else_is_not_read_at_all(dialect: Dialect, reply: Reply) -> None:
    assert read_by_identifiers([".", ".."], dialect, reply) == ([Finding.UNCLEAR] * 2, [])
