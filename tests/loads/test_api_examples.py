"""The bodies of the API reference, made from extracts: equal member for member."""

from typing import Any

import orjson
import pytest
from api_examples import api_example, api_examples
from bound import bind, requests, validate

from pipelines.operations.operation import BodyShape
from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect

RECORD_HEADER = (
    "request",
    "identifier:InvestorRecord/ExternalIdentifier/ExternalIRId",
    "identifier:InvestorRecord/InternalIdentifier/InternalIRId",
    "property:InvestorRecord/Details/Name",
    "property:InvestorRecord/Details/Country",
    "property:InvestorRecord/Details/Country@effective_from",
    "display_name",
    "description",
    "investor_type",
    "investor:Person/HrSystem1/InternalId",
    "investor:LegalEntity/ExternalIdentifier/LEI",
)
JOHN = "firstExampleRequest,IR_12345678,Internal_XHSP2038,John Doe,United Kingdom,2016-01-01"
JANE = "secondExampleRequest,IR_22345678,Internal_XHSP2039,Jane Doe,Germany,2016-01-01"
RECORDS = (
    f"{JOHN},InvestorRecord1DisplayName,InvestorRecord1Description,Person,XY10001111,",
    f"{JANE},InvestorRecord2DisplayName,InvestorRecord2Description,LegalEntity,,LEI_12345678",
)
ACCOUNT_HEADER = (
    "request",
    "identifier:InvestmentAccount/ExternalIdentifier/ExternalIAId",
    "identifier:InvestmentAccount/InternalIdentifier/InternalIAId",
    "property:InvestmentAccount/Details/Name",
    "property:InvestmentAccount/Details/Country",
    "property:InvestmentAccount/Details/Country@effective_from",
    "display_name",
    "description",
    "account_type",
    "holder_key",
    "holder:InvestorRecord/ExternalIdentifier/ExternalIRId",
    "holder:InvestorRecord/InternalIdentifier/InternalIRId",
    "portfolio_key",
    "portfolio_scope",
    "portfolio_code",
)
HOLDER = "AccountHolder1,IR_12345678,Internal_XHSP2038,,,"
ACCOUNTS = (
    f"{JOHN.replace('IR_', 'IA_')},InvestmentAccount1DisplayName,InvestmentAccount1Description,Personal,{HOLDER}",
    f"{JANE},InvestmentAccount2DisplayName,InvestmentAccount2Description,JointMixed,{HOLDER}",
)
ORDER_HEADER = (
    "block_scope",
    "block_code",
    "order_scope",
    "order_code",
    "property:Order/MyScope/SomeOrderProperty",
    "quantity",
    "state",
    "order_date",
    "block_property:Block/MyScope/SomeOrderProperty",
    "instrument:Instrument/default/Currency",
    "side",
    "type",
    "time_in_force",
    "date",
    "limit_price",
    "limit_currency",
)
BLOCK = "XYZ000034567,GBP,Buy,Limit,GoodTilCancel,1999-06-05,534,USD"
ORDERS = (
    f"MyScope,BLOCK00000123,MyScope,ORDER00000123,XYZ000034567,100,New,0001-01-01T00:00:00.0000000+00:00,{BLOCK}",
    f"MyScope,BLOCK00000123,MyScope,ORDER00000124,XYZ000034567,150,New,0001-01-01,{BLOCK}",
)


def _named(header: tuple[str, ...]) -> dict[str, Any]:
    """A mapping under which the column `request` names each request, as the document's keys do."""
    return {"key": "request", "columns": {name: name for name in header[1:]}}


@pytest.mark.parametrize(
    ("operation", "header", "lines"),
    [
        ("investor-records", RECORD_HEADER, RECORDS),
        ("investment-accounts", ACCOUNT_HEADER, ACCOUNTS),
    ],
)
def test_the_documented_upsert_is_made_from_an_extract(
    operation: str, header: tuple[str, ...], lines: tuple[str, ...]
) -> None:
    binding = bind(operation, header, mapping=_named(header))
    rows = [line.split(",") for line in lines]

    assert requests(operation, binding, rows, Dialect.V2_1) == api_example(operation).body


def test_the_documented_createorders_is_made_from_an_extract() -> None:
    binding = bind("orders", ORDER_HEADER)
    rows = [line.split(",") for line in ORDERS]

    made = requests("orders", binding, rows, Dialect.V2_1)

    assert {"requests": list(made.values())} == api_example("createorders").body
    assert list(made) == ["MyScope/BLOCK00000123"]


def test_both_dialects_share_the_shape_of_orders() -> None:
    binding = bind("orders", ORDER_HEADER, Dialect.V2_3)
    rows = [line.split(",") for line in ORDERS]

    made = requests("orders", binding, rows, Dialect.V2_3)

    assert {"requests": list(made.values())} == api_example("createorders").body


