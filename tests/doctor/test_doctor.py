"""The doctor tells which assumptions hold of each variant of the sandbox, and leaves nothing behind in silence."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from examined import SCOPE, examined, left_in, sandbox_that, told

from connectors.extracts.assumptions_file import read_assumptions
from connectors.lusid.call import Response
from pipelines.cli import main as cli
from pipelines.doctor import bench, scratch
from pipelines.doctor.doctor import PROBES, left_file
from pipelines.doctor.findings import CouldNotTellError
from pipelines.doctor.reads import LENGTHS, rate_limit_said
from schemas.assumptions import INFERRED, Told
from schemas.errors import ConfigError, StoppedError

FAMILIES = ("persons", "legal-entities", "investor-records", "investment-accounts")
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "before-and-after.md").read_text("utf-8")


def of_each(probe: str) -> set[str]:
    return {f"{probe} {family}" for family in FAMILIES}


@pytest.mark.parametrize("dialect", ["2.1", "2.3", pytest.param("legacy", marks=pytest.mark.soak)])
def test_all_that_is_inferred_holds_of_the_sandbox(dialect: str, tmp_path: Path) -> None:
    with sandbox_that(dialect=dialect) as sandbox:
        found = examined(sandbox, tmp_path / "a.yaml", dialect)
        assert left_in(sandbox) == {}
    assert told(found, Told.DIFFERS) == set()
    unknown = {each for each in told(found, Told.COULD_NOT_TELL) if not each.endswith("investment-accounts")}
    assert unknown == ({"request-id"} if dialect == "legacy" else set())
    assert (found.exit_code == 0) == (dialect == "2.3")
    assert {each.probe for each in found.findings} == set(PROBES)
    assert not left_file(tmp_path / "a.yaml").exists()


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        (
            "nulls=keep,unchanged=version,identifiers=caseless,lists=merge,requests=other",
            of_each("null-clears") | of_each("unchanged") | of_each("identifier-case") | {"request-id"}
            | {"lists-replace investment-accounts"},
        ),
        (
            "nulls=refuse,identifiers=all,keys=lower,atomic=failed,filters=1500",
            of_each("null-clears") | of_each("identifier-any") | of_each("keys-echoed") | of_each("atomic-refusal")
            | {"filter-length"},
        ),
        (
            "omitted=go,atomic=partly,errors=none,filters=0",
            of_each("omitted-stay") | of_each("atomic-refusal") | of_each("filter-in")
            | {"filter-length", "filter-placements", "list-refusal", "risk-stays legal-entities"},
        ),
        ("errors=none,lag=0.6", of_each("atomic-refusal") | {"list-refusal"}),
    ],
)  # fmt: skip
def test_what_differs_is_told(differs: str, expected: set[str], tmp_path: Path) -> None:
    out = tmp_path / "a.yaml"
    with sandbox_that(differs) as sandbox:
        found = examined(sandbox, out)
        assert left_in(sandbox) == {}
    assert told(found, Told.DIFFERS) == expected
    assert told(found, Told.COULD_NOT_TELL) == set()
    assert (found.exit_code, found.left) == (3, [])
    (lag,) = (each.saw for each in found.findings if each.probe == "read-lag")
    assert (lag != "none to be seen") == ("lag" in differs)
    read = read_assumptions(out)
    assert read.lag_of(1.0) >= 10.0
    assert [*read.null_clears.values()] == ["nulls" not in differs] * 4
    assert [*read.omitted_stay.values()] == ["omitted" not in differs] * 4
    assert [*read.unchanged_makes_version.values()] == ["unchanged" in differs] * 4
    assert [*read.identifiers_match_case.values()] == ["caseless" not in differs] * 4
    assert [*read.atomic_is_whole.values()] == ["partly" not in differs] * 4
    assert read.longest_filter == (1500 if "filters=1500" in differs else 0 if "filters=0" in differs else None)
    assert {(f.probe, f.of or "", f.told) for f in read.found} == {(f.probe, f.of, f.told) for f in found.findings}


def test_reads_that_show_nothing_in_time_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "MOST_LAG", 0.3)
    with sandbox_that("lag=3600") as sandbox:
        found = examined(sandbox, tmp_path / "a.yaml", orders=False)
        assert left_in(sandbox) == {}
    assert "read-lag" in told(found, Told.DIFFERS)
    assert (read_assumptions(tmp_path / "a.yaml").read_lag or 0) > 10


@pytest.mark.parametrize(
    ("differs", "families"),
    [
        ("forbidden=investorrecords", {"investor-records", "investment-accounts"}),
        ("broken=legalentities", {"legal-entities"}),
    ],
)
def test_a_family_that_does_not_answer_is_told_of(differs: str, families: set[str], tmp_path: Path) -> None:
    with sandbox_that(differs) as sandbox:
        found = examined(sandbox, tmp_path / "a.yaml", orders=False)
    unknown = told(found, Told.COULD_NOT_TELL)
    assert {"order-update", "move"} <= unknown
    assert {f"omitted-stay {family}" for family in families} <= unknown
    assert not {f"omitted-stay {family}" for family in set(FAMILIES) - families} & unknown
    assert told(found, Told.DIFFERS) == set()
    assert bool(found.left) == ("broken" in differs)  # whether what was refused by a 500 was made, nobody knows


def test_a_definite_refusal_leaves_nothing_to_remove(tmp_path: Path) -> None:
    with sandbox_that("forbidden=POST") as sandbox:
        found = examined(sandbox, tmp_path / "a.yaml")
        assert "DELETE" not in {method for method, _, _ in sandbox.calls}
    assert (found.left, found.exit_code) == ([], 3)


def test_what_cannot_be_removed_is_named_and_removed_by_the_next(tmp_path: Path) -> None:
    out, db = tmp_path / "a.yaml", tmp_path / "sandbox.db"
    with sandbox_that("forbidden=DELETE", database=db) as sandbox:
        found = examined(sandbox, out)
        port = int(sandbox.url.split(":")[2].split("/")[0])
        made = sum(left_in(sandbox).values())
        assert made > 40
    assert len(found.left) >= made
    assert found.exit_code == 3
    assert found.left_file == str(left_file(out))
    with sandbox_that(database=db) as elsewhere, pytest.raises(ConfigError, match="names what an earlier doctor left"):
        examined(elsewhere, out)
    with sandbox_that(database=db, port=port) as sandbox:
        assert examined(sandbox, out).exit_code == 0
        assert left_in(sandbox) == {}
    assert not left_file(out).exists()


def heeding_interrupts() -> None:
    """What a shell starts in the background ignores interrupts, and so does all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("killed", [False, True])
