"""What a night had accepted is read back at its end (`nightly --verify`), in the target that is still open."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from connectors.targets import Target
from pipelines.compare.sampling import Sample
from pipelines.compare.verify import Verification, verify
from pipelines.options import Options, Progress
from pipelines.report.report import Report
from schemas.errors import ConfigError, FatalError, StoppedError
from schemas.states import State
from schemas.texts import many


@dataclass(frozen=True)
class Verified:
    """What reading a night back showed.

    Attributes:
        runs: one for each of its runs that had accepted something.
        error: why some could not be read back; None where all were.
    """

    runs: tuple[Verification, ...] = ()
    error: StoppedError | None = None

    @property
    def codes(self) -> list[int]:
        """The exit code of each."""
        return [*(run.exit_code for run in self.runs), *([self.error.exit_code] if self.error else [])]

    @property
    def different(self) -> int:
        """Keys that LUSID does not hold as they were sent, or does not let be read."""
        return sum(run.wrong for run in self.runs)

    def __str__(self) -> str:
        """What it showed, in words."""
        return f"{self._counted}; {self.error.message}" if self.error else self._counted

    @property
    def shareable(self) -> str:
        """The same in words that quote no row."""
        return f"{self._counted}; {self.error.shareable}" if self.error else self._counted

    @property
    def _counted(self) -> str:
        read = sum(run.counts.total() for run in self.runs)
        how = f"{self.different:,} of them differ, `bulkload verify RUN` names them" if self.different else "all agree"
        return f"{many(read, 'key', 'keys')} read back, {how}" if read else "nothing to read back"


def check_sample(sample: str | None, options: Options) -> None:
    """Raises ConfigError for a --verify that can be of no use, before anything is loaded."""
    if sample is None:
        return
    if options.dry_run:
        raise ConfigError("--verify reads back what was sent, and --dry-run sends nothing: leave one of them out")
    try:
        Sample.parse(sample)
    except ConfigError as error:
        raise error.reworded(lambda text: text.replace("--sample", "--verify")) from None


def verified(reports: Sequence[Report], target: Target, sample: str, options: Options, progress: Progress) -> Verified:
    """Reads back what the runs of a night had accepted.

    Args:
        reports: of the loads.
        target: the night's, open.
        sample: how many keys of each, as `N` or `N%`.
        options: the night's.
        progress: told how far it is.
    """
    found = Verified()
    for report in reports:
        if not report.rows[State.ACCEPTED]:
            continue
        try:
            run = verify(report.run_id, runs=options.runs, target=target, sample=sample, progress=progress)
        except FatalError as error:
            text = f"{report.operation} could not be read back ({error.message}): `bulkload verify {report.run_id}`"
            return replace(found, error=StoppedError(text))
        found = replace(found, runs=(*found.runs, run))
    return found