PLACEMENT_ID = ("placement_scope", "placement_code")
PLACEMENT_HEADER = (
    *PLACEMENT_ID,
    "block_scope",
    "block_code",
    "property:Placement/MyScope/SomePlacementProperty",
    "instrument:Instrument/default/Currency",
    "quantity",
    "state",
    "side",
    "time_in_force",
    "type",
    "created_date",
    "limit_price",
    "limit_currency",
    "stop_price",
    "stop_currency",
    "counterparty",
    "entry_type",
)
PRICED = "2006-04-11,12413.33,USD,124335.33,USD"
PLACEMENT = f"MyScope,PLAC00000123,MyScope,BLOCK00000123,XYZ000034567,GBP,100,New,Buy,GoodTilCancel,Limit,{PRICED}"
UPDATE_HEADER = (
    "request",
    *PLACEMENT_ID,
    "quantity",
    "property:Placement/MyScope/SomePlacementProperty",
    "counterparty",
    "entry_type",
)
BOOKING_HEADER = (
    "allocation_scope",
    "allocation_code",
    "apply_fees_and_commission",
    "property:Transaction/MyScope/Strategy",
)
ALGORITHM = "allocation_algorithm_example"
TO_ALLOCATE = (f"MyScope,PLAC00000123,{ALGORITHM}", f"MyScope,PLAC00000456,{ALGORITHM}")
BOTH = (Dialect.V2_1, Dialect.V2_3)


def _call(operation: str, dialect: Dialect, header: tuple[str, ...], lines: tuple[str, ...]) -> tuple[str, Any, Any]:
    """(path, query, body) of the one call that these rows make."""
    declared = OPERATIONS[operation]
    path, form = declared.endpoint(dialect)
    binding = bind(operation, header, dialect, _named(header) if header[0] == "request" else None)
    rows = [line.split(",") for line in lines]
    made = requests(operation, binding, rows, dialect)
    entries = [orjson.dumps(each, default=float) for each in made.values()]
    if form is BodyShape.KEYED:
        entries = [b"%b:%b" % (orjson.dumps(key), each) for key, each in zip(made, entries, strict=True)]
    query: tuple[tuple[str, str], ...] = ()
    members = b""
    if declared.call_parameters is not None:
        say = declared.call_parameters(binding.columns, dialect)
        found = [row for cells in rows if isinstance(row := validate(binding, cells), dict)]
        ((query, members),) = {say(row) for row in found}
    return path, dict(query), orjson.loads(form.around(b",".join(entries), members))


def _wire(params: dict[str, str | bool]) -> dict[str, str]:
    """The SDK's parameters as they stand in a query: `apply_fees_and_commission` is `applyFeesAndCommission`."""
    named = {name.title().replace("_", ""): value for name, value in params.items()}
    texts = {name[0].lower() + name[1:]: value for name, value in named.items()}
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in texts.items()}


ORDER_LIFE = [
    ("placeblocks", "place-blocks", BOTH, PLACEMENT_HEADER, (f"{PLACEMENT},SomeCounterparty,Manual",)),
    (
        "updateplacements",
        "update-placements",
        BOTH,
        UPDATE_HEADER,
        ("request1,MyScope,PLAC00000123,100,XYZ000034567,SomeCounterparty,Manual",),
    ),
    (
        "moveorders",
        "move-orders",
        BOTH,
        ("order_scope", "order_code", "block_scope", "block_code"),
        ("MyScope,ORDER00000123,MyScope,BLOCK00000123",),
    ),
    (
        "cancelorders",
        "cancel-orders",
        BOTH,
        ("request", "order_scope", "order_code"),
        ("request1,MyScope,Order00000123", "request2,MyScope,Order00000124"),
    ),
    (
        "cancelplacements",
        "cancel-placements",
        BOTH,
        ("request", *PLACEMENT_ID),
        ("request1,MyScope,PLAC00000123", "request2,MyScope,PLAC00000124"),
    ),
    ("allocate", "allocate", BOTH, (*PLACEMENT_ID, "allocation_algorithm"), TO_ALLOCATE),
    ("legacy-allocate", "allocate", BOTH, (*PLACEMENT_ID, "allocation_algorithm"), TO_ALLOCATE),
    (
        "legacy-allocationservice",
        "allocate",
        (Dialect.LEGACY,),
        (*PLACEMENT_ID, "allocation_algorithm"),
        TO_ALLOCATE,
    ),
    (
        "booktransactions",
        "book-transactions",
        BOTH,
        BOOKING_HEADER,
        ("MyScope,ALLOC00000123,true,", "MyScope,ALLOC00000456,true,"),
    ),
    (
        "legacy-booktransactions",
        "book-transactions",
        (Dialect.LEGACY,),
        BOOKING_HEADER[:2],
        ("MyScope,ALLOC00000123", "MyScope,ALLOC00000456"),
    ),
]


@pytest.mark.parametrize(
    ("name", "operation", "dialect", "header", "lines"),
    [(name, operation, dialect, *rows) for name, operation, dialects, *rows in ORDER_LIFE for dialect in dialects],
)
def test_the_documented_calls_of_an_orders_life_are_made_from_extracts(
    name: str, operation: str, dialect: Dialect, header: tuple[str, ...], lines: tuple[str, ...]
) -> None:
    example = api_example(name)

    path, query, body = _call(operation, dialect, header, lines)

    assert f"POST {path}" == example.request
    assert query == _wire(example.params)
    assert body == example.body


def test_every_example_of_the_reference_is_made_above() -> None:
    upserts = {"investor-records", "investment-accounts", "createorders"}
    assert upserts | {name for name, *_ in ORDER_LIFE} == set(api_examples())
