"""Operations on investors: their records, and the accounts they hold."""

from pipelines.operations import evidence_rules
from pipelines.operations.operation import BodyShape, Operation
from pipelines.operations.references import family_refs
from schemas.requests.investment_accounts import HOLDER, INVESTMENT_ACCOUNT, PORTFOLIO, investment_account_request
from schemas.requests.investor_records import INVESTOR_RECORD, investor_record_request
from schemas.rows.columns import KeyRule

INVESTOR_RECORDS = Operation(
    name="investor-records",
    entity="investor record",
    path="/api/investorrecords/$batchUpsert",
    expected_status=201,
    body=BodyShape.KEYED,
    shape=INVESTOR_RECORD,
    key=KeyRule(any_of="identifier:"),
    build=investor_record_request,
    evidence=evidence_rules.record_by_identifier("investorrecords"),
    idempotent=True,
    success_mode=True,
    lusid_id="lusidInvestorRecordId",
    provides=family_refs("identifier:"),
)

INVESTMENT_ACCOUNTS = Operation(
    name="investment-accounts",
    entity="investment account",
    path="/api/investmentaccounts/$batchUpsert",
    expected_status=201,
    body=BodyShape.KEYED,
    shape=INVESTMENT_ACCOUNT,
    key=KeyRule(any_of="identifier:"),
    build=investment_account_request,
    evidence=evidence_rules.record_by_identifier("investmentaccounts"),
    parents=evidence_rules.holders_of_account,
    members=(HOLDER, PORTFOLIO),
    idempotent=True,
    success_mode=True,
    lusid_id="lusidInvestmentAccountId",
    provides=family_refs("identifier:"),
    needs=family_refs("holder:"),
)
