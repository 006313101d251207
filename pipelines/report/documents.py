"""The document that --json prints of a run: what the summary says, for scripts."""

from pipelines.report import advice
from pipelines.report.summary import Summary, all_reasons
from schemas.documents import ReasonDocument, RunDocument
from schemas.manifest import Reason
from schemas.states import STATES


def run_document(run: Summary) -> RunDocument:
    """The document of a finished run."""
    manifest = run.manifest
    return RunDocument(
        run_id=manifest.run_id,
        run_dir=str(run.folder.path),
        operation=run.operation,
        feed=manifest.settings.feed,
        date=manifest.date,
        mode=manifest.mode,
        target=manifest.target,
        verdict=run.verdict,
        colour=run.colour,
        exit_code=manifest.exit_code,
        rows={name: run.rows[name] for name in ("read", *STATES)},
        keys={state: run.keys[state] for state in STATES},
        reasons=list(map(reason_document, all_reasons(manifest))),
        changes=manifest.changes,
        alerts=advice.alerts(run),
        warnings=advice.warnings(run),
        failures=str(run.folder.failures) if run.to_correct else None,
        next=advice.next_command(run) or None,
        replays=manifest.replays,
        requests=manifest.requests,
        retries=manifest.retries,
        seconds=manifest.seconds,
    )


def reason_document(reason: Reason) -> ReasonDocument:
    """A reason as documents give it."""
    return ReasonDocument(
        state=reason.state,
        code=reason.code,
        rule=reason.rule,
        message=reason.message,
        rows=reason.rows,
        keys=reason.keys,
        examples=reason.examples,
    )
