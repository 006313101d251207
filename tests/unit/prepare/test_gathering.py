"""Requests made many at once are what each key's rows make by themselves, wherever the rows stand."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from builders import HOLDER, Preparation, Row, account, order, prepare_rows
from hashing import hashed_by
from hypothesis import given, settings
from hypothesis import strategies as st
from portions import in_portions

from connectors.run_folder.scratch import EntryFile
from pipelines.operations.table import operation_named
from pipelines.prepare import gathering, key_index
from pipelines.prepare.encoding.gathered_templates import GatheredTemplates
from pipelines.prepare.key_index import Hashed
from schemas.states import PENDING

SERIAL = st.integers(1, 4)
SECOND_ID = "identifier:InvestmentAccount/InternalIdentifier/InternalIAId"
HELD = {"InvestorRecord/ExternalIdentifier/ExternalIRId=IR_0002": "is failed"}


def some(changes: dict[str, list[str]]) -> st.SearchStrategy[Row]:
    """Some cells of a row, changed."""
    single = [st.tuples(st.just(name), st.sampled_from(cells)) for name, cells in changes.items()]
    return st.lists(st.one_of(single), max_size=2).map(dict)


ACCOUNTS = st.builds(
    lambda serial, holder, changes: account(serial, holder, {SECOND_ID: "", **changes}),
    SERIAL,
    st.integers(1, 3),
    some(
        {
            "display_name": ["Other", "", 'a "quoted", name'],
            "holder_key": ["H1", "H2", ""],
            HOLDER: ["IR_1", "bad id ", ""],
            "account_type": ["Nope", "Personal"],
            "portfolio_code": ["P2", "P3"],
            SECOND_ID: ["1", "2"],
        }
    ),
)
ORDERS = st.builds(
    order,
    SERIAL,
    st.integers(1, 3),
    some({"quantity": ["7", "many", "7.50"], "side": ["Sell", ""], "order_code": ["O1", "O2"]}),
)
LARGE = {"investment-accounts": 640, "orders": 290}
"""Bytes of a call that some of these requests exceed, and others do not."""
HASHES: tuple[Callable[[str], int] | None, ...] = (None, None, len, lambda _: 7)
"""Python's own, and some under which different keys meet."""


def outcome(found: Preparation) -> list[Any]:
    prepared = found.prepared
    first_rows, sizes = prepared.first_row.tolist(), prepared.sizes_of(np.arange(len(prepared))).tolist()
    return [found.states, found.notes, found.requests, found.keys, found.entries, first_rows, sizes, prepared.digests()]


@pytest.mark.untraced
@pytest.mark.parametrize(("operation", "rows"), [("investment-accounts", ACCOUNTS), ("orders", ORDERS)])
@given(data=st.data(), hash_of=st.sampled_from(HASHES), at_once=st.sampled_from([1, 2, 1024]))
@settings(max_examples=40, deadline=None)
def test_requests_made_together_are_those_made_one_by_one(
    operation: str,
    rows: st.SearchStrategy[Row],
    data: st.DataObject,
    hash_of: Callable[[str], int] | None,
    at_once: int,
) -> None:
    drawn = data.draw(st.lists(rows, min_size=1, max_size=12))
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        folder = Path(place)
        patch.setattr(key_index, "_AT_ONCE", at_once)
        with hashed_by(hash_of):
            with prepare_rows(operation, folder, drawn) as found:
                together = outcome(found)
            patch.setattr(GatheredTemplates, "_together", lambda _: None)
            with prepare_rows(operation, folder, drawn) as found:
                assert together == outcome(found)


