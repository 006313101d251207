"""Single cells: what each type keeps, what it refuses, and in which words."""

from decimal import Decimal, localcontext
from typing import Any

import orjson
import pytest
from bound import read
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.rows.cells import (
    Code,
    Currency,
    DecimalText,
    Description,
    Identifier,
    Instrument,
    Label,
    Labels,
    Name,
    NeededCode,
    NeededWord,
    ResourceCode,
    Word,
    clean_key,
    decimal,
    joined_labels,
    label_set,
)

TEXT = "takes one value, not a list"
MANGLED = "looks mangled by a spreadsheet or a number column (digits may be lost): export it as text"


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("", ""),
        ("  ", ""),
        ("100", "100"),
        (" 1234.50 ", "1234.5"),
        ("00123", "123"),
        ("+1", "1"),
        (".5", "0.5"),
        ("-.50", "-0.5"),
        ("0", "0"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("100.000", "100"),
        ("\u00a07\u00a0", "7"),
        ("1234567890123456789012345678", "1234567890123456789012345678"),
        ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
        ("12345678901234.56789012345678", "12345678901234.56789012345678"),
    ],
)
def test_a_decimal_is_kept_exactly(cell: str, number: str) -> None:
    assert read(DecimalText, cell) == number


@pytest.mark.parametrize(
    ("cell", "code", "message"),
    [
        ("5.", "NotDecimal", "is not a decimal number such as 1234.50"),
        (".", "NotDecimal", "is not a decimal number such as 1234.50"),
        ("-", "NotDecimal", "is not a decimal number such as 1234.50"),
        ("--1", "NotDecimal", "is not a decimal number such as 1234.50"),
        ("1_000", "NotDecimal", "is not a decimal number such as 1234.50"),
        ("0x10", "NotDecimal", "is not a decimal number such as 1234.50"),
        ("\u0663", "NotDecimal", "is not a decimal number such as 1234.50"),
        ("\uff11", "NotDecimal", "is not a decimal number such as 1234.50"),
        ("NaN", "NotDecimal", "is not a finite number"),
        ("-Infinity", "NotDecimal", "is not a finite number"),
        ("1e5", "NotDecimal", "is in scientific notation, which may have lost digits: write the number out"),
        ("1.5E+11", "NotDecimal", "is in scientific notation, which may have lost digits: write the number out"),
        *(
            (
                cell,
                "NotDecimal",
                "is not a plain decimal such as 1234.50: declare `decimal` and `thousands` in the mapping",
            )
            for cell in ("1,234.50", "(987.65)", "1 234")
        ),
        ("12345678901234567890123456789", "TooManyDigits", "has more than 28 significant digits or decimals"),
        ("0.00000000000000000000000000001", "TooManyDigits", "has more than 28 significant digits or decimals"),
        ("1" + "0" * 28, "TooManyDigits", "has more than 28 significant digits or decimals"),
        (["1", "2"], "NotDecimal", "takes one decimal, not a list"),
    ],
)
def test_what_is_no_plain_decimal_is_refused(cell: object, code: str, message: str) -> None:
    assert read(DecimalText, cell) == (code, message)


DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**18), max_value=10**18)


@given(DECIMALS, st.sampled_from(["", "+"]), st.integers(0, 3), st.integers(0, 3))
def test_the_value_of_a_decimal_is_kept_whatever_zeros_it_is_written_with(
    number: Decimal, plus: str, leading: int, trailing: int
) -> None:
    written = f"{abs(number):f}"
    sign = "-" if number < 0 else plus
    kept = decimal(f"{sign}{'0' * leading}{written}{'0' * trailing}")

    assert Decimal(kept) == number
    assert decimal(kept) == kept
    with localcontext() as context:
        context.prec = 60
        assert kept == (f"{number.normalize():f}" if number else "0")
    assert orjson.loads(kept) == float(number)


