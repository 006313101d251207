"""Makes and writes the manifest of a run: when it opens, when its books are closed, and when it ends in an error."""

import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import version

from connectors.extracts.mapping_file import file_sha256
from connectors.extracts.source_files import Source
from connectors.run_folder.folder import RunFolder
from pipelines.loading.spec import LoadSpec
from pipelines.report.report import Report
from schemas.errors import FatalError, LoadError
from schemas.manifest import FORMAT, ExtractFile, Manifest, MappingFile, moment
from schemas.states import EXIT_CODES, Verdict


def opening(spec: LoadSpec, run_id: str, target: str | None, sources: Sequence[Source]) -> Manifest:
    """The manifest before the first row is read; the hashes of the extracts follow once they are read.

    Args:
        spec: the load.
        run_id: the name of the run's folder.
        target: the target's URL; None in a dry run.
        sources: the files of the extract.
    """
    options, mapping = spec.options, spec.options.mapping
    return Manifest(
        format=FORMAT,
        run_id=run_id,
        operation=spec.operation.name,
        mode=options.mode,
        dialect=options.dialect,
        duplicates=options.duplicates,
        target=target,
        extracts=tuple(ExtractFile(name=s.name, path=s.place, bytes=s.size) for s in sources),
        mapping=MappingFile(path=str(mapping.resolve()), sha256=file_sha256(mapping)) if mapping else None,
        settings=replace(options.kept(), assume=options.assume and options.assume.resolve()),
        versions=_versions(),
        expect=options.expect,
        replays=spec.replayed.run.run_id if spec.replayed else None,
        followed=options.followed,
        started=moment(),  # to the microsecond: several loads of a night may begin within a second
    )


@cache
def _versions() -> dict[str, str]:
    """Read once: a night has many loads, and the package's metadata is a long text."""
    return {"bulkload": version("lusid-bulkload"), "python": platform.python_version()}


def closed(manifest: Manifest, report: Report) -> Manifest:
    """The manifest of a run whose books are closed."""
    rows = {"read": report.rows_read, **{state.value: count for state, count in report.rows.items()}}
    return manifest.changed(
        finished=moment(),
        seconds=round(report.seconds, 3),
        rows=Counter(rows),
        keys=Counter(report.keys),
        requests=report.requests,
        retries=report.retries,
        reasons=report.reasons,
        changes=Counter(report.changes),
        alerts=report.alerts,
        warnings=report.warnings,
        verdict=report.verdict,
        exit_code=report.exit_code,
    )


class Record:
    """The manifest of a run, as this process knows it.

    Attributes:
        manifest: as it was last written, or as it will first be written.
    """

    def __init__(self, folder: RunFolder, manifest: Manifest) -> None:
        self.manifest = manifest
        self._folder = folder
        self._is_written = False

    def write(self, manifest: Manifest) -> None:
        """Writes the manifest to disk."""
        self.manifest = manifest
        self._is_written = True
        self._folder.write_manifest(manifest)

    def fail(self, error: BaseException) -> None:
        """Records that the run ended in an error, unless it has a verdict already.

        A run that cannot be resumed because its extract changed stays as it was, with the hashes it began with.
        """
        if self._is_written and self.manifest.verdict is Verdict.UNFINISHED:
            stopped = isinstance(error, FatalError) and error.exit_code == EXIT_CODES[Verdict.STOPPED]
            text = error.message if isinstance(error, LoadError) else type(error).__name__
            self.write(self.manifest.changed(verdict=Verdict.STOPPED if stopped else Verdict.ERROR, error=text))
