"""The plan of the code holds: no circle of imports, no crowded folder, no file that outgrew its idea."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TREES = ("schemas", "connectors", "pipelines")
MOST_FILES = 16
MOST_LINES = 300

SET_BY_OTHERS = {
    "connectors/lusid/client.py": {"retrier.limits"},
    "connectors/lusid/deadlines.py": {"manager.pool_classes_by_scheme", "_ATTEMPT.get().connecting_failed"},
    "connectors/lusid/retrying.py": {"error.perhaps_applied"},
    "connectors/sandbox/endpoints/allocation.py": {"each.unfilled"},
    "connectors/sandbox/server.py": {"service.base_url"},
    "connectors/sandbox/web/app.py": {"problem.status"},
    "pipelines/cli/flags.py": {"read_flags.__signature__", "read_flags.__name__", "read_flags.__doc__"},
    "pipelines/cli/streams.py": {"sys.stdout", "sys.stderr"},
    "pipelines/deliver/redaction.py": {"error.message", "error.args", "error.problem"},
    "schemas/manifest.py": {"found._damaged"},
    "schemas/rows/conventions/patterns.py": {"options.log_errors", "options.never_capture"},
    "schemas/states.py": {"state._value_", "state.traits"},
}
"""Attributes that may be set from outside: a library's, a function's, the process's, an error's that is on its way."""

Imports = Mapping[str, frozenset[str]]


def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    found = {}
    for path in (p for tree in TREES for p in (ROOT / tree).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(tree: ast.AST, known: Mapping[str, Path]) -> Iterator[str]:
    """The product's modules that a file imports anywhere: in a function or under TYPE_CHECKING, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield from (n for n in (name if name in known else node.module,) if n in known)


def set_from_outside(tree: ast.AST) -> set[str]:
    """The attributes that a file sets of objects that are not `self`."""
    found = set()
    for node in ast.walk(tree):
        is_set = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if is_set and ast.unparse(node).split(".")[0] not in ("self", "cls"):
            found.add(ast.unparse(node))
    return found


def circles(imports: Imports) -> list[frozenset[str]]:
    """The groups of modules that import each other, by whatever way round."""
    reach = {name: _reachable(name, imports) for name in imports}
    groups = {frozenset(n for n in reach[name] if name in reach[n]) for name in imports if name in reach[name]}
    return sorted(groups, key=sorted)


def _reachable(start: str, imports: Imports) -> set[str]:
    seen: set[str] = set()
    waiting = list(imports[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += imports[name]
    return seen


def test_no_module_imports_itself_by_whatever_way_round() -> None:
    known = modules()
    imports = {name: frozenset(imported(ast.parse(path.read_text()), known)) for name, path in known.items()}
    assert circles(imports) == []


@pytest.mark.parametrize("how", ["import b", "def f():\n    import b", "if TYPE_CHECKING:\n    from b import X"])
def test_a_circle_is_found_however_it_is_imported(how: str) -> None:
    known = {"a": Path(), "b": Path()}
    imports = {"a": frozenset(imported(ast.parse(how), known)), "b": frozenset({"a"})}
    assert circles(imports) == [{"a", "b"}]


def test_objects_are_whole_when_they_are_made_and_nobody_sets_anothers_attributes() -> None:
    found = {str(path.relative_to(ROOT)): set_from_outside(ast.parse(path.read_text())) for path in modules().values()}
    assert {path: names for path, names in found.items() if names - SET_BY_OTHERS.get(path, set())} == {}


def test_no_folder_is_crowded_and_no_file_too_long() -> None:
    files = [path for path in modules().values() if path.name != "__init__.py"]
    folders = Counter(str(path.parent.relative_to(ROOT)) for path in files)
    assert {folder: n for folder, n in folders.items() if n > MOST_FILES} == {}
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {path: n for path, n in lines.items() if n > MOST_LINES} == {}


def test_every_room_says_what_it_is_for() -> None:
    rooms = [path for path in modules().values() if path.name == "__init__.py"]
    assert [str(path) for path in rooms if len(ast.get_docstring(ast.parse(path.read_text())) or "") < 40] == []


def test_the_schemas_use_of_arrow_is_its_arrays_and_not_its_files() -> None:
    found = set[str]()
    for path in (ROOT / "schemas").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {name for name in names if name.partition(".")[0] == "pyarrow"}
    assert found == {"pyarrow", "pyarrow.compute"}
