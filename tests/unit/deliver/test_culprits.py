import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.deliver.culprits import PROBES, Refusal, bisect, named_culprits, too_much
from schemas.answers import Problem
from schemas.states import State

KEYS = ["IR_1", "IR_1.2", "a.b", "x/y", "it's", "[odd]", 'say "hi"', "back\\slash", "$.cash", "Zoë"]


def problem(errors: object = None, failed: object = None, **more: object) -> Problem:
    body = {"name": "ValidationError", "code": 132, "detail": "refused", "errors": errors, "failed": failed, **more}
    return Problem.from_body(400, body)


@pytest.mark.parametrize(
    ("path", "position", "where"),
    [
        ("requests[3].orders[0].quantity", 3, "orders[0].quantity: "),
        ("Requests[0].side", 0, "side: "),
        ("$.requests[3]", 3, ""),
        ("$['requests'][2].orders", 2, "orders: "),
        ("requests[1]", 1, ""),
    ],
)
def test_a_path_into_the_list_names_the_request_of_its_number(path: str, position: int, where: str) -> None:
    found = named_culprits(problem({path: ["is wrong", "very"]}), ["S/A", "S/B", "S/C", "S/D"], listed=True)
    assert found == {position: ("ValidationError", f"{where}is wrong very")}


@pytest.mark.parametrize(
    "path",
    [
        "requests[4].side",
        "requests[-1]",
        "requests[²]",
        "requests[" + "9" * 5000 + "]",
        "requests",
        "requests[x]",
        "requests[1",
        "orders[1]",
        "$",
        "",
        "S/A.side",
    ],
)
def test_a_path_that_leads_to_no_request_of_the_call_names_nobody(path: str) -> None:
    assert named_culprits(problem({path: ["is wrong"]}), ["S/A", "S/B", "S/C", "S/D"], listed=True) == {}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("form", ["{}.displayName", "$.{}.displayName", "[{}].displayName", "$['{}'].displayName"])
def test_a_path_names_its_key_whatever_characters_are_in_it(key: str, form: str) -> None:
    found = named_culprits(problem({form.format(key): ["is wrong"]}), KEYS, listed=False)
    assert found == {KEYS.index(key): ("ValidationError", "displayName: is wrong")}


@pytest.mark.parametrize("form", ["{}", "$.{}", "[{}]", "$['{}']", '["{}"]'])
@pytest.mark.parametrize("key", KEYS)
def test_a_path_that_is_only_the_key_names_it(key: str, form: str) -> None:
    assert list(named_culprits(problem({form.format(key): "wrong"}), KEYS, listed=False)) == [KEYS.index(key)]


@pytest.mark.parametrize("path", ["$['it\\'s'].displayName", "['it\\'s']"])
def test_a_path_that_is_one_key_and_the_escaped_form_of_another_names_nobody(path: str) -> None:
    assert named_culprits(problem({path: ["is wrong"]}), ["it's", "it\\'s"], listed=False) == {}


@pytest.mark.parametrize(
    ("short", "long"), [("k" * 1000, "k" * 1024), ("k" * 996, "k" * 1024), ("k" * 900, "k" * 900 + ".k" * 60)]
)
def test_of_keys_too_long_to_be_looked_at_none_is_blamed_for_another(short: str, long: str) -> None:
    for path in (long, f"$['{long}']", f"{long}.displayName", f"['{long}'].displayName"):
        assert named_culprits(problem({path: ["is wrong"]}), [short, long], listed=False) == {}


def test_a_quoted_key_may_be_escaped() -> None:
    found = named_culprits(problem({"$['it\\'s'].x": "a", "['back\\\\slash'].y": "b"}), KEYS, listed=False)
    assert {KEYS[p]: text for p, (_, text) in found.items()} == {"it's": "x: a", "back\\slash": "y: b"}


def test_a_path_that_could_mean_two_keys_names_neither() -> None:
    assert named_culprits(problem({"a.b.displayName": ["is wrong"]}), ["a", "a.b"], listed=False) == {}
    assert named_culprits(problem({"$['a.b'].displayName": ["is wrong"]}), ["a", "a.b"], listed=False) == {
        1: ("ValidationError", "displayName: is wrong")
    }


def test_a_key_is_not_found_inside_a_longer_word() -> None:
    assert named_culprits(problem({"IR_10.displayName": "no"}), ["IR_1", "IR"], listed=False) == {}


def test_failed_entries_name_their_keys_and_win_over_paths() -> None:
    refusal = problem(
        {"A.x": "path"},
        {"A": {"type": "AFailure", "detail": "said"}, "B": {}, "stranger": {"type": "X", "detail": "y"}},
    )
    assert named_culprits(refusal, ["A", "B", "C"], listed=False) == {
        0: ("AFailure", "said"),
        1: ("ValidationError", "refused"),
    }


