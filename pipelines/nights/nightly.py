"""A night: the extracts of one folder go in one after another, and what depends on a failed row is held.

`night_folder` says which files are which extract, `steps` carries the loads out; `trading_day` does the same with other
names. Knows no HTTP and no Prefect: `flows` runs the same night with loads whose steps are Prefect tasks.
"""

from pathlib import Path
from typing import Any

from pipelines.load import carry_out
from pipelines.loading.job import CarryOut
from pipelines.nights.folder import find_extracts
from pipelines.nights.report import NightlyReport
from pipelines.nights.sequence import load_steps
from pipelines.nights.step import Step
from pipelines.options import Progress


def nightly(
    folder: Path, *, progress: Progress | None = None, carry_out: CarryOut = carry_out, **options: Any
) -> NightlyReport:
    """Loads a folder's investor records, then its accounts, then its orders, into one target.

    What did not make it in one load is told to the next, where a row that needs it ends `held`; where that cannot be
    told any more, the loads that depend on it are not begun. A load that stops early ends the night. Begun again with
    the same extracts, a night goes on where it stopped.

    Args:
        folder: holds the extracts, by name, and their mappings.
        progress: told what happens.
        carry_out: what carries out each load.
        options: fields of `Options` for every load, and `again` to load anew what an earlier night left unfinished;
            mappings come from the folder.

    Raises:
        ConfigError: there is no such folder, it holds no extract, or an option is wrong; nothing was sent.
        FatalError: the first load could not be carried out, as `load` raises it. Later ones' errors are reported.
    """
    progress = progress or Progress()
    found = find_extracts(folder)
    for note in found.notes:
        progress.note(note)
    return load_steps(folder, [Step.of(e) for e in found.extracts], progress, carry_out, options).after(found.notes)
