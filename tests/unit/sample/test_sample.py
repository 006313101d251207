"""The sample extracts: the committed files are what the generator writes, and they are consistent."""

import csv
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sample.investors import lei
from pipelines.sample.orders import OrderTable, business_days
from pipelines.sample.plan import Plan
from pipelines.sample.planted import NOBODY, planted_rows
from pipelines.sample.planting import Planted, planted_table
from pipelines.sample.write import write_client_sample, write_data, write_sample
from schemas.errors import ConfigError
from schemas.states import State

Row = dict[str, str]

DATA = Path(__file__).parents[3] / "data"
NAMES = ("investors", "accounts", "orders")
MAPPINGS = ("investor-records", "investment-accounts", "orders")
IR_ID = "identifier:InvestorRecord/ExternalIdentifier/ExternalIRId"
IR_INTERNAL = "identifier:InvestorRecord/InternalIdentifier/InternalIRId"
PERSON = "investor:Person/HrSystem1/InternalId"
LEI = "investor:LegalEntity/ExternalIdentifier/LEI"
NET_WORTH = "metric:InvestorRecord/Details/NetWorth"
LABELS = "labels:InvestorRecord/Details/Markets"
IA_ID = "identifier:InvestmentAccount/ExternalIdentifier/ExternalIAId"
HOLDER = "holder:InvestorRecord/ExternalIdentifier/ExternalIRId"
SMALL: dict[str, Any] = {"investors": 40, "accounts": 90, "blocks": 60, "orders": 200}


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def committed(name: str) -> list[Row]:
    return rows_of(DATA / "sample" / f"{name}.csv")


def planted(name: str) -> tuple[Planted, ...]:
    rows: tuple[Planted, ...] = getattr(planted_rows(Plan()), name)
    return rows


def is_planted(key: str) -> bool:
    return "Z0" in key or "E+" in key


def as_text(value: object) -> str:
    """A Parquet value as the CSV has it, except for trailing zeros of decimals."""
    if isinstance(value, list):
        return "|".join(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "" if value is None else str(value)


def plain_number(text: str) -> str:
    return format(Decimal(text).normalize(), "f") if text.replace(".", "").isdigit() else text


def plain_decimals(rows: list[Row]) -> list[Row]:
    return [row | {c: plain_number(row[c]) for c in (NET_WORTH, "quantity", "limit_price") if c in row} for row in rows]


def test_the_committed_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    shutil.copy(DATA / "README.md", tmp_path)
    written = [path.relative_to(tmp_path) for path in write_data(tmp_path)]
    assert sorted(written) == sorted(path.relative_to(DATA) for path in DATA.rglob("*") if path.is_file())
    for path in written:
        if path.suffix == ".parquet":
            fresh, kept = pq.read_table(tmp_path / path), pq.read_table(DATA / path)
            assert fresh.schema == kept.schema, path
            assert fresh.equals(kept), path
        else:
            assert (tmp_path / path).read_bytes() == (DATA / path).read_bytes(), path


def test_the_committed_files_are_small() -> None:
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) < 3_000_000


@pytest.mark.parametrize("name", NAMES)
def test_csv_and_parquet_hold_the_same_rows(name: str) -> None:
    table = pq.read_table(DATA / "sample" / f"{name}.parquet")
    typed = [{c: as_text(v) for c, v in row.items()} for row in table.to_pylist()]
    assert plain_decimals(typed) == plain_decimals(committed(name))


def test_parquet_has_real_types_except_where_a_planted_flaw_needs_text(tmp_path: Path) -> None:
    word = pa.dictionary(pa.int32(), pa.string())
    expected = {
        "investors": {
            "investor_type": word,
            NET_WORTH: pa.decimal128(18, 2),
            "property:InvestorRecord/Details/Country@effective_from": pa.date32(),
            LABELS: pa.list_(pa.string()),
        },
        "accounts": {
            "account_type": word,
            "property:InvestmentAccount/Details/Country@effective_from": pa.date32(),
        },
        "orders": {
            "quantity": pa.decimal128(18, 4),
            "limit_price": pa.decimal128(18, 4),
            "date": pa.timestamp("us", tz="UTC"),
            "order_date": pa.timestamp("us", tz="UTC"),
            "side": word,
        },
    }
    write_sample(tmp_path, **SMALL, bad_rows=False, formats=("parquet",))
    changed: dict[str, pa.DataType] = {}
    for name, types in expected.items():
        clean = pq.read_schema(tmp_path / f"{name}.parquet")
        assert {c: clean.field(c).type for c in types} == types
        faulty = pq.read_schema(DATA / "sample" / f"{name}.parquet")
        changed |= {f.name: faulty.field(f.name).type for f in clean if faulty.field(f.name) != f}
    assert changed == dict.fromkeys(
        (NET_WORTH, "property:InvestorRecord/Details/Country@effective_from", "quantity"),
        pa.string(),
    )


