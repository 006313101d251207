"""The first clear of a load is read back before another request goes: whatever LUSID makes of a null is noticed."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sandbox_api import get
from scripted_lusid import MISSING, Call, Reply, problem, scripted

from connectors.sandbox.server import Sandbox
from pipelines.load import load
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.states import State

ID, COUNTRY = "identifier:InvestorRecord/Ext/Id", "property:InvestorRecord/D/Country"
KEY = COUNTRY.partition(":")[2]
COLUMNS: dict[str, Any] = {
    ID: "id",
    "display_name": "name",
    "investor_type": {"constant": "Person"},
    "investor:Person/Hr/Id": "id",
    COUNTRY: {"column": "country", "clear": "-"},
}
OLD, NEW = "UK", "FR"


class Records:
    """A LUSID of investor records.

    Attributes:
        countries: of each record it holds.
        versions: how often each was written.
        heeds: what a null does to a country.
        calls: the keys of each POST, and of each GET in brackets.
    """

    def __init__(self, heeds: "Callable[[Records, str], None]") -> None:
        self.countries: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.heeds = heeds
        self.calls: list[list[str]] = []
        self.refused: set[str] = set()
        self.unread: dict[str, int] = {}

    def __call__(self, call: Call) -> Reply:
        if call.method == "GET":
            return self._read(call)
        self.calls.append(call.keys)
        failed = {key: {"id": key, "type": "Bad", "detail": "no"} for key in call.keys if key in self.refused}
        for key in call.keys:
            if key not in failed:
                self._write(key, call.body[key].get("properties", {}).get(KEY))
        return Reply(body={"values": {k: {} for k in call.keys if k not in failed}, "failed": failed, "links": []})

    def _write(self, key: str, entry: Any) -> None:
        self.versions[key] = self.versions.get(key, 0) + 1
        if entry is None:
            return
        if entry["value"] is None:
            self.heeds(self, key)
        else:
            self.countries[key] = entry["value"]["labelValue"]

    def _read(self, call: Call) -> Reply:
        key = call.path.rpartition("/")[2]
        if "metadata" in call.path:
            return Reply(200, {})
        self.calls.append([f"[{key}]"])
        if key in self.unread:
            return Reply(self.unread[key], problem("Odd", 1, self.unread[key], "not now"))
        if key not in self.versions:
            return MISSING
        country = self.countries.get(key)
        shown = {} if country is None else {KEY: {"key": KEY, "value": {"labelValue": country}}}
        return Reply(200, {"properties": shown, "version": {"asAtVersionNumber": self.versions[key]}})

    def hold(self, *keys: str) -> None:
        for key in keys:
            self.countries[key], self.versions[key] = OLD, 1


def heeded(held: Records, key: str) -> None:
    """A null removes a country."""
    held.countries.pop(key, None)


def kept(held: Records, key: str) -> None:
    """A null is ignored."""


def extract(folder: Path, cells: dict[str, str], columns: dict[str, Any] = COLUMNS) -> dict[str, Any]:
    """Options of a load of records with these countries."""
    (folder / "m.yaml").write_text(json.dumps({"operation": "investor-records", "columns": columns}))
    path = folder / "e.csv"
    path.write_text(
        "".join(f"{','.join(row)}\n" for row in [("id", "name", "country"), *((k, "N", c) for k, c in cells.items())])
    )
    return {"extract": path, "mapping": folder / "m.yaml", "runs": folder / "runs", "read_lag": 0}


def states(report: Report) -> dict[State, int]:
    return {state: n for state, n in report.rows.items() if n}


def loaded(held: Records, folder: Path, cells: dict[str, str], **options: Any) -> Report:
    with scripted(held) as (_, target):
        return load("investor-records", **extract(folder, cells), target=target, **options)


def test_one_that_removes_something_goes_alone_and_is_read_back_before_all_others(tmp_path: Path) -> None:
    held = Records(heeded)
    held.hold("C", "D")
    report = loaded(held, tmp_path, {"A": NEW, "B": "-", "C": "-", "D": "-"}, batch_size=1)
    assert held.calls[:4] == [["[B]"], ["[C]"], ["C"], ["[C]"]]  # there is nothing of B to remove
    assert sorted(held.calls[4:]) == [["A"], ["B"], ["D"]]
    assert (states(report), held.countries) == ({State.ACCEPTED: 4}, {"A": NEW})


def test_where_a_null_removes_nothing_one_key_was_tried(tmp_path: Path) -> None:
    held = Records(kept)
    held.hold(*"ABCD")
    report = loaded(held, tmp_path, dict.fromkeys("ABCD", "-"))
    assert held.calls == [["[A]"], ["A"], ["[A]"]]
    assert states(report) == {State.FAILED: 1, State.NOT_SENT: 3}
    assert report.exit_code == 4
    (told,) = [each for each in report.warnings if "still holds" in each]
    assert re.match(f"LUSID accepted a null for {KEY} of A and still holds a value, so nothing else was sent", told)
    failed = next(reason for reason in report.reasons if reason.state is State.FAILED)
    assert failed.code == "NotCleared"


def test_a_resumed_run_tries_another(tmp_path: Path) -> None:
    """What was found before a crash is not known to the next process."""
    held = Records(kept)
    held.hold(*"ABC")
    with scripted(held) as (_, target):
        report = load("investor-records", **extract(tmp_path, dict.fromkeys("ABC", "-")), target=target)
        held.calls.clear()
        report = resume(report.run_id, runs=tmp_path / "runs", target=target)
        assert held.calls == [["[B]"], ["B"], ["[B]"]]
        assert states(report) == {State.FAILED: 2, State.NOT_SENT: 1}
        held.heeds = heeded
        report = resume(report.run_id, runs=tmp_path / "runs", target=target)
    assert states(report) == {State.FAILED: 2, State.ACCEPTED: 1}
    assert held.countries == {"A": OLD, "B": OLD}


def test_one_that_cannot_be_read_back_is_unknown_and_the_last_that_is_sent(tmp_path: Path) -> None:
    def unreadable(held: Records, key: str) -> None:
        held.unread[key] = 400

    held = Records(unreadable)
    held.hold(*"AB")
    with scripted(held) as (_, target):
        report = load("investor-records", **extract(tmp_path, dict.fromkeys("AB", "-")), target=target)
        assert states(report) == {State.UNKNOWN: 1, State.NOT_SENT: 1}
        assert any("could not be read back" in each for each in report.warnings)
        held.unread, held.heeds = {}, heeded
        report = resume(report.run_id, runs=tmp_path / "runs", target=target)
    assert (states(report), held.countries) == ({State.ACCEPTED: 2}, {})


def test_what_somebody_else_changed_meanwhile_proves_nothing(tmp_path: Path) -> None:
    def overtaken(held: Records, key: str) -> None:
        if key == "A":  # cleared, and set anew by somebody else
            held.versions[key] += 1
        else:
            del held.countries[key]

    held = Records(overtaken)
    held.hold(*"ABCD")
    report = loaded(held, tmp_path, dict.fromkeys("ABCD", "-"))
    assert held.calls[:3] == [["[A]"], ["A"], ["[A]"]]
    assert held.calls[3:7] == [["[B]"], ["[C]"], ["B", "C"], ["[B]"]]
    assert states(report) == {State.ACCEPTED: 4}


def test_others_follow_one_that_is_refused_twice_as_many_each_time(tmp_path: Path) -> None:
    held, keys = Records(heeded), [f"K{n}" for n in range(9)]
    held.hold(*keys)
    held.refused = {*keys[:-1]}
    report = loaded(held, tmp_path, dict.fromkeys(keys, "-"))
    sent = [call for call in held.calls if not call[0].startswith("[")]
    assert sent == [keys[:1], keys[1:3], keys[3:7], keys[7:]]
    assert states(report) == {State.FAILED: 8, State.ACCEPTED: 1}


@pytest.mark.parametrize("mode", ["Atomic", "Partial"])
def test_where_nothing_is_there_to_remove_few_are_looked_at(tmp_path: Path, mode: str) -> None:
    held, keys = Records(heeded), [f"K{n:02}" for n in range(60)]
    report = loaded(held, tmp_path, dict.fromkeys(keys, "-"), mode=mode)
    assert held.calls[:20] == [[f"[{key}]"] for key in keys[:20]]
    assert held.calls[20:] == [keys[:1], [f"[{keys[0]}]"], keys[1:]]
    assert states(report) == {State.ACCEPTED: 60}


def test_a_text_that_looks_like_a_clear_is_none_and_a_load_without_one_reads_nothing(tmp_path: Path) -> None:
    held = Records(heeded)
    held.hold("A")
    report = loaded(held, tmp_path, {"A": '"""value"":null"', "B": ""})
    assert (held.calls, states(report)) == ([["A", "B"]], {State.ACCEPTED: 2})
    assert held.countries["A"] == '"value":null'


