"""Forgets one person: finds where a folder of runs names them, and takes them out, file by file.

First the files that say the outcome are rewritten, in every run, and only then those that hold cells: whoever forgets
again after a crash still finds the keys of the rest.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from connectors.run_folder.folder import RunFolder, atomic_write, write_json
from connectors.run_folder.journal import Journal, is_in_use
from connectors.run_folder.workbook import write_workbook
from pipelines.history.catalog import PastRun, past_runs
from pipelines.history.forgetting.feeds import forget_in_feeds
from pipelines.history.forgetting.files import Taking, handler_of, places
from pipelines.history.forgetting.person import SHORTEST, Person
from pipelines.history.forgetting.rows import RunRows, find_keys, row_files, rows_of
from pipelines.report.html import write_html
from pipelines.report.summary import is_unfinished
from schemas.errors import ConfigError
from schemas.manifest import Forgetting, Manifest, moment
from schemas.states import OVER, good_in
from schemas.texts import many

_NAMING = ("reasons", "alerts", "warnings", "error")
"""Members of a manifest that may name a person."""


@dataclass(frozen=True)
class Found:
    """A file that names the person, and in how many places."""

    path: Path
    places: int


@dataclass(frozen=True)
class Forgotten:
    """Where the person was.

    Attributes:
        found: the files, by name.
        left: files that name them and are none of ours, so that they stay as they are.
        keys: what the runs knew them by.
        extracts: files that were loaded by runs with rows of theirs; they stay, too.
        to_resume: runs with rows of theirs that can be resumed, and would read their extract again.
        done: whether they were taken out.
    """

    found: tuple[Found, ...]
    left: tuple[Path, ...]
    keys: tuple[str, ...]
    extracts: tuple[str, ...]
    to_resume: tuple[str, ...]
    done: bool

    @property
    def places(self) -> int:
        """In how many places they were."""
        return sum(each.places for each in self.found)


@dataclass(frozen=True)
class _Run:
    """A run, and what of the person is in it."""

    run: PastRun
    taking: Taking
    found: tuple[Found, ...] = ()

    @property
    def row_files(self) -> set[Path]:
        """Its files that lead to the keys of the person."""
        return {*row_files(self.run.folder)}


def forget(runs: Path, *, key: str | None, value: str | None, carry_out: bool) -> Forgotten:
    """Finds a person in a folder of runs, and takes them out.

    Args:
        runs: the folder.
        key: a key of theirs; or
        value: what stands in a cell of theirs, such as a name, in upper or lower case.
        carry_out: whether to take them out; otherwise nothing is changed.

    Raises:
        ConfigError: neither or both are given, or one is too short; a run is under way; a file is damaged. Nothing was
            changed.
        RunFolderError: a process works on a run now, or a file cannot be written; files before it are changed.
    """
    text = key if key is not None else value
    if text is None or (key is not None and value is not None):
        raise ConfigError("say who is to be forgotten, by --key KEY or by --value VALUE, and not by both")
    if len(text.strip()) < SHORTEST:
        raise ConfigError(f"--key and --value take at least {SHORTEST} characters")
    if not runs.is_dir():
        raise ConfigError(f"there is no folder {runs}, so there are no runs")
    known = past_runs(runs)
    if busy := [run.run_id for run in known if is_in_use(run.folder.journal)]:
        raise ConfigError(f"{', '.join(busy)}: a process is working on it; wait until it has ended")
    person = Person(key=key, value=value and value.strip())
    surveyed = _survey(known, person)
    others = [*_others(runs, known, person)]
    if carry_out:
        _carry_out(surveyed, others, person)
    feeds = [Found(path, n) for path, n in forget_in_feeds(runs, person, carry_out=carry_out)]
    theirs = [each for each in surveyed if each.found]
    everything = [*(found for each in theirs for found in each.found), *others, *feeds]
    return Forgotten(
        found=tuple(sorted((each for each in everything if each.places), key=lambda each: str(each.path))),
        left=tuple(_left(runs, person)),
        keys=tuple(person.words),
        extracts=tuple(dict.fromkeys(path for each in theirs for path in _extracts(each.run, runs))),
        to_resume=tuple(each.run.run_id for each in theirs if each.run.verdict not in OVER),
        done=carry_out,
    )


def _extracts(run: PastRun, runs: Path) -> Iterator[str]:
    """The files that a run loaded; those among the runs are rewritten with the rest."""
    paths = (file.path for file in run.manifest.extracts)
    return (path for path in paths if not Path(path).resolve().is_relative_to(runs.resolve()))


def _survey(known: list[PastRun], person: Person) -> list[_Run]:
    """What of the person is in each run, once all their keys and ids are known."""
    unkeyed = [find_keys(run.folder, person) for run in known]
    runs = []
    for run, places_unkeyed in zip(known, unkeyed, strict=True):
        good = frozenset(state.value for state in good_in(dry_run=run.dry))
        runs.append(_Run(run, Taking(person, rows_of(run.folder, person, places_unkeyed, good), good)))
    return [replace(each, found=tuple(_in_run(each))) for each in runs]


def _in_run(each: _Run) -> Iterator[Found]:
    folder = each.run.folder
    for path in _files(folder.path):
        if path == folder.manifest:
            count = _masked_manifest(folder, each.taking.person)[1]
        elif path == folder.workbook:
            count = places(folder.failures, each.taking) if folder.failures.exists() else 0
        else:
            count = places(path, each.taking)
        if count:
            yield Found(path, count)


def _others(runs: Path, known: list[PastRun], person: Person) -> Iterator[Found]:
    """What is beside the runs: the nights, their pages, the index."""
    folders = {run.folder.path for run in known}
    taking = Taking(person, RunRows(), frozenset())
    for top in sorted(runs.iterdir()):
        if top in folders or top.name == "feeds":
            continue
        for path in _files(top) if top.is_dir() else [top]:
            if path.is_file() and not path.is_symlink() and (count := places(path, taking)):
                yield Found(path, count)


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]


def _left(runs: Path, person: Person) -> Iterator[Path]:
    """Files of a kind that is not ours and that hold one of the texts."""
    needles = [text.encode() for text in person.needles]
    for path in _files(runs):
        if handler_of(path) is None and path.suffix not in (".xlsx", ".lock"):
            content = path.read_bytes()
            if any(needle in content for needle in needles):
                yield path


def _carry_out(surveyed: list[_Run], others: list[Found], person: Person) -> None:
    """Takes the person out of what was found; other processes keep off the runs meanwhile."""
    theirs = [each for each in surveyed if each.found]
    beside = Taking(person, RunRows(), frozenset())
    with ExitStack() as locks:
        for each in theirs:
            locks.enter_context(closing(Journal(each.run.folder.journal)))
        for each in theirs:
            _without_cells(each, locks)
        for found in others:
            _rewrite(found.path, beside)
        for each in theirs:
            _cells(each)


def _without_cells(each: _Run, locks: ExitStack) -> None:
    """Rewrites the files of a run that do not lead to keys, its manifest and its page."""
    folder = each.run.folder
    for found in each.found:
        if found.path in each.row_files or found.path in (folder.manifest, folder.workbook, folder.report):
            continue
        _rewrite(found.path, each.taking)
        if found.path == folder.journal:
            locks.enter_context(closing(Journal(folder.journal)))  # the lock is the file's, and this is another
    content = _noted(each)
    write_json(folder.manifest, content)
    manifest = Manifest.read(content)
    if folder.report.exists() and not is_unfinished(manifest) and not manifest.damaged:
        write_html(folder, manifest)
    elif folder.report in {found.path for found in each.found}:
        _rewrite(folder.report, each.taking)


def _cells(each: _Run) -> None:
    folder = each.run.folder
    for found in each.found:
        if found.path in each.row_files:
            _rewrite(found.path, each.taking)
    if folder.workbook in {found.path for found in each.found}:
        write_workbook(folder.failures, folder.workbook)


def _rewrite(path: Path, taking: Taking) -> None:
    handler = handler_of(path)
    assert handler is not None  # noqa: S101  # it has places
    with atomic_write(path) as part:
        handler(path, taking, part)


def _noted(each: _Run) -> dict[str, Any]:
    """The manifest of a run without the person, and with a note that somebody was forgotten; all else is as it was."""
    content, _ = _masked_manifest(each.run.folder, each.taking.person)
    count = sum(found.places for found in each.found)
    note = Forgetting(at=moment(), files=len(each.found), places=count, rows=each.taking.rows.not_in)
    said = (
        f"a person was forgotten on {note.at[:10]}: {many(count, 'place', 'places')} in "
        f"{many(note.files, 'file', 'files')}, {many(note.rows, 'row', 'rows')} of failures.csv"
    )
    earlier = each.run.manifest
    notes = [before.model_dump(mode="json") for before in (*earlier.forgotten, note)]
    return {**content, "warnings": [*content.get("warnings", ()), said], "forgotten": notes}


def _masked_manifest(folder: RunFolder, person: Person) -> tuple[dict[str, Any], int]:
    content = orjson.loads(folder.manifest.read_bytes())
    masked, count = person.masked_all({name: content[name] for name in _NAMING if name in content})
    return {**content, **masked}, count


def lines_of(forgotten: Forgotten) -> Iterator[str]:
    """What to say: where they were, what stays, and what to type."""
    for found in forgotten.found:
        yield f"{found.path}: {many(found.places, 'place', 'places')}"
    for path in forgotten.left:
        yield f"{path}: names them, and is no file that this can change: remove it"
    for extract in forgotten.extracts:
        yield f"{extract}: was loaded by a run with rows of theirs, and stays as it is"
    for run in forgotten.to_resume:
        yield f"{run} can be resumed, and would read its extract again: take them out of it first"
    total = f"{many(forgotten.places, 'place', 'places')} in {many(len(forgotten.found), 'file', 'files')}"
    if not forgotten.found:
        yield "They are in no file."
    elif forgotten.done:
        yield f"Forgotten: {total}."
    else:
        known = ", ".join(forgotten.keys)
        yield f"{total}, under {known}. Nothing was changed: --yes takes them out."