def test_the_numbers_of_keys_that_can_be_sent_are_those_asked_for() -> None:
    bad = {name: {row.row for row in planted(name) if row.state in {State.INVALID, State.DUPLICATE}} for name in NAMES}
    good = {name: [row for n, row in enumerate(committed(name), 1) if n not in bad[name]] for name in NAMES}
    assert len({row[IR_ID] for row in good["investors"]}) == len(good["investors"]) == 1000
    assert len({row[IA_ID] for row in good["accounts"]}) == 1200
    assert len({row["block_code"] for row in good["orders"]}) == 800
    assert len({row["order_code"] for row in good["orders"]}) == len(good["orders"]) == 3000
    assert [len(committed(name)) for name in NAMES] == [1008, 1847, 3003]


def test_the_readme_says_how_many_rows_there_are_and_which_are_planted() -> None:
    text = (DATA / "README.md").read_text("utf-8")
    for name in NAMES:
        line = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        assert line.endswith(f"| {len(committed(name)):,} |")
    assert planted_table(planted_rows(Plan())) in text


@pytest.mark.parametrize("name", NAMES)
def test_every_planted_row_stands_where_the_table_says(name: str) -> None:
    rows = committed(name)
    for row in planted(name):
        found = rows[row.row - 1]
        assert {c: t for c, t in found.items() if t} == {c: t for c, t in row.cells.items() if t}


@pytest.mark.parametrize("name", NAMES)
def test_every_planted_flaw_in_a_cell_has_a_cure_that_changes_it(name: str) -> None:
    for row in planted(name):
        assert all(row.cells.get(column) != text for column, text in row.cure.items())
    cured = {row.row for row in planted(name) if row.cure}
    blamed = {row.row for row in planted(name) if not row.flaw.startswith("nothing")}
    leaders = {"investors": {520, 640}, "accounts": {500}, "orders": set()}
    assert blamed - cured == leaders[name]


def holders_by_account() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in committed("accounts"):
        if row[HOLDER]:
            found[row[IA_ID]].append(row[HOLDER])
    return found


def test_every_holder_except_the_planted_one_is_an_investor() -> None:
    investors = {row[IR_ID] for row in committed("investors")}
    named = [holder for holders in holders_by_account().values() for holder in holders]
    assert [holder for holder in named if holder not in investors] == [NOBODY]


def test_every_order_is_for_a_portfolio_of_some_account() -> None:
    owned = {(r["portfolio_scope"], r["portfolio_code"]) for r in committed("accounts")}
    named = {(r["portfolio_scope"], r["portfolio_code"]) for r in committed("orders")}
    assert named <= owned
    assert len(named) > 500


def test_account_types_agree_with_their_holders() -> None:
    kinds = {row[IR_ID]: row["investor_type"] for row in committed("investors")}
    types = {row[IA_ID]: row["account_type"] for row in committed("accounts")}
    both = {"Person", "LegalEntity"}
    rules: dict[str, Callable[[list[str]], bool]] = {
        "Personal": lambda found: found == ["Person"],
        "Corporate": lambda found: found == ["LegalEntity"],
        "JointPersonal": lambda found: len(found) > 1 and set(found) == {"Person"},
        "JointCorporate": lambda found: len(found) > 1 and set(found) == {"LegalEntity"},
        "JointMixed": lambda found: len(found) > 1 and set(found) == both,
    }
    drawn = {a: h for a, h in holders_by_account().items() if not is_planted(a)}
    for account, holders in drawn.items():
        assert len(set(holders)) == len(holders)
        assert rules[types[account]]([kinds[h] for h in holders]), account
    assert set(types.values()) == {*rules, "Joint"}


