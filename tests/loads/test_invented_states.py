"""A state that is added to `schemas.states` alone is counted, written and shown everywhere; no row of it is dropped."""

import json
import subprocess
import sys
from typing import Any

import invented_states
import pytest

NEW = {"shelved", "spoilt", "bounced"}
BOTH = ["spoilt", "bounced"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is said of each load; the books of all are checked where they are made."""
    script, folder = invented_states.__file__, tmp_path_factory.mktemp("invented")
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def some(counts: dict[str, int]) -> dict[str, int]:
    return {name: n for name, n in counts.items() if n}


def test_rows_and_keys_of_new_states_are_counted_and_written(found: dict[str, Any]) -> None:
    told = found["every state"]
    assert told["outcomes"] == ["accepted", "spoilt", "shelved", "bounced", "duplicate"]
    assert told["failures"] == BOTH
    assert some(told["document"]["rows"]) == {"read": 5, **dict.fromkeys(told["outcomes"], 1)}
    assert some(told["document"]["keys"]) == dict.fromkeys({"accepted", *NEW}, 1)
    assert (told["document"]["verdict"], told["exit_code"]) == ("rejects", 3)


def test_the_page_and_the_terminal_show_them_in_their_colours(found: dict[str, Any]) -> None:
    page, terminal = found["every state"]["page"], found["every state"]["terminal"]
    for state, light, dark in [("shelved", "#0b7285", "#66d9e8"), ("spoilt", "#111111", "#eeeeee")]:
        assert f"--{state}: {light};" in page
        assert f"--{state}: {dark};" in page
        assert f'<span class="{state}" style="width: 20.0000%"' in page
        assert f'</span>{state}</td><td class="n" data-name="rows">1</td>' in page
    assert '<td title="spoilt before it was sent">' in page
    assert "\x1b[35m  1 spoilt: Missing" in terminal
    assert "\x1b[36m  1 bounced: Bounced" in terminal
    header = next(line for line in terminal.splitlines() if "read" in line)
    assert set(header.replace("\x1b[0m", "").split()) >= NEW


def test_a_replay_takes_up_what_is_not_good_and_nothing_else(found: dict[str, Any]) -> None:
    replay = found["every state"]["replay"]
    assert replay["outcomes"] == BOTH
    assert "0 of 2 rows resolved, 2 left (1 spoilt, 1 bounced)" in replay["terminal"]


def test_a_good_state_is_no_failure_whatever_is_asked(found: dict[str, Any]) -> None:
    for name, verdict in [("nothing wrong", "complete"), ("dry run without fault", "dry run")]:
        told = found[name]
        assert (told["document"]["verdict"], told["exit_code"], told["failures"]) == (verdict, 0, [])
        assert told["document"]["rows"]["shelved"] == 1
    assert found["nothing wrong"]["notes"] == [], "nothing of the failure budget is spent"


def test_what_is_not_good_spends_the_budget_and_fails_a_dry_run(found: dict[str, Any]) -> None:
    over, dry = found["over the budget"], found["dry run"]
    assert over["outcomes"] == ["not_sent", "spoilt", "spoilt"]
    assert [note.split(",")[0] for note in over["notes"]] == ["2 of the first 3 rows cannot be sent"]
    assert (dry["document"]["verdict"], dry["exit_code"], dry["failures"]) == ("rejects", 3, ["spoilt"])


def test_the_rows_of_a_request_that_cannot_go_whole_are_all_in_failures(found: dict[str, Any]) -> None:
    told = found["whole requests"]
    assert told["outcomes"] == [
        *("invalid", "invalid"),  # one was shelved: the other would have gone without it, or not at all
        *("invalid", "spoilt"),
        "accepted",
        *("shelved", "shelved"),
        *("invalid", "spoilt"),
    ]
    assert told["failures"] == ["invalid"] * 3 + ["spoilt", "invalid", "spoilt"]
    assert some(told["document"]["keys"]) == {"accepted": 1, "invalid": 3, "shelved": 1}


def test_a_run_from_before_the_state_was_known_is_read(found: dict[str, Any]) -> None:
    told = found["every state"]
    assert some(told["as an older version wrote it"]) == {"accepted": 1}
    assert told["in the list of runs"].endswith("/api: 5 read, 1 accepted, 2 to correct")
