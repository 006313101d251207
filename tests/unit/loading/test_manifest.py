import json
from pathlib import Path
from typing import Any

import pytest
from builders import investor, write_csv
from run_checks import check_books
from scripted_lusid import done, scripted

from pipelines.load import load
from pipelines.loading.earlier import check_same
from schemas.errors import ConfigError
from schemas.manifest import Manifest


def manifest(**changes: Any) -> Manifest:
    extract = {"name": "a", "path": "/a", "bytes": 1, "sha256": "1"}
    whole: dict[str, Any] = {"format": 1, "versions": {"bulkload": "1.0"}, "extracts": [extract]}
    return Manifest.read({**whole, "mapping": {"path": "m", "sha256": "2"}, **changes})


FORCIBLE = "; --force resumes it anyway if the keys are still the same"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "the format of the run folder (was 1)"),
        ({"digest": "9"}, "the content of the extract"),
        ({"mapping": {"path": "m", "sha256": "9"}}, f"the mapping{FORCIBLE}"),
        ({"mapping": None}, f"the mapping{FORCIBLE}"),
        ({"mapping": None, "digest": "9"}, "the content of the extract, the mapping"),
    ],
)
def test_everything_that_changed_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_same(manifest(), manifest(**changes), [changes.get("digest", "1")])
    assert caught.value.message == f"the run cannot be resumed, this has changed since it began: {said}"


def test_an_unchanged_run_is_resumed_and_so_is_one_that_had_not_read_its_extract() -> None:
    check_same(manifest(), manifest(mapping={"path": "elsewhere", "sha256": "2"}), ["1"])
    check_same(manifest(), manifest(versions={"bulkload": "1.1"}), ["1"])
    check_same(manifest(extracts=[{"name": "a", "path": "/a", "bytes": 1}]), manifest(mapping=None), ["9"])


def test_force_accepts_another_mapping_and_never_another_extract() -> None:
    check_same(manifest(), manifest(mapping=None), ["1"], force=True)
    with pytest.raises(ConfigError) as caught:
        check_same(manifest(), manifest(mapping=None), ["9"], force=True)
    assert (
        caught.value.message == "the run cannot be resumed, this has changed since it began: the content of the extract"
    )


def test_digests_are_added_to_their_files() -> None:
    files = [{"name": name, "path": f"/{name}", "bytes": 1} for name in "ab"]
    opened = manifest(extracts=files)
    assert not opened.begun
    begun = opened.with_digests(["1", "2"])
    assert begun.begun
    assert begun.as_json()["extracts"] == [{**files[0], "sha256": "1"}, {**files[1], "sha256": "2"}]


def test_a_manifest_says_what_a_run_was_given_and_how_it_ended(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(1), investor(2, {"display_name": ""})])
    with scripted(done) as (lusid, target):
        report = load("investor-records", path, target=target, runs=tmp_path / "runs", batch_size=7)
    check_books(report)
    found = json.loads((report.run_dir / "manifest.json").read_bytes())
    changing = {name: found.pop(name) for name in ("started", "finished", "seconds", "versions")}
    assert sorted(changing["versions"]) == ["bulkload", "python"]
    assert changing["started"] <= changing["finished"]
    (extract,) = found.pop("extracts")
    assert extract["path"] == str(path.resolve())
    assert extract["bytes"] == path.stat().st_size
    assert len(extract["sha256"]) == 64
    assert found["settings"].items() >= {"batch_size": 7, "concurrency": 4, "dry_run": False}.items()
    expected = {
        "format": 1,
        "run_id": report.run_id,
        "operation": "investor-records",
        "mode": "Partial",
        "dialect": "2.1",
        "duplicates": "refuse",
        "target": lusid.url,
        "mapping": None,
        "rows": report.document().rows,
        "keys": report.document().keys,
        "requests": 1,
        "retries": 0,
        "warnings": [],
        "verdict": "rejects",
        "exit_code": 3,
    }
    assert found.items() >= expected.items()
    assert found["reasons"] == [
        {
            "state": "invalid",
            "code": "Missing",
            "message": "display_name (column 2): is missing",
            "rows": 1,
            "examples": ["IR_0002 (row 2)"],
            "rule": "display_name (column 2): is missing",
            "keys": 1,
        }
    ]
