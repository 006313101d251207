"""Probes of orders and blocks: small orders of one currency, without a portfolio, which are deleted again."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from connectors.lusid.call import Response
from connectors.lusid.listing import filter_among
from pipelines.doctor.bench import Bench, Json, refuses, said_by
from pipelines.doctor.findings import CouldNotTellError
from pipelines.doctor.scratch import Made
from pipelines.doctor.upserts import Seen, judged, otherwise
from schemas.errors import LoadError

UNKNOWN = "LUID_ZZZZZZZZ"
_CURRENCY = {"Instrument/default/LusidInstrumentId": "CCY_USD"}
_PRICE = {"amount": 1, "currency": "USD"}


class Desk:
    """Orders at the bench."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._made: Json | None = None
        self._failed = ""
        self._turn = 0

    def id(self, name: str) -> dict[str, str]:
        """The id of an order or block of our own."""
        return {"scope": self.bench.scope, "code": self.bench.named(name)}

    def makes(self, kind: str, name: str) -> Made:
        """An order or a block of our own, and where it is deleted."""
        return Made(f"{kind.removesuffix('s')} {self.bench.scope}/{self.bench.named(name)}", self.path(kind, name))

    def path(self, kind: str, name: str) -> str:
        """Where an order or block is read."""
        return f"/api/{kind}/{quote(self.bench.scope, safe='')}/{self.bench.named(name)}"

    def entry(self, name: str, instrument: Mapping[str, str], **order: Any) -> dict[str, Any]:
        """A block with one order."""
        return {
            "blockId": self.id(f"block-{name}"),
            "orders": [{"id": self.id(f"order-{name}"), "quantity": 1, "price": _PRICE, **order}],
            "instrumentIdentifiers": dict(instrument),
            "side": "Buy",
            "type": "Limit",
            "timeInForce": "GoodTilCancel",
            "limitPrice": _PRICE,
        }

    def create(self, *entries: tuple[str, dict[str, Any]]) -> Response:
        """Creates blocks with their orders, by the name of each."""
        makes = tuple(
            self.makes(kind, f"{kind.removesuffix('s')}-{name}") for name, _ in entries for kind in ("blocks", "orders")
        )
        return self.bench.post("/api/ordermanagement/createorders", {"requests": [e for _, e in entries]}, makes)

    def made(self) -> Json:
        """The answer for the order that most probes look at; once.

        Raises:
            CouldNotTellError: it cannot be made.
        """
        if self._made is None and not self._failed:
            try:
                self._made = self.bench.done(self.create(("one", self.entry("one", _CURRENCY))), "making an order")
            except LoadError as error:
                self._failed = error.message
        if self._made is None:
            raise CouldNotTellError(self._failed)
        return self._made

    def read(self, kind: str, name: str, is_it: Callable[[Json], object] = bool) -> Json:
        """An order or block as LUSID holds it, once it is what is waited for.

        Raises:
            CouldNotTellError: it never is.
        """
        return self.bench.until(lambda: self.bench.read(self.path(kind, name)), is_it)

    def catch_up(self) -> None:
        """Waits until reads show what was written so far.

        Raises:
            CouldNotTellError: they never do.
        """
        self._turn += 1
        quantity = 10 + self._turn
        self.update(quantity=quantity)
        self.read("orders", "order-one", lambda order: order.get("quantity") == quantity)

    def update(self, **members: Any) -> Json:
        """Updates the order that most probes look at; returns the answer."""
        body = {"Doctor": {"id": self.id("order-one"), **members}}
        return self.bench.done(self.bench.post("/api/ordermanagement/updateorders", body), "the update")


def order_shows_block(desk: Desk) -> Seen:
    """An order shows the side, type, time in force, limit price and instrument of its block."""
    desk.made()
    order, block = desk.read("orders", "order-one"), desk.read("blocks", "block-one")
    names = ("side", "type", "timeInForce", "limitPrice", "lusidInstrumentId")
    other = [name for name in names if order.get(name) != block.get(name)]
    return judged(not other, f"otherwise or not shown: {', '.join(other)}" if other else "all are shown")