def test_what_is_told_of_one_culprit_is_bounded_and_on_one_line() -> None:
    errors = {f"A.orders[{i}].\n{'y' * 5000}": ["z" * 5000] * 20 for i in range(500)}
    ((_, text),) = named_culprits(problem(errors), ["A"], listed=False).values()
    assert len(text) < 30_000
    assert text.isprintable()


@pytest.mark.untraced
def test_paths_of_megabytes_take_no_time() -> None:
    paths = {f"{'.' * 5_000_000}{i}": "x" for i in range(3)} | {f"{'[A]' * 300}{i}": "x" for i in range(5000)}
    assert named_culprits(problem(paths), [f"K{'x' * (i % 60)}{i}" for i in range(1000)], listed=False) == {}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Problem(413), True),
        (problem({"requests": ["must hold at most 100"]}), True),
        (problem({"requests[3]": ["must hold at most 100"]}), False),
        (problem({"requests": ["is required"]}), False),
        (problem(), False),
    ],
)
def test_a_refusal_for_size_is_told_from_one_for_content(said: Problem, expected: bool) -> None:
    assert too_much(said) is expected


class World:
    """A server that refuses a call whole, naming nobody, when a culprit is in it."""

    def __init__(self, culprits: set[int], kinds: int = 1) -> None:
        self.culprits, self.kinds = culprits, kinds
        self.calls = 0
        self.alone: list[int] = []
        self.accepted: list[int] = []
        self.settled: dict[int, State] = {}

    def send(self, part: Sequence[int]) -> Refusal | None:
        assert part, "an empty call"
        self.calls += 1
        found = sorted(self.culprits.intersection(part))
        if not found:
            self.accepted += part
            return None
        if len(part) == 1:
            self.alone += part
        return Refusal(Problem(400, name=f"Kind{found[0] % self.kinds}"), self.calls, part)

    def settle(self, request: int, refusal: Refusal, state: State, remark: str) -> None:
        assert request in refusal.part
        assert request not in self.settled
        self.settled[request] = state

    def in_state(self, state: State) -> set[int]:
        return {r for r, s in self.settled.items() if s is state}

    def isolate(self, requests: Sequence[int]) -> None:
        refusal = self.send(requests)
        if refusal is not None:
            bisect(refusal, self.send, self.settle)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, list[int]]:
    requests = sorted(draw(st.sets(st.integers(0, 400), min_size=1, max_size=150)))
    culprits = draw(st.sets(st.sampled_from(requests)))
    return World(culprits, draw(st.sampled_from([1, 1, 1, 2]))), requests


@given(worlds())
def test_nobody_is_blamed_who_would_be_accepted_and_nobody_is_forgotten(given_: tuple[World, list[int]]) -> None:
    world, requests = given_
    world.isolate(requests)
    assert sorted([*world.accepted, *world.settled]) == requests
    assert world.in_state(State.FAILED) <= world.culprits
    assert world.in_state(State.FAILED) == set(world.alone)
    assert not world.culprits.intersection(world.accepted)
    untried = world.in_state(State.ROLLED_BACK)
    assert not untried or len(world.alone) >= PROBES


@given(
    st.integers(1, 150).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1, max_size=PROBES - 1))
    )
)
def test_a_few_culprits_are_found_exactly_and_in_few_calls(given_: tuple[int, set[int]]) -> None:
    n, culprits = given_
    world = World(culprits)
    world.isolate(range(n))
    assert world.in_state(State.FAILED) == set(world.settled) == culprits
    bound = 2 * len(culprits) * math.ceil(math.log2(n)) + (PROBES + 2) * (len(culprits) - 1) + 1
    assert world.calls <= bound, (n, culprits)


@pytest.mark.parametrize("step", [3, 5, 7, 12])
def test_culprits_at_regular_distances_do_not_look_like_all(step: int) -> None:
    world = World(set(range(0, PROBES * step, step)))
    world.isolate(range(PROBES * step))
    assert world.in_state(State.FAILED) == set(world.settled) == world.culprits


def test_an_error_of_all_stops_early_and_blames_only_what_was_tried_alone() -> None:
    world = World(set(range(150)))
    world.isolate(range(150))
    assert world.calls == 1 + 2 + PROBES
    assert len(world.in_state(State.FAILED)) == PROBES
    assert len(world.in_state(State.ROLLED_BACK)) == 150 - PROBES


def test_errors_of_several_kinds_are_no_error_of_all() -> None:
    world = World(set(range(40)), kinds=2)
    world.isolate(range(40))
    assert world.in_state(State.FAILED) == world.culprits
