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
PARTS = ("schemas", "connectors", "pipelines", "tests", "data", "docs", "bulkload.py", "pyproject.toml", "README.md")
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
        "list a request's rows of several files under the first",
        "pipelines/account/columns.py",
        "begins[1:] |= sources[1:] != sources[:-1]",
        "begins[1:] |= False",
        ("tests/unit/account/test_accountant.py",),
    ),
    Mutation(
        "give rows outside requests the lines of other rows",
        "pipelines/prepare/spans.py",
        "np.where(outside, alone, self._starts[known])",
        "np.where(outside, 0, self._starts[known])",
        ("tests/unit/account/test_accountant.py",),
    ),
    Mutation(
        "never compare a value that rows of one request share with other requests",
        "pipelines/prepare/key_index.py",
        "np.flatnonzero((least < most) | (least < 0))",
        "np.flatnonzero(least < 0)",
        (
            "tests/unit/prepare/test_gathering.py::"
            "test_keys_that_share_a_value_are_refused_although_their_requests_were_made",
        ),
    ),
    Mutation(
        "send a request without its rows of another portion",
        "pipelines/prepare/gathering.py",
        "((least < most) |",
        "((most < 0) |",
        ("tests/unit/prepare/test_gathering.py::test_portions_make_the_requests_that_the_whole_makes",),
    ),
    Mutation(
        "send a request one of whose rows was refused behind the portions",
        "pipelines/prepare/gathering.py",
        "(least < most) | np.logical_or.reduceat(settled, starts)",
        "(least < most)",
        (
            "tests/unit/prepare/test_gathering.py::test_keys_that_share_a_value_are_refused_although_their_requests_were_made",
        ),
    ),
    Mutation(
        "take a portion's requests for those of the one before",
        "pipelines/prepare/row_book.py",
        "requests + np.int32(made)",
        "requests",
        ("tests/unit/prepare/test_gathering.py::test_portions_make_the_requests_that_the_whole_makes",),
    ),
    Mutation(
        "number requests as portions made them",
        "pipelines/prepare/finishing.py",
        "there[np.argsort(first[there])]",
        "there",
        (
            "tests/unit/prepare/test_gathering.py::test_portions_make_what_they_can_and_only_what_crosses_them_is_made_again",
        ),
    ),
    Mutation(
        "make one request of rows whose keys have one hash",
        "pipelines/prepare/gathering.py",
        " or len({*map(key_in, parts)}) > 1",
        "",
        ("tests/unit/prepare/test_gathering.py::test_rows_whose_keys_have_one_hash_are_not_taken_for_one_key",),
    ),
    Mutation(
        "make one request of rows that contradict each other, where many are made together",
        "pipelines/prepare/encoding/together.py",
        "found |= numbers[rows] != numbers[others]",
        "found |= numbers[rows] < 0",
        ("tests/unit/prepare/test_gathering.py::test_requests_made_together_are_those_made_one_by_one",),
    ),
    Mutation(
        "believe a guess of where a record ends",
        "connectors/extracts/csv/file.py",
        "block = read_block(view, self._layout, self._rules, line, ended=ended)",
        "block = read_block(view, self._layout, self._rules, line, ended=ended or 0 < position.end <= offset + size)",
        ("tests/unit/extracts/test_csv_records.py::test_a_shard_that_ends_inside_a_record_is_noticed",),
    ),
    Mutation(
        "compare rows within their portion only",
        "pipelines/prepare/portion.py",
        "self.by_key.adopt(start, kept.by_key)",
        "self.by_key.adopt(start, kept.by_key if not start else KeyIndex())",
        ("tests/loads/test_workers.py::test_processes_of_its_own_change_nothing",),
    ),
    Mutation(
        "put the portion that this process prepared behind the others",
        "pipelines/prepare/processes/own_processes.py",
        "return [here, *there.ended(started)]",
        "return [*there.ended(started), here]",
        ("tests/loads/test_workers.py::test_processes_of_its_own_change_nothing",),
    ),
    Mutation(
        "let each process hash keys in its own way",
        "schemas/rows/whole/hashes.py",
        'hashlib.shake_128(b"factors")',
        "hashlib.shake_128(str(id(hashlib)).encode())",
        ("tests/unit/rows/test_hashes.py::test_a_hash_is_the_same_on_every_machine",),
    ),
    Mutation(
        "hash a key with the beginning of the next one",
        "schemas/rows/whole/hashes.py",
        " & _MASKS[np.clip(lengths - at, 0, _WORD)]",
        "",
        ("tests/unit/rows/test_hashes.py",),
    ),
    Mutation(
        "forget what a dead worker sent",
        "pipelines/deliver/cluster/remote.py",
        "                self._ledger.catch_up(0, journal)\n",
        "",
        (
            "tests/cluster/test_sending_there.py::test_what_a_killed_worker_was_sending_another_one_makes_good[orders-2]",
        ),
    ),
    Mutation(
        "forget the calls that a turn has not come to",
        "pipelines/deliver/cluster/session.py",
        "sorted([*self._delivery.left(part), *later])",
        "self._delivery.left(part)",
        (
            "tests/cluster/test_sending_there.py::test_quick_calls_share_a_turn_of_a_worker_and_what_it_does_not_come_to_goes_later",
        ),
    ),
    Mutation(
        "go on with a turn although the budget may be spent",
        "pipelines/deliver/cluster/session.py",
        "self._has_budget and bool(np.isin(states, COUNTED).any())",
        "False",
        ("tests/cluster/test_sending_there.py::test_a_refusal_is_judged_there_as_here",),
    ),
    Mutation(
        "send what a worker that seems dead is sending",
        "pipelines/deliver/cluster/remote.py",
        "closing(patiently(lambda: Journal(worker.part, create=False))) as journal",
        "closing(Journal(worker.part.with_suffix('.x'))) as journal",
        ("tests/cluster/test_sending_there.py::test_what_a_worker_holds_that_only_seems_dead_no_other_sends",),
    ),
    Mutation(
        "read the parts of the living before those of the dead",
        "connectors/run_folder/journal_lines.py",
        'word == "live"',
        'word != "live"',
        ("tests/unit/run_folder/test_journal_parts.py",),
    ),
    Mutation(
        "count the lines of a part twice",
        "connectors/run_folder/journal_lines.py",
        "{path.stem}-{size}-*-*.jsonl",
        "{path.stem}-*-*-*.jsonl",
        ("tests/unit/run_folder/test_journal_parts.py",),
    ),
    Mutation(
        "take in a part that somebody writes",
        "connectors/run_folder/journal.py",
        "                held.callback(Journal(part, create=False).close)",
        "                held.callback(str, part)",
        ("tests/unit/run_folder/test_journal_parts.py",),
    ),
    Mutation(
        "leave the outcomes out of the archive",
        "connectors/archive.py",
        "if path.is_file() and path != last",
        "if path.is_file() and path != last and path.suffix != '.parquet'",
        ("tests/loads/test_archive.py::test_all_files_of_a_run_are_in_its_archive",),
    ),
    Mutation(
        "call a run whole in the archive before it is",
        "connectors/archive.py",
        "[*files, last]",
        "[last, *files]",
        ("tests/loads/test_archive.py::test_what_is_cut_short_has_no_manifest_in_the_archive",),
    ),
    Mutation(
        "tell a row another row's reason",
        "pipelines/prepare/row_book.py",
        "found + (begin << 1)",
        "found",
        ("tests/unit/prepare/test_reading.py::test_the_outcome_does_not_depend_on_how_the_extract_is_read",),
    ),
    Mutation(
        "send a cell that its row's request has no place for",
        "pipelines/prepare/encoding/filling.py",
        "if (cells.filled & ~takes).any() else cells.array",
        "if False else cells.array",
        ("tests/unit/prepare/test_templates.py::test_entries_are_what_each_row_makes_by_itself",),
    ),
    Mutation(
        "take a column of names for plain whatever is in it",
        "schemas/rows/whole/looks.py",
        "if texts.longest > longest or data.translate(None, allowed) or",
        "if texts.longest > longest or",
        ("tests/unit/rows/test_whole_columns.py::test_a_look_at_a_column_says_what_asking_about_each_cell_says",),
    ),
    Mutation(
        "forget what a load of a feed that died had accepted",
        "pipelines/feeds/feed.py",
        'if about["key"] != hasher.name or about["load"] == state.about.get("load"):',
        "if True:",
        ("tests/crash/test_crash_feeds.py::test_what_a_load_that_died_got_in_is_not_replaced_by_an_older_date",),
    ),
    Mutation(
        "load although a preflight found something missing",
        "pipelines/cli/commands/preflight.py",
        "    if found.exit_code:",
        "    if False:",
        ("tests/loads/test_preflight.py::test_the_command_says_it_in_a_document_and_stops_a_load",),
    ),
    Mutation(
        "say nothing of codes that are too long to be read by path",
        "pipelines/prepare/noticed.py",
        "return len(code) > MOST_OF_A_CODE or not is_usual(code)",
        "return not is_usual(code)",
        ("tests/unit/prepare/test_noticed.py::test_codes_that_are_wider_than_usual_are_told",),
    ),
    Mutation(
        "foresee nothing of what LUSID holds besides",
        "pipelines/planning/differences.py",
        "for name, each in there.items() if name not in wanted)",
        "for name, each in there.items() if False)",
        ("tests/loads/test_plan_foreseen.py::test_what_a_plan_of_accounts_foresees_is_what_the_load_does",),
    ),
    Mutation(
        "guard a feed as if it had accepted everything as it is",
        "pipelines/feeds/feed.py",
        "other = known & (self.prints.requests != state.requests[places])",
        "other = known & ~known",
        ("tests/loads/test_plan.py::test_a_guard_of_a_feed_goes_by_what_it_last_had_accepted_and_reads_nothing",),
    ),
    Mutation(
        "plan as if nothing had left the feed",
        "pipelines/feeds/feed.py",
        "return Feed(place, hasher, state).take(prepared, wanted).decision",
        "return None",
        ("tests/loads/test_plan.py::test_keys_that_have_left_the_feed_are_counted_and_the_feed_stays_as_it_is",),
    ),
    Mutation(
        "take a key of a feed for another one whose hash begins as its own",
        "pipelines/feeds/state.py",
        "known = self.keys[places] == keys",
        "known = held[places] == wanted",
        ("tests/unit/feeds/test_merging.py::test_keys_are_found_by_all_of_their_hashes",),
    ),
    Mutation(
        "let the other workers of a cluster call while LUSID has asked one of them to wait",
        "pipelines/deliver/cluster/remote.py",
        "while part and self._throttle.wait_turn() and self.brake.error is None:",
        "while part and self.brake.error is None:",
        ("tests/cluster/test_waiting_there.py::test_a_wait_that_one_worker_is_asked_for_holds_all_of_them",),
    ),
    Mutation(
        "call a request unchanged that was not accepted",
        "pipelines/feeds/merging.py",
        'requests[places[at]] = load.prints.requests[at] if accepted else b""',
        "requests[places[at]] = load.prints.requests[at]",
        (
            "tests/unit/feeds/test_merging.py::test_a_feed_agrees_with_a_model_that_keeps_everything",
            "tests/loads/test_feeds.py::test_a_key_whose_last_state_was_not_accepted_is_sent",
        ),
    ),
    Mutation(
        "send an older date over a newer one",
        "pipelines/feeds/decision.py",
        "old = newer & ~overtaken & (not wanted.even_if_newer)",
        "old = newer & ~newer",
        (
            "tests/loads/test_feeds.py::test_a_backfill_and_a_late_replay_change_nothing_that_a_later_day_set",
            "tests/loads/test_feed_machine.py::test_a_feed_in_any_order",
        ),
    ),
    Mutation(
        "leave a property out instead of clearing it",
        "schemas/requests/properties.py",
        "lambda row: None if row[name] == CLEAR else to_value(row)",
        'lambda row: {"labelValue": ""} if row[name] == CLEAR else to_value(row)',
        (
            "tests/loads/test_clearing.py::test_on_the_wire_a_clear_is_a_null_with_its_effective_date",
            "tests/loads/test_feed_machine.py::test_a_feed_in_any_order",
        ),
    ),
    Mutation(
        "call a request unchanged that clears what LUSID has",
        "pipelines/feeds/fingerprints.py",
        "requests = hasher.all(_texts(",
        "requests = hasher.all(bytes(entry).partition(b'\"properties\"')[0] for entry in _texts(",
        ("tests/loads/test_feed_machine.py::test_a_feed_in_any_order",),
    ),
    Mutation(
        "forget that a property that is cleared has no value when LUSID quotes it",
        "pipelines/deliver/redaction.py",
        "    if value is None:",
        "    if value == {}:",
        (
            "tests/unit/deliver/test_redaction.py::test_properties_are_found_in_every_shape_of_a_call",
            "tests/loads/test_feed_machine.py::test_a_feed_in_any_order",
        ),
    ),
    Mutation(
        "take rows that fill the same cells with other words for rows that break the same rules",
        "pipelines/prepare/refusals.py",
        "[c if n in words and isinstance(c, str) else bool(c) for n, c in row.items()]",
        "[bool(c) for n, c in row.items()]",
        ("tests/unit/prepare/test_refusals.py::test_a_row_is_told_what_it_would_be_told_by_itself",),
    ),
    Mutation(
        "show a caller in Python the flags of the command line",
        "pipelines/arguments.py",
        "if _typed.get() or not isinstance(error, ConfigError | ExtractError):",
        "if True:",
        ("tests/loads/test_from_python.py::test_what_is_wrong_with_a_call_is_said_in_its_words",),
    ),
    Mutation(
        "tell a caller in Python by flags why a load of a night was refused",
        "pipelines/nights/sequence.py",
        "            error = in_callers_words(error)\n",
        "",
        ("tests/loads/test_from_python.py::test_what_refuses_a_load_of_a_night_is_said_in_the_words_of_the_caller",),
    ),
    Mutation(
        "leave the deployments out of the wheel",
        "pyproject.toml",
        '"pipelines.flows" = ["prefect.yaml"]\n',
        "",
        ("tests/project/test_wheel.py::test_every_command_finds_its_files_and_the_demo_prints_what_the_readme_shows",),
    ),
    Mutation(
        "send orders although LUSID does not say which instruments it knows",
        "pipelines/loading/sending.py",
        "            self._delivery.brake.stop(error)\n\n    def to_the_end",
        "            del error\n\n    def to_the_end",
        ("tests/loads/test_unknown_instruments.py::test_where_lusid_does_not_say_nothing_is_sent_and_the_run_resumes",),
    ),
    Mutation(
        "believe a list that a preflight read whole",
        "pipelines/compare/preflight/lists.py",
        "if not (is_whole and self._is_believed(group, references)):",
        "if not is_whole:",
        (
            "tests/unit/compare/test_preflight_lists.py::test_a_list_that_does_not_show_all_is_not_believed_either_when_it_is_read_whole",
        ),
    ),
    Mutation(
        "end a night green although what it had accepted differs",
        "pipelines/nights/report.py",
        "        codes += self.verified.codes\n",
        "",
        ("tests/unit/nights/test_night_verified.py::test_what_differs_is_red_told_first_and_ends_with_3",),
    ),
    Mutation(
        "count the references of rows that are refused",
        "pipelines/compare/preflight/collecting.py",
        "good = [position not in sheet.faults and position not in batch.bad for position in range(len(batch))]",
        "good = [True for _ in range(len(batch))]",
        ("tests/loads/test_preflight.py::test_each_use_that_does_not_fit_a_definition_is_found_with_its_rows",),
    ),
    Mutation(
        "take a time-variant property without a date",
        "connectors/sandbox/domain/reference/definitions.py",
        'if definition["lifeTime"] == "TimeVariant" and "effectiveFrom" not in entry:',
        'if definition["lifeTime"] == "TimeVariant" and "effectiveFrom" in entry and False:',
        ("tests/sandbox/test_reference_data.py::test_a_property_that_cannot_be_used_fails_its_key_alone",),
    ),
    Mutation(
        "send what LUSID changed since the plan",
        "pipelines/loading/ahead.py",
        "version_hash(version_of(held)) != intended.versions[held.request]",
        "False",
        ("tests/loads/test_plan.py::test_what_vanished_and_what_came_since_the_plan_is_stale",),
    ),
    Mutation(
        "take a value that is not in effect for one that is there",
        "pipelines/planning/effect.py",
        "there.values()\n    return _differing(differences(wanted, body, None))",
        "there.values()\n    return _differing(differences(wanted, body, datetime.now(UTC)))",
        ("tests/loads/test_plan.py::test_a_value_that_is_not_in_effect_yet_is_sent",),
    ),
    Mutation(
        "plan a change of an order as no change, for nothing is said of what it should leave",
        "pipelines/planning/expected.py",
        '    "update-orders": lambda request: {name: value for name, value in request.items() if name != "id"},\n',
        "",
        ("tests/unit/planning/test_expected.py",),
    ),
    Mutation(
        "hold a guarded load to no limit once it is resumed",
        "pipelines/loading/ahead.py",
        "found = [] if prepared.ledger.calls else ",
        "found = [] if prepared.run.spec.earlier else ",
        ("tests/loads/test_plan.py::test_a_guarded_run_goes_on_with_a_larger_limit_and_with_its_plan",),
    ),
    Mutation(
        "offer the shell whatever lies in the folder of runs",
        "pipelines/cli/completion.py",
        "for each in entries if _RUN_ID.fullmatch(each.name)",
        "for each in entries",
        ("tests/unit/cli/test_completion.py::test_what_is_offered",),
    ),
    Mutation(
        "let --quiet hide rows that were not accepted",
        "pipelines/cli/commands/load.py",
        "elif not quiet or any(report.colour is not Colour.GREEN for report in reports):",
        "elif not quiet:",
        ("tests/unit/cli/test_main.py::test_quiet_says_nothing_where_all_is_well_and_the_outcome_where_it_is_not",),
    ),
    Mutation(
        "leave the keys of rows in an auditor's manifest",
        "pipelines/history/proof/without_keys.py",
        '"rule": rule, "examples": []}',
        '"rule": rule}',
        ("tests/unit/history/test_audit.py::test_nobodys_data_is_in_it_unless_asked_for",),
    ),
    Mutation(
        "call rows balanced whatever failures.csv holds",
        "pipelines/history/proof/evidence.py",
        " and failures == in_failures",
        "",
        ("tests/unit/history/test_audit.py::test_what_was_changed_since_is_seen",),
    ),
    Mutation(
        "leave a forgotten person's words in the journal",
        "pipelines/history/forgetting/files.py",
        "lines.append(checksummed(masked))",
        "lines.append(checksummed(record))",
        (
            "tests/unit/history/test_forget.py::"
            "test_nothing_of_theirs_is_left_in_any_file_and_it_says_where_it_was[words0]",
        ),
    ),
    Mutation(
        "read back what was forgotten, and find it missing",
        "pipelines/compare/verify.py",
        "some_forgotten=bool(manifest.forgotten)",
        "some_forgotten=False",
        ("tests/unit/history/test_forget.py::test_what_is_forgotten_is_not_read_back_and_the_rest_still_agrees",),
    ),
    Mutation(
        "let a replay send rows of a person who was forgotten",
        "pipelines/history/replays/check.py",
        " AND code IS DISTINCT FROM 'Forgotten'",
        "",
        ("tests/unit/history/test_forget.py::test_the_runs_still_work_and_nobody_loads_what_was_forgotten",),
    ),
    Mutation(
        "tell the dead man's switch that a red night is well",
        "pipelines/cli/monitoring.py",
        '_below(self._heartbeat, "" if is_well else "/fail")',
        '_below(self._heartbeat, "")',
        ("tests/unit/cli/test_monitoring.py::test_a_night_that_is_over_is_told_and_its_secret_is_written_nowhere",),
    ),
    Mutation(
        "print the heartbeat's URL in the command to type next",
        "pipelines/cli/commands/load.py",
        'hidden = tuple(f"{flag}=" for flag in secret)',
        "hidden = ()",
        (
            "tests/unit/cli/test_monitoring.py::"
            "test_a_stopped_night_is_told_and_the_command_that_continues_it_keeps_the_secret",
        ),
    ),
    Mutation(
        "count what a call's answer accepted as unsettled in SQL",
        "pipelines/history/journal_calls.py",
        'call["requests"] - call["accepted"] - call["refused"]',
        'call["requests"] - call["refused"]',
        (
            "tests/unit/history/test_run_views.py::test_calls_are_those_of_the_journal_and_nights_those_of_their_records",
        ),
    ),
    Mutation(
        "look for rows that were taken in replays of this run alone",
        "pipelines/history/replays/check.py",
        "lineage = ask_lineage(sql, first, ",
        "lineage = ask_lineage(sql, run, ",
        (
            "tests/unit/cli/test_commands_again.py::"
            "test_no_replay_of_a_replay_sends_what_another_replay_of_the_first_run_got_in",
        ),
    ),
    Mutation(
        "carry out whatever SQL says",
        "pipelines/history/run_views.py",
        "if [each.type for each in statements] != [duckdb.StatementType.SELECT]:",
        "if not statements:",
        (
            "tests/unit/history/test_run_views.py::test_what_is_wrong_or_reaches_further_is_one_line_and_changes_nothing",
        ),
    ),
    Mutation(
        "let a query read whatever lies beside the outcomes",
        "pipelines/history/run_tables.py",
        'with _tables(runs, {"paths": paths}, _NOT_QUERIED) as sql:',
        'with _tables(runs, {"directories": [f"{runs.absolute()}/"]}, _NOT_QUERIED) as sql:',
        (
            "tests/unit/history/test_run_views.py::test_what_is_wrong_or_reaches_further_is_one_line_and_changes_nothing",
        ),
    ),
    Mutation(
        "print the control characters of a cell",
        "pipelines/cli/commands/ask.py",
        "return text if text.isprintable() else ",
        "return text if text else ",
        ("tests/unit/history/test_run_views.py::test_no_control_character_of_a_cell_reaches_the_terminal",),
    ),
    Mutation(
        "close a key that a load in another target got in",
        "pipelines/history/open_tables.py",
        "same = (manifest.operation, place_of(manifest.target)) == (operation, place)",
        "same = manifest.operation == operation",
        ("tests/unit/history/test_open_list.py::test_a_later_load_of_the_key_closes_it_in_its_target_alone",),
    ),
    Mutation(
        "forget since when a key is open",
        "pipelines/history/open_tables.py",
        "min(since) AS since",
        "max(since) AS since",
        (
            "tests/unit/history/test_open_list.py::"
            "test_a_key_that_every_load_refuses_is_open_once_in_the_newest_since_the_first",
        ),
    ),
    Mutation(
        "call every valid row of a dry run one to correct",
        "pipelines/history/catalog.py",
        "good_in(dry_run=self.dry)",
        "good_in(dry_run=False)",
        ("tests/unit/history/test_listing.py::test_the_numbers_of_a_run_of_each_kind_are_right",),
    ),
    Mutation(
        "call rows resolved that a replay under way has",
        "pipelines/history/resolution.py",
        "taken[lineage[number].finished] += rows",
        "taken[True] += rows",
        ("tests/unit/history/test_replay_lineage.py",),
    ),
    Mutation(
        "verify a run without comparing",
        "pipelines/compare/reading_back.py",
        "found = differences(expected.members, body, self._now)",
        "found = []",
        ("tests/loads/test_verify.py::test_an_order_on_another_instrument_is_found",),
    ),
    Mutation(
        "take a change behind the back of a run for one that came later",
        "pipelines/compare/reading_back.py",
        "changed > self._finished and not by_run",
        "not by_run or changed is not None",
        ("tests/loads/test_verify.py::test_a_value_changed_and_a_record_removed_behind_its_back_are_found",),
    ),
    Mutation(
        "compare with an extract that has changed",
        "pipelines/compare/rebuilt.py",
        "is_same = file_sha256(path) == digest",
        "is_same = bool(file_sha256(path))",
        ("tests/loads/test_verify.py::test_without_the_unchanged_extract_only_existence_is_checked",),
    ),
    Mutation(
        "send what a spreadsheet made of an identifier",
        "pipelines/history/replays/corrections.py",
        "what, cells[i] = PUT_BACK, old",
        "what = PUT_BACK",
        ("tests/unit/history/test_corrections.py::test_what_a_spreadsheet_lost_is_put_back_and_said",),
    ),
    Mutation(
        "put back what somebody corrected",
        "pipelines/history/replays/corrections.py",
        "what is OTHER and is_made_by",
        "is_made_by",
        ("tests/unit/history/test_corrections.py::test_a_cell_at_fault_is_taken_as_it_was_corrected",),
    ),
    Mutation(
        "write a report that spreadsheets read in another encoding",
        "connectors/run_folder/results.py",
        'encoding="utf-8-sig", newline="") as file:  #',
        'encoding="utf-8", newline="") as file:  #',
        ("tests/unit/run_folder/test_results.py::test_a_report_begins_with_the_mark_that_spreadsheets_look_for",),
    ),
    Mutation(
        "let two keys share an identifier",
        "pipelines/prepare/shared_values.py",
        "for key, ordinals in own.items() if len(own) > 1 else ():",
        "for key, ordinals in own.items() if len(own) > 2 else ():",
        ("tests/loads/test_shared_identifiers.py",),
    ),
    Mutation(
        "let an instant go round",
        "connectors/extracts/parquet/reader.py",
        'self._file = self._open("us")',
        'self._file = self._open("ns")',
        ("tests/loads/test_typed_cells.py::test_instants_arrive_from_int96_as_from_any_other_type",),
    ),
    Mutation(
        "take the point of a typed number for a separator",
        "schemas/rows/column_rule.py",
        "elif self.reads_numbers and kind not in NUMBERS:",
        "elif self.reads_numbers:",
        ("tests/loads/test_typed_cells.py::test_separators_are_for_text_and_a_number_is_its_value",),
    ),
    Mutation(
        "take the point of a joined number for a separator",
        "schemas/rows/mapping.py",
        "if kinds.get(c) in NUMBERS and (rule.decimal or rule.thousands)]",
        "if kinds.get(c) in NUMBERS and rule.format]",
        ("tests/loads/test_field_inputs.py::test_written_is_sent_or_refused[typed numbers: joined with a sign]",),
    ),
    Mutation(
        "know line ends by double quotes alone",
        "connectors/extracts/csv/format.py",
        'return self.quote, "" if self.is_plain',
        """return '"', "" if self.is_plain""",
        ("tests/loads/test_field_inputs.py",),
    ),
    Mutation(
        "leave a column out for a mark of its condition",
        "schemas/rows/cell_reading.py",
        "self._unnamed += self.conditions",
        "self._unnamed += []",
        ("tests/loads/test_field_inputs.py::test_written_is_sent_or_refused[conditions: a marked word, undeclared]",),
    ),
    Mutation(
        "make mornings of afternoons",
        "schemas/rows/conventions/time_formats.py",
        'if "p" in directives and "I" not in directives:',
        'if "p" in directives and "H" not in directives:',
        ("tests/loads/test_field_inputs.py::test_written_is_sent_or_refused[times: afternoon beside an hour of 24]",),
    ),
    Mutation(
        "take any midnight for a local time",
        "schemas/rows/times.py",
        'elif midnight == "date" and moment.time()',
        'elif midnight == "never" and moment.time()',
        ("tests/loads/test_typed_cells.py::test_a_midnight_is_what_the_mapping_says_whichever_way_a_file_carries_it",),
    ),
    Mutation(
        "know a word for no value in no name",
        "schemas/rows/conventions/foreign_words.py",
        "words = FOREIGN_WORDS if self.names and self.nulls else ERROR_WORDS",
        "words = ERROR_WORDS",
        ("tests/loads/test_declared_cells.py::test_an_undeclared_word_for_no_value_names_nothing",),
    ),
    Mutation(
        "send the mark of a text",
        "schemas/rows/conventions/foreign_words.py",
        """if self.marks and ('="' in together""",
        """if self.marks and ('="=' in together""",
        ("tests/unit/rows/test_foreign_words.py",),
    ),
    Mutation(
        "lose the sign behind a number",
        "schemas/rows/conventions/numbers.py",
        "text, is_negative = text[:-1].strip(), True",
        "text, is_negative = text[:-1].strip(), False",
        ("tests/loads/test_declared_cells.py::test_numbers_are_read_as_the_mapping_says_that_they_are_written",),
    ),
    Mutation(
        "take any century",
        "schemas/rows/conventions/time_formats.py",
        "return century + (digits - century) % 100",
        "return 2000 + digits",
        ("tests/unit/rows/test_times.py::test_two_digits_of_a_year_are_read_with_a_declared_century_alone",),
    ),
    Mutation(
        "propose one of two ways to read a date",
        "pipelines/propose/conventions.py",
        "for fit in fits if fit.fits == most > 0]",
        "for fit in fits if fit.fits == most > 0][:1]",
        (
            "tests/unit/propose/test_proposed_mapping.py::test_days_that_may_be_months_are_proposed_both_ways_and_neither_is_taken",
        ),
    ),
    Mutation(
        "declare words for no value that are texts",
        "pipelines/propose/foreign_cells.py",
        "if any(column in values for column, _ in found))",
        "if found)",
        (
            "tests/unit/propose/test_proposed_mapping.py::"
            "test_words_for_no_value_among_numbers_are_declared_and_among_texts_left_to_a_person",
        ),
    ),
    Mutation(
        "guess the century of two-digit years",
        "pipelines/propose/conventions.py",
        "self.fits >= self.of * _MOST_FITS and not self.is_guess",
        "self.fits >= self.of * _MOST_FITS",
        ("tests/unit/propose/test_proposed_mapping.py::test_two_digits_of_a_year_are_left_to_a_person",),
    ),
    Mutation(
        "propose one of two ways to read a number",
        "pipelines/propose/conventions.py",
        "return [*found.values()]",
        "return [*found.values()][:1]",
        (
            "tests/unit/propose/test_proposed_mapping.py::test_a_thousands_separator_that_may_be_a_decimal_comma_is_left_to_a_person",
        ),
    ),
    Mutation(
        "declare a row that was cut short a footer",
        "pipelines/propose/layout.py",
        "certain = all(_is_total(row.cells) for row in rows[-footer:])",
        "certain = True",
        ("tests/unit/propose/test_proposed_mapping.py::test_a_last_row_that_is_cut_short_is_not_declared_a_footer",),
    ),
    Mutation(
        "propose an encoding that nothing proves",
        "pipelines/propose/encodings.py",
        "certain=False, lines=lines)",
        "certain=True, lines=lines)",
        ("tests/unit/propose/test_proposed_mapping.py::test_an_encoding_that_nothing_proves_is_left_to_a_person",),
    ),
    Mutation(
        "print names as words of a vocabulary",
        "pipelines/propose/words.py",
        "if all(decided) or _may_be_shown(found, cells) else {}",
        "if values else {}",
        ("tests/unit/propose/test_proposed_mapping.py::test_words_that_may_be_names_are_not_printed",),
    ),
    Mutation(
        "print a first row that is data",
        "pipelines/propose/mapping.py",
        "if any(map(_A_VALUE.fullmatch, sample.columns)):",
        "if not sample.columns:",
        ("tests/unit/propose/test_proposed_mapping.py::test_a_first_row_that_looks_like_data_is_not_printed",),
    ),
    Mutation(
        "take rows below a header at fault for a header",
        "pipelines/propose/layout.py",
        "yield below if below and known(below.columns) else None",
        "yield below",
        (
            "tests/unit/propose/test_proposed_mapping.py::test_a_header_at_fault_is_said_and_no_other_way_of_reading_is_made_up",
        ),
    ),
    Mutation(
        "match patterns by trying every way",
        "schemas/rows/conventions/patterns.py",
        'match(text.encode(errors="replace"))',
        "re.fullmatch(pattern, text)",
        ("tests/unit/rows/test_patterns.py::test_no_cell_takes_long",),
    ),
    Mutation(
        "let YAML stumble over a value",
        "connectors/extracts/mapping_file.py",
        "except (ValueError, TypeError, LookupError, AttributeError):",
        "except LookupError:",
        ("tests/loads/test_bad_inputs.py::test_mappings",),
    ),
    Mutation(
        "take numbers that no file of a run can hold",
        "schemas/settings.py",
        "LARGEST: Final = (1 << 63) - 1",
        "LARGEST: Final = 1 << 999",
        ("tests/loads/test_bad_inputs.py::test_flags",),
    ),
    Mutation(
        "lose patience at the door",
        "connectors/lusid/retrying.py",
        "patient = failure.away or not limits.only_away",
        "patient = not limits.only_away",
        ("tests/loads/test_patience.py::test_a_load_begins_when_lusid_takes_calls",),
    ),
    Mutation(
        "wait for a wrong host",
        "connectors/lusid/retrying.py",
        "patient = failure.away or not limits.only_away",
        "patient = True",
        ("tests/unit/lusid/test_client.py::test_at_the_door_who_does_not_answer_is_not_waited_for",),
    ),
    Mutation(
        "give a time left while LUSID is away",
        "pipelines/cli/progress.py",
        "if now <= self._held_until:",
        "if now < 0:",
        ("tests/unit/cli/test_progress.py::test_while_lusid_is_away_its_absence_is_told_and_no_time_left",),
    ),
    Mutation(
        "tell the fault of a repeated cell once",
        "schemas/rows/validated.py",
        "return [(place, refused[asked]) for place, asked in zip(wrong.tolist(), places[wrong].tolist(), strict=True)]",
        "return {n: (place, refused[n]) for place, n in zip(wrong.tolist(), places[wrong].tolist())}.values()",
        ("tests/unit/rows/test_binding.py::test_what_is_wrong_with_a_cell_is_told_of_every_row_that_has_it",),
    ),
    Mutation(
        "let rules take a refused cell for an empty one",
        "schemas/rows/validated.py",
        "in self.faults.get(position, ())",
        "in ()",
        ("tests/unit/rows/test_binding.py::test_rules_take_a_cell_that_is_refused_for_a_filled_one",),
    ),
    Mutation(
        "look for what every unknown column may have meant",
        "schemas/rows/header.py",
        ' if len(faults) < MOST_TOLD else ""',
        "",
        ("tests/unit/rows/test_wide_headers.py::test_unknown_columns",),
    ),
    Mutation(
        "know the letters of English alone in a pattern",
        "schemas/rows/conventions/patterns.py",
        "members = _CLASSES.get(letter.lower())",
        "members = None",
        ("tests/unit/rows/test_patterns.py::test_what_is_taken_means_what_it_means_to_python",),
    ),
    Mutation(
        "lock a night for nobody else",
        "pipelines/nights/night_lock.py",
        "str(folder.resolve()), str(place_of(target.url)))",
        "str(folder.resolve()), str(place_of(target.url)), moment())",
        ("tests/crash/test_two_in_every_window.py::test_two_processes_never_pass_each_other[sample-nightly-nightly]",),
    ),
    Mutation(
        "let two processes resume one run",
        "connectors/run_folder/journal.py",
        "                _lock(self._handle)\n",
        "",
        ("tests/crash/test_two_in_every_window.py::test_two_processes_never_pass_each_other[sample-resume-resume]",),
    ),
    Mutation(
        "remove a run that a process is working on",
        "pipelines/history/retention.py",
        "    with closing(Journal(folder.journal)):",
        "    if folder:",
        ("tests/crash/test_two_in_every_window.py::test_two_processes_never_pass_each_other[sample-resume-purge]",),
    ),
    Mutation(
        "ask whether a date is done before its night is locked",
        "pipelines/nights/backfill.py",
        "is_done = partial(history.has, extracts[day])",
        "is_done = partial(bool, history.has(extracts[day]))",
        ("tests/crash/test_two_in_every_window.py::test_two_processes_never_pass_each_other[sample-backfill-nightly]",),
    ),
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
        "connectors/lusid/client.py",
        "        if not (call.idempotent or response.is_own):\n",
        "        if False:\n",
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
        "pipelines/loading/run.py",
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
        "pipelines/prepare/portion.py",
        "sum(self.book.states.count(code, start) for code in COUNTED)",
        "len(entries) - self.book.states.count(PENDING, start)",
        ("tests/loads/test_invented_states.py::test_a_good_state_is_no_failure_whatever_is_asked",),
    ),
    Mutation(
        "have a request's rows inherit whatever state one of them has",
        "pipelines/prepare/gathering.py",
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
        "        if shown is not None and shown.finding is Finding.APPLIED:\n",
        "        if shown is not None and shown.finding is not Finding.ABSENT:\n",
        ("tests/unit/deliver/test_delivery.py::test_what_reading_back_finds_different_is_unknown_and_not_sent_again",),
    ),
    Mutation(
        "lose a held child",
        "pipelines/prepare/portion.py",
        "(ref for ref in needed if ref in self.rules.hold)",
        "(ref for ref in needed if ref in self.rules.hold and False)",
        ("tests/unit/nights/test_nightly.py",),
    ),
    Mutation(
        "hold the child of a parent that is in",
        "pipelines/account/failed_references.py",
        "            self._brought.pop(ref, None)\n",
        "            pass\n",
        ("tests/unit/nights/test_nightly.py::test_an_account_whose_holder_came_in_with_another_row_is_not_held",),
    ),
    Mutation(
        "load what depends on failures that cannot be told",
        "pipelines/nights/sequence.py",
        '            self._not_in[step.operation] = ""\n',
        "            pass\n",
        ("tests/unit/nights/test_nightly.py::test_accounts_are_not_loaded_when_it_is_not_known_which_to_hold",),
    ),
    Mutation(
        "load anew what a night that stopped has finished",
        "pipelines/nights/sequence.py",
        "        if self._continuation.has(step):\n",
        "        if False:\n",
        ("tests/unit/nights/test_continuation.py::test_the_same_night_again_finishes_one_that_stopped",),
    ),
    Mutation(
        "forget what was held when a night is continued",
        "pipelines/nights/continuation.py",
        'failed.get("refs", {})',
        "{}",
        (
            "tests/unit/nights/test_continuation.py::test_what_failed_before_a_night_stopped_holds_rows_when_it_is_continued",
        ),
    ),
    Mutation(
        "call a night over that was cut short",
        "pipelines/nights/sequence.py",
        "        if sequence.is_over:\n",
        "        if True:\n",
        (
            "tests/unit/nights/test_continuation.py::test_a_night_continues_with_an_extract_that_was_refused_and_then_corrected",
        ),
    ),
    Mutation(
        "keep what was derived from a load that is another now",
        "pipelines/nights/continuation.py",
        "            if anew and step.given is None:",
        "            if False and step.given is None:",
        ("tests/unit/nights/test_continuation.py::test_an_extract_derived_from_a_load_that_is_new_is_derived_anew",),
    ),
    Mutation(
        "skip the check for repeated keys",
        "pipelines/prepare/finishing.py",
        "    settle_repeats(book, portion.by_key.groups(key_of), _made(portion), portion.rules.duplicates)\n",
        "",
        ("tests/unit/prepare/test_reading.py",),
    ),
    Mutation(
        "no intent line",
        "pipelines/deliver/ledger.py",
        '        self._journal.append({"call": call, **self._times(None), "sent": sent})\n',
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
        "                _lock(self._handle)\n",
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
        "        if not doubtful and not once:\n",
        "        if True:\n",
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
        "        self.brake.missed()\n",
        '        self.brake.stop(UnreachableError("lost"))\n',
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
        "name the line behind a record of several lines",
        "connectors/extracts/csv/blocks.py",
        "np.append(0, line_of_end[:-1] + 1)",
        "np.append(0, line_of_end[:-1])",
        ("tests/loads/test_places.py::test_a_line_is_counted_through_records_of_several_lines_and_empty_ones",),
    ),
    Mutation(
        "number columns as the first file has them",
        "connectors/extracts/extract.py",
        "self._files[source].columns.index(column)",
        "self.columns.index(column)",
        ("tests/loads/test_places.py::test_a_column_has_the_number_that_it_has_in_the_rows_own_file",),
    ),
    Mutation(
        "hold an account for its first holder alone",
        "pipelines/prepare/portion.py",
        "rows = spread(self.binding.named(sheet.raw(position)), self.binding.items)",
        "rows = spread(self.binding.named(sheet.raw(position)), self.binding.items)[:1]",
        ("tests/loads/test_side_by_side.py::test_an_account_is_held_for_any_of_its_holders",),
    ),
    Mutation(
        "read a Delta table as loose files",
        "connectors/extracts/source_files.py",
        "    if kind is not None:\n        raise",
        "    if kind is None:\n        return\n    if False:\n        raise",
        ("tests/unit/extracts/test_datasets.py::test_folders_that_are_no_dataset_are_refused",),
    ),
    Mutation(
        "trust the checksums of pages",
        "connectors/extracts/parquet/reader.py",
        "page_checksum_verification=True",
        "page_checksum_verification=False",
        ("tests/unit/extracts/test_datasets.py::test_a_page_whose_checksum_is_wrong_is_damaged",),
    ),
    Mutation(
        "read typed times by a format for text",
        "schemas/rows/column_rule.py",
        "if self.format is None or kind in TIMES:",
        "if self.format is None:",
        ("tests/loads/test_three_forms.py",),
    ),
    Mutation(
        "take a file that was replaced while it was fetched",
        "connectors/extracts/remote/copies.py",
        "    if _remote(fs, remote.path).pin != remote.pin:",
        "    if False:",
        ("tests/loads/test_remote_extracts.py::test_a_file_that_is_replaced_while_it_is_read_is_refused",),
    ),
    Mutation(
        "trust any SFTP server",
        "connectors/extracts/remote/places.py",
        "if not (known.exists() and",
        "if False and not (known.exists() and",
        ("tests/loads/test_remote_extracts.py::test_a_site_that_nobody_vouches_for_is_refused",),
    ),
    Mutation(
        "tolerate a surplus empty cell",
        "connectors/extracts/csv/fitting.py",
        "found > self.whole or any(cells[width:])",
        "any(cells[width:])",
        ("tests/unit/extracts/test_csv_records.py::test_a_surplus_empty_cell_may_be_one_in_the_middle",),
    ),
    Mutation(
        "send control characters",
        "connectors/extracts/characters.py",
        "    if low > sum(",
        "    if False and low > sum(",
        (
            "tests/unit/extracts/test_csv_records.py::test_a_control_character_refuses_its_row_and_names_the_encoding_it_smells_of",
        ),
    ),
    Mutation(
        "read on behind the table",
        "connectors/extracts/csv/records.py",
        "                self.line, self.over = first, True\n                return\n",
        "                pass\n",
        ("tests/unit/extracts/test_around_the_table.py::test_lines_around_the_table_are_declared",),
    ),
    Mutation(
        "trust a column without a name",
        "connectors/extracts/csv/file.py",
        "            _refuse_uncounted(block.rows, columns[0], position.row, self._layout.counted_from)\n",
        "            pass\n",
        ("tests/unit/extracts/test_around_the_table.py::test_a_cell_of_it_that_does_not_count_on_refuses_its_row",),
    ),
    Mutation(
        "take what follows a compressed stream for its end",
        "connectors/extracts/csv/containers.py",
        '                if not data:\n                    return b""\n',
        '                return b""\n',
        ("tests/unit/extracts/test_containers.py::test_compressed_files_are_read_stream_behind_stream",),
    ),
    Mutation(
        "take quotes over a delimiter for text",
        "connectors/extracts/csv/suspicions.py",
        "        elif opened is not None and (",
        "        elif False and (",
        ("tests/unit/extracts/test_csv_records.py::test_a_cell_that_quotes_seem_to_enclose_refuses_its_row",),
    ),
    Mutation(
        "overlook single quotes in the short way",
        "connectors/extracts/csv/blocks.py",
        "    return any(_encloses(view, mark.encode(), rules) for mark in rules.suspects)",
        "    return False",
        ("tests/unit/extracts/test_csv_records.py::test_a_cell_that_quotes_seem_to_enclose_refuses_its_row",),
    ),
    Mutation(
        "drop a row in the reader",
        "connectors/extracts/csv/file.py",
        "columns = block.columns(len(self.columns))",
        "columns = [cells[1:] for cells in block.columns(len(self.columns))]",
        ("tests/unit/account/test_accountant.py::test_an_extract_of_invalid_rows_only_has_books_too",),
    ),
    Mutation(
        "count the rows read in the book itself",
        "pipelines/prepare/reading.py",
        "finished(portion, extract.records - gate.trailers)",
        "finished(portion, len(portion.book))",
        ("tests/unit/account/test_accountant.py::test_a_row_that_the_reader_drops_is_noticed",),
    ),
    Mutation(
        "replay a part of a request",
        "pipelines/history/replays/check.py",
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
        "connectors/run_folder/folder.py",
        "os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)",
        "os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)",
        ("tests/loads/test_secrets.py::test_a_bad_night_tells_no_secret_and_keeps_personal_values_where_they_belong",),
    ),
    Mutation(
        "finish before the files are whole",
        "pipelines/loading/run.py",
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
        "connectors/run_folder/folder.py",
        "        sync(part)\n        part.replace(path)\n",
        "        part.replace(path)\n        sync(path)\n",
        ("tests/crash/test_disk_order.py",),
    ),
    Mutation(
        "leave a renamed file's new name in memory",
        "connectors/run_folder/folder.py",
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
        '        return _unknown(request, f"{doubt.why}; not found when read back")\n',
        '        return Outcome(request, State.ACCEPTED, "", "")\n',
        ("tests/loads/test_lost_answers_dialects.py::test_upserts_in_dialect_2_3_are_settled_by_what_lusid_holds",),
    ),
    Mutation(
        "release a held child whose parent is absent",
        "pipelines/deliver/read_back.py",
        "        return [r for r in part if r not in missing] if missing else part\n",
        "        return part\n",
        ("tests/unit/cli/test_commands_again.py::test_what_was_held_is_released_by_a_replay_once_its_parent_is_in",),
    ),
    Mutation(
        "replay what is in already",
        "pipelines/history/replays/check.py",
        "            if strangers := _few(sql, _STRANGERS):\n",
        "            if False:\n",
        ("tests/unit/cli/test_commands_again.py::test_a_row_that_a_replay_had_accepted_is_not_replayed",),
    ),
    Mutation(
        "let a replay send what an unfinished one has in hand",
        "pipelines/history/replays/lineage.py",
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
        "        run.interrupt.settle_first(self._interrupted)\n        self._stop_over_budget()\n",
        "        run.interrupt.settle_first(self._interrupted)\n",
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
        "pipelines/deliver/limits.py",
        "        if losses >= BREAKER:\n",
        "        if losses >= 99:\n",
        ("tests/unit/deliver/test_delivery.py::test_losses_in_a_row_open_the_breaker_and_the_rest_is_not_sent",),
    ),
    Mutation(
        "show Prefect a red night as a completed one",
        "pipelines/flows/outcomes.py",
        "        case Colour.RED:\n            return RED\n",
        "        case Colour.RED:\n            return REJECTS\n",
        ("tests/flows/test_flows.py::test_an_ending_is_red_amber_or_green_and_says_the_counts_first",),
    ),
    Mutation(
        "tell a webhook what LUSID said",
        "pipelines/report/notify.py",
        '"rule": reason["rule"] if shareable else None}',
        '"rule": reason["rule"], "message": reason["message"]}',
        ("tests/unit/report/test_notify.py",),
    ),
    Mutation(
        "tell a webhook what LUSID said when an error ended the command",
        "pipelines/report/notify.py",
        "message=error.shareable)",
        "message=error.message)",
        ("tests/unit/report/test_notify.py::test_an_ending_by_an_error_is_told_without_what_lusid_said",),
    ),
    Mutation(
        "tell a webhook the names in a header, which may be a row",
        "schemas/errors.py",
        "return self.outside or self.ending or self.message",
        "return self.ending or self.message",
        ("tests/unit/report/test_told_outside.py",),
    ),
    Mutation(
        "tell a webhook the names in a header once its error has other words",
        "schemas/errors.py",
        '"outside": self.outside and change(self.outside)}',
        '"outside": ""}',
        ("tests/unit/report/test_told_outside.py",),
    ),
    Mutation(
        "write the names in a header into Prefect's log",
        "pipelines/flows/artifacts.py",
        "        self._log(outside)\n",
        "        self._log(text)\n",
        (
            "tests/flows/test_flows.py"
            "::test_prefect_is_told_that_an_extract_has_no_header_and_keeps_nothing_that_stands_in_it",
        ),
    ),
    Mutation(
        "print the URL that is told in the command to type next",
        "pipelines/cli/commands/load.py",
        'secret = ("--notify", HEARTBEAT)',
        "secret = (HEARTBEAT,)",
        ("tests/unit/report/test_notify.py",),
    ),
    Mutation(
        "wait on after the run has stopped",
        "pipelines/deliver/limits.py",
        "            self._waits.set()\n",
        "            pass\n",
        ("tests/unit/deliver/test_breaker.py::test_a_call_that_waits_is_given_up_when_another_is_locked_out",),
    ),
    Mutation(
        "let a stopped load stop the next one's waits",
        "pipelines/deliver/limits.py",
        "        self._waits.clear()\n",
        "",
        ("tests/unit/deliver/test_breaker.py::test_what_stopped_one_load_does_not_stop_the_next_into_the_same_lusid",),
    ),
    Mutation(
        "forget the size that LUSID takes",
        "pipelines/deliver/limits.py",
        "        return min((each.most for each in self._refused), default=None)\n",
        "        return max((each.most for each in self._refused), default=None)\n",
        (
            "tests/unit/deliver/test_call_size.py::test_what_another_call_taught_stays_though_one_of_a_giant_taught_more",
        ),
    ),
    Mutation(
        "load a file that may still be growing",
        "pipelines/loading/opening.py",
        "    check_before(expect, header, extract.sources if extract else ())\n",
        "",
        ("tests/unit/cli/test_commands_again.py::test_a_file_that_may_still_be_growing_is_refused",),
    ),
    Mutation(
        "resume a settled run into another target",
        "pipelines/loading/opening.py",
        "        check_target(before, manifest, journal)\n",
        "        pass\n",
        ("tests/loads/test_resume.py::test_a_run_that_settled_anything_goes_on_nowhere_else",),
    ),
    Mutation(
        "compare hosts as texts",
        "schemas/same_load.py",
        "parts.hostname.rstrip('.')",
        "parts.netloc",
        ("tests/unit/schemas/test_same_load.py::test_targets_are_compared_as_hosts",),
    ),
    Mutation(
        "purge through a link",
        "pipelines/history/retention.py",
        "folder.path.is_symlink() or folder.manifest.is_symlink()",
        "folder.path.is_symlink()",
        ("tests/unit/history/test_retention.py::test_links_and_other_peoples_folders_stay",),
    ),
    Mutation(
        "leave the runs folder to the umask",
        "connectors/run_folder/folder.py",
        "each.mkdir(mode=0o700, exist_ok=True)",
        "each.mkdir(exist_ok=True)",
        ("tests/unit/run_folder/test_folder.py::test_a_new_folder_is_its_owners_only_whatever_the_umask",),
    ),
    Mutation(
        "read a pipe as a file",
        "connectors/start_up_files.py",
        "        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):\n",
        "        if False:\n",
        ("tests/unit/connectors/test_start_up_files.py::test_a_named_pipe_is_refused_in_one_line",),
    ),
    Mutation(
        "send secrets where a manifest says",
        "pipelines/loading/earlier.py",
        "        check_named(manifest.target, folder.run_id)\n",
        "        pass\n",
        ("tests/unit/loading/test_trust.py::test_a_planted_target_is_refused_before_anything_is_sent",),
    ),
    Mutation(
        "send the environment's secrets where a stray file says",
        "connectors/lusid/environment.py",
        "        _check_unnamed_file(given, secrets.path)\n",
        "        pass\n",
        ("tests/unit/lusid/test_settings.py::test_a_file_that_nobody_named_is_not_where_the_environments_secrets_go",),
    ),
    Mutation(
        "give invalid rows the reason of their neighbour",
        "pipelines/account/accountant.py",
        "            alike = 1 if offsets[first] == _IN_NO_REQUEST else end - first\n",
        "            alike = end - first\n",
        (
            "tests/unit/account/test_accountant.py::"
            "test_rows_side_by_side_have_reasons_of_their_own_and_what_was_not_sent_has_one",
        ),
    ),
    Mutation(
        "call success what stands on the unknown instrument",
        "pipelines/deliver/answer_reader.py",
        "        elif request in alerts:\n            outcomes.append(alerts[request])\n",
        "",
        ("tests/loads/test_alerts.py::test_an_order_on_the_unknown_instrument_is_an_alert_everywhere",),
    ),
    Mutation(
        "call changed what was there before the call",
        "pipelines/deliver/changes.py",
        "    if made[:_SECOND] < began:\n        return SAME\n",
        "",
        ("tests/unit/deliver/test_changes.py::test_a_version_tells_what_became_of_a_key",),
    ),
    Mutation(
        "keep alerts from the verdict",
        "pipelines/loading/run.py",
        "alerts=options.alerts if counts.alerts else None",
        "alerts=None",
        ("tests/loads/test_alerts.py::test_alerts_fail_a_run_where_the_operator_says_so",),
    ),
    Mutation(
        "read by path what no path takes",
        "pipelines/deliver/list_reading.py",
        "        return body_of(entity, self._read) if entity.is_addressable else Finding.UNCLEAR\n",
        "        return body_of(entity, self._read)\n",
        ("tests/unit/deliver/test_list_reading.py::test_codes_that_no_path_takes_are_never_read_by_path",),
    ),
    Mutation(
        "write lists to failures.csv so that their items fall apart",
        "pipelines/account/accountant.py",
        "joined_labels(cell)",
        '"|".join(cell)',
        ("tests/loads/test_load_inputs.py::test_a_list_is_read_from_failures_csv_as_it_was",),
    ),
    Mutation(
        "be strict without being asked",
        "pipelines/operations/operation.py",
        "if strict else self.shape",
        "if not strict else self.shape",
        ("tests/loads/test_load_inputs.py::test_strict_is_chosen_by_the_load",),
    ),
    Mutation(
        "open the extract before anybody named a target",
        "pipelines/loading/opening.py",
        "    named_target(options)  # before the extract is opened\n",
        "",
        ("tests/unit/cli/test_targets_named.py::test_without_a_target_no_load_begins_and_no_extract_is_opened[load]",),
    ),
    Mutation(
        "read the failures of a dry run before anybody named a target",
        "pipelines/replay.py",
        "    named_target(options)\n",
        "",
        ("tests/unit/cli/test_targets_named.py::test_a_dry_run_needs_no_target_and_its_replay_does",),
    ),
    Mutation(
        "let one of two URLs win in silence",
        "connectors/lusid/environment.py",
        "place_of(url.text) != place_of(urls[0].text)",
        "url.text is None",
        (
            "tests/unit/lusid/test_settings.py::test_urls_of_the_environment_that_disagree_are_refused_unless_a_target_"
            "is_given",
        ),
    ),
    Mutation(
        "keep the target of a run to yourself",
        "pipelines/report/summary.py",
        "f' into {one_line(target)}' if target else ''",
        "''",
        ("tests/unit/cli/test_targets_named.py::test_everything_a_load_says_and_writes_names_its_target[load]",),
    ),
    Mutation(
        "let a server write formulas",
        "pipelines/account/accountant.py",
        "map(spreadsheet_text, (",
        "map(str, (",
        ("tests/loads/test_foreign_texts.py::test_what_a_server_says_is_no_formula_in_failures_csv",),
    ),
    Mutation(
        "count an outcome that a later one replaced",
        "pipelines/report/unfinished.py",
        "if self._settled_at[request] == offset and not",
        "if not",
        ("tests/unit/report/test_unfinished.py::test_the_last_state_of_a_request_counts_and_a_torn_line_does_not",),
    ),
    Mutation(
        "call nothing in doubt in a run under way",
        "pipelines/report/unfinished.py",
        'self._doubts[first : first + count] = b"\\1" * count',
        "pass",
        ("tests/unit/report/test_unfinished.py::test_the_last_state_of_a_request_counts_and_a_torn_line_does_not",),
    ),
    Mutation(
        "leave warnings out of the document",
        "pipelines/report/documents.py",
        "        warnings=advice.warnings(run),\n",
        "        warnings=[],\n",
        ("tests/unit/cli/test_documents.py::test_each_command_prints_the_document_of_its_run",),
    ),
    Mutation(
        "continue a stopped night by its last run alone",
        "pipelines/nights/report.py",
        "next=repeat if self.exit_code in UNFINISHED else next(",
        "next=next(",
        ("tests/unit/cli/test_documents.py::test_a_night_holds_the_documents_of_its_runs",),
    ),
    Mutation(
        "group rows by the key that LUSID quotes",
        "pipelines/account/rules.py",
        "        return _without_values(_without_key(message, key))\n",
        "        return message\n",
        ("tests/unit/account/test_accountant.py::test_one_rule_about_many_keys_is_one_reason",),
    ),
    Mutation(
        "make a reason of each parent",
        "pipelines/account/rules.py",
        "        return _NAMING_OTHERS[code]\n",
        "        return message\n",
        ("tests/unit/account/test_accountant.py::test_rows_held_for_many_parents_hide_no_refusal_of_lusid",),
    ),
    Mutation(
        "let a flood of one code hide the others",
        "pipelines/account/reasons.py",
        "len(codes) >= MOST_CODES:",
        "sum(map(len, codes.values())) >= MOST_CODES:",
        ("tests/unit/account/test_reasons.py",),
    ),
    Mutation(
        "count a key for each of its rows",
        "pipelines/account/reasons.py",
        "        self.keys += is_key\n",
        "        self.keys += 1\n",
        ("tests/unit/account/test_reasons.py::test_the_rows_and_keys_of_the_reasons_add_up",),
    ),
    Mutation(
        "drop the reasons behind the first hundred",
        "pipelines/loading/manifest.py",
        "        reasons=report.reasons,\n",
        "        reasons=report.reasons[:1],\n",
        ("tests/unit/account/test_accountant.py::test_rows_held_for_many_parents_hide_no_refusal_of_lusid",),
    ),
    Mutation(
        "keep examples whole",
        "pipelines/account/reasons.py",
        "without_middle(example, LONGEST_EXAMPLE)",
        "example",
        ("tests/loads/test_foreign_texts.py::test_huge_keys_make_no_huge_manifest",),
    ),
    Mutation(
        "load once what is in already",
        "pipelines/loading/run.py",
        "        refuse_finished(options.runs, run.record.manifest)\n",
        "        pass\n",
        ("tests/unit/cli/test_main.py::test_too_many_failures_stop_the_run_and_once_refuses_what_is_finished",),
    ),
    Mutation(
        "run into a rate limit that was announced",
        "connectors/lusid/retrying.py",
        "                self._throttle.hold_all(rate_limit_seconds(result.headers, datetime.now(UTC)))\n",
        "",
        ("tests/unit/lusid/test_retrying.py::test_senders_slow_down_before_a_rate_limit_refuses_them",),
    ),
    Mutation(
        "let the other senders go on after a 429",
        "connectors/lusid/retrying.py",
        "            self._throttle.hold_all(seconds)\n",
        "            self.timing.wait(seconds)\n",
        ("tests/unit/lusid/test_client.py::test_a_429_to_one_sender_holds_all_of_them",),
    ),
    Mutation(
        "take an interim answer for the answer",
        "connectors/lusid/deadlines.py",
        "            if self.status // 100 != 1:\n",
        "            if self.status != 100:\n",
        ("tests/unit/lusid/test_answers_and_requests.py::test_interim_answers_shift_nothing",),
    ),
    Mutation(
        "use a connection on which bytes are left over",
        "connectors/lusid/deadlines.py",
        "                self._left_over()\n",
        "                pass\n",
        (
            "tests/unit/lusid/test_answers_and_requests.py::test_a_connection_with_more_on_it_than_was_asked_for_is_used_no_more",
        ),
    ),
    Mutation(
        "let what proves something share a connection",
        "connectors/lusid/deadlines.py",
        " and not _ATTEMPT.get().alone\n",
        "\n",
        (
            "tests/unit/lusid/test_answers_and_requests.py::test_what_must_not_be_mistaken_for_anothers_answer_goes_alone",
        ),
    ),
    Mutation(
        "make the best of a malformed head",
        "connectors/lusid/deadlines.py",
        '        raise http.client.HTTPException("malformed head")\n',
        "        return\n",
        ("tests/unit/lusid/test_answers_and_requests.py::test_a_malformed_head_loses_the_answer_at_once",),
    ),
    Mutation(
        "send a call to the address of the one before",
        "connectors/lusid/transport.py",
        "known = (request.method, request.url, str(request.params), tuple(request.headers.items()))",
        "known = (request.method, str(request.params), tuple(request.headers.items()))",
        (
            "tests/unit/lusid/test_transport.py::test_each_request_goes_with_its_own_address_headers_and_body_whatever_went_before",
        ),
    ),
    Mutation(
        "send a call to the server of the one before",
        "connectors/lusid/deadlines.py",
        "known, last = (request.url, args, tuple(kwargs.items())), self._last_pool",
        "known, last = (args, tuple(kwargs.items())), self._last_pool",
        ("tests/unit/lusid/test_transport.py::test_each_request_goes_to_its_own_server_whatever_went_before",),
    ),
    Mutation(
        "send a call with the token of the one before",
        "connectors/lusid/transport.py",
        "known = (request.method, request.url, str(request.params), tuple(request.headers.items()))",
        "known = (request.method, request.url, str(request.params))",
        (
            "tests/unit/lusid/test_transport.py::test_each_request_goes_with_its_own_address_headers_and_body_whatever_went_before",
        ),
    ),
    Mutation(
        "send the requests between those of a call as well",
        "pipelines/deliver/parts.py",
        "part[-1] - part[0] + 1 == len(part)",
        "part[-1] >= part[0]",
        ("tests/unit/deliver/test_ledger.py",),
    ),
    Mutation(
        "take an answer that came before",
        "connectors/lusid/transport.py",
        "            if request_id in self._seen:\n",
        "            if False:\n",
        ("tests/unit/lusid/test_answers_and_requests.py::test_an_answer_that_comes_again_in_place_of_another_is_none",),
    ),
    Mutation(
        "tell what a proxy echoes of its password",
        "connectors/lusid/transport.py",
        "        return server_text(clean(text) if clean else text)\n",
        "        return server_text(text)\n",
        (
            "tests/unit/lusid/test_answers_and_requests.py::test_what_a_proxy_says_before_it_connects_is_told_without_secrets",
        ),
    ),
    Mutation(
        "ask a proxy again that wants a sign-in",
        "connectors/lusid/retry_table.py",
        '    ProxySignInError: (Action.STOP, ""),\n',
        "",
        ("tests/unit/lusid/test_answers_and_requests.py::test_a_proxy_that_wants_a_sign_in_is_asked_once",),
    ),
    Mutation(
        "take a name and a code for LUSID's signature",
        "connectors/lusid/call.py",
        '        and bool(problem["name"] and problem["instance"])\n',
        "",
        ("tests/unit/lusid/test_call.py",),
    ),
    Mutation(
        "miss no signature",
        "connectors/lusid/call.py",
        " or (signs and not headers.get(REQUEST_ID)):\n",
        ":\n",
        ("tests/unit/lusid/test_call.py",),
    ),
    Mutation(
        "believe whoever asks to come back",
        "connectors/lusid/retrying.py",
        "        return response.is_own\n",
        "        return True\n",
        ("tests/unit/lusid/test_retrying.py::test_who_asks_to_come_back_may_have_passed_it_on",),
    ),
    Mutation(
        "send again at once after a proxy's 401",
        "connectors/lusid/client.py",
        "        if call.idempotent or response.is_own:\n",
        "        if True:\n",
        ("tests/unit/lusid/test_client.py::test_after_anothers_401_only_what_is_idempotent_goes_again",),
    ),
    Mutation(
        "take a gateway's JSON for LUSID's answer",
        "connectors/lusid/client.py",
        "                if call.is_believed and not response.is_own:\n",
        "                if False:\n",
        (
            "tests/unit/lusid/test_client.py::test_an_answer_without_lusids_signature_is_none_where_something_is_to_be_proven",
        ),
    ),
    Mutation(
        "send again what readers do not show yet",
        "pipelines/deliver/read_back.py",
        "            self._reader.pause(left)\n",
        "            pass\n",
        (
            "tests/loads/test_reading_back.py::test_nothing_goes_again_before_it_was_absent_for_as_long_as_reads_may_lag",
        ),
    ),
    Mutation(
        "call failed what LUSID says is there",
        "pipelines/deliver/read_back.py",
        "        if shown.finding is Finding.ABSENT and not there:\n",
        "        if shown.finding is Finding.ABSENT:\n",
        ("tests/loads/test_fronted.py::test_reads_that_lag_by_more_than_was_said_leave_doubt_and_nothing_worse",),
    ),
    Mutation(
        "call ours what was there before",
        "pipelines/deliver/read_back.py",
        "        if doubt.is_anothers(shown.origins, self._began(outcome.request)):\n",
        "        if False:\n",
        (
            "tests/unit/deliver/test_delivery.py::test_a_refusal_that_an_earlier_attempt_may_have_caused_is_failed_only_where_the_version_says_otherwise",
        ),
    ),
    Mutation(
        "send again on the word of an id",
        "pipelines/deliver/read_back.py",
        "            return is_older(shown.origins, self._began(request))\n",
        "            return self._doubts[request].is_anothers(shown.origins, self._began(request))\n",
        (
            "tests/unit/deliver/test_delivery.py::"
            "test_what_lusid_holds_otherwise_lets_a_lost_call_go_again_only_where_it_is_older_than_the_run",
        ),
    ),
    Mutation(
        "replay what cannot be looked for",
        "pipelines/deliver/read_back.py",
        "        done = {r for r in once if r not in shown or shown[r].finding is Finding.APPLIED}\n",
        "        done = {r for r in once if r in shown and shown[r].finding is Finding.APPLIED}\n",
        ("tests/loads/test_reading_back.py::test_a_replay_that_cannot_look_for_what_was_sent_sends_none_of_it",),
    ),
    Mutation(
        "leave in doubt what its version ascribes to us",
        "pipelines/deliver/doubts.py",
        "        return bool(made_by) and None not in made_by and made_by <= set(self.ids)\n",
        "        return False\n",
        ("tests/unit/deliver/test_doubts.py",),
    ),
    Mutation(
        "replay without looking what LUSID refused",
        "pipelines/loading/sending.py",
        "            refused |= requests if state.traits.refused or state.traits.unfinished else set()\n",
        "",
        ("tests/loads/test_reading_back.py::test_what_was_refused_before_is_looked_for_before_a_replay_sends_it",),
    ),
    Mutation(
        "begin new calls while all answers are lost",
        "pipelines/deliver/limits.py",
        "        return self._missed >= BREAKER\n",
        "        return False\n",
        ("tests/unit/deliver/test_sender.py::test_while_answers_are_lost_in_a_row_no_new_batch_begins",),
    ),
    Mutation(
        "go on though a gate stays shut",
        "pipelines/deliver/delivery.py",
        "        if isinstance(error.refusal, FatalError) and (",
        "        if False and (",
        ("tests/unit/deliver/test_delivery.py::test_a_gate_that_stays_shut_stops_the_run_soon",),
    ),
    Mutation(
        "stop for what somebody else says once",
        "pipelines/deliver/delivery.py",
        "        if isinstance(error.refusal, FatalError) and (",
        "        if isinstance(error.refusal, FatalError) or (",
        (
            "tests/unit/deliver/test_delivery.py::test_what_would_stop_the_run_if_lusid_said_it_is_a_lost_answer_where_another_does",
        ),
    ),
    Mutation(
        "believe a list that lacks what is there",
        "pipelines/deliver/list_reading.py",
        "                self._longest, self._whole = 0, None\n                return self._bodies(evidence, {})\n",
        "                pass\n",
        ("tests/unit/deliver/test_list_reading.py::test_a_list_that_lacks_what_is_there_is_believed_no_more",),
    ),
    Mutation(
        "try no shorter filter",
        "pipelines/deliver/list_reading.py",
        "    return length // 2 if length >= 2 * SHORTEST else 0\n",
        "    return 0\n",
        ("tests/unit/deliver/test_list_reading.py::test_shorter_filters_are_tried_and_what_passes_is_remembered",),
    ),
    Mutation(
        "read back one by one",
        "pipelines/deliver/list_reading.py",
        "FEW = 3\n",
        "FEW = 10**6\n",
        ("tests/loads/test_reading_back.py::test_a_lost_call_of_a_hundred_blocks_is_settled_in_five_reads",),
    ),
    Mutation(
        "take whatever is read for what was asked for",
        "pipelines/operations/evidence_rules.py",
        '{**members, "id": resource}',
        "dict(members)",
        ("tests/unit/operations/test_evidence_rules.py::test_an_answer_of_another_entity_proves_nothing",),
    ),
    Mutation(
        "take a gateway's 404 for LUSID's",
        "pipelines/operations/evidence.py",
        " and refused.problem.is_own",
        "",
        ("tests/unit/operations/test_evidence_rules.py::test_an_allocation_that_is_not_there_was_not_booked",),
    ),
    Mutation(
        "let one giant teach all a size",
        "pipelines/deliver/limits.py",
        "                self._refused = [each for each in self._refused if part[0] not in each.part]\n",
        "",
        ("tests/unit/deliver/test_call_size.py::test_one_request_that_is_too_large_by_itself_teaches_no_size",),
    ),
    Mutation(
        "never try a larger size again",
        "pipelines/deliver/limits.py",
        "            self._good += 1\n",
        "",
        ("tests/unit/deliver/test_call_size.py::test_a_size_that_was_learnt_grows_back_by_trying",),
    ),
    Mutation(
        "load the accounts of records that were refused",
        "pipelines/nights/sequence.py",
        '        self._not_in[refused.operation] = "was refused"\n',
        "",
        (
            "tests/unit/nights/test_one_load_alone.py::"
            "test_a_wrong_header_keeps_back_what_needs_it_alone_and_the_night_continues_with_just_that",
        ),
    ),
    Mutation(
        "load the accounts of records that their guard stopped",
        "pipelines/nights/sequence.py",
        '            self._not_in[step.operation] = "did not finish"\n',
        "",
        (
            "tests/unit/nights/test_one_load_alone.py::"
            "test_a_load_that_its_own_limit_stops_keeps_back_what_needs_it_and_resumes",
        ),
    ),
    Mutation(
        "go on with a night whose LUSID refuses our credentials",
        "pipelines/nights/sequence.py",
        "            return not report.limited\n",
        "            return False\n",
        ("tests/unit/nights/test_one_load_alone.py::test_a_load_that_lusid_stops_ends_the_night",),
    ),
    Mutation(
        "end a night green of which a load was refused",
        "pipelines/nights/report.py",
        ", *(each.error.exit_code for each in self.refused)]",
        "]",
        ("tests/unit/nights/test_one_load_alone.py",),
    ),
    Mutation(
        "load what needs an extract that has not come",
        "pipelines/nights/sequence.py",
        "        if lacking is None:\n",
        "        if True:\n",
        (
            "tests/unit/nights/test_requirements.py::"
            "test_a_required_extract_that_has_not_come_holds_what_needs_it_and_the_rest_is_loaded",
        ),
    ),
    Mutation(
        "call a night finished whose extract has not come",
        "pipelines/nights/sequence.py",
        "self._refs_lost, not self._not_in",
        "self._refs_lost, self._refs_lost is None",
        (
            "tests/unit/nights/test_requirements.py::"
            "test_a_required_extract_that_has_not_come_holds_what_needs_it_and_the_rest_is_loaded",
        ),
    ),
    Mutation(
        "load files of nine days ago",
        "pipelines/nights/requirements.py",
        "        if why:\n",
        "        if False:\n",
        ("tests/unit/nights/test_requirements.py::test_files_of_an_earlier_night_are_stale",),
    ),
    Mutation(
        "show a hostile key as markup",
        "pipelines/report/html.py",
        "        autoescape=True,\n",
        "        autoescape=False,\n",
        ("tests/unit/report/test_night_page.py::test_a_hostile_extract_is_text_on_every_page",),
    ),
    Mutation(
        "call a key new that failed the night before",
        "pipelines/history/nights/tables.py",
        "WHERE night = place GROUP BY ALL",
        "WHERE night = 0 AND place = 0 GROUP BY ALL",
        ("tests/unit/report/test_night_page.py::test_what_is_new_still_failing_and_whose_it_is",),
    ),
    Mutation(
        "look for what holds a row in loads that follow",
        "pipelines/history/nights/tables.py",
        "    AND parent.place < causes.place AND",
        "    AND",
        ("tests/unit/report/test_night_page.py::test_held_rows_stand_under_the_row_that_holds_them",),
    ),
    Mutation(
        "send clears before one was read back",
        "pipelines/loading/sending.py",
        "for part in first.trials(open_requests, most):",
        "for part in ():",
        ("tests/loads/test_first_clear.py",),
    ),
    Mutation(
        "believe that a clear was heeded",
        "pipelines/deliver/first_clear.py",
        "if not after.held:",
        "if body is not None:",
        ("tests/loads/test_first_clear.py",),
    ),
    Mutation(
        "blame LUSID for what somebody else set anew behind a clear",
        "pipelines/deliver/first_clear.py",
        "after.version > probe.version + 1:",
        "after.version > probe.version + 9:",
        ("tests/loads/test_first_clear.py",),
    ),
    Mutation(
        "try what LUSID holds nothing of, and call it proven",
        "pipelines/deliver/first_clear.py",
        "if probe.held:\n                yield request",
        "if True:\n                yield request",
        ("tests/loads/test_first_clear.py",),
    ),
    Mutation(
        "load a mapping that clears into a LUSID where nulls do not clear",
        "pipelines/loading/assumed.py",
        "if clearing and not assumed.null_clears.get(operation, True):",
        "if False:",
        ("tests/loads/test_assume.py::test_a_mapping_that_clears_is_refused_where_nulls_do_not_clear",),
    ),
    Mutation(
        "make things in LUSID that the doctor has not written down",
        "pipelines/doctor/scratch.py",
        '_append(self._file, *({"made": each} for each in things))',
        "pass",
        ("tests/doctor/test_doctor.py::test_a_doctor_that_is_interrupted_or_killed_leaves_nothing_for_ever",),
    ),
    Mutation(
        "leave behind what a doctor made that is interrupted",
        "pipelines/doctor/doctor.py",
        "left = _tidied(scratch, client, progress)",
        "left: list[str] = []",
        ("tests/doctor/test_doctor.py::test_a_doctor_that_is_interrupted_or_killed_leaves_nothing_for_ever",),
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
        run = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=line", *mutation.tests]
        line = [*run, "--timeout", "120"]  # a defect may have something go on for ever
        environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
        environment["EXAMPLES"] = "red or green"  # nobody reads the smallest example of a planted defect
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
