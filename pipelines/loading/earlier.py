"""A run that stopped and goes on: with which options, and whether what it was given is still the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from connectors.run_folder.folder import RunFolder
from connectors.targets import Target
from pipelines.options import Options
from schemas.errors import ConfigError
from schemas.manifest import GIVEN, Manifest, Resumption, moment


@dataclass(frozen=True)
class Earlier:
    """A run that stopped, to go on with.

    Attributes:
        force: go on though the mapping or bulkload changed, where the keys are the same.
    """

    folder: RunFolder
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
        return Options.of(
            mode=manifest.mode,
            mapping=manifest.mapping.path if manifest.mapping else None,
            target=target or manifest.target,
            dialect=manifest.dialect,
            duplicates=manifest.duplicates,
            runs=folder.path.parent,
            expect=manifest.expect,
            hold=orjson.loads(folder.hold.read_bytes()) if folder.hold.exists() else {},
            **vars(manifest.settings),
        )
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


def elsewhere(before: Manifest, now: Manifest) -> list[str]:
    """What the user should know of a run that goes on in another target."""
    if before.target == now.target or not before.begun:
        return []
    return [f"what is settled was settled with {before.target} and is not sent to {now.target}"]


def check_same(before: Manifest, now: Manifest, digests: Sequence[str], *, force: bool = False) -> None:
    """Makes sure that a run goes on with what it began with; a run that had not read its extract yet may begin anew.

    Args:
        digests: the content hash of each extract as it is now.
        force: another mapping, or another version of this program, will do: what they make is compared by key.

    Raises:
        ConfigError: one line that names everything that changed.
    """
    if not before.begun:
        return
    fixed = {
        f"the format of the run folder (was {before.format})": before.format != now.format,
        "the content of the extract": [file.sha256 for file in before.extracts] != list(digests),
    }
    was, version = (manifest.versions["bulkload"] for manifest in (before, now))
    lenient = {
        "the mapping": (before.mapping and before.mapping.sha256) != (now.mapping and now.mapping.sha256),
        f"bulkload (was {was})": was != version,
    }
    changed = [name for name, differs in {**fixed, **({} if force else lenient)}.items() if differs]
    if changed:
        hint = "" if any(fixed.values()) else "; --force goes on all the same, if it still makes the same keys"
        raise ConfigError(f"the run cannot go on, this changed since it began: {', '.join(changed)}{hint}")
