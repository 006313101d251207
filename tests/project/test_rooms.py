"""`make quick` runs the tests of the rooms that changed, and says what it cannot know."""

import subprocess
from pathlib import Path

import pytest
from rooms import ROOT, changed, room_of


def test_every_file_of_the_product_is_in_a_room_with_tests() -> None:
    files = [
        p.relative_to(ROOT) for tree in ("schemas", "connectors", "pipelines") for p in (ROOT / tree).rglob("*.py")
    ]
    assert len(files) > 100
    assert [str(path) for path in files if room_of(str(path)) is None] == []


def test_every_test_is_in_a_room() -> None:
    files = [path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")]
    assert [str(path) for path in files if room_of(str(path)) not in {str(p) for p in path.parents}] == []


@pytest.mark.parametrize(
    ("path", "tests"),
    [
        ("schemas/states.py", "tests/unit/schemas"),
        ("schemas/rows/cells.py", "tests/unit/rows"),
        ("connectors/extracts/csv/blocks.py", "tests/unit/extracts"),
        ("connectors/sandbox/web/app.py", "tests/sandbox"),
        ("pipelines/flows/flows.py", "tests/flows"),
        ("pipelines/load.py", "tests/loads"),
        ("pipelines/report/templates/report.html.j2", "tests/unit/report"),
        ("benchmarks/load_speed.py", "tests/project/test_benchmarks.py"),
        ("docs/speed.md", "tests/project/test_docs.py"),
        ("README.md", "tests/project/test_docs.py"),
        ("pyproject.toml", None),
        ("data/sample/orders.csv", None),
        ("tests/conftest.py", None),
        ("tests/support/builders.py", None),
        ("tests/samples/orders/full.csv", None),
        ("pipelines/no_such_room/new.py", None),
    ],
)
def test_a_file_leads_to_the_room_of_its_room(path: str, tests: str | None) -> None:
    assert room_of(path) == tests


def test_what_changed_is_what_differs_from_main_committed_or_not(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    git("init", "-q", "-b", "main")
    for name in ("old", "edited", "moved"):
        (tmp_path / name).write_text(name * 40)
    git("add", ".")
    git("commit", "-qm", "one")
    assert changed(tmp_path) == []
    git("switch", "-qc", "branch")
    (tmp_path / "edited").write_text("else")
    git("mv", "moved", "new place")
    git("commit", "-qam", "two")
    (tmp_path / "untracked").write_text("")
    assert changed(tmp_path) == ["edited", "moved", "new place", "untracked"]
