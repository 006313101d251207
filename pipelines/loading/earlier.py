"""A run that stopped and goes on: with which options, and whether what it was given is still the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from connectors.run_folder.folder import RunFolder
from connectors.targets import Target
from pipelines.options import Options
from schemas.errors import ConfigError
from schemas.manifest import begun, moment


@dataclass(frozen=True)
class Earlier:
    """A run that stopped, to go on with.

    Attributes:
        force: go on though the mapping or bulkload changed, where the keys are the same.
    """

    folder: RunFolder
    force: bool = False


def options_of(manifest: dict[str, Any], folder: RunFolder, target: str | Target | None) -> Options:
    """The options a run had, `target` in place of its own where given.

    Raises:
        ConfigError: the manifest holds what no run was given.
    """
    mapping, settings = manifest["mapping"], manifest["settings"]
    try:
        return Options.of(
            mode=manifest["mode"],
            mapping=mapping["path"] if mapping else None,
            target=target or manifest["target"],
            dialect=manifest["dialect"],
            duplicates=manifest["duplicates"],
            runs=folder.path.parent,
            expect=manifest["expect"],
            hold=orjson.loads(folder.hold.read_bytes()) if folder.hold.exists() else {},
            **settings,
        )
    except ConfigError:
        raise ConfigError(f"{folder.manifest} is damaged: the run cannot go on") from None


def go_on(before: Mapping[str, Any], now: dict[str, Any]) -> list[str]:
    """Makes the manifest of a process that goes on with a run tell the whole run's story.

    Returns:
        What the user should know of it.
    """
    now["started"] = before["started"]
    for was, source in zip(before["extracts"], now["extracts"], strict=True):
        source.update({name: was[name] for name in ("path", "copy") if "copy" in was})
    now["resumed"] = [*before.get("resumed", ()), {"at": moment(), "target": now["target"], **now["versions"]}]
    if before["target"] == now["target"] or not begun(before):
        return []
    return [f"what is settled was settled with {before['target']} and is not sent to {now['target']}"]


def check_same(
    before: Mapping[str, Any], now: Mapping[str, Any], digests: Sequence[str], *, force: bool = False
) -> None:
    """Makes sure that a run goes on with what it began with; a run that had not read its extract yet may begin anew.

    Args:
        digests: the content hash of each extract as it is now.
        force: another mapping, or another version of this program, will do: what they make is compared by key.

    Raises:
        ConfigError: one line that names everything that changed.
    """
    if not begun(before):
        return
    fixed = {
        f"the format of the run folder (was {before['format']})": before["format"] != now["format"],
        "the content of the extract": [source["sha256"] for source in before["extracts"]] != list(digests),
    }
    lenient = {
        "the mapping": (before["mapping"] or {}).get("sha256") != (now["mapping"] or {}).get("sha256"),
        f"bulkload (was {before['versions']['bulkload']})": before["versions"]["bulkload"]
        != now["versions"]["bulkload"],
    }
    changed = [name for name, differs in {**fixed, **({} if force else lenient)}.items() if differs]
    if changed:
        hint = "" if any(fixed.values()) else "; --force goes on all the same, if it still makes the same keys"
        raise ConfigError(f"the run cannot go on, this changed since it began: {', '.join(changed)}{hint}")
