"""Operations on investors: persons and legal entities, the records of them, and the accounts they hold."""

from pipelines.operations import evidence_rules
from pipelines.operations.operation import BodyShape, IfHeld, Operation
from pipelines.operations.references import family_refs
from schemas.requests.investment_accounts import HOLDER, INVESTMENT_ACCOUNT, PORTFOLIO, investment_account_request
from schemas.requests.investor_records import INVESTOR_RECORD, investor_record_request
from schemas.requests.persons import LEGAL_ENTITY, PERSON, person_request
from schemas.rows.columns import KeyRule

PERSONS = Operation(
    name="persons",
    entity="person",
    path="/api/persons/$batchUpsert",
    expected_status=201,
    body=BodyShape.KEYED,
    shape=PERSON,
    key=KeyRule(any_of="identifier:"),
    build=person_request,
    evidence=evidence_rules.record_by_identifier("persons"),
    idempotent=True,
    remembered=True,
    if_held=IfHeld.UPDATES,
    success_mode=True,
    lusid_id="lusidPersonId",
    provides=family_refs("identifier:", "Person"),
)

LEGAL_ENTITIES = Operation(
    name="legal-entities",
    entity="legal entity",
    path="/api/legalentities/$batchUpsert",
    expected_status=201,
    body=BodyShape.KEYED,
    shape=LEGAL_ENTITY,
    key=KeyRule(any_of="identifier:"),
    build=person_request,
    evidence=evidence_rules.record_by_identifier("legalentities"),
    idempotent=True,
    remembered=True,
    if_held=IfHeld.UPDATES,
    success_mode=True,
    lusid_id="lusidLegalEntityId",
    provides=family_refs("identifier:", "LegalEntity"),
    file_names=("legalentities",),
)

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
    parents=evidence_rules.investor_of_record,
    idempotent=True,
    remembered=True,
    if_held=IfHeld.UPDATES,
    success_mode=True,
    lusid_id="lusidInvestorRecordId",
    provides=family_refs("identifier:", "InvestorRecord"),
    needs=family_refs("investor:", "Person", "LegalEntity"),
    file_names=("investors",),
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
    remembered=True,
    if_held=IfHeld.UPDATES,
    success_mode=True,
    lusid_id="lusidInvestmentAccountId",
    provides=family_refs("identifier:", "InvestmentAccount"),
    needs=family_refs("holder:", "InvestorRecord"),
    file_names=("accounts",),
)

OPERATIONS = (PERSONS, LEGAL_ENTITIES, INVESTOR_RECORDS, INVESTMENT_ACCOUNTS)
"""In the order in which a night loads them, before orders."""
