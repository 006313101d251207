"""Looks ahead, where a plan or a guard asks for it: what LUSID holds now, before the first request is sent.

A load that follows a plan sends what the plan says would be created or changed, and nothing else: what is the same is
not sent, what would be refused is not tried, and what LUSID changed meanwhile is left to a person. A guard stops a load
that would do too much.
"""

from collections import Counter

import numpy as np

from connectors.targets import Target
from pipelines.account.rules import CHANGED_SINCE
from pipelines.deliver.ledger import Outcome
from pipelines.deliver.list_reading import LONGEST
from pipelines.feeds.of_load import foreseen_by_feed
from pipelines.loading.sending import PreparedRun
from pipelines.planning.effect import Effect, is_foreseeable
from pipelines.planning.guard import Doing, over
from pipelines.planning.held import Held, HeldReader, version_of
from pipelines.planning.making import Plan, Planned, make_plan
from pipelines.planning.page import write_page
from pipelines.planning.stored import Intended, PlanToFollow, given_of, version_hash
from schemas.errors import LimitError
from schemas.states import State
from schemas.texts import many


def look_ahead(prepared: PreparedRun) -> LimitError | None:
    """Settles what a plan keeps from being sent; returns what stops the load where a guard does.

    Raises:
        ConfigError: the plan is of another extract, or is damaged.
        AuthError, UnreachableError: LUSID cannot be read.
    """
    options, target = prepared.run.spec.options, prepared.run.target
    if target is None or (options.plan is None and not options.guards):
        return None
    doubtful = prepared.ledger.restore()
    if options.plan is None:
        return _guarded_alone(prepared, target)
    plan = PlanToFollow(prepared.run.folder.plan, options.plan)
    plan.check_content(prepared.run.record.manifest)
    intended = plan.intended(prepared.requests)
    stop = _stopped(prepared, Doing.of(plan.counts))
    if stop is None:
        _leave_out(prepared, intended, doubtful, target)
    return stop


def planned_load(prepared: PreparedRun, target: Target, again: str) -> Plan:
    """Plans a load, and writes the plan and its page into the run's folder.

    Args:
        prepared: the load.
        target: where it would go.
        again: the command to repeat where LUSID cannot be read.

    Raises:
        AuthError, UnreachableError: LUSID cannot be read.
        RunFolderError: a file cannot be written.
    """
    run, requests = prepared.run, prepared.requests
    spec = prepared.calls
    given = given_of(run.record.manifest, target.url, requests)
    planned = Planned(requests, spec, target.url, given, _vanished(prepared, target.url))
    longest = run.assumed.filter_of(LONGEST)
    reader = HeldReader(requests, spec, target.client, run.folder.scratch, again, longest)
    plan = make_plan(planned, reader, run.folder.plan, run.spec.options.concurrency, run.spec.progress.note)
    write_page(plan)
    return plan


def _vanished(prepared: PreparedRun, target: str) -> int | None:
    """Keys that the feed had and the extract lacks; None without a feed."""
    run = prepared.run
    if prepared.feed is not None:
        return prepared.feed.vanished
    decision = foreseen_by_feed(run.spec.operation, run.spec.options, target, prepared.requests, run.day)
    if decision is None:
        return None
    if outdated := sum(map(len, decision.outdated.values())):
        later = many(outdated, "key is", "keys are")
        run.spec.progress.note(f"{later} of an older date than the feed has loaded: a load leaves what is older unsent")
    return len(decision.vanished)


def _guarded_alone(prepared: PreparedRun, target: Target) -> LimitError | None:
    """Holds a load without a plan to its limits, unless the run has passed them: what it began it may finish.

    By what its feed last had accepted, where that tells enough: nothing is read then. Otherwise by a plan made now.
    """
    operation, progress, options = prepared.run.spec.operation, prepared.run.spec.progress, prepared.run.spec.options
    if prepared.ledger.calls:
        return None
    if prepared.feed is not None and options.max_clear is None and (told := prepared.feed.doing) is not None:
        keys, create, change = told
        progress.note(f"{operation.name}: guarded by what feed {options.feed} last had accepted; LUSID is not read")
        return _stopped(prepared, Doing(keys, change, 0, create))
    if not is_foreseeable(operation):
        progress.note(f"{operation.name}: not guarded, what it does hangs on more than LUSID shows beforehand")
        return None
    return _stopped(prepared, Doing.of(planned_load(prepared, target, "resume").counts()))


def _stopped(prepared: PreparedRun, doing: Doing) -> LimitError | None:
    """What stops a load that would do too much, with the command that lets it."""
    run, feed = prepared.run, prepared.feed
    if feed is not None:
        doing = doing._replace(vanished=feed.vanished, known=feed.known)
    found = [] if prepared.ledger.calls else list(over(run.spec.options.guards, doing))
    if found or run.record.manifest.over:
        run.record.write(run.record.manifest.changed(over=Counter({each.option: each.keys for each in found})))
    if not found:
        return None
    files = [each for each in (run.folder.plan_page, run.folder.plan) if each.exists()]
    told = f"{files[0]} says what would be" if files else "`bulkload plan` says, by what LUSID holds, what would be"
    return LimitError(f"{'; '.join(map(str, found))} allows: nothing was sent; {told}")


def _leave_out(prepared: PreparedRun, intended: Intended, doubtful: set[int], target: Target) -> None:
    """Settles every request that the plan does not send, or that LUSID changed since; some are there in doubt yet.

    What is in doubt was looked at before it was sent: that LUSID changed it may be this run's own doing.
    """
    ledger, run = prepared.ledger, prepared.run
    to_settle = np.setdiff1d(ledger.open_requests(), np.array(sorted(doubtful), np.int64))
    refused = np.intersect1d(to_settle, intended.numbers(Effect.REFUSE))
    if len(refused):
        said = [(request, *intended.reasons[request]) for request in refused.tolist()]
        ledger.leave_out((), [Outcome(r, State.INVALID, code, f"the plan says: {why}") for r, code, why in said])
    longest = run.assumed.filter_of(LONGEST)
    reader = HeldReader(prepared.requests, prepared.calls, target.client, run.folder.scratch, "resume", longest)
    rest = np.setdiff1d(to_settle, refused)
    same = set(intended.numbers(Effect.SAME).tolist())
    for some in reader.read(rest, run.spec.options.concurrency, run.spec.progress.note):
        stale = [held for held in some if version_hash(version_of(held)) != intended.versions[held.request]]
        changed = {held.request for held in stale}
        unchanged = [held.request for held in some if held.request in same and held.request not in changed]
        if stale or unchanged:
            ledger.leave_out(unchanged, [Outcome(h.request, State.STALE, CHANGED_SINCE, _since(h)) for h in stale])


def _since(held: Held) -> str:
    """What became of a key since it was planned."""
    version = version_of(held)
    if version is None:
        return "LUSID does not hold it any more, as it did when the load was planned"
    return f"LUSID holds another version than when the load was planned: {version}"