def test_a_cell_of_a_million_zeros_is_refused_at_once() -> None:
    assert read(DecimalText, f"0.{'0' * 1_000_000}x")[0] == "NotDecimal"


@pytest.mark.parametrize(
    "cell",
    ["IR_1", " IR_1\t", "\u00a0IR_1\u00a0", "I\u200bR_1", "IR\u00ad_1", "\u202aIR_1\u202c", "IR_1\u200e"],
)
def test_an_identifier_loses_outer_space_and_invisible_characters(cell: str) -> None:
    assert read(Identifier, cell) == "IR_1"


@pytest.mark.parametrize("cell", ["\ufeffIR_1", "IR\ufeff_1", "IR_1\ufeff", " \ufeff"])
@pytest.mark.parametrize("cell_type", [Identifier, Instrument, Code, NeededCode])
def test_a_byte_order_mark_in_a_name_is_refused(cell_type: Any, cell: str) -> None:
    assert read(cell_type, cell)[0] == "ByteOrderMark"


@pytest.mark.parametrize("cell", ["00123", "12E12", "1E5", "NA", "null", "None", "A 1", "1.5", "#1", "-1"])
def test_real_identifiers_are_kept_as_they_are(cell: str) -> None:
    assert read(Identifier, cell) == cell


@pytest.mark.parametrize(
    "cell",
    ["1.23E+11", "1,23E+11", "1E+05", "1e+16", "-1.5E+3", "123.0", "-1.0", "#N/A", "#REF!", "#NAME?", "########"],
)
def test_an_identifier_that_a_spreadsheet_mangled_is_refused(cell: str) -> None:
    assert read(Identifier, cell) == ("MangledIdentifier", MANGLED)
    assert read(Instrument, cell) == ("MangledIdentifier", MANGLED)


def test_an_identifier_takes_64_characters_and_an_instrument_256() -> None:
    assert read(Identifier, "x" * 64) == "x" * 64
    assert read(Identifier, "x" * 65)[0] == "string_too_long"
    assert read(Instrument, "x" * 256) == "x" * 256
    assert read(Instrument, "x" * 257)[0] == "string_too_long"
    assert read(Identifier, ["x"]) == ("NotText", TEXT)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_cleaning_a_key_twice_is_cleaning_it_once(text: str) -> None:
    assert clean_key(clean_key(text)) == clean_key(text)


def test_look_alikes_of_one_key_become_one() -> None:
    assert clean_key("Zo\u0065\u0308") == clean_key(" Zo\u00eb\u200b") == "Zo\u00eb"


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("", []),
        ("   ", []),
        ([], []),
        ("FX", ["FX"]),
        (" FX | Bonds ", ["FX", "Bonds"]),
        (["FX", "Bonds"], ["FX", "Bonds"]),
        ("x" * 1024, ["x" * 1024]),
        ("|".join(map(str, range(250))), [str(n) for n in range(250)]),
    ],
)
def test_labels_are_a_set_of_texts(cell: object, labels: list[str]) -> None:
    assert read(Labels, cell) == labels


@pytest.mark.parametrize(
    ("cell", "code", "message"),
    [
        ("FX||Bonds", "EmptyLabel", "has an empty item"),
        ("FX|", "EmptyLabel", "has an empty item"),
        (["FX", " "], "EmptyLabel", "has an empty item"),
        ("|".join(map(str, range(251))), "TooManyLabels", "has more than 250 items"),
        ("x" * 1025, "TooLong", "has an item of more than 1024 characters"),
    ],
)
def test_a_set_of_labels_that_lusid_would_not_take_is_refused(cell: object, code: str, message: str) -> None:
    assert read(Labels, cell) == (code, message)


ITEMS = st.lists(
    st.one_of(st.text("a|\\", min_size=1), st.text(st.characters(exclude_categories=["Cs"]), min_size=1)).filter(
        lambda t: t == t.strip()
    ),
    unique=True,
)


