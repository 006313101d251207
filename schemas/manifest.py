"""What the manifest of a run holds, and what it means. No secrets, no cells."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

FORMAT = 1
"""Raised when a member changes its meaning."""


def begun(manifest: Mapping[str, Any]) -> bool:
    """Whether a run had read its extract, and so may have sent something."""
    return all("sha256" in source for source in manifest["extracts"])


def moment() -> str:
    """This moment, to the millisecond, as manifests write it: such texts compare as moments do."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
