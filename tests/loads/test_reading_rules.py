"""Files that are not written as RFC 4180 has it, loaded as they are declared: what LUSID is sent, and what is said."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from builders import IR_ID, PERSON, investor, read_csv, write_csv
from scripted_lusid import done, scripted

from pipelines.load import load
from pipelines.report.report import Report
from schemas.errors import ConfigError
from schemas.states import State, Verdict

HEADER = f"display_name,description,investor_type,{IR_ID},{PERSON}"
ANN = "Ann Reed,x,Person,L1,H1"
BOB = "Bob Reed,,Person,L2,H2"


def sent(tmp_path: Path, text: str | bytes, **options: Any) -> tuple[Report, dict[str, Mapping[str, Any]]]:
    """The report of a load, and the members of each key that LUSID was sent."""
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with scripted(done) as (lusid, target):
        report = load("investor-records", path, target=target, runs=tmp_path / "runs", **options)
    return report, {key: wire for call in lusid.posted for key, wire in call.body.items()}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (f"Listing\n\n{HEADER}\n{ANN}\n{BOB}\n", {"skip_lines": 1}),
        (f"# exported\n{HEADER}\n{ANN}\n# and\n{BOB}\n", {"comment": "#"}),
        (f"{HEADER}\n{ANN}\n{BOB}\n\n(2 rows affected)\n", {"footer_lines": 1}),
        (f"{HEADER}\n{ANN}\n{BOB}\n".replace(",", "||"), {"delimiter": "||"}),
        (f"{HEADER}\n{ANN}\n{BOB}\n".replace("Ann Reed", "'Ann Reed'"), {"quote": "'"}),
        (f"{HEADER}\n{ANN}\n{BOB}\n".replace("Ann Reed", '"Ann\\ Reed"').replace("\\ ", " "), {"escape": "\\"}),
        (f"sep=;\n{HEADER}\n{ANN}\n{BOB}\n".replace(",", ";"), {}),
        (f"{HEADER}\n{ANN}\n{BOB}\n".replace("\n", "\n\ufeff"), {}),
    ],
    ids=["skip_lines", "comment", "footer_lines", "delimiter", "quote", "escape", "sep", "marks"],
)  # fmt: skip
def test_flags_of_a_load_say_how_its_file_is_written(tmp_path: Path, text: str, options: dict[str, Any]) -> None:
    text = text.removesuffix("\ufeff")
    report, wires = sent(tmp_path, text, **options)
    assert report.verdict is Verdict.COMPLETE
    assert {key: wire["displayName"] for key, wire in wires.items()} == {"L1": "Ann Reed", "L2": "Bob Reed"}
    assert wires["L1"]["description"] == "x"
    assert "description" not in wires["L2"]


def test_a_flag_takes_the_place_of_the_mappings_rule_of_the_same_name(tmp_path: Path) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text("operation: investor-records\nskip_lines: 7\nuntil: Total\n")
    report, wires = sent(tmp_path, f"Listing\n{HEADER}\n{ANN}\nTotal,,,,\n{BOB}\n", mapping=mapping, skip_lines=1)
    assert (report.rows_read, set(wires)) == (1, {"L1"})


def test_what_was_left_out_is_said_in_the_manifest(tmp_path: Path) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text("operation: investor-records\nuntil: Total\n")
    lines = [f",{HEADER}", f"0,{ANN}", f"1,{BOB}", "Total"]
    report, wires = sent(tmp_path, "\n".join(lines), mapping=mapping)
    assert set(wires) == {"L1", "L2"}
    assert [text.partition("a.csv: ")[2] for text in report.warnings] == [
        "the first column has no name and counts the rows: it is not used",
        "line 4 and what follows it were not read, as `until` declares",
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Cid Reed,,x,Person,L3,", "TooManyCells"),
        ("Cid Reed,x,Person,L3", "MissingCells"),
        ('Cid Reed,x"y, z",Person,L3', "AmbiguousQuote"),
        ('Cid Reed,x, "Person",L3,H3', "QuotedBehindSpace"),
        ("Cid Reed,x,Person,'L3',H3", "SingleQuotes"),
        (HEADER, "RepeatedHeader"),
        ("Cid\x92s,x,Person,L3,H3", "ControlCharacter"),
        ("Cid Reed,x,Person,\ufeffL3,H3", "ByteOrderMark"),
    ],
)
def test_a_row_that_may_be_wrong_is_refused_and_its_neighbours_arrive(tmp_path: Path, line: str, code: str) -> None:
    report, wires = sent(tmp_path, f"{HEADER}\n{ANN}\n{line}\n{BOB}\n")
    (row,) = read_csv(report.run_dir / "failures.csv")
    assert (row["_code"], row["_row"]) == (code, "2")
    assert {key: wire["displayName"] for key, wire in wires.items()} == {"L1": "Ann Reed", "L2": "Bob Reed"}


def test_texts_of_several_lines_still_load(tmp_path: Path) -> None:
    name, text = "Ann\nReed", "one\r\ntwo\tthree"
    path = write_csv(tmp_path / "a.csv", [investor(1, {"display_name": name, "description": text})])
    _, wires = sent(tmp_path, path.read_bytes())
    (wire,) = wires.values()
    assert (wire["displayName"], wire["description"]) == (name, text)


def test_flags_that_do_not_fit_the_mapping_are_refused_in_one_line(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(1)])
    with pytest.raises(ConfigError) as caught:
        load("investor-records", path, quote=",", runs=tmp_path / "runs", dry_run=True)
    assert caught.value.message == (
        "how to read the extract: the file: `delimiter` holds the quote: declare another `quote`, or `quote: none`"
    )
    report = load("investor-records", path, quote="none", runs=tmp_path / "runs", dry_run=True)
    assert report.rows[State.INVALID] == 0