@given(ITEMS)
@example(["FX|Bonds", "C:\\", "x"])
def test_a_set_of_labels_is_the_same_from_csv_and_parquet(items: list[str]) -> None:
    assert label_set(joined_labels(items)) == label_set(items) == items
    assert label_set(label_set(items)) == items


def test_a_label_that_is_repeated_is_one_and_backslashes_count_before_a_bar_only() -> None:
    assert label_set("FX| FX|Bonds") == ["FX", "Bonds"]
    assert label_set("C:\\temp|x") == ["C:\\temp", "x"]
    assert joined_labels(["C:\\temp", "x"]) == "C:\\temp|x"
    assert joined_labels(["FX|Bonds", "x"]) == "FX\\|Bonds|x"


@pytest.mark.parametrize(
    ("cell_type", "longest"),
    [(Label, 1024), (Name, 512), (Description, 512), (Word, 256), (NeededWord, 256), (Code, 64), (NeededCode, 64)],
)
def test_texts_take_as_many_characters_as_lusid_does(cell_type: Any, longest: int) -> None:
    assert read(cell_type, "x" * longest) == "x" * longest
    assert read(cell_type, "x" * (longest + 1))[0] == "string_too_long"


@pytest.mark.parametrize("cell_type", [Label, Name, Description])
def test_free_text_is_kept_with_its_spaces_and_lines(cell_type: Any) -> None:
    assert read(cell_type, " Does'\nYard\u00a0") == " Does'\nYard\u00a0"


@pytest.mark.parametrize("cell_type", [Label, Description, Word, Code, Identifier, Currency])
def test_a_cell_of_white_space_is_absent(cell_type: Any) -> None:
    assert read(cell_type, " \t\u00a0") == ""
    assert read(cell_type, "") == ""


@pytest.mark.parametrize("cell_type", [Name, NeededWord, NeededCode])
def test_a_needed_cell_of_white_space_is_refused(cell_type: Any) -> None:
    assert read(cell_type, "")[0] == "string_too_short"
    assert read(cell_type, " \u00a0")[0] in {"string_too_short", "string_pattern_mismatch"}


def test_a_code_is_cleaned_like_a_key_and_takes_letters_digits_dash_and_underscore() -> None:
    assert read(Code, "\u2060 BLOCK-1_a\u200b ") == "BLOCK-1_a"
    for cell in ("a b", "a/b", "caf\u00e9", "a.b", "a\nb"):
        assert read(Code, cell)[0] == "string_pattern_mismatch"


def test_a_code_of_an_order_takes_the_characters_that_lusid_lists() -> None:
    assert read(ResourceCode, " A@/+-_*#;^&.?9 ") == "A@/+-_*#;^&.?9"
    assert read(ResourceCode, "x" * 256) == "x" * 256
    assert read(ResourceCode, "x" * 257)[0] == "string_too_long"
    for cell in ("a b", "a'b", "caf\u00e9", "a%b", "a\nb"):
        assert read(ResourceCode, cell)[0] == "string_pattern_mismatch"


@pytest.mark.parametrize("cell", ["GB", "GBPXYZ", "G-P", "\u00a3"])
def test_a_currency_is_three_to_five_letters_or_digits_as_they_are(cell: str) -> None:
    for good in ("GBP", "gbp", "GBX", "USDT1"):
        assert read(Currency, f" {good} ") == good
    assert read(Currency, cell)[0] == "string_pattern_mismatch"


@given(st.text(alphabet="0123456789+-.eE,() |aZ\u00a0\u200b\u0663_", max_size=30))
def test_no_refusal_repeats_what_the_cell_holds(text: str) -> None:
    for cell_type in (DecimalText, Labels, Currency, Code, Identifier):
        found = read(cell_type, f"MARK{text}||" + "x" * 1025)
        assert isinstance(found, tuple)
        assert "MARK" not in found[1]
