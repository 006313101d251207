"""Earlier runs on disk: which finished what, and which are old enough to go."""

import os
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from old_runs import FINISHED, written

from connectors.run_folder.journal import Journal
from pipelines.history.catalog import past_runs, refuse_finished
from pipelines.history.retention import purge
from schemas.errors import ConfigError, RunFolderError
from schemas.manifest import Manifest


def of(*hashes: str) -> list[dict[str, Any]]:
    """The files of an extract by their hashes."""
    return [{"name": sha256, "path": f"/{sha256}", "bytes": 1, "sha256": sha256} for sha256 in hashes]


MINE: dict[str, Any] = {
    "operation": "orders",
    "target": "https://x/api",
    "extracts": of("b", "a"),
}
WHOLE = orjson.loads(written(FINISHED))
DONE = MINE | {"verdict": "complete", "extracts": of("a", "b")}


def run(runs: Path, name: str, age: Any = None, **manifest: Any) -> Path:
    folder = runs / name
    folder.mkdir(parents=True)
    started = {"started": (datetime.now(UTC) - age).isoformat()} if age is not None else {}
    (folder / "manifest.json").write_bytes(orjson.dumps(started | manifest))
    return folder


def whole(runs: Path, name: str, age: timedelta) -> Path:
    return run(runs, name, None, **WHOLE | {"started": (datetime.now(UTC) - age).isoformat()})


def test_runs_older_than_asked_are_removed_and_nothing_else(tmp_path: Path) -> None:
    whole(tmp_path, "old", timedelta(days=91))
    whole(tmp_path, "older", timedelta(days=400))
    whole(tmp_path, "young", timedelta(days=89))
    run(tmp_path, "odd")
    run(tmp_path, "unsaid", None, started=7)
    (tmp_path / "notes").mkdir()
    assert purge(tmp_path, "90d") == ["old", "older"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes", "odd", "unsaid", "young"]
    assert purge(tmp_path, "2130h") == ["young"]
    assert purge(tmp_path / "nowhere", "1d") == []


def test_an_unreadable_manifest_does_not_keep_personal_data(tmp_path: Path) -> None:
    torn = run(tmp_path, "20260101T000000Z-orders-00ff")
    (torn / "manifest.json").write_text("{")
    odd = run(tmp_path, "odd", None, started=7)
    said: list[str] = []
    assert purge(tmp_path, "90d", said.append) == []
    stays = f"{odd} stays: its manifest cannot be read; remove it yourself if it is an old run"
    assert said == [f"{torn} stays: its manifest is damaged or missing; --damaged removes it anyway", stays]
    said.clear()
    assert purge(tmp_path, "90d", said.append, damaged=True) == [torn.name]
    assert said == [stays]


def test_links_and_other_peoples_folders_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, said = tmp_path / "runs", list[str]()
    aim = whole(tmp_path, "aim", timedelta(days=2))
    linked = whole(runs, "b-linked", timedelta(days=2))
    (linked / "manifest.json").unlink()
    (linked / "manifest.json").symlink_to(aim / "manifest.json")
    (runs / "a-link").symlink_to(aim)
    assert purge(runs, "1d", said.append, damaged=True, any_owner=True) == []
    assert said == [f"{runs / name} stays: it is a link, or its manifest is" for name in ("a-link", "b-linked")]
    assert sorted(path.name for path in aim.iterdir()) == ["manifest.json"]
    whole(runs, "theirs", timedelta(days=2))
    monkeypatch.setattr("pipelines.history.retention.os.geteuid", lambda: os.getuid() + 1)
    said.clear()
    assert purge(runs, "1d", said.append) == []
    assert said[-1] == f"{runs / 'theirs'} stays: another user owns it; --any-owner removes it anyway"
    assert purge(runs, "1d", any_owner=True) == ["theirs"]


@pytest.mark.parametrize("age", ["90", "d", "-1d", "9 d", "1.5d", "90d\n", "999999999d", ""])
def test_an_age_is_days_or_hours(tmp_path: Path, age: str) -> None:
    with pytest.raises(ConfigError) as caught:
        purge(tmp_path, age)
    assert caught.value.message == f"--older-than takes days or hours such as 90d or 12h, not {age}"


def test_a_run_that_a_process_works_on_stays_and_is_named_when_the_others_are_gone(tmp_path: Path) -> None:
    busy = whole(tmp_path, "a-busy", timedelta(days=2))
    whole(tmp_path, "b-old", timedelta(days=2))
    with closing(Journal(busy / "journal.jsonl")), pytest.raises(RunFolderError) as caught:
        purge(tmp_path, "1d")
    said = f"{busy}: another process is working on this run (1 other was removed)"
    assert caught.value.message == said
    assert [p.name for p in tmp_path.iterdir()] == ["a-busy"]
    assert purge(tmp_path, "1d") == ["a-busy"]


def test_what_cannot_be_removed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(path: Path) -> None:
        raise PermissionError(13, "Permission denied", path)

    folder = whole(tmp_path, "old", timedelta(days=2))
    monkeypatch.setattr("pipelines.history.retention.shutil.rmtree", stuck)
    with pytest.raises(RunFolderError) as caught:
        purge(tmp_path, "1d")
    assert caught.value.message == f"{folder}: cannot be removed: Permission denied"


def test_a_folder_that_is_no_run_is_ignored(tmp_path: Path) -> None:
    run(tmp_path, "b")
    run(tmp_path, "a")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "manifest.json").write_text("{")
    assert [run.run_id for run in past_runs(tmp_path)] == ["b", "a"]


def test_an_extract_that_a_run_finished_is_refused_by_content(tmp_path: Path) -> None:
    run(tmp_path, "20260101-done", **DONE)
    with pytest.raises(ConfigError) as caught:
        refuse_finished(tmp_path, Manifest.read(MINE))
    assert caught.value.message == "--once: 20260101-done has already loaded this extract (complete)"


@pytest.mark.parametrize(
    "earlier",
    [
        {"verdict": "stopped"},
        {"verdict": "dry run"},
        {"operation": "executions"},
        {"target": "https://y/api"},
        {"extracts": of("a")},
        {"extracts": of("a", "c")},
    ],
)
def test_another_run_does_not_count(tmp_path: Path, earlier: dict[str, Any]) -> None:
    run(tmp_path, "earlier", **(DONE | earlier))
    run(tmp_path, "odd", verdict="complete")
    refuse_finished(tmp_path, Manifest.read(MINE))


@pytest.mark.parametrize("target", [None, "sandbox"])
def test_a_load_whose_data_is_gone_does_not_count(tmp_path: Path, target: str | None) -> None:
    run(tmp_path, "earlier", **(DONE | {"target": target}))
    refuse_finished(tmp_path, Manifest.read(MINE | {"target": target}))