def test_a_doctor_that_is_interrupted_or_killed_leaves_nothing_for_ever(killed: bool, tmp_path: Path) -> None:
    out = tmp_path / "a.yaml"
    arguments = ["doctor", "--scope", SCOPE, "--dialect", "2.3", "--no-orders", "--out", str(out)]
    with sandbox_that() as sandbox:
        arguments += ["--target", sandbox.url]
        command = [sys.executable, "-m", "pipelines.cli.main", *arguments]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heeding_interrupts,
        ) as doctor:
            while not any(path.endswith("investorrecords/$batchUpsert") for _, path, _ in sandbox.calls):
                assert doctor.poll() is None
                time.sleep(0.01)
            doctor.send_signal(signal.SIGKILL if killed else signal.SIGINT)
            _, said = doctor.communicate(timeout=60)
        assert "Traceback" not in said
        if killed:
            assert left_in(sandbox)["persons"] > 5
            assert left_file(out).exists()
            assert cli.run(arguments) == 3  # orders were left out
        else:
            assert doctor.returncode == 4
            assert "interrupted; everything that it made is removed" in said
        assert left_in(sandbox) == {}
        assert not left_file(out).exists()


def test_an_interrupt_while_it_tidies_up_says_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(__import__("pipelines.doctor.upserts", fromlist=["x"]).UPSERTS, "null-clears", interrupted)
    monkeypatch.setattr(scratch.Scratch, "remove_all", interrupted)
    out = tmp_path / "a.yaml"
    with sandbox_that() as sandbox, pytest.raises(StoppedError, match=r"not removed, and named in .*a\.yaml\.left"):
        examined(sandbox, out)
    assert "Person/doctor-scratch" in left_file(out).read_text()
    assert not out.exists()


