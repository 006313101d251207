"""Reading a mapping's YAML: one clear line for whatever is wrong with it."""

import hashlib
from pathlib import Path

import pytest

from connectors.extracts.mapping_file import file_sha256, read_mapping
from schemas.errors import ConfigError
from schemas.rows.column_rule import ColumnRule
from schemas.rows.mapping import Mapping

HEAD = "operation: orders\n"


def refusal(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as caught:
        read_mapping(path, "orders")
    assert caught.value.message.startswith(f"mapping {path}")
    assert "\n" not in caught.value.message
    return caught.value.message.removeprefix(f"mapping {path}").lstrip(": ")


def test_a_mapping_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        "\ufeff" + HEAD + "key: [a, b]\nencoding: cp1252\ndelimiter: ';'\n"
        "columns:\n  date: &local {column: when, timezone: Europe/London}\n"
        "  order_date: {<<: *local, column: done}\n  state: {constant: New}\n  side: bs\n",
        encoding="utf-8",
    )

    assert read_mapping(path, "orders") == Mapping(
        operation="orders",
        key=["a", "b"],
        encoding="cp1252",
        delimiter=";",
        columns={
            "date": ColumnRule(column="when", timezone="Europe/London"),
            "order_date": ColumnRule(column="done", timezone="Europe/London"),
            "state": ColumnRule(constant="New"),
            "side": ColumnRule(column="bs"),
        },
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the file: is not a map of names to values"),
        ("[1]", "the file: is not a map of names to values"),
        (HEAD + "columns: {}", "columns: is empty"),
        (HEAD + "columns: [a]", "columns: is not a map of names to values"),
        (HEAD + "columns: {a: 1}", "columns.a: is not a map of names to values"),
        (HEAD + "columns: {a: }", "columns.a: is not a map of names to values"),
        (HEAD + "colums: {a: b}", "colums: is not a member; did you mean columns?"),
        (
            HEAD + "columns: {a: {column: b, formt: c}}",
            "columns.a.formt: is not a member; did you mean format?",
        ),
        (HEAD + "columns: {a: {}}", "columns.a: give one of `column`, `join` and `constant`"),
        (HEAD + "columns: {a: {constant: 2026-01-01}}", "columns.a.constant: is not text: put it in quotes"),
        (
            HEAD + "columns: {a: {column: b, values: {NO: Norway, 1: x}}}",
            "columns.a.values: has a name that YAML does not read as text: put names such as NO or 1 in quotes",
        ),
        (
            HEAD + "columns: {a: {column: b, timezone: Mars}}",
            "columns.a.timezone: is not an IANA timezone such as Europe/London",
        ),
        (
            HEAD + "columns: {a: {column: b, thousands: '1'}}",
            "columns.a.thousands: is not one character other than a letter, a digit, + or -",
        ),
        *(
            (
                HEAD + f"key: {key}\ncolumns: {{a: b}}",
                "key: is neither the name of a column nor a list of names (a number needs quotes)",
            )
            for key in ("3", "[]", "[1]", "{a: b}")
        ),
        (HEAD + "delimiter: ';;;;;;;;;'\ncolumns: {a: b}", "delimiter: is too long"),
        (
            HEAD + "delimiter: ';\"'\ncolumns: {a: b}",
            "the file: `delimiter` holds the quote: declare another `quote`, or `quote: none`",
        ),
        (
            HEAD + "quote: '\"\"'\ncolumns: {a: b}",
            "quote: is neither one ASCII character (no letter, digit or line end) nor `none`",
        ),
        (
            HEAD + "quote: ','\ncolumns: {a: b}",
            "the file: `delimiter` holds the quote: declare another `quote`, or `quote: none`",
        ),
        (HEAD + "escape: '\"'\ncolumns: {a: b}", "the file: `escape` is also the quote or in the delimiter"),
        (HEAD + "short_rows: yes\ncolumns: {a: b}", "short_rows: takes 'accept'"),
        (
            HEAD + "traling_delimiter: yes\ncolumns: {a: b}",
            "traling_delimiter: is not a member; did you mean trailing_delimiter?",
        ),
        (HEAD + "delimiter: ''\ncolumns: {a: b}", "delimiter: is empty"),
        (HEAD + "encoding: ''\ncolumns: {a: b}", "encoding: is empty"),
        (HEAD + "columns: {a: b, a: c}", "is not YAML: a is given twice (line 2)"),
        ("? [a]\n: b", "is not YAML: a name must be text (line 1)"),
        ("a: *b", "is not YAML: found undefined alias 'b' (line 1)"),
        ("a: [1", "is not YAML: expected ',' or ']', but got '<stream end>' (line 1)"),
        ("a: \x01", "is not YAML: it holds a character that YAML does not allow"),
        ("[" * 600, "is nested too deeply"),
        ("operation: x\ncolumns: {a: b}", "is for x, not for orders"),
        (b"a: \xff", "is not UTF-8 text"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_told_why_in_one_line(tmp_path: Path, content: str | bytes, told: str) -> None:
    assert refusal(tmp_path / "m.yaml", content) == told


def test_a_tag_that_would_run_code_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "m.yaml", "a: !!python/name:os.system x").startswith("is not YAML: could not determine")


def test_a_mapping_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_mapping(tmp_path / "none.yaml", "orders")
    assert caught.value.message == f"mapping {tmp_path / 'none.yaml'} cannot be read: No such file or directory"


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_bytes(b"a: b")

    assert file_sha256(tmp_path / "m.yaml") == hashlib.sha256(b"a: b").hexdigest()


@pytest.mark.parametrize("text", ['null: [NULL, "~"]', '"null": ["NULL", "~"]', "null: [NULL, ~]"])
def test_the_member_null_and_its_words_need_no_quotes(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.yaml").write_text(f"operation: orders\n{text}\ncolumns: {{side: {{column: s, null: NULL}}}}\n")
    mapping = read_mapping(tmp_path / "m.yaml", "orders")
    assert (mapping.null, mapping.columns["side"].null) == (("NULL", "~"), ("NULL",))
