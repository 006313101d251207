"""Planted defects: each, alone, must turn the named tests red. A check that cannot fail proves nothing.

Owns the list and how a defect is planted in a copy of the tree. As a program it plants them all, or those named:
`python tests/support/mutations.py [NAME ...]`.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("schemas", "connectors", "pipelines", "tests", "data", "docs", "pyproject.toml", "README.md")
RED = 1
"""pytest's exit code when tests failed; others say that nothing was tested."""


@dataclass(frozen=True)
class Mutation:
    """One defect.

    Attributes:
        file: below the root; it must hold `old` exactly once.
        tests: what must go red, as pytest takes it.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        "tell what a server echoes of a token",
        "connectors/lusid/secrets.py",
        "        if not probes:\n",
        "        if probes or not probes:\n",
        ("tests/loads/test_secrets.py::test_a_server_that_says_everything_back_is_told_without_it[ids]",),
    ),
    Mutation(
        "tell what LUSID quotes of a cell",
        "pipelines/deliver/redaction.py",
        " if self._members else text\n",
        " if not self._members else text\n",
        ("tests/loads/test_secrets.py::test_a_server_that_says_everything_back_is_told_without_it[failed]",),
    ),
    Mutation(
        "take prose for a promise",
        "pipelines/deliver/answer_reader.py",
        'and (done or "without error" in text)',
        "and text",
        ("tests/unit/deliver/test_answer_reader.py::test_an_entry_of_failed_is_read_for_what_it_says",),
    ),
    Mutation(
        "leave unknown what could be read back",
        "pipelines/deliver/delivery.py",
        "            self.reading_back.settle_unclear(call, unclear)\n",
        "            self._ledger.settle(call, None, unclear)\n",
        ("tests/unit/deliver/test_delivery.py::test_what_an_answer_does_not_tell_is_read_back",),
    ),
    Mutation(
        "believe a proxy's page",
        "pipelines/deliver/delivery.py",
        "        if problem.is_lusids or self._operation.idempotent:\n",
        "        if problem:\n",
        ("tests/unit/deliver/test_delivery.py::test_a_refusal_in_nobodys_words_is_no_proof_that_nothing_was_done",),
    ),
    Mutation(
        "compare a part of what was sent",
        "pipelines/operations/evidence_rules.py",
        '        elif name != "state":\n',
        '        elif name in ("id", "quantity"):\n',
        ("tests/unit/operations/test_evidence_rules.py::test_a_block_is_proven_by_its_orders",),
    ),
    Mutation(
        "resume without a journal",
        "pipelines/loading/preparing.py",
        "    if before.begun and not ledger.planned:\n",
        "    if not before:\n",
        ("tests/loads/test_resume.py::test_without_its_journal_a_run_that_may_have_sent_is_not_resumed",),
    ),
    Mutation(
        "call in doubt what was turned away",
        "pipelines/deliver/ledger.py",
        "            self.in_doubt[request] = state.traits.in_doubt\n",
        "",
        ("tests/loads/test_resume.py::test_a_run_that_was_locked_out_goes_on_where_it_stopped",),
    ),
    Mutation(
        "call refused whatever is not sent",
        "pipelines/prepare/reading.py",
        "sum(self.book.states.count(code, start) for code in COUNTED)",
        "len(entries) - self.book.states.count(PENDING, start)",
        ("tests/loads/test_invented_states.py::test_a_good_state_is_no_failure_whatever_is_asked",),
    ),
    Mutation(
        "have a request's rows inherit whatever state one of them has",
        "pipelines/prepare/grouping.py",
        "State[settled[worst].traits.siblings]",
        "settled[worst]",
        ("tests/loads/test_invented_states.py::test_the_rows_of_a_request_that_cannot_go_whole_are_all_in_failures",),
    ),
    Mutation(
        "match by position",
        "pipelines/deliver/answer_reader.py",
        "for request, key in zip(part, keys, strict=True):",
        "for request, key in zip(part, [*refused, *values], strict=False):",
        ("tests/unit/deliver/test_answer_reader.py",),
    ),
    Mutation(
        "swap two outcomes",
        "pipelines/deliver/ledger.py",
        "            self.states[request] = code_of(state)",
        "            self.states[request - 1 if request else 0] = code_of(state)",
        ("tests/unit/deliver/test_ledger.py",),
    ),
    Mutation(
        "ignore failed",
        "pipelines/deliver/answer_reader.py",
        'refused = body.get("failed") if operation.answers is AnswerShape.BY_KEY else None',
        "refused = None",
        ("tests/unit/deliver/test_answer_reader.py",),
    ),
    Mutation(
        "drop a chunk",
        "pipelines/loading/sending.py",
        "        send_batches(work,",
        "        send_batches(work[1:],",
        ("tests/unit/deliver/test_delivery.py::test_an_upsert_whose_answer_was_lost_is_sent_again",),
    ),
    Mutation(
        "resend settled keys",
        "pipelines/deliver/ledger.py",
        "return np.flatnonzero(np.frombuffer(self.states, np.uint8) == PENDING)",
        "return np.arange(len(self.states))",
        (
            "tests/unit/deliver/test_ledger.py",
            "tests/loads/test_resume.py::test_a_run_that_was_locked_out_goes_on_where_it_stopped",
        ),
    ),
    Mutation(
        "count an unknown as accepted",
        "pipelines/deliver/read_back.py",
        "if finding is Finding.APPLIED:",
        "if finding is not Finding.ABSENT:",
        ("tests/unit/deliver/test_delivery.py::test_what_reading_back_finds_different_is_unknown_and_not_sent_again",),
    ),
    Mutation(
        "lose a held child",
        "pipelines/prepare/reading.py",
        "            if ref in self.rules.hold:\n",
        "            if ref in self.rules.hold and False:\n",
        ("tests/unit/nights/test_nightly.py",),
    ),
    Mutation(
        "hold the child of a parent that is in",
        "pipelines/account/failed_references.py",
        "            self._brought.pop(ref, None)\n",
        "            pass\n",
        ("tests/unit/nights/test_nightly.py::test_an_account_whose_holder_is_in_by_another_row_is_not_held",),
    ),
    Mutation(
        "load what depends on failures that cannot be told",
        "pipelines/nights/sequence.py",
        "                if self._refs_lost is not None and operation_named(step.operation).depends:\n",
        "                if False:\n",
        ("tests/unit/nights/test_nightly.py::test_accounts_are_not_loaded_when_nobody_can_say_which_to_hold",),
    ),
    Mutation(
        "load anew what a night that stopped has finished",
        "pipelines/nights/sequence.py",
        "        if self._continuation.has(step):\n",
        "        if False:\n",
        ("tests/unit/nights/test_continuation.py::test_a_night_that_stopped_is_finished_by_beginning_it_again",),
    ),
    Mutation(
        "forget what was held when a night is continued",
        "pipelines/nights/continuation.py",
        'failed.get("refs", {})',
        "{}",
        (
            "tests/unit/nights/test_continuation.py::test_what_failed_before_a_night_stopped_holds_what_follows_when_it_goes_on",
        ),
    ),
    Mutation(
        "call a night over that was cut short",
        "pipelines/nights/sequence.py",
        "        if sequence.is_over:\n",
        "        if True:\n",
        (
            "tests/unit/nights/test_continuation.py::test_an_extract_that_was_refused_is_corrected_and_the_night_goes_on_there",
        ),
    ),
    Mutation(
        "keep what was derived from a load that is another now",
        "pipelines/nights/continuation.py",
        "            if anew and step.given is None:",
        "            if False and step.given is None:",
        ("tests/unit/nights/test_continuation.py::test_what_follows_from_a_load_that_is_another_now_is_derived_anew",),
    ),
    Mutation(
        "skip the check for repeated keys",
        "pipelines/prepare/reading.py",
        "        settle_repeats(self.book, groups, self._made(), self.rules.duplicates)\n",
        "",
        ("tests/unit/prepare/test_reading.py",),
    ),
    Mutation(
        "no intent line",
        "pipelines/deliver/ledger.py",
        '        self._journal.append({"call": call, "sent": sent})\n',
        "",
        ("tests/unit/deliver/test_ledger.py",),
    ),
    Mutation(
        "no fsync",
        "connectors/run_folder/journal.py",
        "            os.fsync(self._handle)\n",
        "            pass\n",
        ("tests/crash/test_disk_order.py",),
    ),
    Mutation(
        "take a torn line for a line",
        "connectors/run_folder/journal.py",
        'end += len(line) if line.endswith(b"\\n") else 0',
        "end += len(line)",
        ("tests/crash/test_crash_points.py::test_a_line_that_a_crash_tore_is_no_line",),
    ),
    Mutation(
        "let two processes work on one run",
        "connectors/run_folder/journal.py",
        "                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "",
        ("tests/unit/run_folder/test_journal.py",),
    ),
    Mutation(
        "repeat orders blindly",
        "pipelines/deliver/delivery.py",
        "            idempotent=self._operation.idempotent,\n",
        "            idempotent=True,\n",
        ("tests/loads/test_lost_answers.py::test_lost_answers_double_nothing_and_fail_nothing",),
    ),
    Mutation(
        "send what is in doubt without looking",
        "pipelines/deliver/read_back.py",
        "        if not self._spec.operation.idempotent and (",
        "        if False and (",
        ("tests/loads/test_resume.py::test_orders_in_doubt_are_read_back_and_not_sent_again",),
    ),
    Mutation(
        "forget what is unknown when a run is resumed",
        "pipelines/deliver/ledger.py",
        "for state in STATES if state.traits.again]",
        "for state in STATES if state.traits.unfinished]",
        ("tests/unit/deliver/test_ledger.py",),
    ),
    Mutation(
        "call what was sent unsent",
        "pipelines/loading/sending.py",
        "        self._delivery.reading_back.settle_rest()\n",
        "",
        ("tests/loads/test_lost_answers.py::test_what_was_done_and_could_not_be_written_down_is_not_called_unsent",),
    ),
    Mutation(
        "blame the innocent of an Atomic call",
        "pipelines/deliver/delivery.py",
        "innocent = (State.ROLLED_BACK,",
        "innocent = (State.FAILED,",
        ("tests/loads/test_scale.py::test_lusid_holds_what_is_called_accepted_and_nothing_else[Atomic-1]",),
    ),
    Mutation(
        "believe a refusal in nobody's words",
        "pipelines/deliver/delivery.py",
        "            if refusal.problem.is_lusids:\n",
        "            if refusal.problem:\n",
        ("tests/loads/test_scale.py::test_lusid_holds_what_is_called_accepted_and_nothing_else[Atomic-1]",),
    ),
    Mutation(
        "take anything there for what was sent",
        "pipelines/operations/evidence.py",
        "    if matches(body, entity.members):\n",
        "    if body is not None:\n",
        ("tests/unit/operations/test_evidence.py", "tests/loads/test_lost_answers.py"),
    ),
    Mutation(
        "compare no properties",
        "pipelines/operations/evidence_rules.py",
        '    "properties": _values,\n',
        "",
        ("tests/loads/test_lost_answers.py::test_what_was_in_lusid_yesterday_is_not_taken_for_what_was_sent_today",),
    ),
    Mutation(
        "call failed what was done late",
        "pipelines/deliver/delivery.py",
        "            told = self.reading_back.reconsidered(told)\n",
        "            pass\n",
        (
            "tests/loads/test_lost_answers.py::test_a_key_that_is_called_failed_after_a_lost_answer_may_have_been_done_by_it",
        ),
    ),
    Mutation(
        "stop the night for one blip",
        "pipelines/deliver/delivery.py",
        "        if not again:  # else",
        "        if self._operation:  # else",
        ("tests/loads/test_lost_answers.py::test_one_blip_that_cuts_every_call_in_flight_does_not_end_the_night",),
    ),
    Mutation(
        "call unsent what could not be written down",
        "pipelines/deliver/ledger.py",
        "        self._doubt(sent)\n        return call\n",
        "        return call\n",
        ("tests/loads/test_lost_answers.py::test_what_was_done_and_could_not_be_written_down_is_not_called_unsent",),
    ),
    Mutation(
        "drop a row in the reader",
        "connectors/extracts/csv/file.py",
        "zip(*block.rows.rows, strict=True)",
        "zip(*block.rows.rows[1:], strict=True)",
        ("tests/unit/account/test_accountant.py::test_an_extract_of_invalid_rows_only_has_books_too",),
    ),
    Mutation(
        "count the rows read in the book itself",
        "pipelines/prepare/reading.py",
        "reading.finish(extract.records - gate.trailers)",
        "reading.finish(len(reading.book))",
        ("tests/unit/account/test_accountant.py::test_a_row_that_the_reader_drops_is_noticed",),
    ),
    Mutation(
        "replay a part of a request",
        "pipelines/history/replay_check.py",
        "            if operation.grouped and (lacking := _few(sql, _LACKING)):\n",
        "            if False:\n",
        ("tests/loads/test_replay.py::test_a_request_is_replayed_with_all_its_rows_or_not_at_all",),
    ),
    Mutation(
        "never compare the books",
        "pipelines/account/accountant.py",
        "        if not (read == sum(rows.values()) == lines) or reported != not_good:\n",
        "        if False:\n",
        ("tests/unit/account/test_accountant.py",),
    ),
    Mutation(
        "resume with another extract",
        "schemas/same_load.py",
        "[file.sha256 for file in run.extracts]",
        "[]",
        ("tests/loads/test_resume.py::test_a_changed_extract_is_refused_however_often_one_tries",),
    ),
    Mutation(
        "leave scratch files behind",
        "connectors/run_folder/scratch.py",
        "            path.unlink()\n",
        "            pass\n",
        ("tests/unit/run_folder/test_scratch.py",),
    ),
    Mutation(
        "let everybody read",
        "connectors/run_folder/atomic_files.py",
        "os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)",
        "os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)",
        ("tests/loads/test_secrets.py::test_a_bad_night_tells_no_secret_and_keeps_personal_values_where_they_belong",),
    ),
    Mutation(
        "finish before the files are whole",
        "pipelines/loading/closing.py",
        "        counts = accountant.close_books(run.folder, run.extract)\n",
        "        run.folder.write_manifest(run.record.manifest.changed(verdict='rejects'))\n"
        "        counts = accountant.close_books(run.folder, run.extract)\n",
        ("tests/crash/test_crash_points.py::test_a_run_that_dies_at_any_point_ends_as_if_nothing_had_happened",),
    ),
    Mutation(
        "take a sync that came before the line for its own",
        "connectors/run_folder/journal.py",
        "if self._synced < end:",
        "if self._synced < offset:",
        ("tests/crash/test_disk_order.py",),
    ),
    Mutation(
        "act on what a killed process wrote and did not sync",
        "connectors/run_folder/journal.py",
        "            os.fsync(self._handle)  # a process",
        "            # a process",
        ("tests/crash/test_disk_order.py",),
    ),
    Mutation(
        "send first and write the intent down afterwards",
        "pipelines/deliver/delivery.py",
        "        call = self._ledger.begin(part)\n        try:\n            answer = self._post(part)\n",
        "        try:\n            answer = self._post(part)\n            call = self._ledger.begin(part)\n",
        ("tests/crash/test_disk_order.py",),
    ),
    Mutation(
        "rename what is not on disk",
        "connectors/run_folder/atomic_files.py",
        "        sync(part)\n        part.replace(path)\n",
        "        part.replace(path)\n        sync(path)\n",
        ("tests/crash/test_disk_order.py",),
    ),
    Mutation(
        "leave a renamed file's new name in memory",
        "connectors/run_folder/atomic_files.py",
        "        sync(path.parent)\n",
        "",
        ("tests/crash/test_disk_order.py",),
    ),
    Mutation(
        "leave new folders in memory",
        "connectors/run_folder/folder.py",
        "            sync(runs)  # otherwise",
        "            pass  # otherwise",
        ("tests/crash/test_disk_order.py",),
    ),
    Mutation(
        "read something else for an identifier of dots",
        "pipelines/operations/evidence.py",
        '    if not _DOTS.isdisjoint(entity.path.split("/")):\n',
        "    if False:\n",
        ("tests/unit/operations/test_evidence.py",),
    ),
    Mutation(
        "take a 404 for a slash as proof of absence",
        "pipelines/operations/evidence.py",
        " and _SLASH not in entity.path",
        "",
        ("tests/unit/operations/test_evidence.py",),
    ),
    Mutation(
        "look for records of 2.3 in no scope",
        "pipelines/operations/evidence_rules.py",
        '"scope": entity_scope or ""}',
        '"scope": ""}',
        ("tests/loads/test_lost_answers_dialects.py::test_upserts_in_dialect_2_3_are_settled_by_what_lusid_holds",),
    ),
    Mutation(
        "count what was not found as accepted",
        "pipelines/deliver/read_back.py",
        '[_unknown(r, f"{why}; not found when read back") for r in part]',
        '[Outcome(r, State.ACCEPTED, "", "") for r in part]',
        ("tests/loads/test_lost_answers_dialects.py::test_upserts_in_dialect_2_3_are_settled_by_what_lusid_holds",),
    ),
    Mutation(
        "release a held child whose parent is absent",
        "pipelines/deliver/read_back.py",
        "        if not absent:\n",
        "        if parents:\n",
        ("tests/unit/cli/test_commands_again.py::test_what_was_held_is_released_by_a_replay_once_its_parent_is_in",),
    ),
    Mutation(
        "replay what is in already",
        "pipelines/history/replay_check.py",
        "            if strangers := _few(sql, _STRANGERS):\n",
        "            if False:\n",
        ("tests/unit/cli/test_commands_again.py::test_a_row_that_is_in_already_is_not_replayed",),
    ),
    Mutation(
        "let a replay send what an unfinished one has in hand",
        "pipelines/history/replay_lineage.py",
        "state = 'unfinished' OR ",
        "",
        ("tests/loads/test_replay.py::test_a_run_that_stopped_is_resumed_and_not_replayed",),
    ),
    Mutation(
        "take the name of a run's file for a pattern",
        "pipelines/history/run_tables.py",
        "read_parquet(_literal(str(path.absolute())),",
        "read_parquet(str(path.absolute()),",
        ("tests/unit/history/test_run_tables.py::test_a_file_of_any_name_is_that_file_alone",),
    ),
    Mutation(
        "send though validation has spent the budget",
        "pipelines/loading/sending.py",
        "        run.interrupt.settle_first(brake.stop)\n        self._stop_over_budget()\n",
        "        run.interrupt.settle_first(brake.stop)\n",
        ("tests/loads/test_load.py::test_the_failure_budget_stops_a_run_before_or_while_it_sends",),
    ),
    Mutation(
        "spend no budget while sending",
        "pipelines/loading/sending.py",
        "        self._spending.add(batch)\n",
        "",
        ("tests/loads/test_load.py::test_the_failure_budget_stops_a_run_before_or_while_it_sends",),
    ),
    Mutation(
        "load on however many calls are lost",
        "pipelines/deliver/breaker.py",
        "        if losses >= BREAKER:\n",
        "        if losses >= 99:\n",
        ("tests/unit/deliver/test_delivery.py::test_losses_in_a_row_open_the_breaker_and_the_rest_is_not_sent",),
    ),
    Mutation(
        "wait on after the run has stopped",
        "pipelines/deliver/breaker.py",
        "            self._waits.set()\n",
        "            pass\n",
        ("tests/unit/deliver/test_breaker.py::test_a_call_that_waits_is_given_up_when_another_is_locked_out",),
    ),
    Mutation(
        "let a stopped load stop the next one's waits",
        "pipelines/deliver/breaker.py",
        "        self._waits.clear()\n",
        "",
        ("tests/unit/deliver/test_breaker.py::test_what_stopped_one_load_does_not_stop_the_next_into_the_same_lusid",),
    ),
    Mutation(
        "forget the size that LUSID takes",
        "pipelines/deliver/delivery.py",
        "                self._most = min(self._most or half, half)\n",
        "                self._most = None\n",
        ("tests/unit/deliver/test_delivery.py::test_a_call_too_large_is_halved_and_the_smaller_size_kept",),
    ),
    Mutation(
        "load a file that may still be growing",
        "pipelines/loading/opening.py",
        "    check_before(expect, header, extract.sources if extract else ())\n",
        "",
        ("tests/unit/cli/test_commands_again.py::test_a_file_that_may_still_be_growing_is_refused",),
    ),
    Mutation(
        "load once what is in already",
        "pipelines/loading/preparing.py",
        "        refuse_finished(options.runs, run.record.manifest)\n",
        "        pass\n",
        ("tests/unit/cli/test_main.py::test_too_many_failures_stop_the_run_and_once_refuses_what_is_finished",),
    ),
    Mutation(
        "let the other senders go on after a 429",
        "connectors/lusid/retrying.py",
        "            self._throttle.hold_all(seconds)\n",
        "            self.timing.wait(seconds)\n",
        ("tests/unit/lusid/test_client.py::test_a_429_to_one_sender_holds_all_of_them",),
    ),
)


def copy_tree(folder: Path) -> Path:
    """A copy of the tree to plant defects in; the environment is shared."""
    folder.mkdir(exist_ok=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    return folder


def outcome(mutation: Mutation, tree: Path) -> tuple[int, str]:
    """Plants a defect, runs its tests and takes it out again; gives pytest's exit code and what it said."""
    path = tree / mutation.file
    before = path.read_text()
    assert before.count(mutation.old) == 1, f"{mutation.name}: {mutation.file} has changed: bring the list up to date"
    path.write_text(before.replace(mutation.old, mutation.new))
    try:
        line = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=line", *mutation.tests]
        environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
        for name in ("COVERAGE_PROCESS_START", "COV_CORE_SOURCE", "COV_CORE_CONFIG", "COV_CORE_DATAFILE"):
            environment.pop(name, None)
        ended = subprocess.run(line, cwd=tree, env=environment, text=True, capture_output=True, timeout=300)
    finally:
        path.write_text(before)
    return ended.returncode, ended.stdout[-2000:] + ended.stderr[-1000:]


def survivors(mutations: Iterable[Mutation], folder: Path) -> list[str]:
    """The defects that no test noticed, with what pytest said."""
    tree = copy_tree(folder)
    found = []
    for mutation in mutations:
        code, said = outcome(mutation, tree)
        if code != RED:
            found.append(f"{mutation.name}: pytest ended {code}\n{said}")
    return found


if __name__ == "__main__":
    import tempfile
    import time

    wanted = [m for m in MUTATIONS if m.name in sys.argv[1:] or len(sys.argv) == 1]
    with tempfile.TemporaryDirectory() as scratch:
        tree = copy_tree(Path(scratch))
        for each in wanted:
            began = time.monotonic()
            code, said = outcome(each, tree)
            print(f"{'red' if code == RED else 'SURVIVED'} {time.monotonic() - began:5.1f} s  {each.name}")  # noqa: T201
            if code != RED:
                print(said)  # noqa: T201  # a report on the terminal
