"""The bodies of the API reference, made from extracts: equal member for member."""

from typing import Any

import pytest
from api_examples import api_example
from bound import bind, requests

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
