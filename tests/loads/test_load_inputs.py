"""One set of facts, four kinds of extract: identical requests, and failure reports that load again corrected."""

import shutil
import threading
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
import yaml
from builders import COUNTRY, HOLDER, IR_ID, MAPPINGS, Row, account, investor, order, read_csv, write_csv
from run_checks import check_books, states
from scripted_lusid import ScriptedLusid, done, nothing_there, scripted

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.results import FAILURE_COLUMNS
from connectors.sandbox.server import Sandbox
from pipelines.load import load
from pipelines.report.report import Report
from pipelines.sample.plan import Plan
from pipelines.sample.planted import planted_rows
from pipelines.sample.write import write_client_sample, write_sample
from schemas.errors import ConfigError
from schemas.states import State, Verdict

DATA = Path(__file__).parents[2] / "data"
KINDS = ("csv", "parquet", "text frame", "typed frame", "client")
TOKEN = "a-token"


def given(kind: str, name: str, data: Path = DATA) -> dict[str, Any]:
    """What `load` is called with for one of the sample's files."""
    file = data / "sample" / name
    if kind == "client":
        return {"extract": data / "client" / f"{name}.csv", "mapping": data / "client" / f"{MAPPINGS[name]}.yaml"}
    if kind == "text frame":
        return {"extract": pd.read_csv(file.with_suffix(".csv"), dtype=str, keep_default_na=False)}
    if kind == "typed frame":
        return {"extract": pd.read_parquet(file.with_suffix(".parquet"))}
    return {"extract": file.with_suffix(f".{kind}")}


