"""The document that --json prints of a run: what the summary says, for scripts."""

from pipelines.report import advice
from pipelines.report.summary import Summary, all_reasons
from schemas.documents import ReasonDocument, RunDocument
from schemas.manifest import Reason
from schemas.nights.owners import Owners
from schemas.states import STATES

_OWNERS = Owners()
"""Who must act where no night.yaml names them."""


def run_document(run: Summary, owners: Owners = _OWNERS) -> RunDocument:
    """The document of a finished run.

    Args:
        run: its summary.
        owners: who must act on rows that are not in.
    """
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
        reasons=[reason_document(reason, run.operation, owners) for reason in all_reasons(manifest)],
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


def reason_document(reason: Reason, operation: str, owners: Owners = _OWNERS) -> ReasonDocument:
    """A reason as documents give it.

    Args:
        reason: of rows that are not in.
        operation: the load's.
        owners: who must act.
    """
    return ReasonDocument(
        state=reason.state,
        code=reason.code,
        rule=reason.rule,
        message=reason.message,
        rows=reason.rows,
        keys=reason.keys,
        examples=reason.examples,
        owner=owners.name(owners.party(reason.state, reason.code), operation),
    )
