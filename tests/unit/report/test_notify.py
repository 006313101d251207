"""`--notify`: what is told of an ending, to whom, and that telling harms no load and tells no secret."""

import json
from pathlib import Path

import pytest
from builders import investor, write_csv
from hooks import SECRET, Hook
from scripted_lusid import Call, Reply, ScriptedLusid, refused

from connectors.webhook import post, webhook_url
from pipelines.cli import main as cli
from schemas.errors import ConfigError

PERSON = "Zebedee Marker"


def everything_in(folder: Path) -> str:
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file())


def test_a_load_tells_how_it_ended_and_neither_a_key_nor_the_url_stands_anywhere(
    hook: Hook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        investor(1),
        investor(2, {"display_name": PERSON, "investor_type": PERSON}),
        investor(3, {"display_name": ""}),
    ]
    file = write_csv(tmp_path / "investors.csv", rows)
    runs = tmp_path / "runs"
    command = ["load", "investor-records", str(file), "--runs", str(runs), "--target", "sandbox", "--json"]
    assert cli.run([*command, "--notify", hook.url]) == 3
    printed = capsys.readouterr()
    (told,) = hook.heard
    document = json.loads(printed.out)
    assert told["text"] == "bulkload amber: investor-records: rejects: 3 rows, 2 invalid"
    for name in ("run_id", "verdict", "colour", "exit_code", "rows", "failures", "next", "target", "seconds"):
        assert told[name] == document[name]
    assert [(r["state"], r["code"], r["rows"]) for r in told["reasons"]] == [
        (r["state"], r["code"], r["rows"]) for r in document["reasons"]
    ]
    said = json.dumps(told)
    assert {"keys", "examples", "message"}.isdisjoint({*told, *told["reasons"][0]})
    assert not [word for word in (PERSON, "IR_000", SECRET) if word in said]
    assert SECRET not in printed.out + printed.err + everything_in(runs)


def test_a_night_and_an_error_are_told_and_the_command_to_type_next_has_no_url(
    hook: Hook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, runs = tmp_path / "night", str(tmp_path / "runs")
    folder.mkdir()
    write_csv(folder / "investors.csv", [investor(1)])
    write_csv(folder / "orders.csv", [{"nonsense": "1"}])
    command = ["nightly", str(folder), "--runs", runs, "--target", "sandbox"]
    assert cli.run([*command, "--notify", hook.url]) == 2
    assert cli.run(["nightly", str(tmp_path / "nowhere"), f"--notify={hook.url}", *command[2:], "--json"]) == 2
    night, error = hook.heard
    assert (night["colour"], night["exit_code"], night["runs"][0]["rows"]["accepted"]) == ("red", 2, 1)
    assert night["next"].startswith("bulkload nightly") or " nightly " in night["next"]
    assert (error["verdict"], error["exit_code"]) == ("error", 2)
    assert "nowhere" in error["message"]
    assert error["text"] == f"bulkload: {error['message']}"
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err + json.dumps(hook.heard) + everything_in(tmp_path / "runs")


@pytest.mark.parametrize("when", ["on the first call", "on a call that sends"])
@pytest.mark.parametrize("status", [400, 403])
def test_an_ending_by_an_error_is_told_without_what_lusid_said(
    hook: Hook, status: int, when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rule(call: Call) -> Reply:
        if call.method == "GET" and when == "on a call that sends":
            return Reply(200, {"links": []})
        return refused({"investor": [PERSON]}, status=status, title=f"{PERSON} lacks a licence", detail=PERSON)

    (tmp_path / "night").mkdir()
    file = write_csv(tmp_path / "night" / "investors.csv", [investor(1, {"display_name": PERSON})])
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    with ScriptedLusid(rule) as lusid:
        rest = ["--runs", str(tmp_path / "runs"), "--target", lusid.url, "--patience", "0"]
        for command in (["load", "investor-records", str(file)], ["nightly", str(file.parent)]):
            assert cli.run([*command, *rest, "--notify", hook.url]) in (2, 3, 4)
    assert len(hook.heard) == 2
    assert all(told["exit_code"] for told in hook.heard)
    said = json.dumps(hook.heard)
    assert [word for word in (PERSON, *PERSON.split(), "licence", "IR_000") if word in said] == []


@pytest.mark.parametrize(
    ("statuses", "attempts", "why"),
    [
        ([503, 429, 200], 3, None),
        ([500], 3, "it answered 500"),
        ([404], 1, "it answered 404"),
        ([307], 1, "it answered 307"),
    ],
)
def test_a_post_is_repeated_where_that_helps_and_follows_no_redirect(
    hook: Hook, statuses: list[int], attempts: int, why: str | None
) -> None:
    hook.statuses = statuses
    assert post(hook.url, {"a": 1}) == (f"127.0.0.1: {why}" if why else None)
    assert hook.heard == [{"a": 1}] * attempts


def test_a_url_that_nobody_answers_changes_no_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("connectors.webhook.PAUSES", (0.0, 0.0))
    file = write_csv(tmp_path / "i.csv", [investor(1)])
    command = ["load", "investor-records", str(file), "--runs", str(tmp_path / "runs"), "--target", "sandbox"]
    assert cli.run([*command, "--notify", f"http://user:{SECRET}@127.0.0.1:9/{SECRET}"]) == 0
    said = capsys.readouterr()
    assert "--notify could not be told how it ended (127.0.0.1: ConnectionError); the load itself is not" in said.err
    assert SECRET not in said.out + said.err


@pytest.mark.parametrize(
    "url", ["", "nowhere", f"ftp://{SECRET}", f"https://:{SECRET}", f"https://h:{SECRET}/", "https://h/\n"]
)
def test_what_is_no_url_is_refused_before_the_load_and_not_shown(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        webhook_url(url, "--notify")
    assert refused.value.message == "--notify takes a URL such as https://alerts.example.com/bulkload"
    assert cli.run(["load", "orders", "o.csv", "--runs", str(tmp_path / "runs"), "--notify", url]) == 2
    assert not (tmp_path / "runs").exists()
