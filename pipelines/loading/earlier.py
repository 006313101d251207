"""A run that stopped and goes on: with which options, and whether what it was given is still the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import Journal
from connectors.targets import Target
from pipelines.deliver.ledger import FORCE, settles
from pipelines.options import Options
from schemas.errors import ConfigError
from schemas.manifest import GIVEN, Manifest, Resumption, moment
from schemas.same_load import Trait, differences, load_of, place_of


@dataclass(frozen=True)
class Earlier:
    """A run that stopped, to go on with.

    Attributes:
        names: what it calls the files of its extract.
        force: go on though the mapping, or what bulkload makes of it, changed, where the keys are the same.
    """

    folder: RunFolder
    names: Sequence[str]
    force: bool = False


def options_of(manifest: Manifest, folder: RunFolder, target: str | Target | None) -> Options:
    """The options a run had.

    Args:
        manifest: the run's.
        folder: the run's.
        target: in place of the run's own.

    Raises:
        ConfigError: the manifest is damaged, or holds what no run was given.
    """
    damaged = ConfigError(f"{folder.manifest} is damaged: the run cannot go on")
    if manifest.damaged & GIVEN:
        raise damaged
    try:
        hold = orjson.loads(folder.hold.read_bytes()) if folder.hold.exists() else {}
        given = manifest.options(folder.path.parent) | {"target": target or manifest.target}
        return Options.of(**given, expect=manifest.expect, hold=hold)
    except (ConfigError, ValueError, OSError):
        raise damaged from None


def go_on(before: Manifest, now: Manifest) -> Manifest:
    """The manifest of a process that goes on with a run, telling the whole run's story."""
    files = (
        file.model_copy(update={"path": was.path, "kept": was.kept}) if was.kept else file
        for was, file in zip(before.extracts, now.extracts, strict=True)
    )
    this = Resumption(at=moment(), target=now.target, **now.versions)
    return now.changed(extracts=tuple(files), started=before.started, resumed=(*before.resumed, this))


def check_target(before: Manifest, now: Manifest, journal: Journal) -> None:
    """Makes sure that a run of which anything is settled goes on where that is: no target would hold the whole.

    Raises:
        ConfigError: it was to go on in another target.
        RunFolderError: the journal is damaged.
    """
    if place_of(before.target) == place_of(now.target) or not any(settles(line) for _, line in journal.lines()):
        return
    raise ConfigError(
        f"{before.run_id} has settled rows with {before.target}, so it cannot go on in {now.target}: resume it where "
        "it began, then `bulkload replay` sends what did not get in to another --target, or `bulkload load` the whole "
        "extract"
    )


def check_same(before: Manifest, now: Manifest, digests: Sequence[str], *, force: bool = False) -> None:
    """Makes sure that a run goes on with what it began with; a run that had not read its extract yet may begin anew.

    Another version of this program is no change: the journal knows whether it makes the same requests.

    Args:
        before: the run as it stands on disk.
        now: the run as it goes on.
        digests: the content hash of each file of the extract as it is now.
        force: another mapping will do: what it makes is compared by key.

    Raises:
        ConfigError: one line that names everything that changed.
    """
    if not before.begun:
        return
    load = load_of(now.with_digests(digests), Trait.FORMAT, Trait.CONTENT, Trait.MAPPING)
    changed = [trait for trait in differences(before, load) if not (force and trait is Trait.MAPPING)]
    if changed:
        told = ", ".join(f"{t} (was {before.format})" if t is Trait.FORMAT else t for t in changed)
        hint = f"; {FORCE}" if changed == [Trait.MAPPING] else ""
        raise ConfigError(f"the run cannot go on, this changed since it began: {told}{hint}")
