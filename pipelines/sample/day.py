"""Makes one trading day for trying `bulkload trading-day`: orders, placements of their blocks, and their executions.

No row is wrong: every row can be sent, every order has a portfolio, and no block is executed beyond what its orders ask
for, so that everything executed can be allocated. A seed decides everything. Knows nothing of how the rows are loaded.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np

from pipelines.sample.files import writable_folder, write_rows
from pipelines.sample.orders import FIGI, SCOPE
from pipelines.sample.plan import BUSINESS_DATE, Cells, Plan
from pipelines.sample.words import FIGIS, LISTED_IN
from schemas.errors import ConfigError

MOST_ORDERS: Final = 5
"""Orders of a block, at most."""
MOST_FILLS: Final = 4
"""Executions of a placement, at most."""

_SETTLED: Final = "2026-11-24"
_PORTFOLIOS: Final = 40
_BROKERS: Final = ("BrokerA", "BrokerB", "BrokerC")
_FRACTIONS: Final = ("", "", "", "", "", "", "", ".5", ".25", ".125")
_SHARES: Final = (100, 100, 100, 75, 40)
"""Percentages of a placement that are executed: all of most placements, a part of some."""

_Row = dict[str, str]


def write_day(folder: Path, *, blocks: int = 500, seed: int = 20) -> list[Path]:
    """Writes orders.csv, place-blocks.csv and executions.csv of one day, with canonical headers.

    Args:
        folder: created when missing; files of the same names are replaced.
        blocks: the number of blocks, with 1 to 5 orders and 1 or 2 placements each.
        seed: another seed gives another day of the same kind.

    Returns:
        The files, in the order in which they are loaded.

    Raises:
        ConfigError: `blocks` is less than 1, or the folder cannot be written.
    """
    if blocks < 1:
        raise ConfigError("a day needs at least 1 block")
    day = _Day(Plan(blocks=blocks, seed=seed))
    with writable_folder(folder):
        return [_write(folder / f"{name}.csv", rows) for name, rows in day.extracts().items()]


def _write(path: Path, rows: list[_Row]) -> Path:
    header = list(rows[0])
    cells: Cells = {column: [row[column] for row in rows] for column in header}
    write_rows([cells], {"csv": path}, header, {})
    return path


@dataclass(frozen=True)
class _Day:
    """The drawn day; blocks are counted from 0, as are orders, placements and executions within what they belong to."""

    plan: Plan

    def extracts(self) -> dict[str, list[_Row]]:
        """The rows of each extract, by the name of its operation."""
        orders: list[_Row] = []
        placements: list[_Row] = []
        executions: list[_Row] = []
        for block in range(self.plan.blocks):
            own = self._orders(block)
            orders += own
            for placement in self._placements(block, sum((Decimal(row["quantity"]) for row in own), Decimal())):
                placements.append(placement)
                executions += self._executions(block, placement)
        return {"orders": orders, "place-blocks": placements, "executions": executions}

    def _draw(self, name: str, bound: int, *place: int) -> int:
        """Draws a number from 0 to `bound` - 1 for a place in the day."""
        index = 0
        for each in place:
            index = index * 16 + each
        return int(self.plan.draw(f"day/{name}", np.array([index]), bound)[0])

    def _shared(self, block: int) -> _Row:
        """The cells that a block's orders, placements and executions share."""
        kind = "Limit" if self._draw("type", 3, block) == 0 else "Market"
        return {
            FIGI: FIGIS[self._instrument(block)],
            "side": ("Buy", "Sell")[self._draw("side", 2, block)],
            "type": kind,
        }

    def _instrument(self, block: int) -> int:
        return self._draw("instrument", len(FIGIS), block)

    def _price(self, block: int, *place: int) -> tuple[str, str]:
        """A price near the block's level, and its currency."""
        price = 50_000 + self._draw("level", 2_000_000, block) + self._draw("price", 1_000, block, *place)
        return f"{Decimal(price).scaleb(-4)}", LISTED_IN[self._instrument(block) % len(LISTED_IN)]

    def _limit(self, block: int, kind: str) -> _Row:
        price, currency = self._price(block) if kind == "Limit" else ("", "")
        return {"limit_price": price, "limit_currency": currency}

    def _orders(self, block: int) -> list[_Row]:
        shared = self._shared(block)
        count = 1 + self._draw("orders", MOST_ORDERS, block)
        return [
            {
                "block_scope": SCOPE,
                "block_code": f"BLOCK{block + 1:06d}",
                "order_scope": SCOPE,
                "order_code": f"ORDER{block + 1:06d}-{nth + 1}",
                **shared,
                "quantity": self._quantity(block, nth),
                "time_in_force": "Day",
                "date": f"{BUSINESS_DATE}T08:00:00Z",
                **self._limit(block, shared["type"]),
                "order_date": f"{BUSINESS_DATE}T07:{nth:02d}:00Z",
                "state": "New",
                "portfolio_scope": SCOPE,
                "portfolio_code": f"PF{1 + self._draw('portfolio', _PORTFOLIOS, block, nth):06d}A",
            }
            for nth in range(count)
        ]

    def _quantity(self, block: int, nth: int) -> str:
        """A multiple of ten, now and then with a fraction, as for units of a fund."""
        fraction = _FRACTIONS[self._draw("fraction", len(_FRACTIONS), block, nth)]
        return f"{10 * (1 + self._draw('lots', 100, block, nth))}{fraction}"

    def _placements(self, block: int, quantity: Decimal) -> list[_Row]:
        """One placement of a whole block, or two that divide it."""
        first = quantity if self._draw("placements", 2, block) else quantity // 3
        shared = self._shared(block)
        return [
            {
                "placement_scope": SCOPE,
                "placement_code": f"PLAC{block + 1:06d}-{nth + 1}",
                "block_scope": SCOPE,
                "block_code": f"BLOCK{block + 1:06d}",
                **shared,
                "quantity": f"{part:f}",
                "state": "New",
                "time_in_force": "Day",
                "created_date": f"{BUSINESS_DATE}T08:{15 + nth}:00Z",
                **self._limit(block, shared["type"]),
                "counterparty": _BROKERS[self._draw("broker", len(_BROKERS), block, nth)],
            }
            for nth, part in enumerate(filter(None, (first, quantity - first)))
        ]

    def _executions(self, block: int, placement: _Row) -> list[_Row]:
        """The fills of a placement: equal whole quantities, and the rest in the last one."""
        code = placement["placement_code"]
        place = (block, int(code[-1]))
        executed = Decimal(placement["quantity"]) * _SHARES[self._draw("share", len(_SHARES), *place)] / 100
        count = 1 + self._draw("fills", MOST_FILLS, *place)
        part = executed // count
        parts = filter(None, [*[part] * (count - 1), executed - part * (count - 1)])
        return [self._execution(placement, place, nth, quantity) for nth, quantity in enumerate(parts)]

    def _execution(self, placement: _Row, place: tuple[int, int], nth: int, quantity: Decimal) -> _Row:
        price, currency = self._price(*place, nth)
        return {
            "execution_scope": SCOPE,
            "execution_code": f"EXEC{placement['placement_code'].removeprefix('PLAC')}-{nth + 1}",
            "placement_scope": SCOPE,
            "placement_code": placement["placement_code"],
            **{column: placement[column] for column in (FIGI, "side", "type")},
            "quantity": f"{quantity:f}",
            "state": "Filled",
            "created_date": f"{BUSINESS_DATE}T{9 + nth:02d}:30:00Z",
            "price": price,
            "price_currency": currency,
            "settlement_date": _SETTLED,
            "settlement_currency": currency,
            "settlement_fx_rate": "1",
            "counterparty": placement["counterparty"],
        }
