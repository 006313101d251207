"""Preparing an extract: every row ends in one state or one request, however the extract is cut."""

import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bound import validate
from builders import (
    HOLDER,
    IA_ID,
    IR_ID,
    Preparation,
    Row,
    account,
    csv_extract,
    investor,
    order,
    prepare_extract,
    prepare_files,
    prepare_rows,
    write_csv,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from portions import in_portions

from connectors.extracts.frame_extract import extract_from_frame
from pipelines.operations.table import operation_named
from pipelines.prepare.reading import Rules, prepare
from schemas.dialects import Dialect
from schemas.errors import ExtractError, RunFolderError
from schemas.rows.binding import Binding
from schemas.rows.mapping import Mapping as ColumnMapping
from schemas.states import State

INVALID, HELD, DUPLICATE = State.INVALID, State.HELD, State.DUPLICATE
HOLD = {"InvestorRecord/ExternalIdentifier/ExternalIRId=IR_0003": "is failed"}
KEY_COLUMNS = {"investor-records": IR_ID, "investment-accounts": IA_ID, "orders": "block_code"}
FAULTS = ("blank", "short", "long", "undecodable", "keyless")


@dataclass(frozen=True)
class Line:
    """A row of a random extract, and a fault to write it with ('' for none)."""

    cells: Row
    fault: str = ""


def random_lines(operation: str) -> st.SearchStrategy[list[Line]]:
    few = st.integers(1, 3)
    names = st.sampled_from([{}, {}, {}, {"display_name": "Other"}])
    rows = {
        "investor-records": st.builds(investor, few, names),
        "investment-accounts": st.builds(
            account,
            st.integers(1, 2),
            few,
            st.sampled_from([{}, {}, {}, {"display_name": "Other"}, {HOLDER: "IR_0004"}]),
        ),
        "orders": st.builds(
            order, few, st.integers(1, 6), st.sampled_from([{}, {}, {"side": "Sell"}, {"quantity": "7"}])
        ),
    }
    fault = st.sampled_from([""] * 12 + list(FAULTS))
    doubtful = ("short", "long", "undecodable")  # a header that none of the first records fits refuses the file
    lines = st.lists(st.builds(Line, rows[operation], fault), max_size=12)
    return lines.filter(lambda each: not each or each[0].fault not in doubtful)


def encoded(line: Line, columns: Sequence[str], blank: str) -> bytes:
    """A line of CSV. The first column must be the key, so that a ragged row keeps it."""
    cells = line.cells | {"": ""}
    if line.fault == "blank":
        cells[blank] = ""
    if line.fault == "keyless":
        cells[columns[0]] = " "
    octets = [cells[column].encode() for column in columns]
    if line.fault == "undecodable":
        octets[columns.index(blank)] += b"\xff"
    if line.fault == "short":
        octets.pop()
    if line.fault == "long":
        octets.append(b"x")
    return b",".join(octets) + b"\n"


BLANK = {"investor-records": "display_name", "investment-accounts": "display_name", "orders": "order_code"}


@contextmanager
def prepared(
    operation: str,
    files: Sequence[Sequence[Line]],
    columns: Sequence[str],
    *,
    block: int = 1 << 18,
    max_rows: int = 8192,
) -> Iterator[Preparation]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [folder / f"{i}.csv" for i in range(len(files))]
        for path, lines in zip(paths, files, strict=True):
            texts = (encoded(line, columns, BLANK[operation]) for line in lines)
            path.write_bytes(",".join(columns).encode() + b"\n" + b"".join(texts))
        with (
            csv_extract(paths, block=block, max_rows=max_rows) as extract,
            prepare_extract(operation, extract, folder / "scratch", hold=HOLD) as found,
        ):
            yield found
        assert list((folder / "scratch").iterdir()) == []


def expected_single(lines: Sequence[Line]) -> list[State | None]:
    """What becomes of rows that are a request each: said again, by another road."""
    states: list[State | None] = [INVALID if line.fault else None for line in lines]
    rows_of = defaultdict(list)
    for i, line in enumerate(lines):
        if line.fault != "keyless":
            rows_of[line.cells[IR_ID]].append(i)
    for rows in rows_of.values():
        if len({(lines[i].cells["display_name"], lines[i].fault) for i in rows}) > 1 or lines[rows[0]].fault:
            states = [INVALID if i in rows else state for i, state in enumerate(states)]
        else:
            states = [DUPLICATE if i in rows[1:] else state for i, state in enumerate(states)]
    return states


def expected_grouped(operation: str, lines: Sequence[Line]) -> list[State | None]:
    """What becomes of rows that share requests: said again, by another road."""
    states: list[State | None] = [INVALID if line.fault else None for line in lines]
    apart = _in_two_blocks(lines) if operation == "orders" else set()
    for rows in _by_key(lines, KEY_COLUMNS[operation]):
        whole = [i for i in rows if not lines[i].fault]
        held = {i for i in whole if lines[i].cells.get(HOLDER) == "IR_0003"}
        clashes = _clashes(operation, lines, whole) - held
        at_fault = clashes or apart.intersection(rows) or whole != rows
        for i in rows:
            if at_fault or held:
                states[i] = HELD if i in held or not at_fault else INVALID
            elif any(lines[i] == lines[earlier] for earlier in rows[: rows.index(i)]):
                states[i] = DUPLICATE
    return states


def _in_two_blocks(lines: Sequence[Line]) -> set[int]:
    blocks = defaultdict(set)
    for line in lines:
        if not line.fault:
            blocks[line.cells["order_code"]].add(line.cells["block_code"])
    return {i for i, line in enumerate(lines) if not line.fault and len(blocks[line.cells["order_code"]]) > 1}


def _clashes(operation: str, lines: Sequence[Line], rows: Sequence[int]) -> set[int]:
    """Rows of one request that cannot all be right: each is held against the first that spoke of the same."""
    found = set()
    for member, columns in MEMBERS[operation]:
        first: dict[str, int] = {}
        for i in rows:
            there = first.setdefault(lines[i].cells[member], i)
            if any(lines[i].cells[c] != lines[there].cells[c] for c in columns):
                found |= {i, there}
    return found


MEMBERS = {
    "investment-accounts": [(IA_ID, ("display_name",)), ("holder_key", (HOLDER,))],
    "orders": [("block_code", ("side",)), ("order_code", ("quantity",))],
}
"""Column that names a part of a request, and the columns of that part that random rows differ in."""


def _by_key(lines: Sequence[Line], key: str) -> list[list[int]]:
    rows_of = defaultdict(list)
    for i, line in enumerate(lines):
        if line.fault != "keyless":
            rows_of[line.cells[key]].append(i)
    return list(rows_of.values())


def expected_states(operation: str, lines: Sequence[Line]) -> list[State | None]:
    return expected_single(lines) if operation == "investor-records" else expected_grouped(operation, lines)


def expected_entries(operation: str, lines: Sequence[Line], states: Sequence[State | None]) -> list[bytes]:
    """The builder's own dictionaries for the rows that stand, encoded."""
    declared = operation_named(operation)
    header = [*lines[0].cells] if lines else []
    entries = []
    rows_of: dict[str, list[int]] = defaultdict(list)
    for i, state in enumerate(states):
        if state is None:
            rows_of[lines[i].cells[KEY_COLUMNS[operation]]].append(i)
    for key, rows in rows_of.items():
        binding = Binding(header, declared.shape, Dialect.V2_1, declared.key)
        build = declared.build(binding.columns, Dialect.V2_1)
        valid = [validate(binding, [*lines[i].cells.values()]) for i in rows]
        wire = orjson.dumps(build(valid if declared.grouped else valid[0]))
        entries.append(wire + b"," if operation == "orders" else orjson.dumps(key) + b":" + wire + b",")
    return entries


def header_of(operation: str) -> list[str]:
    rows = {"investor-records": investor(), "investment-accounts": account(), "orders": order()}
    key = KEY_COLUMNS[operation]
    return [key, *(column for column in rows[operation] if column != key)]


@pytest.mark.untraced
@pytest.mark.parametrize("operation", KEY_COLUMNS)
@given(st.data())
def test_every_row_ends_in_the_state_it_should_and_requests_are_what_the_builder_makes(
    operation: str, data: st.DataObject
) -> None:
    lines = data.draw(random_lines(operation))
    cut = data.draw(st.integers(0, len(lines)))
    states = expected_states(operation, lines)
    with prepared(operation, [lines[:cut], lines[cut:]], header_of(operation)) as found:
        assert found.states == states
        assert [request < 0 for request in found.requests] == [state is not None for state in states]
        assert found.entries == expected_entries(operation, lines, states)
        book = found.prepared.book
        assert found.prepared.rows_read == len(lines) == sum(book.counts().values()) + states.count(None)
        assert [(Path(file).name, row) for file, row in map(book.place, range(len(lines)))] == [
            *(("0.csv", row) for row in range(1, cut + 1)),
            *(("1.csv", row) for row in range(1, len(lines) - cut + 1)),
        ]
        assert all(bool(code) == (state is not None) for (code, _), state in zip(found.notes, states, strict=True))
        assert found.prepared.sizes_of(np.arange(len(found.prepared))).tolist() == [
            len(entry) for entry in found.entries
        ]


@pytest.mark.untraced
@pytest.mark.parametrize("operation", KEY_COLUMNS)
@given(st.data())
@settings(max_examples=50)
def test_the_outcome_does_not_depend_on_how_the_extract_is_read(operation: str, data: st.DataObject) -> None:
    lines = data.draw(random_lines(operation))
    columns = header_of(operation)
    with prepared(operation, [lines], columns) as found:
        usual = (found.states, found.notes, found.requests, found.keys, found.entries)
    block, max_rows = data.draw(st.integers(64, 400)), data.draw(st.integers(1, 4))
    with prepared(operation, [lines], columns, block=block, max_rows=max_rows) as found:
        assert (found.states, found.notes, found.requests, found.keys, found.entries) == usual
    with in_portions(data.draw(st.integers(2, 4))), prepared(operation, [lines], columns) as found:
        assert (found.states, found.notes, found.requests, found.keys, found.entries) == usual
    key = [column for column in columns if column in (columns[0], "block_scope")]  # a short row loses its last cell
    shuffled = [*key, *data.draw(st.permutations([column for column in columns if column not in key]))]
    with prepared(operation, [lines], shuffled) as found:
        assert (found.states, found.requests, found.keys, found.entries) == (usual[0], *usual[2:])


def test_rows_of_files_whose_columns_stand_in_another_order_are_the_same_rows(tmp_path: Path) -> None:
    rows = [account(1, 1), account(1, 2)]
    paths = [
        write_csv(tmp_path / "a.csv", rows[:1]),
        write_csv(tmp_path / "b.csv", rows[1:], columns=[*reversed(rows[0])]),
    ]
    with (
        prepare_files("investment-accounts", tmp_path, paths) as found,
        prepare_rows("investment-accounts", tmp_path, rows) as together,
    ):
        assert found.entries == together.entries


def test_a_bad_row_of_a_second_file_is_named_by_file_and_row(tmp_path: Path) -> None:
    files = [[investor(1), investor(2)], [investor(3), investor(1)], [investor(1, {"display_name": ""})]]
    with prepare_rows("investor-records", tmp_path, *files) as found:
        assert found.states == [INVALID, None, None, INVALID, INVALID]
        others = f"{tmp_path}/b.csv row 2 and {tmp_path}/c.csv row 1 have the same key "
        assert found.notes[0][1].startswith(others)


def test_a_bad_row_tells_all_its_faults(tmp_path: Path) -> None:
    row = investor(1, {"display_name": "", "investor_type": "Persn", IR_ID: "1.2E+10"})
    with prepare_rows("investor-records", tmp_path, [row]) as found:
        ((code, message),) = found.notes
        assert code == "Missing"
        columns = list(row)
        told = [part.split(": ")[0] for part in message.removeprefix("line 2: ").split("; ") if ": " in part]
        assert told == [f"{n} (column {columns.index(n) + 1})" for n in ("display_name", "investor_type", IR_ID)]


@pytest.mark.parametrize(
    ("duplicates", "states"),
    [
        ("refuse", [INVALID, INVALID, INVALID, None, DUPLICATE]),
        ("first", [None, DUPLICATE, DUPLICATE, None, DUPLICATE]),
        ("last", [DUPLICATE, DUPLICATE, None, DUPLICATE, None]),
    ],
)
def test_rows_that_say_otherwise_of_their_call_are_no_copies(
    tmp_path: Path, duplicates: str, states: list[State | None]
) -> None:
    """The algorithm stands in the query, not in the request: one of the two would be dropped without a word."""
    placed = [("P1", "PR-FIFO"), ("P1", "PR-SF"), ("P1", "PR-FIFO"), ("P2", "PR-SF"), ("P2", "PR-SF")]
    rows = [{"placement_scope": "S", "placement_code": p, "allocation_algorithm": a} for p, a in placed]
    with prepare_rows("allocate", tmp_path, rows, duplicates=duplicates) as found:
        assert found.states == states
        told = [code for code, _ in found.notes if code]
    same = {"refuse": ["DuplicateKey"] * 3, "first": ["Superseded", "Copy"], "last": ["Copy", "Superseded"]}
    assert told == [*same[duplicates], "Copy"]


def test_a_row_without_a_key_is_refused_and_harms_no_other(tmp_path: Path) -> None:
    mapping = ColumnMapping.model_validate(
        {"operation": "investor-records", "key": "ref", "columns": {c: c for c in investor()}}
    )
    rows = [investor(i) | {"ref": ref} for i, ref in enumerate(["", "\u00a0", "R1"])]
    with prepare_rows("investor-records", tmp_path, rows, mapping=mapping) as found:
        assert found.states == [INVALID, INVALID, None]
        assert found.notes[:2] == [("NoKey", f"line {n}: the cells that make its key are empty") for n in (2, 3)]
        assert found.keys == ["R1"]


@pytest.mark.parametrize("operation", KEY_COLUMNS)
def test_a_request_larger_than_a_call_is_refused_and_one_that_just_fits_is_not(tmp_path: Path, operation: str) -> None:
    rows = {
        "investor-records": [investor(1), investor(2, {"display_name": "x" * 400})],
        "investment-accounts": [account(1), *(account(2, holder) for holder in (1, 2, 3, 2))],
        "orders": [order(1, 1), *(order(2, serial) for serial in (2, 3, 4))],
    }[operation]
    with prepare_rows(operation, tmp_path, rows) as found:
        small, large = (len(entry) for entry in found.entries)
    with prepare_rows(operation, tmp_path, rows, max_bytes=large) as found:
        assert len(found.entries) == 2
    with prepare_rows(operation, tmp_path, rows, max_bytes=large - 1) as found:
        assert found.states == [None, *[INVALID] * (len(rows) - 1)]
        assert found.prepared.sizes_of(np.arange(len(found.prepared))).tolist() == [small]
        told = ("TooLarge", f"makes a request of {large} bytes, more than the {large - 1} of one call")
        assert found.notes[1] == told


def test_beside_a_row_that_is_too_large_one_that_just_fits_is_sent(tmp_path: Path) -> None:
    rows = [investor(1), investor(2, {"display_name": "Investor 22"}), investor(3)]
    with prepare_rows("investor-records", tmp_path, rows) as found:
        sizes = found.prepared.sizes_of(np.arange(len(found.prepared))).tolist()
    assert [size - sizes[0] for size in sizes] == [0, 1, 0]
    with prepare_rows("investor-records", tmp_path, rows, max_bytes=sizes[0]) as found:
        assert found.states == [None, INVALID, None]


def test_a_row_that_alone_is_larger_than_a_call_withholds_its_request(tmp_path: Path) -> None:
    rows = [account(1, 1), account(1, 2, {"description": "x" * 500}), account(2)]
    rows = [{"description": ""} | row for row in rows]
    with prepare_rows("investment-accounts", tmp_path, rows, max_bytes=600) as found:
        assert found.states == [INVALID, INVALID, None]
        assert [code for code, _ in found.notes] == ["SameRequest", "TooLarge", ""]


@pytest.mark.parametrize("operation", KEY_COLUMNS)
def test_a_header_without_rows_makes_no_requests(tmp_path: Path, operation: str) -> None:
    (tmp_path / "a.csv").write_text(",".join(header_of(operation)) + "\n")
    with prepare_files(operation, tmp_path, [tmp_path / "a.csv"]) as found:
        assert (found.states, found.entries, found.prepared.rows_read) == ([], [], 0)
        assert found.prepared.sizes_of(np.arange(len(found.prepared))).tolist() == []


def test_progress_is_told_the_rows_read_so_far_and_how_many_cannot_be_sent(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    bad = {1: {"display_name": ""}, 8: {"display_name": "long" * 200}, 9: {"investor_type": "Ghost"}}
    path = write_csv(tmp_path / "a.csv", [investor(i, bad.get(i)) for i in range(10)])
    declared = operation_named("investor-records")
    with csv_extract([path], block=1 << 18, max_rows=4) as extract:
        binding = Binding(extract.columns, declared.shape, Dialect.V2_1, declared.key)
        rules = Rules(declared, Dialect.V2_1, max_bytes=600)
        prepare(extract, binding, rules, tmp_path, lambda *counts: told.append(counts)).close()
    assert told == [(4, 1), (8, 1), (10, 3)]


def test_identifiers_in_a_column_of_floats_stop_the_load(tmp_path: Path) -> None:
    frame = pd.DataFrame([investor(1), investor(2)]).assign(**{IR_ID: [1.0, 2.0]})
    with (
        extract_from_frame(frame, tmp_path / "frame.parquet") as extract,
        pytest.raises(ExtractError) as caught,
        prepare_extract("investor-records", extract, tmp_path / "scratch"),
    ):
        pass
    assert caught.value.message == (
        f"column {IR_ID} holds floating point numbers: identifiers that were numbers may have lost digits; "
        "export them as text"
    )


def cut_short(path: Path) -> Path:
    """A compressed extract whose end is missing."""
    path.write_bytes(pa.Codec("gzip").compress(path.read_bytes(), asbytes=True)[:-20])
    return path.rename(path.with_suffix(".csv.gz"))


def test_an_extract_that_ends_early_leaves_no_scratch_files_behind(tmp_path: Path) -> None:
    generator = random.Random(7)
    rows = [investor(i, {"display_name": generator.randbytes(99).hex()}) for i in range(20_000)]
    path = cut_short(write_csv(tmp_path / "a.csv", rows))
    with (
        pytest.raises(ExtractError, match="is damaged or cut short"),
        prepare_files("investor-records", tmp_path, [path]),
    ):
        pass
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_scratch_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "scratch" / "keys.tmp").mkdir(parents=True)
    with (
        pytest.raises(RunFolderError, match=r"keys\.tmp: cannot be written: Is a directory"),
        prepare_rows("investor-records", tmp_path, [investor()]),
    ):
        pass
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["keys.tmp"]


def test_a_digest_names_requests_and_their_places(tmp_path: Path) -> None:
    def digest(*files: list[Row]) -> str:
        with prepare_rows("investment-accounts", tmp_path, *files) as found:
            return "/".join(found.prepared.digests())

    rows = [account(1, 1), account(2, 1), account(1, 2)]
    assert digest(rows) == digest(rows)
    others = [digest(rows), digest(rows[:2]), digest([rows[1], rows[0], rows[2]]), digest([account(10), *rows[1:]])]
    assert len(set(others)) == 4


def test_a_digest_of_keys_sees_nothing_but_keys(tmp_path: Path) -> None:
    def digests(*rows: Row) -> tuple[str, str]:
        with prepare_rows("investor-records", tmp_path, list(rows)) as found:
            return found.prepared.digests()

    requests, keys = digests(investor(1), investor(2))
    longer, same = digests(investor(1), investor(2, {"display_name": "A longer name than before"}))
    assert (longer != requests, same == keys) == (True, True)
    _, others = digests(investor(1), investor(3))
    assert others != keys


def test_a_row_speaks_both_dialects(tmp_path: Path) -> None:
    mapping = {
        "operation": "investment-accounts",
        "columns": {column: column for column in account()}
        | {
            "scope": {"constant": "Crm"},
            "account_type": {"column": "account_type", "values": {"J": "JointPersonal"}},
        },
    }
    rows = [account(1, 1, {"account_type": "J"}), account(1, 2, {"account_type": "J"})]
    with prepare_rows("investment-accounts", tmp_path, rows, mapping=ColumnMapping.model_validate(mapping)) as found:
        assert found.wires == [
            {
                "identifiers": {IA_ID[11:]: {"key": IA_ID[11:], "value": {"labelValue": "IA_0001"}}},
                "displayName": "Account 1",
                "accountType": "JointPersonal",
                "accountHolders": [
                    {
                        "key": f"Holder{n}",
                        "identifiers": {HOLDER[7:]: {"key": HOLDER[7:], "value": {"labelValue": who}}},
                    }
                    for n, who in ((1, "IR_0001"), (2, "IR_0002"))
                ],
                "investmentPortfolios": [{"key": "Portfolio1", "portfolioScope": "Funds", "portfolioCode": "PF0001"}],
            }
        ]
    mapping["columns"]["account_type"] = {"column": "account_type", "values": {"J": "Joint"}}  # type: ignore[index]  # a dict
    newer = ColumnMapping.model_validate(mapping)
    with prepare_rows("investment-accounts", tmp_path, rows, mapping=newer, dialect=Dialect.V2_3) as found:
        assert found.wires == [
            {
                "scope": "Crm",
                "identifiers": {IA_ID[11:]: {"key": IA_ID[11:], "value": {"labelValue": "IA_0001"}}},
                "displayName": "Account 1",
                "accountType": "Joint",
                "accountHolders": [
                    {"key": "Holder1", "scope": "Crm", "identifiers": {HOLDER[7:]: "IR_0001"}},
                    {"key": "Holder2", "scope": "Crm", "identifiers": {HOLDER[7:]: "IR_0002"}},
                ],
                "investmentPortfolios": [
                    {"key": "Portfolio1", "scope": "Funds", "identifiers": {"Portfolio/default/Code": "PF0001"}}
                ],
            }
        ]


ROWS = 300_000
MEASURE = """
import resource, sys
from pathlib import Path
sys.path.append(sys.argv[1])
from builders import prepare_files
folder = Path(sys.argv[2])
for name in ("small", "large"):
    with prepare_files("investor-records", folder, [folder / f"{name}.csv"]) as found:
        print(len(found.prepared), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.untraced
def test_memory_hardly_grows_with_the_extract(tmp_path: Path) -> None:
    """300,000 rows make about 90 MB of requests; what is kept of each row is some tens of bytes."""
    with (tmp_path / "large.csv").open("w") as file:
        file.write(",".join(investor()) + "\n")
        for serial in range(ROWS):
            file.write(",".join(investor(serial).values()) + "\n")
    write_csv(tmp_path / "small.csv", [investor(serial) for serial in range(10_000)])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, Path(__file__).parents[2] / "support", tmp_path],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    (small, before), (large, after) = (map(int, line.split()) for line in done.stdout.splitlines())
    assert (small, large) == (10_000, ROWS)
    assert after - before < 60


def test_parquet_and_frames_make_the_same_entries(tmp_path: Path) -> None:
    rows = [account(1, 1), account(2, 1), account(1, 2)]
    with prepare_rows("investment-accounts", tmp_path, rows) as found:
        expected = found.entries
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    with prepare_files("investment-accounts", tmp_path, [tmp_path / "a.parquet"]) as found:
        assert found.entries == expected