@pytest.mark.untraced
@pytest.mark.parametrize(("operation", "rows"), [("investment-accounts", ACCOUNTS), ("orders", ORDERS)])
@given(
    data=st.data(),
    hash_of=st.sampled_from(HASHES),
    portions=st.sampled_from([2, 3, 5, 7]),
    is_large=st.booleans(),
    one_by_one=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_portions_make_the_requests_that_the_whole_makes(
    operation: str,
    rows: st.SearchStrategy[Row],
    data: st.DataObject,
    hash_of: Callable[[str], int] | None,
    portions: int,
    is_large: bool,
    one_by_one: bool,
) -> None:
    """Keys cross portions, rows are copies, contradict each other, are held, share an identifier, or are too large."""
    drawn = data.draw(st.lists(rows, min_size=1, max_size=24))
    if data.draw(st.booleans()):
        drawn.sort(key=lambda row: [*row.values()][:2])  # so that few keys cross portions, and later ones do
    rules: dict[str, Any] = {"hold": HELD, **({"max_bytes": LARGE[operation]} if is_large else {})}
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        if one_by_one:
            patch.setattr(GatheredTemplates, "_together", lambda _: None)
        with hashed_by(hash_of):
            with prepare_rows(operation, Path(place), drawn, **rules) as found:
                whole = outcome(found)
            with in_portions(portions), prepare_rows(operation, Path(place), drawn, **rules) as found:
                assert whole == outcome(found)


@pytest.mark.parametrize(("operation", "row"), [("investment-accounts", account), ("orders", order)])
def test_portions_make_what_they_can_and_only_what_crosses_them_is_made_again(
    operation: str, row: Callable[[int, int], Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(gathering.Gathering, "_gathered")
    rows = [row(serial, 10 * serial + item) for serial in range(40) for item in (1, 2, 3)]
    with in_portions(5), prepare_rows(operation, tmp_path, rows) as found:
        assert found.requests == [serial for serial in range(40) for _ in range(3)]
        fallen = len(found.prepared.entries) - len(found.prepared)
        assert 0 < fallen <= 2 * 4


@pytest.mark.parametrize(
    ("operation", "row", "shared"),
    [("investment-accounts", account, {SECOND_ID: "1"}), ("orders", order, {"order_code": "O"})],
)
def test_keys_that_share_a_value_are_refused_although_their_requests_were_made(
    operation: str, row: Callable[..., Row], shared: Row, tmp_path: Path
) -> None:
    none = {name: "" for name in shared if name == SECOND_ID}
    rows = [row(serial, 10 * serial + item, none) for serial in range(12) for item in (1, 2)]
    rows[4:6] = [row(2, 21, shared), row(2, 22, none or shared | {"order_code": "P"})]
    rows[20] = row(10, 101, shared)
    with prepare_rows(operation, tmp_path, rows) as found:
        whole = outcome(found)
    assert [n for n, request in enumerate(found.requests) if request < 0] == [4, 5, 20, 21]
    with in_portions(3), prepare_rows(operation, tmp_path, rows) as found:
        assert outcome(found) == whole


class AnyEntry:
    """Templates that would make a request of any rows."""

    together = None

    def entry(self, parts: list[bytes]) -> bytes:
        return b",".join(parts)


def test_rows_whose_keys_have_one_hash_are_not_taken_for_one_key(tmp_path: Path) -> None:
    parts = EntryFile(tmp_path / "parts")
    parts.extend([b"cells\nK1\npattern", b"others\nK2\npattern", b"more\nK1\npattern"])
    parts.finish()
    book: Any = SimpleNamespace(states=bytearray([PENDING] * 3))
    gathers = gathering.Gathering(book, parts, cast("Any", AnyEntry()), operation_named("orders"), 1 << 20)
    hashed = Hashed(np.array([0, 1, 2]), np.array([0, 3]))
    assert list(gathers.clear(hashed)) == []
    (made,) = gathers.clear(hashed._replace(ordinals=np.array([0, 2]), starts=np.array([0, 2])))
    assert [*made.entries] == ["cells\nK1\npattern,more\nK1\npattern"]
    parts.close()


@pytest.mark.parametrize(("operation", "row"), [("investment-accounts", account), ("orders", order)])
def test_ordinary_requests_are_made_together(
    operation: str, row: Callable[[int, int], Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(gathering.Gathering, "_gathered")
    rows = [row(serial, 10 * serial + item) for item in (1, 2) for serial in (1, 2, 3)]
    with prepare_rows(operation, tmp_path, rows) as found:
        assert found.requests == [0, 1, 2] * 2
