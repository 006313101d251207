"""Rows read by the column and filled into templates are what rows validated and encoded one by one are."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from bound import bind, sheet_of, validate, whole_sheet_of
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.operations.table import OPERATIONS
from pipelines.prepare.encoding import gathered_templates, templates
from pipelines.prepare.encoding.gathered_templates import GatheredTemplates
from pipelines.prepare.encoding.templates import Templates, request_encoder
from schemas.dialects import Dialect
from schemas.requests.members import Gathered, disagreements, shared_columns
from schemas.rows.binding import Binding
from schemas.rows.columns import Row

NASTY = ("", " ", " x ", "é\u200b", "a\tb", "#N/A", "1e5", "-0.00", "a|b", "a||b", "y" * 1100, "2026-02-30", "Nope")
AWKWARD = ('a","b', 'a",', ',"a', "%b %%", "\\", '"],["', "\ue0000\ue000", "\u2028", "\U0001f600")
CASES = [(name, dialect) for name, declared in OPERATIONS.items() for dialect in sorted(declared.dialects)]
Cells = list[str]
Encode = Callable[[str, Row], bytes]


def examples(operation: str, dialect: Dialect) -> dict[str, str]:
    """Every column of an operation with a cell that is valid; a quantity where an amount could stand."""
    shape, found = OPERATIONS[operation].shape, {}
    for name, plain in shape.plain_of(dialect).items():
        if not name.startswith("amount"):
            found[name] = plain.words[dialect][0] if dialect in plain.words else plain.example
    for family in shape.families_of(dialect):
        found[family.example] = "46.50" if "metric" in family.prefix else "A|B" if "labels" in family.prefix else "X1"
        found |= {f"{family.example}@{f}": "GBP" if f == "unit" else "2020-02-29" for f in family.facets}
    return found


def worded(operation: str, dialect: Dialect, good: dict[str, str]) -> list[Cells]:
    """The valid row, and the same with every other word of a vocabulary, which a rule may refuse."""
    plain = OPERATIONS[operation].shape.plain_of(dialect)
    changed = [{name: word} for name in good if name in plain for word in plain[name].words.get(dialect, ())]
    return [[*(good | change).values()] for change in ({}, *changed)]


@st.composite
def batches(draw: st.DrawFn, good: Sequence[str]) -> list[Cells]:
    """Rows with a few cells emptied or spoilt; some rows are there many times."""
    places = st.integers(0, len(good) - 1)
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        changed = dict.fromkeys(draw(st.sets(places, max_size=4)), "")
        changed |= draw(st.dictionaries(places, st.sampled_from(NASTY + AWKWARD), max_size=1))
        row = [changed.get(i, cell) for i, cell in enumerate(good)]
        rows += [row] * draw(st.sampled_from([1, 1, 3]))
    return rows


def encoder(operation: str, binding: Binding, dialect: Dialect) -> Encode:
    """Makes an entry of one row, which some operations take in a list."""
    declared = OPERATIONS[operation]
    build: Callable[[Any], Any] = declared.build(binding.columns, dialect)
    encode = request_encoder(declared, build)
    return lambda key, row: encode(key, [row] if declared.grouped else row)


def one_by_one(binding: Binding, encode: Encode, row: Cells) -> bytes:
    """The entry of a row by the reference; b"" where it is refused."""
    found = validate(binding, row)
    return b"" if isinstance(found, list) else encode(sheet_of(binding, [row]).keys[0], found)


def by_the_column(binding: Binding, encode: Encode, rows: Sequence[Cells]) -> list[bytes]:
    """The entries of rows, the same whether their cells are Python objects or not."""
    as_cells, as_columns = [
        [b"" if position in sheet.faults else e for position, e in enumerate(Templates(binding, encode).entries(sheet))]
        for sheet in (sheet_of(binding, rows), whole_sheet_of(binding, rows))
    ]
    assert as_cells == as_columns
    return as_columns


@pytest.mark.untraced
@pytest.mark.parametrize(("operation", "dialect"), CASES)
@given(data=st.data())
@settings(max_examples=15)
def test_entries_are_what_each_row_makes_by_itself(operation: str, dialect: Dialect, data: st.DataObject) -> None:
    good = examples(operation, dialect)
    binding = bind(operation, [*good], dialect)
    encode = encoder(operation, binding, dialect)
    rows = [*worded(operation, dialect, good), *data.draw(batches([*good.values()]))]

    found = by_the_column(binding, encode, rows)

    assert found == [one_by_one(binding, encode, row) for row in rows]
    assert found[0]


@pytest.mark.parametrize("cell", ['a",', '",', "a\\", '\\",', ',"', '"'])
def test_a_cell_that_ends_in_what_stands_between_cells_takes_nothing_of_its_neighbours(cell: str) -> None:
    """A name that ends in `",` made its request, and the next row's, no JSON: LUSID refused every call with them."""
    good = examples("investor-records", Dialect.V2_1)
    binding = bind("investor-records", [*good], Dialect.V2_1)
    encode = encoder("investor-records", binding, Dialect.V2_1)
    rows = [[*(good | {"display_name": name}).values()] for name in (cell, "next", cell, cell)]

    found = by_the_column(binding, encode, rows)

    assert found == [one_by_one(binding, encode, row) for row in rows]
    assert [next(iter(orjson.loads(b"{%b}" % e[:-1]).values()))["displayName"] for e in found[:2]] == [cell, "next"]


