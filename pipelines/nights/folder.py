"""Finds the extracts in the folder of a night or a trading day, by the names of its files.

Reads no file and knows no load.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.extracts.source_files import SUFFIXES
from pipelines.operations import investors, orders
from pipelines.operations.operation import Operation
from schemas.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

Names = Mapping[str, tuple[str, ...]]


def names_of(operations: Iterable[Operation]) -> Names:
    """How the names of the extracts of operations begin."""
    return {operation.name: (operation.name, *operation.file_names) for operation in operations}


NAMES = names_of((*investors.OPERATIONS, orders.ORDERS))
"""The night's operations in the order of loading, and how the names of their extracts begin."""

EXPECTED = ("investor-records", "investment-accounts", "orders")
"""Operations whose absence is noted: persons and legal entities are often mastered elsewhere."""


@dataclass(frozen=True)
class NightExtract:
    """One operation's extract in a night's folder.

    Attributes:
        paths: files and folders, sorted by name; at least one, unless there is a frame.
        mapping: `<operation>.yaml` of the folder, if it is there.
        frame: derived rows that are in no file; the run that reads them keeps them.
    """

    operation: str
    paths: tuple[Path, ...]
    mapping: Path | None
    frame: "pd.DataFrame | None" = None


@dataclass(frozen=True)
class FolderContents:
    """The extracts in a night's folder, in the order of loading, and notes for the user."""

    extracts: tuple[NightExtract, ...]
    notes: tuple[str, ...]


def find_extracts(folder: Path, names: Names = NAMES, expected: Collection[str] = EXPECTED) -> FolderContents:
    """Finds the extracts in a folder by the beginnings of their names.

    Args:
        folder: where to look.
        names: how the names of each operation's extracts begin, in the order of the loads.
        expected: operations whose absence is noted.

    Raises:
        ConfigError: there is no such folder, or it holds no extract.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot be read: {error.strerror}") from None
    extracts, notes = [], []
    for operation in names:
        paths, passed_over = _forms_of([e for e in entries if operation_of(e, names) == operation])
        notes += passed_over
        if paths:
            mapping = folder / f"{operation}.yaml"
            extracts.append(NightExtract(operation, tuple(paths), mapping if mapping.exists() else None))
        elif operation in expected:
            notes.append(f"{operation}: {folder} holds no extract of this name, so none is loaded")
    if not extracts:
        beginnings = ", ".join(f"{name}*" for several in names.values() for name in several)
        raise ConfigError(f"the folder {folder} holds no extract: none of {beginnings}")
    unknown = [e.name for e in entries if operation_of(e, names) is None and _form(e)]
    strangers = [name for name in unknown if not name.startswith((".", "_"))]
    if strangers:
        notes.append(f"not loaded, because their names do not begin like an extract's: {', '.join(strangers)}")
    return FolderContents(tuple(extracts), tuple(notes))


def operation_of(path: Path, names: Names = NAMES) -> str | None:
    """The operation that a file or folder is an extract of, by its name; None where it is no extract."""
    name = path.name.lower().replace("_", "-")
    if not (_form(path) or path.is_dir()):
        return None
    return next((operation for operation, several in names.items() if name.startswith(several)), None)


def _forms_of(entries: list[Path]) -> tuple[list[Path], list[str]]:
    """One path for each name, and notes on its other forms: the first of `SUFFIXES` wins, a folder comes last."""
    by_stem: dict[str, list[Path]] = {}
    for entry in entries:
        by_stem.setdefault(entry.name[: len(entry.name) - len(_form(entry))].lower(), []).append(entry)
    taken, notes = [], []
    for forms in by_stem.values():
        first, *others = sorted(forms, key=lambda e: SUFFIXES.index(_form(e)) if _form(e) else len(SUFFIXES))
        taken.append(first)
        notes += [f"{other.name}: skipped, because {first.name} beside it is the same extract" for other in others]
    return taken, notes


def _form(path: Path) -> str:
    """The suffix that makes a file an extract; empty for anything else."""
    name = path.name.lower()
    fitting = [form for form in SUFFIXES if name.endswith(form)]
    return fitting[0] if fitting and not path.is_dir() else ""
