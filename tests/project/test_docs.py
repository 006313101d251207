"""The documents say what the code does."""

import re

import pytest

from docs.generate import README, normalised, parts, with_parts
from pipelines.cli import main as cli
from schemas.states import EXIT_CODES, GOOD, State

ROOT = README.parent
TEXT = README.read_text("utf-8")


def test_the_generated_parts_of_the_readme_are_current() -> None:
    assert with_parts(TEXT, parts()) == TEXT, "run `make docs`"


def test_a_part_without_a_place_is_said() -> None:
    with pytest.raises(ValueError, match="there is no place for the part news"):
        with_parts(TEXT, {"news": ""})


def test_what_differs_between_runs_is_taken_out_of_the_output() -> None:
    line = "  runs/20270101T101112Z-investor-records-0af9/\n  Partial mode into sandbox, 1 call, 12.3 s\n"
    assert (
        normalised(line)
        == "  runs/20261121T020000Z-investor-records-7f3a/\n  Partial mode into sandbox, 1 call, 0.5 s\n"
    )


def test_every_state_and_exit_code_stands_in_the_readme() -> None:
    table = dict(re.findall(r"^\| (\w+) \| .* \| (yes|no) \|$", TEXT, re.MULTILINE))
    assert table == {state.value: "no" if state in GOOD else "yes" for state in State}
    codes = {int(code) for code in re.findall(r"^\| (\d) \| ", TEXT, re.MULTILINE)}
    assert codes == {1, 2, *EXIT_CODES.values()}


def test_every_command_the_documents_name_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    documents = [TEXT, *((ROOT / name).read_text("utf-8") for name in ("CONTRIBUTING.md", "CHANGELOG.md"))]
    named = {c for text in documents for c in re.findall(r"(?:^ *|`)bulkload ([a-z-]+)", text, re.MULTILINE)}
    assert {"load", "nightly", "runs", "report", "columns", "template", "sample", "sandbox"} <= named
    assert {name for name in named if cli.run([name, "--help"]) != 0} == {"reads"}  # "bulkload reads extracts"
    capsys.readouterr()


def test_every_file_the_documents_name_is_there() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text("utf-8")
        paths = re.findall(r"\]\(([\w./-]+)\)", text) + re.findall(r"`((?:[a-z_]+/)+[\w.-]*\.\w+)`", text)
        assert [p for p in paths if not (ROOT / p).exists()] == []
