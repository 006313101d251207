"""Which tests a change asks for: those of the rooms that it touches (`make quick`).

Run as a script, it runs them. It knows no more than where files lie: what another room makes of a change, `make test`
finds out.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALWAYS = "tests/project/test_structure.py"
"""The plan of the code, which any change can break."""

_PRODUCT = ("schemas", "connectors", "pipelines")
_FILES = {"benchmarks": "tests/project/test_benchmarks.py", "docs": "tests/project/test_docs.py"}


def changed(root: Path = ROOT) -> list[str]:
    """Every file that differs from where this branch left `main`, committed or not; on `main`, from its last commit."""
    base = _git(root, "merge-base", "main", "HEAD") or _git(root, "merge-base", "origin/main", "HEAD") or "HEAD"
    tracked = _git(root, "diff", "--name-only", "--no-renames", base.strip())
    return sorted({*tracked.splitlines(), *_git(root, "ls-files", "--others", "--exclude-standard").splitlines()})


def room_of(path: str) -> str | None:
    """The tests of the room that a file lies in; None where no room is known, so that only the whole suite will do."""
    tree, *rest = Path(path).parts
    if tree in _FILES or (not rest and path.endswith(".md")):
        return _FILES.get(tree, _FILES["docs"])
    found = None
    if tree in _PRODUCT:
        found = _of_product(tree, rest)
    elif tree == "tests" and len(rest) > 1 and rest[0] not in {"support", "samples"}:
        found = "/".join(("tests", *rest[: 2 if rest[0] == "unit" else 1]))
    return found if found and (ROOT / found).is_dir() else None


def _of_product(tree: str, rest: list[str]) -> str:
    if len(rest) > 1:
        own = f"tests/{rest[0]}"  # a room whose tests take servers or whole loads has a folder beside tests/unit
        return own if (ROOT / own).is_dir() else f"tests/unit/{rest[0]}"
    return "tests/loads" if tree == "pipelines" else f"tests/unit/{tree}"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def main(paths: Iterable[str]) -> int:
    """Runs the tests of the files' rooms; ends with pytest's code."""
    rooms = {path: room_of(path) for path in paths}
    chosen = sorted({ALWAYS, *(room for room in rooms.values() if room)})
    print("tests of what changed:", *chosen, flush=True)  # noqa: T201 - it is a command
    code = subprocess.run([sys.executable, "-m", "pytest", "-q", "-n", "2", *chosen], cwd=ROOT, check=False).returncode
    unknown = [path for path, room in rooms.items() if room is None]
    if unknown:
        print("any test may depend on these, run `make test`:", *unknown)  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main(changed()))