def test_a_clear_is_read_as_of_its_date(tmp_path: Path) -> None:
    columns = COLUMNS | {f"{COUNTRY}@effective_from": {"constant": "2024-05-01"}}
    held, queries = Records(heeded), list[str]()
    held.hold("A")
    with scripted(held) as (lusid, target):
        answer = lusid.answer

        def noting(method: str, path: str, content: bytes) -> Reply:
            queries.append(path.partition("?")[2])
            return answer(method, path, content)

        lusid.answer = noting  # type: ignore[method-assign, assignment]
        load("investor-records", **extract(tmp_path, {"A": "-"}, columns), target=target)
    assert [query for query in queries if "effectiveAt=2024-05-01T00%3A00%3A00.0000000%2B00%3A00" in query] == [
        query for query in queries if "propertyKeys" in query
    ]
    assert len([query for query in queries if "effectiveAt" in query]) == 2


def test_a_lusid_that_is_known_to_clear_is_not_asked(tmp_path: Path) -> None:
    held, assume = Records(kept), tmp_path / "assume.yaml"
    held.hold("A", "B")
    assume.write_text("null_clears: {investor-records: true}\n")
    report = loaded(held, tmp_path, {"A": "-", "B": "-"}, assume=assume)
    assert (held.calls, states(report)) == ([["A", "B"]], {State.ACCEPTED: 2})


@pytest.mark.parametrize(
    "differs", ["lag=0.4", "nulls=keep,requests=other", "nulls=keep,unchanged=version", "requests=other"]
)
def test_against_a_sandbox_that_differs(differs: str, tmp_path: Path) -> None:
    keys = [f"K{n}" for n in range(5)]
    with pytest.MonkeyPatch.context() as patch, Sandbox(differs=differs) as sandbox:
        patch.setenv("FBN_ACCESS_TOKEN", sandbox.access_token)
        for cells in (dict.fromkeys(keys, OLD), dict.fromkeys(keys, "-")):
            given = extract(tmp_path, cells) | {"read_lag": 1}
            report = load("investor-records", target=sandbox.url, **given)
        time.sleep(0.5 if "lag" in differs else 0)
        left = [each["properties"] for each in get(sandbox, "investorrecords").json()["values"]]
    assert states(report) == ({State.FAILED: 1, State.NOT_SENT: 4} if "keep" in differs else {State.ACCEPTED: 5})
    assert [KEY in each for each in left] == ["keep" in differs] * 5
