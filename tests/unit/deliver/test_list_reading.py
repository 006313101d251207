import re
from collections.abc import Iterable
from typing import Any

import pytest
from shelf import MISSING

from pipelines.deliver.list_reading import FEW, LONGEST, MOST_PAGES, ListReader
from pipelines.operations.evidence import Evidence, Finding, Params
from pipelines.operations.evidence_rules import orders_of_block, own_entity
from schemas.dialects import Dialect
from schemas.errors import ConfigError, LoadError, RejectedError


def rid(code: str, scope: str = "S") -> dict[str, str]:
    return {"scope": scope, "code": code}


def evidence(codes: Iterable[str], scope: str = "S") -> list[Evidence]:
    rule = own_entity("placements")
    return [each for code in codes for each in rule({"id": rid(code, scope)}, Dialect.V2_1)]


class Lists:
    """Lists and single reads of what is there; `refuses` says of a query what is raised instead of an answer."""

    def __init__(self, *codes: str, scope: str = "S", page: int = 5000) -> None:
        self.items = [{"id": rid(code, scope)} for code in codes]
        self.page = page
        self.lists: list[Params] = []
        self.singles: list[str] = []
        self.refuses: Any = lambda _: None

    def __call__(self, path: str, params: Params) -> Any:
        if path != "/api/placements":
            self.singles.append(path.rpartition("/")[2])
            found = [item for item in self.items if path.endswith(f"/{item['id']['scope']}/{item['id']['code']}")]
            if not found:
                raise MISSING
            return found[0]
        self.lists.append(params)
        if error := self.refuses(params):
            raise error
        wanted = re.findall("'([^']*)'", str(params["filter"]))
        kept = [item for item in self.items if item["id"]["code"] in wanted]
        first = int(str(params.get("page", 0)))
        more = first + self.page < len(kept)
        return {"values": kept[first : first + self.page], "nextPage": str(first + self.page) if more else None}


CODES = [f"P{n:03d}" for n in range(40)]


def shown(bodies: list[Any]) -> list[Any]:
    return [body if isinstance(body, Finding) else body["id"]["code"] for body in bodies]


def test_many_are_read_in_one_call_and_each_gets_its_own() -> None:
    lists = Lists(*CODES[1:])
    found = ListReader(lists).bodies(evidence(reversed(CODES)))
    assert shown(found) == [*reversed(CODES[1:]), Finding.ABSENT]
    assert (len(lists.lists), lists.singles) == (1, [])


def test_a_few_are_read_one_by_one() -> None:
    lists = Lists(*CODES)
    ListReader(lists).bodies(evidence(CODES[: FEW - 1]))
    assert (lists.lists, lists.singles) == ([], CODES[: FEW - 1])


def test_another_scopes_entity_of_the_same_code_is_another() -> None:
    lists = Lists(*CODES, scope="OTHER")
    assert shown(ListReader(lists).bodies(evidence(CODES))) == [Finding.ABSENT] * len(CODES)


def test_what_a_list_shows_twice_is_unclear() -> None:
    lists = Lists(*CODES, CODES[3])
    found = shown(ListReader(lists).bodies(evidence(CODES)))
    assert found == [*CODES[:3], Finding.UNCLEAR, *CODES[4:]]


def test_every_page_is_read() -> None:
    lists = Lists(*CODES, page=7)
    assert shown(ListReader(lists).bodies(evidence(CODES))) == CODES
    assert len(lists.lists) == 6


def test_the_properties_of_all_are_asked_for() -> None:
    asked: list[Params] = []

    def read(path: str, params: Params) -> Any:
        asked.append(params)
        return {"values": []}

    text = {"value": {"labelValue": "x"}}
    orders = [{"id": rid(c), "properties": {f"Order/S/{c}": text}} for c in "ABC"]
    ListReader(read).bodies(orders_of_block({"orders": orders}, Dialect.V2_1))
    assert [params["propertyKeys"] for params in asked] == [["Order/S/A", "Order/S/B", "Order/S/C"]]


@pytest.mark.parametrize("error", [RejectedError("no", 414), RejectedError("no", 400), ConfigError("a page, 404")])
def test_shorter_filters_are_tried_and_what_passes_is_remembered(error: LoadError) -> None:
    lists = Lists(*CODES)
    lists.refuses = lambda params: error if len(params["filter"]) > 300 else None
    reader = ListReader(lists)
    assert shown(reader.bodies(evidence(CODES))) == CODES
    refused = [p for p in lists.lists if len(p["filter"]) > 300]
    assert 1 <= len(refused) <= 3
    lists.lists.clear()
    assert shown(reader.bodies(evidence(CODES))) == CODES
    assert all(len(p["filter"]) <= 300 for p in lists.lists)
    assert lists.singles == []


@pytest.mark.parametrize("error", [RejectedError("no", 400), RejectedError("no", 404), ConfigError("a page, 404")])
def test_where_no_filter_passes_each_is_read_by_itself_from_then_on(error: LoadError) -> None:
    lists = Lists(*CODES)
    lists.refuses = lambda _: error
    reader = ListReader(lists)
    assert shown(reader.bodies(evidence(CODES))) == CODES
    assert len(lists.lists) <= 3
    lists.lists.clear()
    reader.bodies(evidence(CODES))
    assert lists.lists == []


@pytest.mark.parametrize("body", [None, [], {}, {"values": None}, {"values": [], "nextPage": "again"}])
def test_what_is_no_list_is_not_believed(body: Any) -> None:
    lists = Lists(*CODES)
    asked: list[str] = []

    def read(path: str, params: Params) -> Any:
        if path == "/api/placements":
            asked.append(path)
            return body
        return lists(path, params)

    assert shown(ListReader(read).bodies(evidence(CODES))) == CODES
    assert len(asked) <= MOST_PAGES


def test_where_much_depends_on_absence_one_is_read_by_itself() -> None:
    lists = Lists(*CODES[:10])
    assert shown(ListReader(lists).sure_bodies(evidence(CODES))) == [*CODES[:10], *[Finding.ABSENT] * 30]
    assert len(lists.singles) == 1


def test_a_list_that_lacks_what_is_there_is_believed_no_more() -> None:
    lists = Lists(*CODES)
    reader = ListReader(lambda path, params: {"values": []} if path == "/api/placements" else lists(path, params))
    assert shown(reader.sure_bodies(evidence(CODES))) == CODES
    assert shown(reader.bodies(evidence(CODES))) == CODES


def test_a_hundred_codes_of_the_longest_kind_take_two_filters() -> None:
    codes = [f"{n:064d}" for n in range(100)]
    lists = Lists(*codes)
    ListReader(lists).bodies(evidence(codes))
    assert len(lists.lists) <= 2 * (LONGEST // 4000)


def test_codes_that_no_path_takes_are_never_read_by_path() -> None:
    lists = Lists("A/1", "B.2")
    assert shown(ListReader(lists).bodies(evidence(["A/1", "B.2", "C?3"]))) == ["A/1", "B.2", Finding.ABSENT]
    assert shown(ListReader(lists).sure_bodies(evidence(["A/1", "C?3"]))) == ["A/1", Finding.ABSENT]
    lists.refuses = lambda _: ConfigError("no list here")
    assert shown(ListReader(lists).bodies(evidence(["A/1", "x" * 65]))) == [Finding.UNCLEAR] * 2
    assert lists.singles == []
