"""What people outside are told of an extract that is refused: nothing that stands in it, be it header or row."""

import json
from pathlib import Path

import pandas as pd
import pytest
from builders import investor, read_csv, write_csv
from hooks import Hook
from outside import CELLS, OPERATION, SPOILT, STILL_TO_COME, spoil, spoil_types

from connectors.extracts.frames import write_frame
from pipelines.cli import main as cli
from pipelines.compare.preflight.findings import Finding, Owner
from pipelines.load import load
from schemas.errors import ConfigError, ExtractError, LoadError


def quoted(text: str) -> list[str]:
    """The cells of `CELLS` that a text quotes."""
    return [cell for cell in CELLS if cell in text]


@pytest.mark.parametrize(
    ("kind", "rules"),
    [*((kind, "") for kind in SPOILT), *((kind, "weekend: []\n") for kind in SPOILT if kind in STILL_TO_COME)],
)
def test_what_a_load_and_a_night_print_may_quote_the_extract_and_what_is_posted_does_not(
    kind: str, rules: str, hook: Hook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extract = spoil(tmp_path / "night", kind)
    if rules:
        (tmp_path / "night" / "night.yaml").write_text(rules)
    mapping = tmp_path / "night" / f"{OPERATION}.yaml"
    rest = ["--runs", str(tmp_path / "runs"), "--target", "sandbox", "--notify", hook.url]
    given = ["--mapping", str(mapping)] if mapping.exists() else []
    assert cli.run(["load", OPERATION, str(extract), *given, *rest]) == 2
    assert quoted(capsys.readouterr().err)
    assert cli.run(["nightly", str(tmp_path / "night"), *rest, "--json"]) in (2, 4)
    printed = capsys.readouterr()
    assert quoted(printed.out)
    assert quoted(printed.err)
    alone, night = hook.heard
    assert alone["message"]
    assert night["missing"] + night["refused"]
    assert quoted(json.dumps(hook.heard)) == []


def test_a_replay_posts_no_key(hook: Hook, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_csv(tmp_path / "i.csv", [investor(1), investor(2, {"display_name": ""})])
    report = load(OPERATION, file, target="sandbox", runs=tmp_path / "runs")
    rows = read_csv(report.run_dir / "failures.csv")
    key = next(name for name in rows[0] if name.startswith("identifier:"))
    corrected = write_csv(tmp_path / "c.csv", [{**rows[0], key: "IR_0001", "display_name": "Ann"}])
    command = ["replay", report.run_id, str(corrected), "--runs", str(tmp_path / "runs"), "--target", "sandbox"]
    assert cli.run([*command, "--notify", hook.url]) == 2
    assert "IR_0001 belongs to another row" in capsys.readouterr().err
    (told,) = hook.heard
    assert told["message"].startswith("row 1: wrong key: load it as an extract instead")
    assert "IR_0001" not in json.dumps(told)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([["a"]], columns=[("Zebedee",)]),
        pd.DataFrame([["a", "b"]], columns=["Zebedee", "Zebedee"]),
        pd.DataFrame({"Zebedee": ["a", 1]}),
        pd.DataFrame({"Zebedee": [{"a": 1}]}),
    ],
    ids=["no text", "twice", "several types", "no cell"],
)
def test_a_frame_that_is_refused_is_told_without_its_columns(frame: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ExtractError) as refused:
        write_frame(frame, tmp_path / "frame.parquet")
    assert quoted(refused.value.message) == ["Zebedee"]
    assert refused.value.shareable.startswith("the frame: a column ")
    assert quoted(refused.value.shareable) == []


def test_types_that_differ_are_told_without_the_column(tmp_path: Path) -> None:
    with pytest.raises(ExtractError) as refused:
        load(OPERATION, spoil_types(tmp_path), target="sandbox", runs=tmp_path / "runs")
    assert quoted(refused.value.message) == ["ZQ4711"]
    assert quoted(refused.value.shareable) == []


@pytest.mark.parametrize("kind", [ConfigError, ExtractError])
def test_other_words_for_an_error_keep_what_people_outside_are_told(kind: type[LoadError]) -> None:
    error = kind("--mode is wrong: Zebedee", "--mode is wrong").reworded(lambda text: text.replace("--mode", "mode"))
    assert type(error) is kind
    assert (str(error), error.message, error.shareable) == ("mode is wrong: Zebedee",) * 2 + ("mode is wrong",)


def test_a_finding_is_told_outside_without_the_scope_of_its_rows() -> None:
    found = Finding("portfolio", "Zebedee", "is not in LUSID", 1, 1, Owner.EITHER, "load it", ["ZQ4711 (row 1)"])
    assert (found.text, found.shareable) == ("1 portfolio of Zebedee is not in LUSID", "1 portfolio is not in LUSID")
