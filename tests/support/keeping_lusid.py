"""A LUSID that keeps what it is sent and remembers every key of every call: a rule for `ScriptedLusid`.

It refuses an investor record called `Refused`, and every call of orders in which one is for 666. Knows no loader.
"""

from typing import Any

from scripted_lusid import MISSING, Call, Reply, refused

RECORDS = "/api/investorrecords/ExternalIdentifier/ExternalIRId/"
ORDERS = "/api/orders/"


class Keeping:
    """What it holds, and what it was sent.

    Attributes:
        held: content of each record, by its external identifier, and of each order, by `scope/code`.
        sent: keys of every POST, in order of arrival.
        conflicts: orders that came again with other content.
    """

    def __init__(self) -> None:
        self.held: dict[str, Any] = {}
        self.sent: list[list[str]] = []
        self.conflicts: list[str] = []

    def __call__(self, call: Call) -> Reply:
        if call.method == "GET":
            if "metadata" in call.path:
                return Reply(200, {})
            found = self.held.get(call.path.removeprefix(RECORDS).removeprefix(ORDERS))
            return Reply(200, found) if found else MISSING
        self.sent.append(call.keys)
        return self._orders(call) if "requests" in call.body else self._records(call)

    def _records(self, call: Call) -> Reply:
        failed = {key: each for key, each in call.body.items() if each["displayName"] == "Refused"}
        done = {key: each for key, each in call.body.items() if key not in failed}
        self.held |= done
        values = {key: {"lusidInvestorRecordId": f"LUID_{key}"} for key in done}
        detail = {key: {"id": key, "type": "NameFailure", "detail": "not with this name"} for key in failed}
        return Reply(body={"values": values, "failed": detail, "links": []})

    def _orders(self, call: Call) -> Reply:
        listed = [(n, o) for n, request in enumerate(call.body["requests"]) for o in request["orders"]]
        bad = {f"requests[{n}].orders[0].quantity": ["not so many"] for n, order in listed if order["quantity"] == 666}
        if bad:
            return refused(bad)
        for _, order in listed:
            name = f"{order['id']['scope']}/{order['id']['code']}"
            if self.held.setdefault(name, order) != order:
                self.conflicts.append(name)
        values = [{"block": {"id": r["blockId"]}, "orders": r["orders"]} for r in call.body["requests"]]
        return Reply(body={"values": values, "href": None, "links": []})
