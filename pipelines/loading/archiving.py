"""The last step of a load that has an archive: the folder of a finished run is copied there."""

from dataclasses import replace

from connectors.archive import copy_run
from pipelines.loading.opening import OpenRun
from pipelines.report.html import write_html
from pipelines.report.report import Report
from schemas.errors import LoadError
from schemas.states import OVER
from schemas.texts import one_line


def archived(run: OpenRun, report: Report, url: str) -> Report:
    """Copies the folder of a run whose books are closed, if it is finished.

    The run is finished whatever becomes of the copy: where it fails, the report and the run's files say so, and the
    exit code stays that of the load.

    Args:
        run: the load.
        report: how it ended.
        url: of the archive.

    Returns:
        The report, with a warning where the run was not copied whole.
    """
    if report.verdict not in OVER:
        return report
    try:
        place = copy_run(run.folder.path, run.folder.manifest, url)
    except Exception as error:  # noqa: BLE001 - whatever a client of a place raises: the run is finished
        said = error.message if isinstance(error, LoadError) else one_line(str(error)) or type(error).__name__
        warning = f"the run is not archived in {url} ({said}): copy {run.folder.path} there"
        manifest = run.record.manifest.changed(warnings=(*report.warnings, warning))
        write_html(run.folder, manifest)
        run.record.write(manifest)
        return replace(report, warnings=manifest.warnings)
    run.spec.progress.note(f"archived: {place}")
    return report