def test_accounts_have_up_to_two_portfolios_and_as_many_rows_as_they_need() -> None:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in committed("accounts"):
        if not is_planted(row[IA_ID]):
            groups[row[IA_ID]].append(row)
    sizes = set()
    for rows in groups.values():
        holders = {row["holder_key"] for row in rows} - {""}
        portfolios = {row["portfolio_code"] for row in rows} - {""}
        sizes.add((len(holders), len(portfolios)))
        assert len(rows) == max(len(holders), len(portfolios))
        own = ("holder_key", HOLDER, "portfolio_key", "portfolio_scope", "portfolio_code")
        assert len({tuple(t for c, t in row.items() if c not in own) for row in rows}) == 1
    assert sizes == {(holders, portfolios) for holders in (1, 2, 3, 4) for portfolios in (0, 1, 2)}


@pytest.mark.parametrize(("name", "key"), [("accounts", IA_ID), ("orders", "block_code")])
def test_rows_of_one_key_are_mostly_together_and_now_and_then_apart(name: str, key: str) -> None:
    places: dict[str, list[int]] = defaultdict(list)
    for n, row in enumerate(committed(name)):
        places[row[key]].append(n)
    several = [found for found in places.values() if len(found) > 1]
    apart = [found for found in several if found[-1] - found[0] > len(found)]
    assert 0 < len(apart) < len(several) / 10


def test_a_block_has_one_to_eight_orders_that_agree_about_it() -> None:
    blocks: dict[str, list[Row]] = defaultdict(list)
    for row in committed("orders"):
        blocks[row["block_code"]].append(row)
    assert {len(rows) for rows in blocks.values()} == set(range(1, 9))
    own = {"order_code", "quantity", "order_date", "portfolio_scope", "portfolio_code"}
    own.add("property:Order/MyScope/Trader")
    for rows in blocks.values():
        assert len({tuple(t for c, t in row.items() if c not in own) for row in rows}) == 1


def test_limit_blocks_have_a_price_and_market_blocks_have_none() -> None:
    found = Counter(
        (row["type"], bool(row["limit_price"]), bool(row["limit_currency"]))
        for row in committed("orders")
        if not is_planted(row["block_code"])
    )
    assert set(found) == {("Limit", True, True), ("Market", False, False)}


def test_orders_are_dated_on_a_weekday_and_never_after_their_block() -> None:
    for row in committed("orders"):
        assert row["order_date"] <= row["date"]
        assert datetime.fromisoformat(row["order_date"]).weekday() < 5
    assert {row["date"][:10] for row in committed("orders")} == {"2026-11-20"}


def test_business_days_go_back_over_weekends() -> None:
    assert business_days(date(2026, 11, 22))[:3] == ("2026-11-22", "2026-11-20", "2026-11-19")
    assert business_days(date(2026, 11, 23))[:3] == ("2026-11-23", "2026-11-20", "2026-11-19")


def test_an_investor_is_a_person_or_a_legal_entity_and_has_an_identifier_of_that_kind() -> None:
    for row in committed("investors"):
        expected = (False, True) if row["investor_type"] == "LegalEntity" else (True, False)
        assert (bool(row[PERSON]), bool(row[LEI])) == expected
    assert {row["investor_type"] for row in committed("investors")} == {
        "Person",
        "LegalEntity",
        "Persn",
    }


def test_a_legal_entity_identifier_has_the_check_digits_of_iso_17442() -> None:
    for serial in (0, 1, 96, 97, 1234567890):
        digits = "".join(str(int(character, 36)) for character in lei(serial))
        assert len(lei(serial)) == 20
        assert int(digits) % 97 == 1


@pytest.mark.parametrize("marker", ["'", '"', ",", "\n", "é", "ł", "Nguyễn"])
def test_the_texts_are_as_awkward_as_real_ones(marker: str) -> None:
    texts = [t for row in committed("investors") for t in row.values()]
    assert any(marker in text for text in texts)
    assert all(text == text.strip() for text in texts)


def test_identifiers_have_leading_zeros_and_labels_are_sets_of_up_to_three() -> None:
    rows = committed("investors")
    assert all(row[IR_INTERNAL].startswith(("00", "Z0")) for row in rows)
    sets = [row[LABELS].split("|") if row[LABELS] else [] for row in rows]
    assert {len(labels) for labels in sets} == {0, 1, 2, 3}
    assert all(len(set(labels)) == len(labels) for labels in sets)
    assert len({row["property:InvestorRecord/Details/Country"] for row in rows}) > 8


