"""Loads of what may not be repeated blindly, into a LUSID behind a front, and what must hold however that behaves.

Owns the extracts, what LUSID must hold before them, how a combination of misbehaviours is drawn, and the property.
"""

import random
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from builders import FIGI, Row, order, write_csv
from fronted_lusid import TOKEN, Clock, Fronted, Turn
from fronts import LOSING, OWN, PASSING
from pydantic import SecretStr
from run_checks import check_books

from connectors.lusid.client import LusidClient
from connectors.lusid.settings import LusidSettings
from connectors.targets import Target
from pipelines.load import load
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.states import Verdict

SCOPE = "MyScope"
COUNT = 9
"""Requests of a load without fault; one more is refused."""

BATCH = 3
MOST_TURNS = 5
"""Calls of a load that are spoilt; fewer than a request is sent."""

_SHARED = "/dev/shm"  # noqa: S108  # memory
MEMORY = _SHARED if Path(_SHARED).is_dir() else None
"""Where loads write their files: nobody asks whether a disk is quick."""

BOUND = 10.0
"""Seconds by which reads may lag, as loads are told."""


def ids(entity: str, letter: str, count: int = COUNT) -> list[Row]:
    return [{f"{entity}_scope": SCOPE, f"{entity}_code": f"{letter}{n:04d}"} for n in range(count)]


def orders() -> list[Row]:
    """Of two orders a block, now and then."""
    more = {"portfolio_scope": SCOPE, "portfolio_code": "PF"}
    rows = [order(n, 10 * n + m, more) for n in range(COUNT) for m in range(1 + n % 2)]
    return [{**row, "type": "Market"} for row in rows]


def firsts() -> list[Row]:
    return [{"order_scope": SCOPE, "order_code": f"O{10 * n:04d}"} for n in range(COUNT)]


def placements() -> list[Row]:
    terms = {"quantity": "100", "state": "New", "side": "Buy", "time_in_force": "Day", "type": "Market"}
    terms |= {"created_date": "2024-03-01T10:00:00Z", FIGI: "BBG000000001"}
    return [{**p, **b, **terms} for p, b in zip(ids("placement", "P"), ids("block", "B"), strict=True)]


def executions() -> list[Row]:
    terms = {"quantity": "100", "state": "Filled", "side": "Buy", "type": "Market", FIGI: "BBG000000001"}
    terms |= {"created_date": "2024-03-01T11:00:00Z", "price": "88.8", "price_currency": "USD"}
    terms |= {"settlement_currency": "USD", "settlement_fx_rate": "1", "counterparty": "Broker"}
    return [{**e, **p, **terms} for e, p in zip(ids("execution", "E"), ids("placement", "P"), strict=True)]


@dataclass(frozen=True)
class Kind:
    """One operation: its rows, the operations that come before, and what of a row LUSID refuses."""

    before: tuple[str, ...]
    rows: Any
    spoilt: Row


KINDS: dict[str, Kind] = {
    "orders": Kind((), orders, {"block_code": "BAD", "order_code": "BAD", "type": "Limit"}),
    "move-orders": Kind(
        ("orders",),
        lambda: [{**row, "block_scope": SCOPE, "block_code": f"M{n % 2}"} for n, row in enumerate(firsts())],
        {"order_code": "BAD"},
    ),
    "cancel-orders": Kind(("orders",), firsts, {"order_code": "BAD"}),
    "place-blocks": Kind(("orders",), placements, {"placement_code": "BAD", "block_code": "BAD"}),
    "cancel-placements": Kind(("orders", "place-blocks"), lambda: ids("placement", "P"), {"placement_code": "BAD"}),
    "executions": Kind(("orders", "place-blocks"), executions, {"execution_code": "BAD", "placement_code": "BAD"}),
    "book-transactions": Kind(
        ("orders", "place-blocks", "executions", "allocate"), lambda: [], {"allocation_code": "BAD"}
    ),
    "allocate": Kind((), lambda: ids("placement", "P"), {}),
}
"""What may not be repeated blindly; allocating only comes before."""


@dataclass(frozen=True)
class Combination:
    """What is loaded, and how LUSID and its front behave.

    Attributes:
        lag, late: seconds by which readers see the past, and after which LUSID does a call that was lost.
        turns, reads: what happens to the POSTs and GETs, one by one.
        spoilt: whether one of the rows is one that LUSID refuses.
    """

    operation: str
    strict: bool
    lag: float = 0.0
    turns: tuple[Turn, ...] = ()
    reads: tuple[Turn, ...] = ()
    spoilt: bool = False
    mode: str = "Partial"
    batch: int = BATCH


def every_turn() -> list[Turn]:
    """Every front, with LUSID asked or not where both are possible."""
    either = [Turn(front, applied) for front in LOSING for applied in (True, False)]
    return [*either, *(Turn(front, applied=True) for front in PASSING), *(Turn(front, applied=False) for front in OWN)]


