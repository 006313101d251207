"""Names of columns: a mapping's and the header's, alike in spite of case, white space and composed letters."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.operations.table import operation_named
from schemas.dialects import Dialect
from schemas.errors import ConfigError
from schemas.rows.binding import Binding
from schemas.rows.header_names import Names, folded
from schemas.rows.mapping import Mapping

INVESTOR = "investor:Person/Hr/Id"
RECORD = "identifier:InvestorRecord/Ext/Id"


def bound(operation: str, header: list[str], **mapping: object) -> Binding:
    found = operation_named(operation)
    own = Mapping.model_validate({"operation": operation, **mapping}) if mapping else None
    return Binding(header, found.shape, Dialect.V2_1, found.key, own)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("pr\u00e9nom", "pre\u0301nom"),
        ("pre\u0301nom", "pr\u00e9nom"),
        ("PR\u00c9NOM", "pr\u00e9nom"),
        ("full\u00a0name", "full name"),
        ("full\nname", "Full  Name"),
        ("Stra\u00dfe", "STRASSE"),
    ],
)
def test_a_mapping_finds_the_column_that_is_almost_written_so(written: str, named: str) -> None:
    columns = {"display_name": named, "investor_type": "KIND", RECORD: "Id", INVESTOR: "hr"}
    binding = bound("investor-records", [written, "kind", "id", "HR"], columns=columns, key=named)
    assert binding.used_columns == [written, "kind", "id", "HR"]
    sheet = binding.read([["Ann"], ["Person"], ["L1"], ["H1"]])
    assert (sheet.keys, sheet.picked["display_name"], sheet.faults) == (["Ann"], ["Ann"], {})
    assert binding.name("display_name") == f"display_name (column {written})"


def test_of_two_columns_that_are_alike_the_one_written_so_is_meant_or_none() -> None:
    columns = {"block_code": "Code", "order_code": "code", "quantity": "Qty"}
    with pytest.raises(ConfigError, match="column Qty is not in the extract; did you mean qty"):
        bound("orders", ["Code", "code", "QTY", "qty"], columns=columns)
    names = Names(["Code", "code", "QTY"])
    assert [names.meant(name) for name in ("Code", "code", "CODE", "qty", "x")] == ["Code", "code", "CODE", "QTY", "x"]


def test_a_canonical_header_is_known_in_any_case() -> None:
    header = ["Display_Name", "INVESTOR_TYPE\u00a0", "Identifier:InvestorRecord/Ext/Id", "INVESTOR:Person/Hr/Id", "_x"]
    binding = bound("investor-records", header)
    assert binding.names == ["display_name", "investor_type", RECORD, INVESTOR]
    assert binding.used_columns == header[:4]
    with pytest.raises(ConfigError, match="column Display_Name is unknown; did you mean display_name"):
        bound("investor-records", ["Display_Name", "display_name", "investor_type", RECORD, INVESTOR])
    with pytest.raises(ConfigError, match="column identifier:investorrecord/Ext/Id: the domain must be"):
        bound("investor-records", ["display_name", "investor_type", "identifier:investorrecord/Ext/Id", INVESTOR])


def test_a_mapping_without_columns_reads_a_canonical_header() -> None:
    header = ["display_name", "Investor_Type", RECORD, INVESTOR, "_note"]
    binding = bound("investor-records", header, delimiter=";")
    assert (binding.names, binding.used_columns) == (["display_name", "investor_type", RECORD, INVESTOR], header[:4])
    with pytest.raises(ConfigError, match=r"^the header: column nickname is unknown"):
        bound("investor-records", [*header, "nickname"], delimiter=";")
    with pytest.raises(ConfigError, match=r"^the header: no column of it is one of this operation's"):
        bound("investor-records", ["name", "kind"], delimiter=";")


@given(st.text(max_size=8))
def test_folding_a_name_twice_changes_nothing_and_forms_of_unicode_do_not_matter(name: str) -> None:
    assert folded(folded(name)) == folded(name)
    assert folded(unicodedata.normalize("NFD", name)) == folded(unicodedata.normalize("NFC", name))
