"""Requests made many at once are what each key's rows make by themselves, wherever the rows stand."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from builders import HOLDER, Preparation, Row, account, order, prepare_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.prepare import gathering, grouping
from pipelines.prepare.encoding.gathered_templates import GatheredTemplates

SERIAL = st.integers(1, 4)


def some(changes: dict[str, list[str]]) -> st.SearchStrategy[Row]:
    """Some cells of a row, changed."""
    single = [st.tuples(st.just(name), st.sampled_from(cells)) for name, cells in changes.items()]
    return st.lists(st.one_of(single), max_size=2).map(dict)


ACCOUNTS = st.builds(
    account,
    SERIAL,
    st.integers(1, 3),
    some(
        {
            "display_name": ["Other", "", 'a "quoted", name'],
            "holder_key": ["H1", "H2", ""],
            HOLDER: ["IR_1", "bad id ", ""],
            "account_type": ["Nope", "Personal"],
            "portfolio_code": ["P2", "P3"],
        }
    ),
)
ORDERS = st.builds(
    order,
    SERIAL,
    st.integers(1, 3),
    some({"quantity": ["7", "many", "7.50"], "side": ["Sell", ""], "order_code": ["O1", "O2"]}),
)
HASHES: tuple[Callable[[str], int], ...] = (hash, hash, len, lambda _: 7)
"""Python's own, and some under which different keys meet."""


def outcome(found: Preparation) -> list[Any]:
    return [found.states, found.notes, found.requests, found.keys, found.entries]


@pytest.mark.untraced
@pytest.mark.parametrize(("operation", "rows"), [("investment-accounts", ACCOUNTS), ("orders", ORDERS)])
@given(data=st.data(), hash_of=st.sampled_from(HASHES), at_once=st.sampled_from([1, 2, 1024]))
@settings(max_examples=40, deadline=None)
def test_requests_made_together_are_those_made_one_by_one(
    operation: str, rows: st.SearchStrategy[Row], data: st.DataObject, hash_of: Callable[[str], int], at_once: int
) -> None:
    drawn = data.draw(st.lists(rows, min_size=1, max_size=12))
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        folder = Path(place)
        patch.setattr(grouping, "_AT_ONCE", at_once)
        with mock.patch.object(grouping, "hash", hash_of, create=True):
            with prepare_rows(operation, folder, drawn) as found:
                together = outcome(found)
            patch.setattr(GatheredTemplates, "_together", lambda _: None)
            with prepare_rows(operation, folder, drawn) as found:
                assert together == outcome(found)


@pytest.mark.parametrize(("operation", "row"), [("investment-accounts", account), ("orders", order)])
def test_ordinary_requests_are_made_together(
    operation: str, row: Callable[[int, int], Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(gathering.Gathering, "_gathered")
    rows = [row(serial, 10 * serial + item) for item in (1, 2) for serial in (1, 2, 3)]
    with prepare_rows(operation, tmp_path, rows) as found:
        assert found.requests == [0, 1, 2] * 2
