"""The manifest: what is written is what was written before, and whatever is read says what of it is damaged."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from builders import investor, write_csv
from jsonschema import Draft202012Validator
from old_runs import ALL, FINISHED, STOPPED, written
from scripted_lusid import done, scripted

from connectors.run_folder.folder import RunFolder
from docs.generate import MANIFEST_SCHEMA, manifest_schema
from pipelines.load import load
from schemas.manifest import Manifest
from schemas.states import STATES, Verdict

SCHEMA = orjson.loads(MANIFEST_SCHEMA.read_bytes())


def changed(**changes: Any) -> Manifest:
    return Manifest.read(orjson.loads(written(FINISHED)) | changes)


@pytest.mark.parametrize("run_id", ALL)
def test_what_the_version_before_wrote_is_read_and_written_as_it_was(tmp_path: Path, run_id: str) -> None:
    before = orjson.loads(written(run_id))
    found = Manifest.read(before)
    assert found.damaged == frozenset()
    folder = RunFolder(tmp_path)
    folder.write_manifest(found)
    now = orjson.loads(folder.manifest.read_bytes())
    assert orjson.dumps(known(now, before)) == orjson.dumps(before)


def test_a_load_writes_the_members_that_it_wrote_before_and_in_their_order(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(1), investor(2, {"display_name": ""})])
    with scripted(done) as (_, target):
        report = load("investor-records", path, target=target, runs=tmp_path / "runs", max_failures="50%")
    now = orjson.loads((report.run_dir / "manifest.json").read_bytes())
    before = orjson.loads(written(FINISHED))
    assert (list(now["rows"]), list(now["keys"])) == (["read", *STATES], [*STATES])
    assert names(known(now, before)) == names(before)


def known(now: Any, before: Any) -> Any:
    """A manifest without the members that were added since."""
    if isinstance(now, dict):
        return {name: known(value, before[name]) for name, value in now.items() if name in before}
    if isinstance(now, list) and before:
        return [known(each, before[0]) for each in now]
    return now


def names(content: Any) -> Any:
    """The names of all members, in order; of a list those of its first."""
    if isinstance(content, dict):
        return [(name, names(value)) for name, value in content.items()]
    return names(content[0]) if isinstance(content, list) and content else None


@pytest.mark.parametrize(
    ("changes", "damaged"),
    [
        ({"rows": 5}, {"rows"}),
        ({"rows": {"accepted": 5}}, {"rows"}),
        ({"rows": {"read": "5"}, "verdict": 5, "started": []}, {"rows", "verdict", "started"}),
        ({"extracts": ["a"]}, {"extracts"}),
        ({"settings": {"batch_size": "many"}}, {"settings"}),
        ({"reasons": [{"state": "sleepy", "code": "", "message": ""}]}, {"reasons"}),
        ({"colour": "blue"}, set()),
    ],
)
def test_what_is_damaged_is_named_and_the_rest_is_read(changes: dict[str, Any], damaged: set[str]) -> None:
    found = changed(**changes)
    assert found.damaged == damaged
    assert found.run_id == FINISHED
    assert found.as_json().items() >= {"requests": 1, "operation": "investor-records"}.items()


def test_nothing_at_all_is_a_run_that_never_began() -> None:
    found = Manifest.read({})
    assert found.damaged >= {"format", "operation", "extracts", "settings", "started"}
    assert (found.verdict, found.rows, found.as_json()) == (Verdict.UNFINISHED, None, {})


def test_what_a_later_version_adds_is_passed_over() -> None:
    found = changed(colour="blue", settings={"batch_size": 7, "colour": "blue"}, rows={"read": 5, "melted": 5})
    assert (found.damaged, found.settings.batch_size) == (frozenset(), 7)
    assert found.rows is not None
    assert (found.rows["melted"], found.rows["accepted"]) == (5, 0)


def test_the_schema_in_the_documents_is_current_and_says_what_is_written() -> None:
    assert manifest_schema() == MANIFEST_SCHEMA.read_text("utf-8"), "run `make docs`"
    Draft202012Validator.check_schema(SCHEMA)
    for run_id in ALL:
        Draft202012Validator(SCHEMA).validate(orjson.loads(written(run_id)))
    broken = orjson.loads(written(STOPPED)) | {"verdict": "sleepy"}
    assert not Draft202012Validator(SCHEMA).is_valid(broken)
