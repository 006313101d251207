"""Where an accepted key is looked for when its request is not known any more."""

import pytest

from pipelines.compare.accepted import AcceptedKey
from pipelines.compare.existence import existence_of
from pipelines.operations.table import operation_named
from schemas.dialects import Dialect
from schemas.errors import ConfigError

KEY = AcceptedKey("MyScope/B1", "orders.csv", [1], "LUID_00000001", None)


def test_a_block_is_read_by_its_id_and_a_record_by_lusids_own() -> None:
    (block,) = existence_of(operation_named("orders"), KEY, Dialect.V2_1)
    assert (block.where.path, block.members) == ("/api/blocks/MyScope/B1", {})
    (record,) = existence_of(operation_named("investor-records"), KEY, Dialect.V2_1)
    assert record.where.place is not None
    assert (record.where.place.field, record.where.place.code) == ("lusidInvestorRecordId", "LUID_00000001")


def test_what_no_list_shows_cannot_be_read_without_its_identifiers() -> None:
    with pytest.raises(ConfigError, match=r"LUSID lists no investment accounts in dialect 2\.1"):
        existence_of(operation_named("investment-accounts"), KEY, Dialect.V2_1)