def read_client(name: str, mapping: str) -> Iterator[Row]:
    """The client's rows as its mapping reads them; a time that it cannot read stays as it is."""
    document = yaml.safe_load((DATA / "client" / f"{mapping}.yaml").read_text("utf-8"))
    assert document["operation"] == mapping
    for own in rows_of(DATA / "client" / f"{name}.csv"):
        yield {canonical: reading(own, rule) for canonical, rule in document["columns"].items()}


def reading(own: Row, rule: str | dict[str, Any]) -> str:
    if isinstance(rule, str):
        return own[rule]
    if "constant" in rule:
        return str(rule["constant"])
    text = own[rule["column"]]
    if "values" in rule:
        return str(rule["values"].get(text, text))
    return client_time(text, rule["format"], rule.get("timezone")) if text else ""


def client_time(text: str, form: str, zone: str | None) -> str:
    try:
        moment = datetime.strptime(text, form)  # noqa: DTZ007  # its zone follows
    except ValueError:
        return text
    if zone is None:
        return moment.date().isoformat()
    return moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(("name", "mapping"), list(zip(NAMES, MAPPINGS, strict=True)))
def test_the_clients_extract_is_the_same_rows_in_other_words(name: str, mapping: str) -> None:
    canonical = committed(name)
    for row in planted(name):
        canonical[row.row - 1] |= row.client
    assert list(read_client(name, mapping)) == canonical
    assert list(next(read_client(name, mapping))) == list(canonical[0])


def test_the_clients_times_cross_the_change_of_the_clocks() -> None:
    rows = zip(committed("orders"), rows_of(DATA / "client" / "orders.csv"), strict=True)
    shifts = {
        (datetime.strptime(own["ticket_time"], "%d/%m/%Y %H:%M:%S").hour)  # noqa: DTZ007  # local
        - int(row["order_date"][11:13])
        for row, own in rows
    }
    assert shifts == {0, 1}


def test_the_client_has_columns_that_nobody_mapped() -> None:
    for name, mapping in zip(NAMES, MAPPINGS, strict=True):
        document = yaml.safe_load((DATA / "client" / f"{mapping}.yaml").read_text("utf-8"))
        named = {r if isinstance(r, str) else r.get("column") for r in document["columns"].values()}
        assert len(set(rows_of(DATA / "client" / f"{name}.csv")[0]) - named) == 2


def everything(folder: Path) -> dict[str, bytes]:
    write_sample(folder / "sample", **SMALL)
    write_client_sample(folder / "client", **SMALL)
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_files_do_not_depend_on_the_size_of_a_chunk_or_on_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = everything(tmp_path / "first")
    assert len(first) == 12
    for size in (1, 7, 64, 100_000):
        monkeypatch.setattr("pipelines.sample.write.CHUNK", size)
        assert everything(tmp_path / str(size)) == first


def test_row_groups_do_not_depend_on_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.sample.files.ROW_GROUP", 20)
    groups = []
    for size in (1, 7, 1000):
        monkeypatch.setattr("pipelines.sample.write.CHUNK", size)
        (path, *_) = write_sample(tmp_path, **SMALL, bad_rows=False, formats=("parquet",))
        file = pq.ParquetFile(path)
        groups.append([file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)])
    assert groups == [[20, 20]] * 3


def test_a_seed_decides_and_another_seed_is_another_sample(tmp_path: Path) -> None:
    drawn = []
    for seed in (1, 1, 2):
        (path, *_) = write_sample(tmp_path, **SMALL, seed=seed, formats=("csv",))
        drawn.append(path.read_bytes())
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_a_sample_without_bad_rows_has_none_and_keeps_its_counts(tmp_path: Path) -> None:
    paths = write_sample(tmp_path, **SMALL, bad_rows=False, formats=("csv",))
    investors, accounts, orders = (rows_of(path) for path in paths)
    assert len(investors) == 40
    assert len({row[IA_ID] for row in accounts}) == 90
    assert len({row["block_code"] for row in orders}) == 60
    assert len(orders) == 200
    keys = [row[IR_ID] for row in investors] + [row[IA_ID] for row in accounts]
    assert not any(map(is_planted, keys + [row["block_code"] for row in orders]))


