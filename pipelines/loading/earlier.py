"""A stopped run that is resumed: its options, and whether its extract and mapping are still the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from connectors.lusid.trust import check_named
from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import Journal
from connectors.targets import Target
from pipelines.deliver.ledger import FORCE, settles
from pipelines.options import Options
from schemas.errors import ConfigError
from schemas.manifest import GIVEN, Manifest, Resumption, moment
from schemas.same_load import Aspect, differences, load_of, place_of


@dataclass(frozen=True)
class Earlier:
    """A stopped run that is to be resumed.

    Attributes:
        names: its names for the files of its extract.
        force: resume it although the mapping or the requests changed, if the keys are the same.
    """

    folder: RunFolder
    names: Sequence[str]
    force: bool = False


def options_of(manifest: Manifest, folder: RunFolder, target: str | Target | None) -> Options:
    """The options of an earlier run.

    Args:
        manifest: the run's.
        folder: the run's.
        target: replaces the run's own; None keeps that.

    Raises:
        ConfigError: the manifest is damaged, holds options that no run can have, or is alone in naming its target.
    """
    damaged = ConfigError(f"{folder.manifest} is damaged: the run cannot be resumed")
    if manifest.damaged & GIVEN:
        raise damaged
    if target is None:
        check_named(manifest.target, folder.run_id)
    try:
        hold = orjson.loads(folder.hold.read_bytes()) if folder.hold.exists() else {}
        given = manifest.options(folder.path.parent) | {"target": target or manifest.target}
        given["date"] = manifest.date or given["date"]
        return Options.of(**given, expect=manifest.expect, hold=hold)
    except (ConfigError, ValueError, OSError):
        raise damaged from None


def resumed(before: Manifest, now: Manifest) -> Manifest:
    """The manifest of a resumed run, which covers the whole run and lists each time it was resumed."""
    files = (
        file.model_copy(update={"path": was.path, "kept": was.kept}) if was.kept else file
        for was, file in zip(before.extracts, now.extracts, strict=True)
    )
    this = Resumption(at=moment(), target=now.target, **now.versions)
    return now.changed(extracts=tuple(files), started=before.started, resumed=(*before.resumed, this))


def check_target(before: Manifest, now: Manifest, journal: Journal) -> None:
    """Makes sure that a run with settled rows is resumed in its own target: otherwise no target would have all rows.

    Args:
        before: the run as it is on disk.
        now: the run as it would be resumed.
        journal: the run's.

    Raises:
        ConfigError: the run would be resumed in another target.
        RunFolderError: the journal is damaged.
    """
    if place_of(before.target) == place_of(now.target) or not any(settles(line) for _, line in journal.lines()):
        return
    raise ConfigError(
        f"{before.run_id} has settled rows with {before.target}, so it cannot be resumed in {now.target}: resume it "
        "where it began, then `bulkload replay` the rows that were not accepted into another --target, or `bulkload "
        "load` the whole extract"
    )


def check_same(before: Manifest, now: Manifest, digests: Sequence[str], *, force: bool = False) -> None:
    """Makes sure that a run is resumed with the extract and mapping it began with.

    A run that had not read its extract yet may take another. A new version of bulkload is no change: the journal shows
    whether it makes the same requests.

    Args:
        before: the run as it is on disk.
        now: the run as it would be resumed.
        digests: the SHA-256 of each file of the extract as it is now.
        force: accept another mapping; its requests are compared by key.

    Raises:
        ConfigError: one line that names everything that changed.
    """
    if not before.begun:
        return
    load = load_of(now.with_digests(digests), Aspect.FORMAT, Aspect.CONTENT, Aspect.MAPPING)
    changed = [aspect for aspect in differences(before, load) if not (force and aspect is Aspect.MAPPING)]
    if changed:
        named = ", ".join(f"{t} (was {before.format})" if t is Aspect.FORMAT else t for t in changed)
        hint = f"; {FORCE}" if changed == [Aspect.MAPPING] else ""
        raise ConfigError(f"the run cannot be resumed, this has changed since it began: {named}{hint}")
