"""A caller in Python: a mapping as a dict, errors in the words of the call, the notebook of the documents."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from builders import investor, order, write_csv

from docs.notebook import NOTEBOOK, notebook
from pipelines.cli import main as cli
from pipelines.compare.plan import plan
from pipelines.compare.preflight.preflight import preflight
from pipelines.compare.verify import verify
from pipelines.doctor.doctor import examine
from pipelines.load import load
from pipelines.loading.spec import LoadSpec
from pipelines.nights.backfill import backfill
from pipelines.nights.nightly import nightly
from pipelines.nights.trading_day import trading_day
from pipelines.options import Options
from pipelines.resume import resume
from schemas.errors import ConfigError, ExtractError
from schemas.states import Duplicates, Mode, State

NAME = "investor-records"


def test_the_notebook_shows_what_its_cells_show_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert json.loads(notebook()) == json.loads(NOTEBOOK.read_text("utf-8")), "run `make docs`"


def test_a_mapping_that_was_given_as_a_dict_is_kept_for_whoever_resumes_the_run(tmp_path: Path) -> None:
    frame = pd.DataFrame([investor(n, {"display_name": "" if n else "x"}) for n in range(4)])
    frame = frame.rename(columns={"display_name": "called"})
    mapping = {"columns": {**{name: name for name in frame.columns if name != "called"}, "display_name": "called"}}
    options: dict[str, Any] = {"mapping": mapping, "target": f"sandbox:{tmp_path}/s.db", "runs": tmp_path / "runs"}
    stopped = load(NAME, frame, max_failures=0, **options)
    assert (stopped.exit_code, stopped.rows[State.ACCEPTED]) == (4, 0)
    assert "stopped early" in repr(stopped)
    finished = resume(stopped.run_id, runs=tmp_path / "runs")
    assert (finished.rows[State.ACCEPTED], finished.rows[State.INVALID]) == (1, 3)
    assert load(NAME, frame, **options).rows == finished.rows
    (kept,) = (tmp_path / "runs" / "mappings").iterdir()
    assert kept.stat().st_mode & 0o077 == 0


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"mapping": {"columns": {"display_name": "nmae"}}}, "the mapping does not fit: column nmae is not in the extract"),
    ({"mapping": {"colums": {}}}, "mapping (a dict): colums: is not a member; did you mean columns?"),
    ({"mapping": {"operation": "orders"}}, f"mapping (a dict) is for orders, not for {NAME}"),
    ({"mapping": {"columns": object()}}, "mapping holds a value that no mapping has: make it text, numbers"),
    ({"dialect": "legacy"}, f"{NAME} has no dialect legacy: use dialect=2.1 or 2.3"),
    ({"expect": {"rows": 7}}, "1 row, not the 7 expected"),
]


@pytest.mark.parametrize(("options", "line"), WRONG)
def test_what_is_wrong_with_a_call_is_said_in_its_words(tmp_path: Path, options: dict[str, Any], line: str) -> None:
    with pytest.raises((ConfigError, ExtractError)) as raised:
        load(NAME, pd.DataFrame([investor(1)]), target="sandbox", runs=tmp_path / "runs", **options)
    assert line in raised.value.message
    assert "--" not in raised.value.message


def test_nights_speak_of_arguments_and_commands_of_flags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night = tmp_path / "20260105"
    night.mkdir()
    write_csv(night / "investors.csv", [investor(1)])
    write_csv(night / "orders.csv", [order()])
    monday = date(2026, 1, 5)
    named = "pass target=URL; to rehearse on this machine, pass target=sandbox"
    for call in (
        lambda: nightly(night),
        lambda: trading_day(night),
        lambda: backfill(str(tmp_path / "{date:%Y%m%d}"), monday, monday),
    ):
        with pytest.raises(ConfigError) as raised:
            call()
        assert raised.value.message.endswith(named)
    assert cli.run(["nightly", str(night), "--direct"]) == 2
    assert capsys.readouterr().err.strip().endswith(named.replace("target=", "--target "))
    with pytest.raises(ConfigError, match="no option batchsize"):
        nightly(night, target="sandbox", batchsize=3)


def test_plans_preflights_verifications_and_the_doctor_speak_of_arguments_and_commands_of_flags(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, runs, out = write_csv(tmp_path / "i.csv", [investor(1)]), tmp_path / "runs", tmp_path / "a.yaml"
    run = load(NAME, file, target=f"sandbox:{tmp_path}/s.db", runs=runs).run_id
    options, plain, nowhere = Options(target=None), ["--runs", str(runs)], ("pass target=URL;", "pass --target URL;")
    cases: list[tuple[Callable[[], object], list[str], tuple[str, str]]] = [
        (lambda: plan(NAME, file, runs=runs), ["plan", NAME, str(file), *plain], nowhere),
        (lambda: preflight([LoadSpec.of(NAME, file, runs=runs)]), ["preflight", NAME, str(file)], nowhere),
        (lambda: examine("x", out=out, options=options), ["doctor", "--scope", "x", "--out", str(out)], nowhere),
        (
            lambda: examine("a b", out=out, options=options),
            ["doctor", "--scope", "a b"],
            ("scope takes", "--scope takes"),
        ),
        (
            lambda: verify(run, runs=runs, sample="0"),
            ["verify", run, "--sample", "0", *plain],
            ("sample=0 would read nothing back", "--sample 0 would read nothing back"),
        ),
    ]
    for call, command, (argument, flag) in cases:
        with pytest.raises(ConfigError) as raised:
            call()
        assert argument in raised.value.message
        assert "--" not in raised.value.message
        assert cli.run(command) == 2
        assert flag in capsys.readouterr().err


def test_what_refuses_a_load_of_a_night_is_said_in_the_words_of_the_caller(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night = tmp_path / "night"
    night.mkdir()
    (night / "investors.csv").write_text(f"{'|'.join(investor(1))}\n{'|'.join(investor(1).values())}\n")
    for rules in ("", "weekend: []\n"):
        if rules:
            (night / "night.yaml").write_text(rules)
        ended = nightly(night, target="sandbox", runs=tmp_path / "runs")
        assert "pass delimiter='|'" in "".join(map(str, (*ended.refused, *ended.missing)))
        command = ["nightly", str(night), "--target", "sandbox", "--runs", str(tmp_path / "runs"), "--direct"]
        assert cli.run(command) in (2, 4)
        assert "pass --delimiter '|'" in capsys.readouterr().err


def test_words_of_options_are_read_whatever_their_case() -> None:
    options = Options.of(mode="ATOMIC", duplicates="First")
    assert (options.mode, options.duplicates) == (Mode.ATOMIC, Duplicates.FIRST)
    with pytest.raises(ConfigError, match=r"^mode takes Partial or Atomic, not the text 'both'$"):
        Options.of(mode="both")


def test_a_time_without_a_zone_follows_one_rule_in_frames_and_in_csv(tmp_path: Path) -> None:
    since = "property:InvestorRecord/Details/Country@effective_from"
    row = {**investor(1), since: "2026-11-20 08:15:00"}
    frame = pd.DataFrame([row]).astype({since: "datetime64[ns]"})
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(str, line)) for line in (row, row.values())), "utf-8")
    mapping = {"columns": {**{name: name for name in row}, since: {"column": since, "timezone": "Europe/Oslo"}}}
    for given in (frame, tmp_path / "a.csv"):
        refused = load(NAME, given, target="sandbox", runs=tmp_path / "runs")
        (reason,) = refused.reasons
        assert reason.message.endswith("has no offset: declare its `timezone` in the mapping")
        assert load(NAME, given, target="sandbox", runs=tmp_path / "runs", mapping=mapping).exit_code == 0
