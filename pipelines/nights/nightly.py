"""Loads a night: the extracts of one folder, one after another; rows that depend on a failed row are held.

`folder` finds the extracts and `sequence` loads them; `trading_day` does the same with other names. Knows no HTTP and
no Prefect: `flows` runs the same night with loads whose steps are Prefect tasks.
"""

from pathlib import Path
from typing import Any

from pipelines.load import carry_out
from pipelines.loading.spec import CarryOut
from pipelines.nights.folder import find_extracts
from pipelines.nights.report import NightlyReport
from pipelines.nights.sequence import load_steps
from pipelines.nights.step import Step
from pipelines.options import Progress


def nightly(
    folder: Path, *, progress: Progress | None = None, carry_out: CarryOut = carry_out, **options: Any
) -> NightlyReport:
    """Loads a folder's investor records, then its accounts, then its orders, into one target.

    Each load passes the references that failed to the next, where rows that need them are `held`; where these are not
    known, the loads that depend on them do not start. A load that stops early ends the night. The same night again
    resumes where it stopped.

    Args:
        folder: holds the extracts, by name, and their mappings.
        progress: receives notes and progress.
        carry_out: carries out each load.
        options: fields of `Options` for every load, and `again` to load everything anew instead of resuming; mappings
            come from the folder. `done` is asked whether the night has been loaded before, once no other process can be
            loading it.

    Raises:
        ConfigError: there is no such folder, it holds no extract, or an option is wrong; nothing was sent.
        FatalError: the first load could not be carried out, as `load` raises it. Errors of later loads are reported.
    """
    progress = progress or Progress()
    found = find_extracts(folder)
    for note in found.notes:
        progress.note(note)
    return load_steps(folder, [Step.of(e) for e in found.extracts], progress, carry_out, options).after(found.notes)