@pytest.mark.parametrize(("most", "encoded_alone"), [(9, []), (1, ["", ""]), (0, ["A/1", "B/2", "", "D/4", ""])])
def test_a_template_is_made_once_for_each_pattern_and_rows_of_patterns_past_the_bound_do_without(
    most: int, encoded_alone: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    binding, keys = bind("cancel-orders", [*examples("cancel-orders", Dialect.V2_1)]), []

    def encode(key: str, row: Row) -> bytes:
        keys.append(key)
        return orjson.dumps({"100%": key, **row})

    sheet = sheet_of(binding, [["A", "1"], ["B", "2"], ["C", ""], ["D", "4"], ["", "5"]])
    monkeypatch.setattr(gathered_templates, "MOST_PATTERNS", most)
    monkeypatch.setattr(templates, "MOST_PATTERNS", most)
    entries = Templates(binding, encode).entries(sheet)

    assert [key for key in keys if "\ue000" not in key] == encoded_alone
    assert entries == [encode(key, sheet.row(i)) for i, key in enumerate(["A/1", "B/2", "", "D/4", ""])]


GROUPED = [case for case in CASES if OPERATIONS[case[0]].grouped]


def by_the_rows(binding: Binding, operation: str, dialect: Dialect, valid: Sequence[Row], key: str) -> bytes | None:
    """The entry of different rows of one key by the reference; None where they contradict each other."""
    declared = OPERATIONS[operation]
    shared = shared_columns(binding.columns, declared.members)
    if any(disagreements(valid, shared, declared.members)):
        return None
    return request_encoder(declared, declared.build(binding.columns, dialect))(key, valid)


@st.composite
def groups(draw: st.DrawFn, operation: str, good: dict[str, str]) -> list[Cells]:
    """Rows of one key that mostly agree: their own lists differ, some cells are emptied or awkward."""
    members = OPERATIONS[operation].members
    own = [member.own(good) for member in members]
    shared = good | draw(spoilt([name for name in good if not any(name in names for names in own)]))
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        row = dict(shared)
        for member, names in zip(members, own, strict=True):
            serial = draw(st.integers(0, 2))
            row |= {name: f"{row[name]}{serial}" for name in member.key}
            row |= draw(st.sampled_from([{}, {}, dict.fromkeys(names, ""), draw(spoilt(names))]))
        rows += [[*row.values()]] * draw(st.sampled_from([1, 1, 2]))
    return rows


def spoilt(names: Sequence[str]) -> st.SearchStrategy[dict[str, str]]:
    """Some cells of a row, emptied or awkward."""
    return st.dictionaries(st.sampled_from(names), st.sampled_from(("", *NASTY, *AWKWARD)), max_size=2)


@pytest.mark.untraced
@pytest.mark.parametrize(("operation", "dialect"), GROUPED)
@given(most=st.sampled_from([1024, 2, 0]), data=st.data())
@settings(max_examples=30)
def test_gathered_requests_are_what_the_builder_makes_of_validated_rows(
    operation: str, dialect: Dialect, most: int, data: st.DataObject
) -> None:
    good = examples(operation, dialect)
    binding = bind(operation, [*good], dialect)
    build = OPERATIONS[operation].build(binding.columns, dialect)
    assert isinstance(build, Gathered)
    rows = data.draw(groups(operation, good))
    valid = [validate(binding, row) for row in rows]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gathered_templates, "MOST_PATTERNS", most)
        patch.setattr(templates, "MOST_PATTERNS", most)
        gathered = GatheredTemplates(binding, OPERATIONS[operation], build)
        sheet = sheet_of(binding, rows)
        parts = [b"" if i in sheet.faults else part for i, part in enumerate(gathered.parts(sheet))]
        whole = whole_sheet_of(binding, rows)
        again = [b"" if i in whole.faults else part for i, part in enumerate(gathered.parts(whole))]

    assert [gathered.row(part) if part else None for part in parts] == [
        row if isinstance(row, dict) else None for row in valid
    ]
    assert again == parts
    kept = {part: row for part, row in zip(parts, valid, strict=True) if isinstance(row, dict)}
    assert len(kept) == len({repr(row) for row in kept.values()}), "rows are alike where their parts are"
    if kept:
        key = next(key for key, part in zip(sheet.keys, parts, strict=True) if part)
        assert gathered.entry(kept) == by_the_rows(binding, operation, dialect, [*kept.values()], key)


def test_a_word_that_looks_like_the_place_of_a_cell_stays_that_word() -> None:
    """LUSID knows the words of an order's type, so any text may be one; this one became the row's first cell."""
    good = examples("orders", Dialect.V2_1)
    binding = bind("orders", [*good], Dialect.V2_1)
    build = OPERATIONS["orders"].build(binding.columns, Dialect.V2_1)
    assert isinstance(build, Gathered)
    row = [*(good | {"type": "\ue0000\ue000"}).values()]
    gathered = GatheredTemplates(binding, OPERATIONS["orders"], build)

    (part,) = gathered.parts(sheet_of(binding, [row]))

    assert b'"type":"\xee\x80\x800\xee\x80\x80"' in (gathered.entry([part]) or b"")