def drawn(seed: int, count: int, *, lags: Sequence[float] = (0.0, 0.5, 9.0)) -> Iterator[Combination]:
    """Combinations by lot; every front comes up before one comes up again."""
    draw = random.Random(seed)
    operations = [name for name in KINDS if name != "allocate"]
    deck: list[Turn] = []
    for number in range(count):
        turns = []
        for _ in range(draw.randint(1, MOST_TURNS)):
            deck = deck or draw.sample(every_turn(), len(every_turn()))
            turns.append(deck.pop())
        lag = draw.choice(lags)
        if draw.random() < 0.2 and lag < BOUND / 2:
            turns = [Turn(t.front, t.applied, late=4.0 if t.applied and t.front in LOSING else 0.0) for t in turns]
        yield Combination(
            operations[number % len(operations)],
            strict=draw.random() < 0.5,
            lag=lag,
            turns=tuple(turns),
            reads=tuple(_good_or_spoilt(draw) for _ in range(draw.randint(1, 4))) if draw.random() < 0.2 else (),
            spoilt=draw.random() < 0.3,
            batch=draw.choice((1, BATCH, BATCH, 100)),
        )


def _good_or_spoilt(draw: random.Random) -> Turn:
    return Turn(draw.choice([*PASSING, *LOSING]), applied=True)


@dataclass
class World:
    """Where a load goes, and how to look at it afterwards."""

    lusid: Fronted
    target: Target
    folder: Path
    reports: list[Report] = field(default_factory=list)

    def load(self, operation: str, rows: list[Row], **options: Any) -> Report:
        """One load, resumed while it stops."""
        path = write_csv(self.folder / f"{operation}-{len(self.reports)}.csv", rows)
        runs = self.folder / "runs"
        options = {"concurrency": 1, "batch_size": BATCH, **options}
        report = load(operation, path, target=self.target, runs=runs, **options)
        for _ in range(5):
            if report.verdict is not Verdict.STOPPED:
                break
            report = resume(report.run_id, runs=runs, target=self.target)
        self.reports.append(report)
        return report


class Patient(LusidClient):
    """A client that waits for as long as it is told, however short other tests' pauses are."""

    def pause(self, seconds: float) -> None:
        _PAUSE(self, seconds)


_PAUSE = LusidClient.pause


@contextmanager
def world(content: bytes | None = None, **lusid: Any) -> Iterator[World]:
    """A LUSID behind a front, and a client whose waiting takes no time."""
    clock = Clock()
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, Fronted(content=content, clock=clock, **lusid) as fronted:
        settings = LusidSettings(
            lusid_url=fronted.url, access_token=SecretStr(TOKEN), total_seconds=1e6, read_seconds=20
        )
        with Patient(settings, sleep=clock.sleep, clock=clock) as client:
            client.check()
            yield World(fronted, Target(client, fronted.url), Path(folder))


@cache
def prepared(operation: str) -> tuple[bytes | None, list[Row]]:
    """What LUSID holds before an operation, and the operation's rows."""
    kind, content = KINDS[operation], None
    for before in kind.before:
        with world(content) as there:
            assert there.load(before, KINDS[before].rows()).verdict is Verdict.COMPLETE
            content = there.lusid.holds()
    return content, kind.rows() if operation != "book-transactions" else _bookings(content)


def _bookings(content: bytes | None) -> list[Row]:
    import sqlite3

    connection = sqlite3.connect(":memory:")
    connection.deserialize(content or b"")
    found = connection.execute("SELECT scope, code FROM entity WHERE kind = 'allocations' ORDER BY sequence").fetchall()
    connection.close()
    return [{"allocation_scope": scope, "allocation_code": code} for scope, code in found]


@dataclass(frozen=True)
class Ended:
    """How a combination ended.

    Attributes:
        states: the state of each key.
        good: the keys that nothing is wrong with.
        applied: how often each was applied.
        messages: what is said of each key.
        seconds: how long it took.
        posts, gets: calls made.
    """

    states: dict[str, str]
    good: set[str]
    applied: dict[str, int]
    messages: dict[str, str]
    seconds: float
    posts: int
    gets: int

    @property
    def faults(self) -> list[str]:
        """What is wrong whatever the lag: an accepted key that is not in, a refused or unsent one that is."""
        found = []
        for key, state in self.states.items():
            times = self.applied.get(key, 0)
            if key not in self.good:
                wrong = state not in ("failed", "unknown") or times
            else:
                wrong = (state == "accepted") != (times > 0) if state != "unknown" else False
                wrong = wrong or state not in ("accepted", "unknown")
            if wrong:
                found.append(f"{key}: {state}, applied {times} times ({self.messages[key]})")
        return found

    @property
    def doubled(self) -> list[str]:
        return [key for key, times in self.applied.items() if times > 1]

    @property
    def unknown(self) -> list[str]:
        return [f"{key}: {self.messages[key]}" for key, state in self.states.items() if state == "unknown"]


def carried_out(combination: Combination) -> Ended:
    """Loads as a combination says."""
    content, rows = prepared(combination.operation)
    given: dict[str, Any] = {"lag": combination.lag, "strict": combination.strict}
    given |= {"turns": deque(combination.turns), "reads": deque(combination.reads)}
    bad = [{**rows[0], **KINDS[combination.operation].spoilt}] if combination.spoilt else []
    with world(content, **given) as there:
        options = {"batch_size": combination.batch, "mode": combination.mode}
        report = there.load(combination.operation, [*rows, *bad], **options)
        seconds = there.lusid.clock()
        there.lusid.settle()
        lines = check_books(report)
        return Ended(
            {line["key"]: line["state"] for line in lines},
            {line["key"] for line in lines if not line["key"].endswith("/BAD")},
            dict(there.lusid.applied),
            {line["key"]: f"{line['code']}: {line['message']}" for line in lines},
            seconds,
            there.lusid.count("POST"),
            there.lusid.count("GET"),
        )