def test_planted_rows_come_last_in_a_file_too_short_for_them(tmp_path: Path) -> None:
    (path, *_) = write_sample(tmp_path, **SMALL, formats=("csv",))
    rows = rows_of(path)
    assert len(rows) == 40 + 8
    assert [row["investor_type"] for row in rows[-8:]].count("Persn") == 1
    assert [is_planted(row[IR_ID]) for row in rows] == [False] * 39 + [True] * 9


def test_the_business_date_is_the_day_of_the_blocks(tmp_path: Path) -> None:
    day = date(2020, 2, 29)
    *_, path = write_sample(tmp_path, **SMALL, formats=("csv",), business_date=day)
    assert {row["date"][:10] for row in rows_of(path)} == {"2020-02-29"}


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 400), st.integers(0, 2**32))
def test_every_order_is_given_to_a_block(data: st.DataObject, blocks: int, seed: int) -> None:
    orders = data.draw(st.integers(blocks, 8 * blocks))
    table = OrderTable(Plan(blocks=blocks, orders=orders, seed=seed))
    rows = table.cells(0, table.positions)
    sizes = Counter(rows["block_code"])
    assert len(sizes) == blocks
    assert all(1 <= size <= 8 for size in sizes.values())
    assert sorted(rows["order_code"]) == [f"ORDER{n:08d}" for n in range(1, orders + 1)]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"investors": 19}, "a sample needs at least 20 investors"),
        ({"accounts": 7}, "a sample needs at least 8 accounts"),
        ({"blocks": 3}, "a sample needs at least 4 blocks"),
        ({"orders": -1}, "a sample needs at least 4 orders"),
        (
            {"blocks": 10, "orders": 9, "bad_rows": False},
            "9 orders do not fit into 10 blocks: give 1 to 8 orders for each block",
        ),
        (
            {"blocks": 10, "orders": 80},
            "80 orders do not fit into 10 blocks beside the planted ones: give 1 to 8 orders for each block",
        ),
    ],
)
def test_impossible_numbers_are_refused(tmp_path: Path, numbers: dict[str, Any], message: str) -> None:
    for write in (write_sample, write_client_sample):
        with pytest.raises(ConfigError) as refused:
            write(tmp_path / "sample", **numbers)
        assert refused.value.message == message
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        (("csv", "xlsx"), "a sample is csv or parquet, not xlsx"),
        ((), "a sample is csv or parquet, not nothing"),
    ],
)
def test_an_unknown_format_is_refused(tmp_path: Path, formats: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        write_sample(tmp_path, formats=formats)
    assert refused.value.message == message


def test_a_folder_that_cannot_be_created_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "sample"
    with pytest.raises(ConfigError) as refused:
        write_sample(folder)
    assert refused.value.message == f"cannot write the sample to {folder}: Not a directory"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_sample_that_is_interrupted_leaves_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def break_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.sample.write.interleave", lambda *_: map(break_off, [1]))
    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path, formats=(kind,))
    assert list(tmp_path.iterdir()) == []


GROWTH = """
import sys
from pathlib import Path
from pipelines.sample.write import write_sample
folder, rows = Path(sys.argv[1]), int(sys.argv[2])
write_sample(folder, investors=rows, accounts=2000, blocks=600, orders=2000)
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""
# VmHWM rather than ru_maxrss, which starts from the size of the parent process.


@pytest.mark.untraced
def test_memory_does_not_grow_with_the_sample(tmp_path: Path) -> None:
    peaks = []
    for rows in (70_000, 220_000):
        ran = subprocess.run(
            [sys.executable, "-c", GROWTH, str(tmp_path), str(rows)],
            cwd=DATA.parent,
            check=True,
            capture_output=True,
            text=True,
        )
        peaks.append(int(ran.stdout))
    assert peaks[1] - peaks[0] < 60
    assert peaks[1] < 400
    with (tmp_path / "investors.csv").open(encoding="utf-8", newline="") as file:
        assert sum(1 for _ in csv.reader(file)) == 220_009
    assert pq.read_metadata(tmp_path / "investors.parquet").num_rows == 220_008
