"""Makes the manifest of a run: when it opens, and when its books are closed."""

import platform
from collections.abc import Sequence
from importlib.metadata import version

from connectors.extracts.mapping_file import file_sha256
from connectors.extracts.source_files import Source
from pipelines.options import Options
from pipelines.report.report import Report
from schemas.manifest import FORMAT, ExtractFile, Manifest, MappingFile, moment

MOST_REASONS = 100


def opening(
    run_id: str,
    operation: str,
    options: Options,
    *,
    target: str | None,
    sources: Sequence[Source],
    replays: str | None,
) -> Manifest:
    """The manifest before the first row is read; the hashes of the extracts follow once they are read.

    Args:
        run_id: the name of the run's folder.
        operation: the operation's name.
        options: the load's options.
        target: the target's URL; None in a dry run.
        sources: the files of the extract.
        replays: the id of the run that this one replays; None where it is no replay.
    """
    mapping = options.mapping
    return Manifest(
        format=FORMAT,
        run_id=run_id,
        operation=operation,
        mode=options.mode,
        dialect=options.dialect,
        duplicates=options.duplicates,
        target=target,
        extracts=tuple(ExtractFile(name=s.name, path=str(s.path.resolve()), bytes=s.size) for s in sources),
        mapping=MappingFile(path=str(mapping.resolve()), sha256=file_sha256(mapping)) if mapping else None,
        settings=options.kept(),
        versions={"bulkload": version("lusid-bulkload"), "python": platform.python_version()},
        expect=options.expect,
        replays=replays,
        followed=options.followed,
        started=moment(),  # to the microsecond: several loads of a night may begin within a second
    )


def closed(manifest: Manifest, report: Report) -> Manifest:
    """The manifest of a run whose books are closed."""
    counts = report.as_json()
    return manifest.changed(
        finished=moment(),
        seconds=counts["seconds"],
        rows=counts["rows"],
        keys=counts["keys"],
        requests=report.requests,
        retries=report.retries,
        reasons=report.reasons[:MOST_REASONS],
        warnings=report.warnings,
        verdict=report.verdict,
        exit_code=report.exit_code,
    )
