"""What --json prints of all runs at once: the list of runs, what is still open, and what a query found."""

from collections.abc import Mapping
from typing import Any

from schemas.dialects import Dialect
from schemas.documents import Document, ProgressDocument, ReasonDocument
from schemas.states import Mode, State, Status, Verdict
from schemas.verdicts import Colour


class PastRunDocument(Document):
    """A run in the list that `runs` prints.

    Attributes:
        target: where it loaded; null in a dry run.
        status: how it is now; `verdict` is `unfinished` while it is under way and after it was killed.
        colour: what its end amounts to; null while it is under way, and after it was killed.
        started, finished: null where its manifest does not say.
        rows: extract rows, `read` and by state; null until its books are closed, as the four counts below.
        to_correct: rows that were not accepted; of a dry run, rows that would not be sent.
        to_resume: rows that `resume` settles, where the run has stopped.
        resolved: rows of this run that its replays, and theirs, got in; null where a file that says so is damaged.
        pending: rows of this run that are in a replay that has not finished.
        replays: the run whose failures it sends again; null where it is no replay.
        replayed_by: its replays, newest first.
        progress: how far it is; null once its books are closed, and where it has no journal.
    """

    run_id: str
    run_dir: str
    operation: str
    mode: Mode
    dialect: Dialect
    target: str | None
    status: Status
    verdict: Verdict
    colour: Colour | None
    dry_run: bool
    started: str | None
    finished: str | None
    rows: Mapping[str, int] | None
    to_correct: int | None
    to_resume: int | None
    resolved: int | None
    pending: int | None
    replays: str | None
    replayed_by: list[str]
    progress: ProgressDocument | None = None


class OpenReasonDocument(ReasonDocument):
    """Rows that are still not in for one reason.

    Attributes:
        since: when the first run that had them, and did not get them in, began.
    """

    since: str


class OpenRunDocument(Document):
    """A run with rows that are still not in.

    Attributes:
        status: how it is now.
        rows: its rows that are still not in; 0 while its books are not closed. keys: requests' keys among them.
        reasons: why, by the run that had the rows last; none while its books are not closed.
        progress: how far it is; null once its books are closed, and where nothing can be read of it.
        error: what ended it, or which of its files is missing or damaged; null where nothing is wrong.
        next: the command to type next; null where there is none.
    """

    run_id: str
    run_dir: str
    operation: str
    target: str | None
    status: Status
    started: str | None
    rows: int
    keys: int
    reasons: list[OpenReasonDocument]
    progress: ProgressDocument | None
    error: str | None
    next: str | None


class OpenDocument(Document):
    """What is still not in, over all runs: what `open` prints.

    Attributes:
        rows: of all the runs. keys: those of requests among them.
        runs: those with rows that are still not in, newest first.
        rehearsals: runs that are left out: dry runs, and loads into a sandbox in memory.
    """

    rows: int
    keys: int
    runs: list[OpenRunDocument]
    rehearsals: int


class ComparedReason(Document):
    """Rows of two runs that are not in for one reason.

    Attributes:
        rows_before: of the earlier run; rows: of the run.
        new: keys that the earlier run did not fail; still: keys that both did.
        cured: keys that the earlier run failed and the run got in; gone: those that the run does not have.
    """

    state: State
    code: str
    rows_before: int
    rows: int
    new: int
    still: int
    cured: int
    gone: int


class ComparisonDocument(Document):
    """How a run differs from an earlier one: what `report --compare` prints.

    Attributes:
        rows: extract rows of the earlier run and of this one, `read` and by state.
    """

    run_id: str
    compared_with: str
    operation: str
    rows: Mapping[str, tuple[int, int]]
    reasons: list[ComparedReason]


class NightReasonDocument(Document):
    """Rows of all loads of a night that are not in for one reason.

    Attributes:
        rows: of each load, by operation.
        owner: who looks after them; party: which of `source`, `lusid` and `us` that is.
        holds: rows of other loads that wait for them.
        new: keys that were in on the night before; still: keys that were not; since: the date of the first of the
            unbroken row of nights. Null where there is no night to compare with.
    """

    state: State
    code: str
    rows: Mapping[str, int]
    party: str
    owner: str
    holds: int
    new: int | None
    still: int | None
    since: str | None


class NightFactsDocument(Document):
    """A night as it is now: what `report --night` prints.

    Attributes:
        night: its folder. page: the path of its page.
        open: its rows that are still not in, after replays and later loads.
        new, still, cured: keys, compared with the night before; null where there is none.
        next: the commands to type next.
    """

    night: str
    name: str
    date: str
    target: str | None
    verdict: Verdict
    colour: Colour
    exit_code: int
    headline: str
    page: str
    runs: list[str]
    read: int
    accepted: int
    not_accepted: int
    open: int
    new: int | None
    still: int | None
    cured: int | None
    reasons: list[NightReasonDocument]
    next: list[str]


class ColumnDocument(Document):
    """A column of what a query found.

    Attributes:
        type: as duckdb names it.
    """

    name: str
    type: str


class QueryDocument(Document):
    """What a query found: what `sql` prints.

    Attributes:
        rows: the cells of each, in the order of the columns; times, decimals and the like are texts.
    """

    columns: list[ColumnDocument]
    rows: list[list[Any]]


class AuditDocument(Document):
    """A pack for an auditor: what `audit` prints.

    Attributes:
        exit_code: 0, or 5 where the rows of a run, counted anew, do not agree or its journal is damaged.
        audit: the path of the zip. sha256: of its bytes.
        runs: the ids of the runs in it.
        balanced: whether the rows of every run, counted anew, agree, and every journal is intact.
        personal_data: whether it holds any.
    """

    exit_code: int
    audit: str
    sha256: str
    runs: list[str]
    balanced: bool
    personal_data: bool


class ForgottenFile(Document):
    """A file that named a person, and in how many places."""

    file: str
    places: int


class ForgetDocument(Document):
    """Where a person was: what `forget` prints.

    Attributes:
        done: whether they were taken out; without --yes they were not.
        left: files that name them and that it cannot change.
        extracts: files that were loaded by runs with rows of theirs; they stay as they are.
        to_resume: runs with rows of theirs that can be resumed, and would read their extract again.
    """

    done: bool
    places: int
    files: list[ForgottenFile]
    left: list[str]
    extracts: list[str]
    to_resume: list[str]


class DoctorFinding(Document):
    """Whether one assumption about LUSID holds.

    Attributes:
        of: the operation that it was tried with; null where it is of no single one.
        assumes: what is inferred.
        told: `holds`, `differs` or `could not tell`.
        saw: what LUSID did.
    """

    probe: str
    of: str | None
    assumes: str
    told: str
    saw: str


class DoctorDocument(Document):
    """What one LUSID does: what `doctor` prints.

    Attributes:
        exit_code: 0 where all holds and nothing is left behind, else 3.
        assume: the file that --assume takes.
        left: what was made and could not be removed. left_file: names it, for the next doctor; null where nothing is.
    """

    exit_code: int
    target: str
    dialect: str
    scope: str
    assume: str
    findings: list[DoctorFinding]
    left: list[str]
    left_file: str | None