@pytest.mark.parametrize(("own", "left"), [(True, []), (False, ["x: answered 404"])])
def test_only_lusid_itself_says_that_something_is_gone(own: bool, left: list[str], tmp_path: Path) -> None:
    class Front:
        def ask(self, *_: object, **__: object) -> Response:
            return Response(404, {}, "not here", is_json=False, seconds=0.0, is_own=own)

    with scratch.scratch_in(tmp_path / "a.left", {"target": "x", "dialect": "2.3"}) as made:
        made.will_make(scratch.Made("x", "/api/persons/S/C/V"))
        made.answered(scratch.Made("x", "/api/persons/S/C/V"))
        assert made.remove_all(Front()) == left  # type: ignore[arg-type]  # as much of a client as it needs
    assert (tmp_path / "a.left").exists() == bool(left)


def test_two_doctors_do_not_share_a_file(tmp_path: Path) -> None:
    out, held, over = tmp_path / "a.yaml", threading.Event(), threading.Event()

    def hold() -> None:
        with scratch.scratch_in(left_file(out), {"target": "x", "dialect": "2.3"}):
            held.set()
            over.wait(30)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(30)
    with sandbox_that() as sandbox, pytest.raises(ConfigError, match="another doctor is at work"):
        examined(sandbox, out)
    over.set()
    other.join()


def test_the_command_tells_people_and_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.yaml"
    with sandbox_that("nulls=keep,filters=1500") as sandbox:
        common = ["doctor", "--scope", SCOPE, "--dialect", "2.3", "--target", sandbox.url, "--out", str(out)]
        assert cli.run(common) == 3
        said = capsys.readouterr().out
        assert cli.run([*common, "--no-orders", "--json"]) == 3
    (shown,) = re.findall(r"^```text\n(What bulkload infers.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert said.startswith(shown.replace("http://127.0.0.1:8600/api", sandbox.url))
    assert f"--assume {out}" in said
    document = json.loads(capsys.readouterr().out)
    assert (document["exit_code"], document["assume"], document["left"]) == (3, str(out), [])
    assert {each["told"] for each in document["findings"]} == {"holds", "differs", "could not tell"}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "Missing option '--scope'"),
        (["--scope", "a b"], "--scope takes"),
        (["--scope", "s", "--out", "no/such/a.yaml"], "cannot be written"),
        (["--scope", "s"], "no LUSID is named"),
    ],
)
def test_what_is_wrong_is_one_line(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["doctor", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert why.lower() in line.lower() or "target" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("left", "reset", "expected"),
    [
        ("4984", "2026-11-30T12:00:00.0000000Z", Told.HOLDS),
        ("4984", "60", Told.HOLDS),
        ("many", "60", Told.DIFFERS),
        ("1", "at noon", Told.DIFFERS),
    ],
)
def test_headers_of_the_rate_limit(left: str, reset: str, expected: Told) -> None:
    assert rate_limit_said(left, reset).told is expected


def test_the_file_and_the_probes_agree() -> None:
    assert LENGTHS[0] >= 7500
    assert INFERRED.filter_of(LENGTHS[1]) == LENGTHS[1]
    assert CouldNotTellError("why").message == "why"
