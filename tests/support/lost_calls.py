"""Faults that lose an answer, and extracts of which every second request meets one."""

from builders import FIGI, Row, order

NOT_APPLIED = ("cut-before", "html", "500", "502")
APPLIED = ("cut-after", "cut-during", "truncated", "not-json", "503-after", "504")
LOST = NOT_APPLIED + APPLIED
EACH_THEN_ONE_GOOD = ";ok;".join(LOST)
COUNT = 2 * len(LOST)
"""Requests of a load: every second one meets a fault."""

SCOPE = "MyScope"


def names(letter: str) -> list[str]:
    return [f"{letter}{n:04d}" for n in range(COUNT)]


def ids(entity: str, letter: str) -> list[Row]:
    return [{f"{entity}_scope": SCOPE, f"{entity}_code": code} for code in names(letter)]


def orders() -> list[Row]:
    return [order(n, n, {"portfolio_scope": SCOPE, "portfolio_code": "PF"}) for n in range(COUNT)]


def moves() -> list[Row]:
    return [{**row, "block_scope": SCOPE, "block_code": "TOGETHER"} for row in ids("order", "O")]


def placements() -> list[Row]:
    terms = {"quantity": "100", "state": "New", "side": "Buy", "time_in_force": "Day", "type": "Market"}
    terms |= {"created_date": "2024-03-01T10:00:00Z", FIGI: "BBG000000001"}
    both = zip(ids("placement", "P"), ids("block", "B"), strict=True)
    return [{**placement, **block, **terms} for placement, block in both]


def executions() -> list[Row]:
    terms = {"quantity": "100", "state": "Filled", "side": "Buy", "type": "Market", FIGI: "BBG000000001"}
    terms |= {"created_date": "2024-03-01T11:00:00Z", "price": "88.8", "price_currency": "USD"}
    terms |= {"settlement_currency": "USD", "settlement_fx_rate": "1", "counterparty": "Broker"}
    both = zip(ids("execution", "E"), ids("placement", "P"), strict=True)
    return [{**execution, **placement, **terms} for execution, placement in both]
