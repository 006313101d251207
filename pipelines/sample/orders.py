"""The sample's orders (orders.csv): one row for each order, which repeats the cells of its block.

A Limit block has a limit price and currency, a Market block neither. Orders are for the accounts' portfolios. Knows
nothing of files.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from pipelines.sample.accounts import PORTFOLIO_SCOPE, AccountTable, portfolio_code
from pipelines.sample.plan import LARGEST_BLOCK, Cells, Ints, Plan, Spread, Table, take
from pipelines.sample.words import DESKS, FIGIS, LISTED_IN, TRADERS

FIGI = "instrument:Instrument/default/Figi"
DESK = "block_property:Block/MyScope/Desk"
TRADER = "property:Order/MyScope/Trader"
SCOPE = "MyScope"

_TOGETHER = 3
_TIMES = tuple(f"T{m // 60:02d}:{m % 60:02d}:00Z" for m in range(7 * 60, 16 * 60 + 30))
"""Each minute from 07:00 to 16:29 UTC; in London no local time in that span is ever skipped or repeated."""
_DAYS_BACK = 40
_SAME_DAY_OF_TEN = 7
_ANY_ROOM = 840
"""Divisible by every number from 1 to 8, so that all sizes are equally likely."""
_TICKS = 10_000
_FRACTIONS = (".5", ".25", ".75", ".125")


def business_days(until: date) -> tuple[str, ...]:
    """The date `until` and the 40 weekdays before it, latest first, as ISO dates."""
    back = np.busday_offset(np.datetime64(until), -np.arange(1, _DAYS_BACK + 1), roll="forward")
    return (until.isoformat(), *(str(day) for day in back))


@dataclass(frozen=True)
class OrderTable(Table):
    """The drawn blocks and orders; `block` and `order` are their numbers, both counted from 0."""

    plan: Plan

    @property
    def positions(self) -> int:
        """One position for each block, and those of rows that stand apart from the others of their block."""
        return self._spread.positions

    @cached_property
    def _spread(self) -> Spread:
        return Spread(self.plan, "block", self.plan.blocks, self.sizes)

    def _even_start(self, block: Ints) -> Ints:
        """The number of orders before a block if all blocks were as equal as possible."""
        return block * self.plan.orders // self.plan.blocks

    def sizes(self, block: Ints) -> Ints:
        """The number of orders of each block, 1 to 8; together they are the plan's orders.

        Three neighbouring blocks divide among themselves the orders that they would have if all blocks were equal.
        """
        first = block // _TOGETHER * _TOGETHER
        last = np.minimum(first + _TOGETHER, self.plan.blocks)
        total = self._even_start(last) - self._even_start(first)
        one = self._share("size/first", first, total, last - first)
        two = np.where(last - first > 1, self._share("size/second", first, total - one, last - first - 1), 0)
        rest = total - one - two
        return np.where(block == first, one, np.where(block == first + 1, two, rest))

    def _share(self, name: str, first: Ints, total: Ints, blocks: Ints) -> Ints:
        """Draws a size for one of `blocks` blocks that leaves the others a number they can hold."""
        low = np.maximum(1, total - LARGEST_BLOCK * (blocks - 1))
        high = np.minimum(LARGEST_BLOCK, total - (blocks - 1))
        room = np.maximum(high - low, 0) + 1
        share: Ints = low + self.plan.draw(name, first, _ANY_ROOM) % room
        return share

    def _order(self, block: Ints, nth: Ints) -> Ints:
        first = block // _TOGETHER * _TOGETHER
        before = self._even_start(first)
        for neighbour in range(_TOGETHER - 1):
            earlier = first + neighbour
            size = self.sizes(np.minimum(earlier, self.plan.blocks - 1))
            before = before + np.where(earlier < block, size, 0)
        return before + nth

    def cells(self, start: int, stop: int) -> Cells:
        """The rows at positions `start` to `stop` - 1."""
        block, nth = self._spread.rows(start, stop)
        order = self._order(block, nth)
        rows = len(order)
        minute = self.plan.draw("minute", block, len(_TIMES))
        day = self.plan.business_date.isoformat()
        figi, kind, limit = self._price(block)
        return {
            "block_scope": [SCOPE] * rows,
            "block_code": [f"BLOCK{b + 1:08d}" for b in block.tolist()],
            "order_scope": [SCOPE] * rows,
            "order_code": [f"ORDER{o + 1:08d}" for o in order.tolist()],
            FIGI: figi,
            "quantity": self._quantity(order),
            "side": self.plan.pick("side", ("Buy", "Sell"), block),
            "type": kind,
            "time_in_force": self.plan.pick("force", ("Day", "Day", "GoodTilCancel"), block),
            "date": [day + time for time in take(_TIMES, minute)],
            **limit,
            "order_date": self._order_date(order, minute),
            "state": ["New"] * rows,
            **self._portfolio(order),
            DESK: self.plan.pick("desk", DESKS, block),
            TRADER: self.plan.pick("trader", TRADERS, order),
        }

    def _price(self, block: Ints) -> tuple[list[str], list[str], Cells]:
        """The instrument, and for a Limit block a price near the instrument's level."""
        instrument = self.plan.draw("instrument", block, len(FIGIS))
        level = 50_000 + self.plan.draw("level", instrument, 2_000_000)
        price = level * (9_000 + self.plan.draw("price", block, 2_000)) // _TICKS
        limit = (self.plan.draw("type", block, 5) >= 3).tolist()
        currencies = take([LISTED_IN[i % len(LISTED_IN)] for i in range(len(FIGIS))], instrument)
        priced = zip(price.tolist(), limit, strict=True)
        limits = {
            "limit_price": [f"{p // _TICKS}.{p % _TICKS:04d}" if is_limit else "" for p, is_limit in priced],
            "limit_currency": [c if is_limit else "" for c, is_limit in zip(currencies, limit, strict=True)],
        }
        return take(FIGIS, instrument), ["Limit" if is_limit else "Market" for is_limit in limit], limits

    def _quantity(self, order: Ints) -> list[str]:
        """Multiples of ten, in one order of twelve with a fraction, as for units of a fund."""
        lots = ((1 + self.plan.draw("lots", order, 400)) * 10).tolist()
        fraction = take(("",) * 44 + _FRACTIONS, self.plan.draw("fraction", order, 48))
        return [f"{lot}{part}" for lot, part in zip(lots, fraction, strict=True)]

    def _order_date(self, order: Ints, block_minute: Ints) -> list[str]:
        """A time on the block's day before the block was created, or on an earlier weekday."""
        today = self.plan.draw("today", order, 10) < _SAME_DAY_OF_TEN
        back = np.where(today, 0, 1 + self.plan.draw("back", order, _DAYS_BACK))
        minute = self.plan.draw("order/minute", order, len(_TIMES))
        minute = np.where(today, minute * block_minute // len(_TIMES), minute)
        days = take(business_days(self.plan.business_date), back)
        return [day + time for day, time in zip(days, take(_TIMES, minute), strict=True)]

    def _portfolio(self, order: Ints) -> Cells:
        """The first portfolio of a drawn account; empty when the account has none."""
        account = self.plan.draw("order/account", order, self.plan.accounts)
        owned = (AccountTable(self.plan).portfolios(account) > 0).tolist()
        return {
            "portfolio_scope": [PORTFOLIO_SCOPE if is_owned else "" for is_owned in owned],
            "portfolio_code": [portfolio_code(a, 0) if o else "" for a, o in zip(account.tolist(), owned, strict=True)],
        }