def order_update_omitted(desk: Desk) -> Seen:
    """What the update of an order leaves out stays, repeating it does no harm, and one of nothing is taken."""
    desk.made()
    for members in ({"quantity": 2}, {"quantity": 2}, {}):
        if failed := desk.update(**members).get("failed"):
            first = next(iter(failed.values()))
            said = first.get("detail") if isinstance(first, Mapping) else ""
            return otherwise(f"an update of {', '.join(members) or 'nothing'} is refused: {said}")
    order = desk.read("orders", "order-one", lambda order: order.get("quantity") == 2)
    stays = (order.get("price") or {}).get("amount") == 1
    return judged(stays, "all stays" if stays else "the price that was left out is gone")


def unknown_instrument(desk: Desk) -> Seen:
    """An order on an instrument that LUSID does not know is accepted on LUID_ZZZZZZZZ."""
    desk.made()
    nobodys = {"Instrument/default/ClientInternal": desk.bench.named("none")}
    answer = desk.create(("unknown", desk.entry("unknown", nobodys)))
    if refuses(answer):
        return otherwise(f"refused: {said_by(answer)}")
    body = desk.bench.done(answer, "making an order")
    orders = [order for each in body.get("values") or [] for order in each.get("orders") or []]
    found = str(orders[0].get("lusidInstrumentId")) if orders else "nothing"
    return judged(found == UNKNOWN, f"accepted on {found}")


def list_refusal(desk: Desk) -> Seen:
    """A refused createorders names the entry by its place, `requests[1]`, and applies none of the call."""
    desk.made()
    wrong = desk.entry("bad", _CURRENCY, quantity="none")
    answer = desk.create(("good", desk.entry("good", _CURRENCY)), ("bad", wrong))
    if not refuses(answer):
        raise CouldNotTellError(f"a quantity that is no number was not refused: {said_by(answer)}")
    desk.catch_up()
    left = desk.bench.read(desk.path("orders", "order-good")) is not None
    errors = answer.body.get("errors") if isinstance(answer.body, Mapping) else None
    paths = [str(path) for path in errors or {}]
    named = bool(paths) and all("requests[1]" in path for path in paths)
    saw = (
        f"{said_by(answer)}; named: {', '.join(paths[:3]) or 'nothing'}; {'the other was' if left else 'none'} applied"
    )
    return judged(named and not left, saw)


def move(desk: Desk) -> Seen:
    """A block holds an order that was moved to it, and the one that it left does not."""
    desk.made()
    body = {"requests": [{"destinationBlockId": desk.id("block-to"), "orderId": desk.id("order-one")}]}
    makes = (desk.makes("blocks", "block-to"),)
    desk.bench.done(desk.bench.post("/api/ordermanagement/moveorders", body, makes), "the move")
    desk.catch_up()
    ours = desk.id("order-one")
    holds = [ours in _ids(desk.read("blocks", name)) for name in ("block-to", "block-one")]
    return judged(holds == [True, False], f"held by the new block: {holds[0]}; by the old one: {holds[1]}")


def filter_placements(desk: Desk) -> Seen:
    """The list of allocations takes a filter by their placements."""
    filters = {"filter": filter_among("placementIds.code", [desk.bench.named("none")]), "limit": "1"}
    answer = desk.bench.client.ask("GET", "/api/allocations", params=filters)
    if refuses(answer):
        return otherwise(f"refused: {said_by(answer)}")
    items = desk.bench.done(answer, "the list").get("values") or []
    return judged(not items, "taken" if not items else "taken, and not heeded")


def _ids(block: Json) -> list[dict[str, str]]:
    held = block.get("orderIds") or []
    return [{"scope": str(each.get("scope")), "code": str(each.get("code"))} for each in held]


ORDERS: Mapping[str, Callable[[Desk], Seen]] = {
    "order-shows-block": order_shows_block,
    "order-update": order_update_omitted,
    "unknown-instrument": unknown_instrument,
    "list-refusal": list_refusal,
    "move": move,
    "filter-placements": filter_placements,
}
"""The probes of orders, in the order in which they are made."""
