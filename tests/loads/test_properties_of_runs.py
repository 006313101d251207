"""What must not matter to how a run ends: the size of batches, the number of senders, the order of answers."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from builders import Row, account, investor, order, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st
from keeping_lusid import Keeping
from run_checks import check_books, outcomes
from scripted_lusid import Call, Reply, nothing_there, scripted

from pipelines.account import reasons
from pipelines.load import load

COUNT = 40
KINDS = ("good", "good", "good", "refused", "invalid")


class Shuffling(Keeping):
    """Gives its answers with everything in them in another order, and the calls in flight in any order."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._draw = random.Random(seed)

    def __call__(self, call: Call) -> Reply:
        return shuffled(super().__call__(call), self._draw)


def shuffled(reply: Reply, draw: random.Random) -> Reply:
    """The same answer in another order: members of maps, and entries of `values`."""

    def mix(items: Iterable[Any]) -> list[Any]:
        listed = list(items)
        draw.shuffle(listed)
        return listed

    body = {}
    for name, part in mix((reply.body or {}).items()):
        if isinstance(part, dict):
            part = dict(mix(part.items()))
        elif isinstance(part, list) and name == "values":
            part = mix(part)
        body[name] = part
    return Reply(reply.status, body)


def investors(kinds: list[str]) -> list[Row]:
    changes = {"good": {}, "refused": {"display_name": "Refused"}, "invalid": {"display_name": ""}}
    return [investor(n, changes[kind]) for n, kind in enumerate(kinds)]


def orders(kinds: list[str]) -> list[Row]:
    changes = {"good": {}, "refused": {"quantity": "666"}, "invalid": {"quantity": "many"}}
    return [order(n, n, changes[kind]) for n, kind in enumerate(kinds)]


ROWS: dict[str, Callable[[list[str]], list[Row]]] = {"investor-records": investors, "orders": orders}


def ended(operation: str, kinds: list[str], seed: int | None, **options: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """The state of each key and what LUSID holds, after a load into one that shuffles with this seed, or does not."""
    lusid = Keeping() if seed is None else Shuffling(seed)
    with TemporaryDirectory() as folder, scripted(lusid) as (_, target):
        path = write_csv(Path(folder) / "a.csv", ROWS[operation](kinds))
        report = load(operation, path, target=target, runs=Path(folder) / "runs", **options)
        check_books(report)
        return {line["key"]: line["state"] for line in outcomes(report.run_dir)}, lusid.held


@pytest.mark.untraced
@settings(max_examples=30)
@given(
    operation=st.sampled_from(sorted(ROWS)),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=COUNT),
    size=st.integers(1, COUNT + 1),
    senders=st.integers(1, 16),
    max_bytes=st.sampled_from([700, 2000, 1 << 20]),
    seed=st.integers(0, 99),
)
def test_batches_senders_and_the_order_of_answers_change_nothing(
    operation: str, kinds: list[str], size: int, senders: int, max_bytes: int, seed: int
) -> None:
    options = {"batch_size": size, "concurrency": senders, "max_batch_bytes": max_bytes}
    found = ended(operation, kinds, seed, **options)
    assert found == ended(operation, kinds, None, batch_size=1, concurrency=1)
    states = {"good": "accepted", "refused": "failed", "invalid": "invalid"}
    assert list(found[0].values()) == [states[kind] for kind in kinds]


@pytest.mark.untraced
@settings(max_examples=10)
@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=COUNT),
    senders=st.integers(1, 16),
    seed=st.integers(0, 99),
)
def test_in_atomic_mode_only_the_batches_decide_who_is_rolled_back(kinds: list[str], senders: int, seed: int) -> None:
    options = {"mode": "Atomic", "batch_size": 5}
    assert ended("orders", kinds, seed, concurrency=senders, **options) == ended(
        "orders", kinds, None, concurrency=1, **options
    )


@pytest.mark.untraced
@settings(max_examples=10)
@given(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=COUNT), size=st.integers(1, 9))
def test_loading_the_same_extract_twice_leaves_lusid_as_it_was(kinds: list[str], size: int) -> None:
    for operation, rows in ROWS.items():
        lusid = Keeping()
        with TemporaryDirectory() as folder, scripted(lusid) as (_, target):
            path = write_csv(Path(folder) / "a.csv", rows(kinds))
            options: dict[str, Any] = {"target": target, "runs": Path(folder) / "runs", "batch_size": size}
            first = load(operation, path, **options)
            held = dict(lusid.held)
            again = load(operation, path, **options)
            assert (again.rows, lusid.held, lusid.conflicts) == (first.rows, held, [])


class Wordy:
    """Refuses keys in many words, or loses the answer: the display name of a row says which."""

    def __call__(self, call: Call) -> Reply:
        if call.method == "GET" or not isinstance(call.body, dict):
            return nothing_there(call)
        said = {key: body["displayName"] for key, body in call.body.items()}
        failed = {key: {"type": text[:1], "detail": f"{text} {key}"} for key, text in said.items() if text != "good"}
        values: dict[str, Any] = {key: {} for key, text in said.items() if text == "good"}
        return Reply(201, {"values": values, "failed": failed})


def holding(serial: int, changes: dict[str, str]) -> Row:
    """An account of the investor of the same number."""
    return account(serial, serial, changes)


WORDS = ("good", "", "a b", "a c", "a d", "a 17", "b clash", "b 'x' clash", "c", "d", "e", "f g h")


@pytest.mark.untraced
@settings(max_examples=20)
@given(
    operation=st.sampled_from(["investor-records", "investment-accounts"]),
    said=st.lists(st.tuples(st.integers(0, 15), st.sampled_from(WORDS)), min_size=1, max_size=COUNT),
    held=st.sets(st.integers(0, 15), max_size=5),
    options=st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["Partial", "Atomic"]),
            "dry_run": st.booleans(),
            "max_failures": st.sampled_from([None, "5"]),
            "batch_size": st.integers(1, COUNT),
        }
    ),
    bounds=st.sampled_from([(1, 1), (2, 2), (100, 50)]),
)
def test_the_reasons_add_up_to_failures_csv(
    operation: str, said: list[tuple[int, str]], held: set[int], options: dict[str, Any], bounds: tuple[int, int]
) -> None:
    """`check_books` compares them; here are many kinds of runs, and more reasons than are told apart."""
    with TemporaryDirectory() as folder, scripted(Wordy()) as (_, target), pytest.MonkeyPatch.context() as patch:
        patch.setattr(reasons, "MOST_CODES", bounds[0])
        patch.setattr(reasons, "MOST_RULES", bounds[1])
        options["target"] = None if options["dry_run"] else target
        options["hold"] = {f"InvestorRecord/ExternalIdentifier/ExternalIRId=IR_{n:04}": "is invalid" for n in held}
        row = investor if operation == "investor-records" else holding
        path = write_csv(Path(folder) / "a.csv", [row(n, {"display_name": text}) for n, text in said])
        check_books(load(operation, path, runs=Path(folder) / "runs", **options))
