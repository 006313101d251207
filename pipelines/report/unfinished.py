"""A run whose books are not closed, because it is under way, was killed or ended in an error: what its journal knows.

Reads the run's folder, while another process may be writing it, and leaves it as it is.
"""

from array import array
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import is_in_use
from connectors.run_folder.journal_lines import journal_lines
from pipelines.account.reasons import Reasons, RowReason
from pipelines.report import advice
from pipelines.report.documents import reason_document
from schemas.documents import ProgressDocument, RunDocument
from schemas.errors import RunFolderError
from schemas.manifest import Manifest, Reason
from schemas.states import OVER, PENDING, STATES, State, by_state, code_of
from schemas.texts import many, server_text
from schemas.verdicts import colour_of


@dataclass(frozen=True)
class UnfinishedRun:
    """A run whose books are not closed.

    Attributes:
        is_running: whether a process is working on it.
        silent_since: when it last wrote something, as an ISO 8601 text.
        requests: how many it has; None while it reads its extract.
        settled: requests by the state they have ended in.
        in_doubt: requests that were sent, and no answer is there.
        reasons: why requests were not accepted, each counted by its first row.
    """

    folder: RunFolder
    manifest: Manifest
    is_running: bool
    silent_since: str
    requests: int | None
    settled: dict[State, int]
    in_doubt: int
    reasons: list[Reason]

    @classmethod
    def of(cls, folder: RunFolder, manifest: Manifest) -> Self:
        """What is known of a run whose manifest has no counts.

        Raises:
            RunFolderError: its journal is damaged.
        """
        there = folder.journal.exists()
        written = max(path.stat().st_mtime for path in (folder.manifest, folder.journal) if path.exists())
        found = _Settled(folder) if there else None
        return cls(
            folder=folder,
            manifest=manifest,
            is_running=is_in_use(folder.journal),
            silent_since=datetime.fromtimestamp(written, UTC).isoformat(timespec="seconds"),
            requests=len(found.states) if found and found.planned else None,
            settled=by_state(np.bincount(found.states, minlength=len(STATES)))
            if found
            else by_state([0] * len(STATES)),
            in_doubt=found.in_doubt() if found else 0,
            reasons=found.reasons() if found else [],
        )

    @property
    def waiting(self) -> int:
        """Requests that have not been sent."""
        return (self.requests or 0) - sum(self.settled.values()) - self.in_doubt

    @property
    def headline(self) -> str:
        """In one line: how it is, and since when it is silent."""
        silent = f"silent since {self.silent_since[:19].replace('T', ' ')} UTC"
        if self.is_running:
            return f"under way, {silent}"
        error = f": {server_text(self.manifest.error, 1000)}" if self.manifest.error else ", it was killed"
        return f"not finished{error}; {silent}"

    @property
    def progress(self) -> str:
        """How many requests are settled, in doubt and waiting."""
        if self.requests is None:
            return "nothing has been sent: it had not read its extract to the end"
        settled = f"{sum(self.settled.values()):,} of {many(self.requests, 'request', 'requests')} settled"
        return f"{settled}, {self.in_doubt:,} in doubt (sent, and no answer yet), {self.waiting:,} waiting"

    @property
    def next_step(self) -> str:
        """What to do before typing `next_command`."""
        if self.is_running:
            return "It is at work. Look again later."
        return "" if self.manifest.verdict in OVER else "Resume it: settled requests are not sent again."

    @property
    def next_command(self) -> str:
        """The command to type next; empty where there is none."""
        if self.is_running:
            return advice.command_on("report", self.folder, None)
        return "" if self.manifest.verdict in OVER else advice.command_on("resume", self.folder, self.manifest.target)

    def document(self) -> RunDocument:
        """The document that --json prints."""
        manifest = self.manifest
        return RunDocument(
            run_id=self.folder.run_id,
            run_dir=str(self.folder.path),
            operation=manifest.operation,
            feed=manifest.settings.feed,
            date=manifest.date,
            mode=manifest.mode,
            target=manifest.target,
            verdict=manifest.verdict,
            colour=colour_of(manifest.verdict, None, None),
            exit_code=manifest.exit_code,
            rows=None,
            keys={state.value: count for state, count in self.settled.items()},
            reasons=[reason_document(reason, manifest.operation) for reason in self.reasons],
            warnings=[server_text(manifest.error, 1000)] if manifest.error else [],
            failures=None,
            next=self.next_command or None,
            replays=manifest.replays,
            requests=manifest.requests,
            retries=manifest.retries,
            seconds=manifest.seconds,
            progress=self.progress_document(),
        )

    def progress_document(self) -> ProgressDocument:
        """How far it is, in documents."""
        return ProgressDocument(
            is_running=self.is_running,
            silent_since=self.silent_since,
            requests=self.requests,
            settled=sum(self.settled.values()),
            in_doubt=self.in_doubt,
            waiting=self.waiting,
        )


class _Settled:
    """The requests of a journal, each in the state that it was last settled in; 10 bytes for each."""

    def __init__(self, folder: RunFolder) -> None:
        self._path = folder.journal
        first = next(journal_lines(self._path), None)
        count = first[1].get("plan", 0) if first else 0
        self.planned = first is not None
        self._codes, self._doubts, self._settled_at = (
            bytearray([PENDING]) * count,
            bytearray(count),
            array("q", [-1]) * count,
        )
        for offset, record in journal_lines(self._path):
            try:
                self._take(offset, record)
            except (KeyError, TypeError, ValueError, IndexError):
                raise RunFolderError(f"{self._path}: the line at byte {offset} is damaged") from None

    def _take(self, offset: int, record: dict[str, Any]) -> None:
        for first, count in record.get("sent", ()):
            self._doubts[first : first + count] = b"\1" * count
        for state in (State.ACCEPTED, State.UNCHANGED):
            for first, count in record.get(state.value, ()):
                self._codes[first : first + count] = bytes([code_of(state)]) * count
        for request, state, _, _ in record.get("settled", ()):
            self._codes[request] = code_of(State(state))
            self._settled_at[request] = offset

    @property
    def states(self) -> "np.typing.NDArray[np.uint8]":
        """The state code of each request."""
        return np.frombuffer(self._codes, np.uint8)

    def in_doubt(self) -> int:
        """How many requests were sent and are not settled."""
        return int(np.count_nonzero(np.frombuffer(self._doubts, np.uint8) & (self.states == PENDING)))

    def reasons(self) -> list[Reason]:
        """Why requests were not accepted."""
        found = Reasons()
        for offset, record in journal_lines(self._path):
            settled = record.get("settled", ())
            named = record.get("named") or [("", f"request {request}") for request, *_ in settled]
            for (request, state, code, message), (key, where) in zip(settled, named, strict=True):
                if self._settled_at[request] == offset and not State(state).traits.good:
                    found.count(RowReason(State(state), code, message), key, where)
        return found.ranked()
