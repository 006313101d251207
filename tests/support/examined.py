"""A sandbox of some variant, examined by the doctor over real HTTP. Must not know which probes there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from pipelines.doctor.doctor import examine
from pipelines.doctor.findings import Examination
from pipelines.options import Options
from schemas.assumptions import Told

SCOPE = "doctor-scratch"
PATIENCE = 0.01


@contextmanager
def sandbox_that(differs: str = "", dialect: str = "2.3", **setup: Any) -> Iterator[Sandbox]:
    """A sandbox of which nothing is assumed to exist, as a scratch scope is empty, and the settings that let us in."""
    made = Sandbox(differs=differs, dialect=dialect, known="none", rate_limit=10**6, **setup)
    with pytest.MonkeyPatch.context() as patch, made as sandbox:
        patch.setenv("FBN_ACCESS_TOKEN", sandbox.access_token)
        yield sandbox


def examined(sandbox: Sandbox, out: Path, dialect: str = "2.3", **more: Any) -> Examination:
    """What the doctor finds."""
    options = Options.of(target=sandbox.url, dialect=dialect, patience=PATIENCE)
    return examine(SCOPE, out=out, options=options, **more)


def told(found: Examination, what: Told) -> set[str]:
    """The probes of which something is told, with their operation where they are of one."""
    return {f"{f.probe} {f.of}".strip() for f in found.findings if f.told is what}


def left_in(sandbox: Sandbox) -> dict[str, int]:
    """How many entities of each kind a sandbox holds."""
    with sandbox._service.store.read() as transaction:
        rows = transaction._connection.execute("SELECT kind, COUNT(*) FROM entity GROUP BY kind")
        return dict(rows.fetchall())
