"""What is known of each operation from LUSID's documents, said a second time: tests hold the declarations to it."""

from collections.abc import Mapping
from dataclasses import dataclass

_TODAY = "2.1, 2.3"
_EVER = f"{_TODAY}, legacy"
_BOTH, _PARTIAL = "Atomic, Partial", "Partial"
_MANAGED = "POST /api/ordermanagement"
_PLACEMENT = "/api/placements/Placements-EU/PLAC00000123"
_ORDER = "/api/orders/Orders-EU/ORDER00000123"


@dataclass(frozen=True)
class Facts:
    """What is known of one operation.

    Attributes:
        endpoint, modes, most, dialects: as the command line lists them.
        body: the whole body of a call, as SDKs 2.1, 2.3 and the newest line all name its type.
        legacy: SDK of the legacy dialect, and the type of the body there.
        needs: operations that bring into LUSID what its rows refer to.
        reads: what is read in LUSID before the first row of `tests/samples/<operation>/full.csv` is released.
    """

    endpoint: str
    body: str
    modes: str = _BOTH
    most: str = "any"
    dialects: str = _TODAY
    legacy: tuple[str, str] | None = None
    needs: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()


def _set(*names: str) -> frozenset[str]:
    return frozenset(names)


FACTS: Mapping[str, Facts] = {
    "persons": Facts("POST /api/persons/$batchUpsert", "Dict[str, UpsertPersonRequest]"),
    "legal-entities": Facts("POST /api/legalentities/$batchUpsert", "Dict[str, UpsertLegalEntityRequest]"),
    "investor-records": Facts(
        "POST /api/investorrecords/$batchUpsert",
        "Dict[str, UpsertInvestorRecordRequest]",
        needs=_set("persons", "legal-entities"),
        reads=_set("/api/persons/HrSystem1/InternalId/XY10001111"),
    ),
    "investment-accounts": Facts(
        "POST /api/investmentaccounts/$batchUpsert",
        "Dict[str, UpsertInvestmentAccountRequest]",
        needs=_set("investor-records"),
        reads=_set("/api/investorrecords/ExternalIdentifier/ExternalIRId/IR_000123"),
    ),
    "orders": Facts(f"{_MANAGED}/createorders", "BlockAndOrdersCreateRequest", most="100"),
    "update-orders": Facts(
        f"{_MANAGED}/updateorders",
        "Dict[str, OrderUpdateRequest]",
        modes=_PARTIAL,
        needs=_set("orders"),
        reads=_set("/api/orders/Orders-1/ORDER00000001"),
    ),
    "move-orders": Facts(
        f"{_MANAGED}/moveorders",
        "MoveOrdersToDifferentBlocksRequest",
        most="100",
        needs=_set("orders"),
        reads=_set(_ORDER),
    ),
    "place-blocks": Facts(
        f"{_MANAGED}/placeblocks",
        "PlaceBlocksRequest",
        most="100",
        needs=_set("orders", "move-orders", "place-blocks"),
        reads=_set("/api/blocks/Blocks-EU/BLOCK00000123", "/api/placements/Parents-EU/PLAC_PARENT"),
    ),
    "update-placements": Facts(
        f"{_MANAGED}/$updateplacements",
        "Dict[str, PlacementUpdateRequest]",
        modes=_PARTIAL,
        needs=_set("place-blocks"),
        reads=_set(_PLACEMENT),
    ),
    "cancel-orders": Facts(
        f"{_MANAGED}/cancelorders",
        "Dict[str, ResourceId]",
        modes=_PARTIAL,
        needs=_set("orders"),
        reads=_set(_ORDER),
    ),
    "cancel-placements": Facts(
        f"{_MANAGED}/$cancelplacements",
        "Dict[str, ResourceId]",
        modes=_PARTIAL,
        needs=_set("place-blocks"),
        reads=_set(_PLACEMENT),
    ),
    "executions": Facts(
        "POST /api/executions", "ExecutionSetRequest", needs=_set("place-blocks"), reads=_set(_PLACEMENT)
    ),
    "allocate": Facts(
        f"{_MANAGED}/allocate",
        "List[ResourceId]",
        modes=_PARTIAL,
        most="100",
        dialects=_EVER,
        legacy=("preview-1.0", "list[ResourceId]"),
        needs=_set("place-blocks", "executions"),
        reads=_set(_PLACEMENT, "/api/executions"),
    ),
    "book-transactions": Facts(
        f"{_MANAGED}/booktransactions",
        "BookTransactionsRequest",
        modes=_PARTIAL,
        most="5,000",
        dialects=_EVER,
        legacy=("preview-1.1", "list[ResourceId]"),
    ),
}
"""By operation, in the order of the command line's list."""
