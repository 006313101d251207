"""A list that is read whole shows what is wanted of it, wherever on its pages it stands, and no more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shelf import MISSING

from pipelines.deliver.list_reading import ListReader
from pipelines.deliver.whole_lists import Wanted, WholeLists
from pipelines.operations.evidence import Evidence, Finding, Params
from pipelines.operations.places import IdentifierPlace
from schemas.errors import RejectedError

PATH = "/api/investorrecords"
KEY, OTHER = "InvestorRecord/External/Id", "InvestorRecord/Internal/Id"


def record(serial: int, scope: str = "S") -> dict[str, Any]:
    """A record with two identifiers, as dialect 2.3 shows it."""
    label = {"labelValue": f"E{serial}"}, {"labelValue": f"I{serial}"}
    identifiers = {key: {"key": key, "value": value} for key, value in zip((KEY, OTHER), label, strict=True)}
    return {"scope": scope, "identifiers": identifiers, "serial": serial}


class Pages:
    """A list of records in pages of three; `alone` are read by themselves."""

    def __init__(self, count: int) -> None:
        self.items = [record(n) for n in range(count)]
        self.asked: list[Params] = []
        self.alone: dict[str, Any] = {}
        self.refusal: Exception | None = None

    def __call__(self, path: str, params: Params) -> Any:
        if path != PATH:
            if path not in self.alone:
                raise MISSING
            return self.alone[path]
        self.asked.append(params)
        if self.refusal is not None and len(self.asked) > 1:
            raise self.refusal
        first = int(str(params.get("page", 0)))
        more = str(first + 3) if first + 3 < len(self.items) else None
        return {"values": self.items[first : first + 3], "nextPage": more}


def place(serial: int, key: str = KEY, scope: str = "S") -> IdentifierPlace:
    return IdentifierPlace(PATH, key, scope, f"{'E' if key == KEY else 'I'}{serial}")


def wanted(*places: IdentifierPlace) -> Wanted:
    found = Wanted(PATH)
    for each in places:
        found.add(each, 10)
    return found


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[tuple[Pages, WholeLists]]:
    server = Pages(10)
    whole = WholeLists(server, tmp_path / "held.tmp")
    yield server, whole
    whole.close()


def test_what_is_wanted_is_found_on_any_page_by_any_identifier(pages: tuple[Pages, WholeLists]) -> None:
    server, whole = pages
    asked = [place(0), place(9), place(4, OTHER), place(5), place(99), place(5, scope="T")]
    assert whole.read(wanted(*asked), ["InvestorRecord/Details/Country"], 4)
    assert [[item["serial"] for item in whole.items(each)] for each in asked] == [[0], [9], [4], [5], [], []]
    assert [each.get("page") for each in server.asked] == [None, "3", "6", "9"]
    assert all(each["propertyKeys"] == ["InvestorRecord/Details/Country"] for each in server.asked)
    assert (whole.has(PATH, f"identifiers[{KEY}]"), whole.has(PATH, "identifiers[Another]")) == (True, False)


def test_a_list_that_goes_on_too_long_or_is_refused_is_not_believed(pages: tuple[Pages, WholeLists]) -> None:
    server, whole = pages
    assert not whole.read(wanted(place(0)), (), 3)
    assert len(server.asked) == 3
    server.refusal = RejectedError("refused")
    assert not whole.read(wanted(place(0)), (), 9)
    assert not whole.has(PATH, f"identifiers[{KEY}]")


def test_a_list_that_lacks_what_is_there_is_believed_no_more(pages: tuple[Pages, WholeLists]) -> None:
    server, whole = pages
    evidence = [Evidence(f"{PATH}/E{n}", {}, place=place(n)) for n in (1, 20, 21)]
    assert whole.read(wanted(place(1), place(20), place(21)), (), 4)
    reader = ListReader(server, whole)
    assert [body if isinstance(body, Finding) else body["serial"] for body in reader.sure_bodies(evidence)] == [
        1,
        Finding.ABSENT,
        Finding.ABSENT,
    ]
    server.alone = {f"{PATH}/E{n}": record(n) for n in (1, 20, 21)}
    assert [body["serial"] for body in reader.sure_bodies(evidence)] == [1, 20, 21]
