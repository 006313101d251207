"""A plan that a load is to follow: whether it is of this load, and what it says of each request."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from connectors.run_folder.planned import StoredPlan
from pipelines.planning.effect import Effect
from pipelines.prepare.reading import Prepared
from schemas.errors import ConfigError
from schemas.manifest import Manifest
from schemas.same_load import Aspect, differences, load_of

FORMAT: Final = 1
"""Of plan.parquet; raised when a column or a member changes its meaning."""

EFFECTS: Final = tuple(Effect)
"""Every effect; an effect's code in our arrays is its index here."""

_BEFORE_READING = (Aspect.OPERATION, Aspect.MODE, Aspect.DIALECT, Aspect.TARGET, Aspect.MAPPING)

_NONE: Final = 255


def given_of(manifest: Manifest, target: str, requests: Prepared) -> dict[str, Any]:
    """What tells a load from others, as JSON members.

    Args:
        manifest: of the load, with the hashes of its extract.
        target: where it loads; that of a dry run's manifest is empty.
        requests: those it would send.
    """
    digest, keys = requests.digests()
    load = manifest.changed(target=target).as_json()
    return {"format": FORMAT, "load": load, "requests": len(requests), "digest": digest, "keys": keys}


@dataclass(frozen=True)
class Intended:
    """What a plan says of each request.

    Attributes:
        effects: the code of each request's effect; shape (requests,), uint8.
        versions: the hash of the version that LUSID held, in this process; shape (requests,), int64.
        reasons: code and reason of each request that would be refused.
    """

    effects: npt.NDArray[np.uint8]
    versions: npt.NDArray[np.int64]
    reasons: Mapping[int, tuple[str, str]]

    def numbers(self, *effects: Effect) -> npt.NDArray[np.int64]:
        """The requests with one of some effects."""
        return np.flatnonzero(np.isin(self.effects, [EFFECTS.index(effect) for effect in effects]))


def version_hash(version: str | None) -> int:
    """A version in 8 bytes, to be compared within one process."""
    return hash(version or "")


class PlanToFollow:
    """A plan.parquet that a load is to follow.

    Attributes:
        counts: keys by effect.
    """

    def __init__(self, path: Path, name: str) -> None:
        """Opens it.

        Args:
            path: where it is.
            name: what the user calls it.

        Raises:
            ConfigError: it is no plan that this version can read.
        """
        self._stored = StoredPlan(path)
        given: Mapping[str, Any] = self._stored.given
        if given.get("format") != FORMAT:
            raise ConfigError(f"the plan {name} was made by another version of bulkload: plan again")
        self._given, self._load = given, Manifest.read(given.get("load", {}))
        self._name = name
        self.counts = self._stored.counts

    def check_load(self, manifest: Manifest) -> None:
        """Makes sure, before the extract is read, that it is the plan of this load.

        Raises:
            ConfigError: one line that names all that is another than it was.
        """
        self._refuse(list(differences(self._load, load_of(manifest, *_BEFORE_READING))))

    def check_content(self, manifest: Manifest) -> None:
        """The same of the extract's content, once it has been read."""
        self._refuse(list(differences(self._load, load_of(manifest, Aspect.CONTENT))))

    def intended(self, requests: Prepared) -> Intended:
        """What it says of each request.

        Raises:
            ConfigError: the load makes other requests than those that were planned, or the file is damaged.
        """
        digest, keys = requests.digests()
        if (self._given["requests"], self._given["digest"], self._given["keys"]) != (len(requests), digest, keys):
            raise ConfigError(
                f"the plan {self._name} was made with other options, or by another version of bulkload: the same "
                "extract makes other requests now; plan again"
            )
        effects, versions = np.full(len(requests), _NONE, np.uint8), np.zeros(len(requests), np.int64)
        reasons: dict[int, tuple[str, str]] = {}
        for request, effect, version, code, reason in self._stored.lines():
            if request is None:
                continue
            effects[request] = EFFECTS.index(Effect(effect))
            versions[request] = version_hash(version)
            if reason is not None:
                reasons[request] = code or "", reason
        if (effects == _NONE).any():
            raise ConfigError(f"the plan {self._name} is damaged, it does not speak of every key: plan again")
        return Intended(effects, versions, reasons)

    def _refuse(self, changed: list[Aspect]) -> None:
        if changed:
            raise ConfigError(
                f"the plan {self._name} is of another load, this differs: {', '.join(changed)}; plan again, or load "
                "without --plan"
            )