class _Handler(BaseHTTPRequestHandler):
    server: "_Recorder"
    wbufsize = -1  # an answer in one packet

    def do_GET(self) -> None:
        self._answer(200, {"values": []})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, body))
        sent = orjson.loads(body)
        if "requests" in sent:
            blocks = [{"block": {"id": request["blockId"]}} for request in sent["requests"]]
            self._answer(201, {"values": blocks})
        else:
            self._answer(201, {"values": {key: {} for key in sent}, "failed": {}})

    def _answer(self, status: int, content: object) -> None:
        body = orjson.dumps(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name it overrides
        """Says nothing."""


class _Recorder(ThreadingHTTPServer):
    """A LUSID that keeps what it is sent and finds everything good."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api"


@contextmanager
def recorder() -> Iterator[_Recorder]:
    with _Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], tuple[list[tuple[str, bytes]], Report]]:
    """The calls, in order, and the report of a load; each is made once."""
    known: dict[tuple[str, str], tuple[list[tuple[str, bytes]], Report]] = {}

    def calls(kind: str, name: str) -> tuple[list[tuple[str, bytes]], Report]:
        if (kind, name) not in known:
            runs = tmp_path_factory.mktemp("runs")
            with recorder() as server, pytest.MonkeyPatch.context() as patch:
                patch.setenv("FBN_ACCESS_TOKEN", TOKEN)
                options: dict[str, Any] = {"target": server.url, "runs": runs, "concurrency": 1, "batch_size": 300}
                report = load(MAPPINGS[name], **given(kind, name), **options)
            known[kind, name] = (server.seen, report)
        return known[kind, name]

    return calls


Wire = Callable[[str, str], tuple[list[tuple[str, bytes]], Report]]


@pytest.mark.untraced
@pytest.mark.parametrize("name", MAPPINGS)
@pytest.mark.parametrize("kind", KINDS[1:])
def test_the_same_facts_are_the_same_bytes_on_the_wire(wire: Wire, kind: str, name: str) -> None:
    expected, read = wire("csv", name)
    calls, report = wire(kind, name)
    assert len(calls) >= 4
    assert calls == expected
    assert (report.rows, report.keys, report.rows_read) == (read.rows, read.keys, read.rows_read)


@pytest.mark.parametrize("name", MAPPINGS)
def test_what_is_sent_is_every_row_that_was_accepted(wire: Wire, name: str) -> None:
    calls, report = wire("csv", name)
    sent = [orjson.loads(body) for _, body in calls]
    if name == "orders":
        requests = [request for body in sent for request in body["requests"]]
        rows = sum(len(request["orders"]) for request in requests)
        assert rows == report.rows[State.ACCEPTED]
    else:
        requests = [key for body in sent for key in body]
    assert len(requests) == report.keys[State.ACCEPTED]
    assert all(path.startswith("/api/api/") for path, _ in calls)


@pytest.mark.parametrize("name", MAPPINGS)
@pytest.mark.parametrize("kind", KINDS[1:])
def test_the_same_rows_fail_for_the_same_reasons(wire: Wire, kind: str, name: str) -> None:
    def told(found: str) -> list[tuple[str, str, str]]:
        rows = read_csv(wire(found, name)[1].run_dir / "failures.csv")
        return [(row["_row"], row["_state"], row["_key"]) for row in rows]

    assert told(kind) == told("csv")


SMALL: dict[str, Any] = {"investors": 40, "accounts": 90, "blocks": 60, "orders": 200}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample and the client's form of it, with all planted rows and few others."""
    folder = tmp_path_factory.mktemp("data")
    write_sample(folder / "sample", **SMALL)
    write_client_sample(folder / "client", **SMALL)
    return folder


def cures(name: str, data: Path) -> dict[str, dict[str, str]]:
    """`_row` to what puts the row right, for every planted row: canonical column to text."""
    plan = Plan(**SMALL)
    rows = read_csv(data / "sample" / f"{name}.csv")
    found = {}
    for planted in getattr(planted_rows(plan), name):
        whole = dict.fromkeys(rows[0], "") | dict(planted.cells)
        found[str(rows.index(whole) + 1)] = dict(planted.cure)
    return found


def cured(kind: str, name: str, report: Report, data: Path) -> Path:
    """The report's failures.csv with each planted fault put right, as the client words it where it is the client's."""
    columns, codes = {}, {}
    if kind == "client":
        rules = yaml.safe_load((data / "client" / f"{MAPPINGS[name]}.yaml").read_text())["columns"]
        columns = {c: rule if isinstance(rule, str) else rule.get("column") for c, rule in rules.items()}
        codes = {c: rule["values"] for c, rule in rules.items() if "values" in rule}
    rows, right = read_csv(report.run_dir / "failures.csv"), cures(name, data)
    for row in rows:
        for column, text in right[row["_row"]].items():
            source = columns.get(column, column)
            assert source in row
            row[source] = next((code for code, word in codes.get(column, {}).items() if word == text), text)
            if kind == "client" and column.endswith("@effective_from"):
                row[source] = "/".join(reversed(text.split("-")))
    return write_csv(data / f"{kind} {name}.csv", rows)


@pytest.mark.parametrize("kind", KINDS)
def test_a_nights_failures_load_as_they_are_once_they_are_corrected(
    kind: str, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox() as sandbox:
        monkeypatch.setenv("FBN_ACCESS_TOKEN", sandbox.access_token)
        for name, operation in MAPPINGS.items():
            options: dict[str, Any] = {"target": sandbox.url, "runs": tmp_path / "runs"}
            args = given(kind, name, small)
            first = load(operation, **args, **options)
            assert first.verdict is Verdict.REJECTS
            args["extract"] = cured(kind, name, first, small)
            again = load(operation, **args, **options)
            assert (again.verdict, again.rows[State.DUPLICATE]) == (Verdict.COMPLETE, name == "investors")
            assert first.rows[State.ACCEPTED] + first.rows[State.DUPLICATE] + again.rows_read == first.rows_read
            assert read_csv(again.run_dir / "failures.csv") == []


def test_failures_that_nobody_corrected_fail_again_as_they_did(tmp_path: Path) -> None:
    options: dict[str, Any] = {"target": "sandbox", "runs": tmp_path}
    first = load("investor-records", DATA / "sample" / "investors.csv", **options)
    report = first.run_dir / "failures.csv"
    again = load("investor-records", report, **options)
    assert again.rows == {**first.rows, State.ACCEPTED: 0, State.DUPLICATE: 0}
    kept = ["_key", "_state", "_code", *read_csv(report)[0].keys() - {*FAILURE_COLUMNS}]
    before, after = (read_csv(path) for path in (report, again.run_dir / "failures.csv"))
    assert [[row[c] for c in kept] for row in after] == [[row[c] for c in kept] for row in before]


WESTERN = """
operation: investor-records
encoding: cp1252
delimiter: ";"
columns:
  "identifier:InvestorRecord/ExternalIdentifier/ExternalIRId": ref
  display_name: name
  investor_type: {column: kind, values: {P: Person}}
  "investor:Person/HrSystem1/InternalId": ref
  "property:InvestorRecord/Details/Country": country
"""


def western(tmp_path: Path) -> tuple[Path, Path]:
    """An extract in cp1252 with semicolons, one row of it bad, and its mapping."""
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(WESTERN)
    rows = [
        {"ref": "A1", "name": "Zoë; née €", "kind": "P", "country": "España"},
        {"ref": "A2", "name": "Noël, Ltd", "kind": "X", "country": "Österreich"},
    ]
    return write_csv(tmp_path / "crm.csv", rows, encoding="cp1252", delimiter=";"), mapping


def unchanged(octets: bytes) -> bytes:
    return octets


def saved_without_its_mark(octets: bytes) -> bytes:
    return octets.removeprefix(BOM_UTF8)


def saved_with_quotes(octets: bytes) -> bytes:
    header, _, rest = octets.removeprefix(BOM_UTF8).partition(b"\n")
    return b",".join(b'"%b"' % name for name in header.split(b",")) + b"\r\n" + rest.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("save", [unchanged, saved_without_its_mark, saved_with_quotes])
def test_a_failure_report_is_read_as_we_wrote_it_whatever_the_mapping_declares(
    tmp_path: Path, save: Callable[[bytes], bytes]
) -> None:
    extract, mapping = western(tmp_path)
    options: dict[str, Any] = {"mapping": mapping, "target": "sandbox", "runs": tmp_path / "runs"}
    first = load("investor-records", extract, **options)
    (row,) = read_csv(first.run_dir / "failures.csv")
    assert (row["_state"], row["name"], row["country"]) == ("invalid", "Noël, Ltd", "Österreich")
    report = tmp_path / "corrected.csv"
    report.write_bytes(save((first.run_dir / "failures.csv").read_bytes()))
    again = load("investor-records", report, **options)
    (same,) = read_csv(again.run_dir / "failures.csv")
    assert (same["name"], same["country"], same["kind"]) == ("Noël, Ltd", "Österreich", "X")
    report.write_bytes(report.read_bytes().replace(b",X,", b",P,"))
    assert load("investor-records", report, **options).verdict is Verdict.COMPLETE


def ragged(tmp_path: Path) -> Path:
    """A row whose name has a comma that nobody quoted: its country stands behind the last column."""
    extract = write_csv(tmp_path / "a.csv", [investor(1), investor(2)])
    text = extract.read_text()
    extract.write_text(text.replace("Investor 2,", "Doe, Jane,"))
    return extract


def test_cells_beyond_the_header_are_kept_in_a_column_of_their_own_and_refuse_the_row_until_it_is_emptied(
    tmp_path: Path,
) -> None:
    options: dict[str, Any] = {"target": "sandbox", "runs": tmp_path / "runs"}
    first = load("investor-records", ragged(tmp_path), **options)
    (row,) = read_csv(first.run_dir / "failures.csv")
    assert (row["_code"], row["display_name"], row[COUNTRY], row["_surplus"]) == (
        "TooManyCells", "Doe", "P0002", "Norway",
    )  # fmt: skip
    report = tmp_path / "failures.csv"
    shutil.copy(first.run_dir / "failures.csv", report)
    untouched = load("investor-records", report, **options)
    assert untouched.rows[State.INVALID] == untouched.rows_read == 1
    (same,) = read_csv(untouched.run_dir / "failures.csv")
    assert same["_message"] == (
        "row 1: _surplus is filled: not every cell of this row was in its column; put them there and empty _surplus"
    )
    original: Row = investor(2, {"display_name": "Doe, Jane"})
    write_csv(report, [row | original | {"_surplus": ""}])
    assert load("investor-records", report, **options).verdict is Verdict.COMPLETE


def test_columns_of_ours_in_an_extract_that_is_no_report_are_ignored(tmp_path: Path) -> None:
    rows = [{"_surplus": "x", "_key": "y"} | investor(1)]
    with recorder() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FBN_ACCESS_TOKEN", TOKEN)
        report = load(
            "investor-records", write_csv(tmp_path / "a.csv", rows), target=server.url, runs=tmp_path / "runs"
        )
    assert report.verdict is Verdict.COMPLETE
    assert [list(orjson.loads(body)) for _, body in server.seen] == [[investor(1)[IR_ID]]]


def test_a_key_is_what_lusid_is_told_though_the_mapping_has_other_words_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer names the block in LUSID's words; two words of the client's for one thing are one key."""
    rows = [
        {"desk": desk, **order(block, serial)} for serial, (desk, block) in enumerate([("EQ", 1), ("E", 1), ("FI", 2)])
    ]
    columns: dict[str, Any] = {name: name for name in rows[0] if name != "desk"}
    columns["block_scope"] = {"column": "desk", "values": {"EQ": "Equities", "E": "Equities", "FI": "Fixed"}}
    mapping = tmp_path / "orders.yaml"
    mapping.write_text(yaml.safe_dump({"operation": "orders", "columns": columns}))
    monkeypatch.setenv("FBN_ACCESS_TOKEN", TOKEN)
    with ScriptedLusid(lambda call: done(call) if call.method == "POST" else nothing_there(call)) as lusid:
        report = load(
            "orders", write_csv(tmp_path / "a.csv", rows), mapping=mapping, target=lusid.url, runs=tmp_path / "runs"
        )
    check_books(report)
    assert states(report) == {"Equities/B0001": "accepted", "Fixed/B0002": "accepted"}
    assert [call.keys for call in lusid.posted] == [["Equities/B0001", "Fixed/B0002"]]


def test_what_failed_and_what_needs_it_are_named_alike_though_mappings_have_other_words(tmp_path: Path) -> None:
    def mapped(operation: str, row: Row, column: str, words: dict[str, str]) -> Path:
        path = tmp_path / f"{operation}.yaml"
        columns: dict[str, Any] = {name: name for name in row} | {column: {"column": column, "values": words}}
        path.write_text(yaml.safe_dump({"operation": operation, "columns": columns}))
        return path

    parent, child = investor(1, {IR_ID: "one", "display_name": ""}), account(1, 1, {HOLDER: "eins"})
    first = load(
        "investor-records",
        write_csv(tmp_path / "a.csv", [parent]),
        mapping=mapped("investor-records", parent, IR_ID, {"one": "IR_0001"}),
        runs=tmp_path / "runs",
        dry_run=True,
        followed=True,
    )
    second = load(
        "investment-accounts",
        write_csv(tmp_path / "b.csv", [child]),
        mapping=mapped("investment-accounts", child, HOLDER, {"eins": "IR_0001"}),
        runs=tmp_path / "runs",
        dry_run=True,
        hold=first.failed_refs,
    )
    assert second.rows[State.HELD] == 1


@pytest.mark.parametrize(
    ("operation", "key", "named"),
    [
        ("orders", "ref", "block"),
        ("orders", ["block_code", "block_scope"], "block"),
        ("orders", ["block_scope", "block_code"], ""),
        ("allocate", "ref", "placement"),
        ("cancel-orders", "ref", ""),
    ],
)
def test_a_mapping_may_not_name_what_answers_name_by_its_id(
    tmp_path: Path, operation: str, key: str | list[str], named: str
) -> None:
    """Every answer would be of other keys, and the orders of one block two requests for it."""
    rows = {
        "orders": order(1, 1),
        "allocate": {"placement_scope": "S", "placement_code": "P"},
        "cancel-orders": {"order_scope": "S", "order_code": "O"},
    }
    row, mapping = rows[operation], tmp_path / "m.yaml"
    mapping.write_text(yaml.safe_dump({"operation": operation, "key": key, "columns": {name: name for name in row}}))
    extract = write_csv(tmp_path / "a.csv", [row | {"ref": "R1"}])

    def dry() -> Report:
        return load(operation, extract, mapping=mapping, runs=tmp_path / "runs", dry_run=True)

    if not named:
        assert dry().exit_code == 0
        return
    told = (
        f"{operation}: the mapping names a key, but LUSID names each {named} by its id, {named}_scope and {named}_code"
    )
    with pytest.raises(ConfigError, match=told):
        dry()


def test_a_list_is_read_from_failures_csv_as_it_was(tmp_path: Path) -> None:
    labels = ["FX|Bonds", "C:\\", "x"]
    columns = {name: [cell] for name, cell in investor(1, {"display_name": ""}).items()}
    frame = pd.DataFrame({**columns, "labels:InvestorRecord/A/B": [labels]})
    first = load("investor-records", frame, runs=tmp_path / "runs", dry_run=True)
    corrected = read_csv(RunFolder(first.run_dir).failures)
    corrected[0]["display_name"] = "Jane"
    path = write_csv(tmp_path / "corrected.csv", corrected)
    with scripted(done) as (lusid, target):
        load("investor-records", path, runs=tmp_path / "runs", target=target)
    (sent,) = lusid.posted[0].body.values()
    assert sent["properties"]["InvestorRecord/A/B"]["value"] == {"labelValueSet": {"values": labels}}


def test_strict_is_chosen_by_the_load(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [order(1, 1, {"order_code": "A/1"})])
    lax = load("orders", path, runs=tmp_path / "runs", dry_run=True)
    strict = load("orders", path, runs=tmp_path / "runs", dry_run=True, strict=True)
    assert (lax.rows[State.INVALID], strict.rows[State.INVALID]) == (0, 1)
