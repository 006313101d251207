"""Plans a load: prepares the extract as a load does, reads what LUSID holds of its keys, and sends nothing.

The rows are prepared as in a dry run, whose folder keeps the plan beside failures.csv.
"""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connectors.run_folder.folder import atomic_write
from connectors.targets import open_target, target_url
from pipelines.arguments import speaking_of_arguments
from pipelines.loading.ahead import planned_load
from pipelines.loading.opening import open_run
from pipelines.loading.run import close_books, prepare
from pipelines.loading.sending import Sent
from pipelines.loading.spec import LoadSpec
from pipelines.options import Extracts, Options, Progress
from pipelines.planning.effect import Effect, check_foreseeable
from pipelines.planning.making import Plan
from pipelines.report.advice import next_command
from pipelines.report.report import Report
from pipelines.report.summary import Summary
from schemas.documents import PlanDocument
from schemas.errors import UnreachableError

REFUSED = 3
"""The exit code where some keys would be refused."""


@dataclass(frozen=True)
class PlanReport:
    """A plan, and the dry run that prepared its rows.

    Attributes:
        next: the command that loads what was planned.
    """

    plan: Plan
    prepared: Report
    next: str

    @property
    def exit_code(self) -> int:
        """0 where every key could be loaded."""
        return REFUSED if self.plan.keys[Effect.REFUSE] else 0

    def document(self) -> PlanDocument:
        """What --json prints."""
        plan = self.plan
        return PlanDocument(
            operation=plan.operation,
            target=plan.target,
            exit_code=self.exit_code,
            keys={**plan.counts(), "vanished": plan.vanished},
            members=dict(plan.members.most_common()),
            plan=str(plan.file),
            page=str(plan.page),
            next=self.next,
            run_id=self.prepared.run_id,
            seconds=self.prepared.seconds,
        )


@speaking_of_arguments()
def plan(
    operation: str, extract: Extracts, *, out: Path | None = None, progress: Progress | None = None, **options: Any
) -> PlanReport:
    """Says what a load would do with each key of an extract, and writes it to plan.parquet and plan.html.

    Args:
        operation: its name, such as `investor-records`.
        extract: files, globs or directories of CSV or Parquet, or a pandas DataFrame.
        out: where plan.parquet goes, with the page beside it; None leaves both in the folder of the dry run.
        progress: receives notes and progress.
        options: fields of `Options`, as in `load`.

    Raises:
        ConfigError: a setting, mapping or header is wrong, no target is named, or the operation cannot be planned.
        ExtractError: the extract cannot be read.
        AuthError, UnreachableError: LUSID refuses our credentials or does not answer.
        RunFolderError: a file cannot be written.
    """
    given = LoadSpec.of(operation, extract, progress=progress, **options)
    check_foreseeable(given.operation)
    target_url(given.options.target)  # before the extract is opened
    dry = LoadSpec(given.operation, extract, _dry(given.options), given.progress)
    with ExitStack() as closing:
        run = closing.enter_context(open_run(dry))
        try:
            target = closing.enter_context(
                open_target(given.options.target, given.options, given.progress.note, given.progress.waiting)
            )
        except UnreachableError as error:
            raise UnreachableError(f"{error.message}; nothing was sent: plan again when it answers") from None
        prepared = prepare(run)
        made = planned_load(prepared, target, "plan")
        report = close_books(prepared, Sent())
    if out is not None:
        made = _copied(made, out)
    manifest = run.record.manifest
    settings = Options.of(**{**vars(manifest.settings), "plan": str(made.file)}).kept()
    summary = Summary.of(run.folder, manifest.changed(target=target.url, settings=settings))
    return PlanReport(made, report, next_command(summary))


def _dry(options: Options) -> Options:
    """The options of the dry run that prepares the rows: nothing is sent, so nothing is guarded."""
    return Options.of(**{**vars(options), "dry_run": True, "plan": None})


def _copied(made: Plan, out: Path) -> Plan:
    """The plan where the user wants it; each file whole."""
    copied = replace(made, file=out)
    for source, to in ((made.file, copied.file), (made.page, copied.page)):
        with atomic_write(to) as part:
            shutil.copyfile(source, part)
    return copied
