"""Persons and legal entities in the sandbox: alike in all dialects, without a scope."""

import pytest
from sandbox_api import EXTERNAL, LEI, PERSON, created, get, listed, post

from connectors.sandbox.server import Sandbox

KINDS = {"persons": (PERSON, "lusidPersonId"), "legalentities": (LEI, "lusidLegalEntityId")}


@pytest.mark.parametrize("dialect", ["2.1", "2.3"])
@pytest.mark.parametrize("kind", KINDS)
def test_they_are_upserted_by_identifier_and_read_at_the_same_path_in_every_dialect(kind: str, dialect: str) -> None:
    key, own_id = KINDS[kind]
    path = f"{kind}/$batchUpsert?successMode=Partial"
    with Sandbox(dialect=dialect) as sandbox:
        first = {"identifiers": listed(key, "A"), "displayName": "Jane Doe", "description": "old"}
        made = created(post(sandbox, path, {"k": first}))
        assert post(sandbox, path, {"k": {**first, "identifiers": listed(EXTERNAL, "B")}}).status_code == 400
        again = {"identifiers": listed(key, "A"), "displayName": "Jane Roe"}
        changed = created(post(sandbox, path, {"k": again}))["values"]["k"]
        assert changed[own_id] == made["values"]["k"][own_id]
        _, scope, code = key.split("/")
        read = get(sandbox, f"{kind}/{scope}/{code}/A").json()
        assert (read["displayName"], read["description"]) == ("Jane Roe", "old")
        assert [each["displayName"] for each in get(sandbox, kind).json()["values"]] == ["Jane Roe"]
