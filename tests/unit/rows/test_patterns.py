"""Patterns of a mapping: Python's regular expressions, in linear time."""

import re
import subprocess
import sys
import time
import warnings

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from schemas.rows.conventions.patterns import linear_pattern

_LITERALS = ["a", "b", "1", "é", "_", "-", ",", "\n", "٣", "ß", "{", "}", "]", "&&", "\\_", "\\-", "\\é", "\\[", "\\]"]
_SETS = [".", "\\d", "\\w", "\\s", "\\D", "\\W", "\\S", "[", "[^", "]", "[]a]", "[^]a]", "-z", "[[:alpha:]]", "[\\]"]
_GROUPS = ["(", ")", "(?:", "(?i)", "(?i:", "(?s:", "(?m)", "(?P<n>", "(?P=n)", "(?=", "(?>", "(?#", "|", "^", "$"]
_REPEATS = ["*", "+", "?", "{2}", "{,2}", "{1,}", "{,}", "{3", "{0,1001}"]
_ESCAPES = [
    "\\A",
    "\\Z",
    "\\b",
    "\\1",
    "\\10",
    "\\12",
    "\\101",
    "\\012",
    "\\0",
    "\\x41",
    "\\u00e9",
    "\\U0001F600",
    "\\n",
]
_PATTERNS = st.lists(st.sampled_from([*_LITERALS, *_SETS, *_GROUPS, *_REPEATS, *_ESCAPES]), max_size=8).map("".join)
_TEXTS = st.text(
    st.sampled_from("abzAB189éÉß_-,٣ \t\n\x00\x08\x0b\x1c\x85\u3000[]{}^|&=:lpA😀K")
    | st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="ıİ"),
    max_size=4,
).filter(lambda text: not text.endswith("\n"))


@given(_PATTERNS, st.lists(_TEXTS, min_size=5, max_size=20))
@example("[[:alpha:]]", ["l]", "a"])
@example("a{,2}", ["aa", "a{,2}"])
@example("[^\\W]", ["\x85"])
@example("\\w\\d\\s", ["é٣\x1c", "_٣\x0b"])
@example("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\\10", ["abcdefghijj", "abcdefghij\x08"])
def test_what_is_taken_means_what_it_means_to_python(pattern: str, texts: list[str]) -> None:
    with warnings.catch_warnings(action="ignore"):
        try:
            theirs = re.compile(pattern)
        except re.error:
            with pytest.raises(ValueError, match="is not a regular expression"):
                linear_pattern(pattern)
            return
        try:
            ours = linear_pattern(pattern)
        except ValueError:
            assume(False)

    assert [bool(ours(text)) for text in texts] == [bool(theirs.fullmatch(text)) for text in texts]


@pytest.mark.parametrize(
    ("pattern", "construct"),
    [
        ("IR(?=_)", "a look-ahead (`(?=`)"),
        ("(?!IR)", "a look-ahead (`(?!`)"),
        ("(?<=IR)1", "a look-behind (`(?<=`)"),
        ("(?<!IR)1", "a look-behind (`(?<!`)"),
        (r"(\d)-\1", r"a back reference (`\1`)"),
        ("(?P<n>a)(?P=n)", "a back reference (`(?P`)"),
        ("(a)?(?(1)b|c)", "a conditional group (`(?(`)"),
        ("(?>a)", "an atomic group (`(?>`)"),
        ("(?#a)", "a comment (`(?#`)"),
        ("a++b", "a possessive repetition (`++`)"),
        (r"\bIR", r"a word boundary (`\b`)"),
        (r"[\W\d]", r"a class within a class (`\W`)"),
        (r"[\b]", r"an escape (`\b`)"),
        ("(?x) a", "a flag (`(?x`)"),
        ("a{1001}", "too many repetitions (`{1001}`)"),
    ],
)
def test_what_linear_time_does_not_allow_is_refused_by_name(pattern: str, construct: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"has {construct}, which cannot be matched in linear time")):
        linear_pattern(pattern)


@pytest.mark.parametrize("pattern", ["(", "(" * 10_000, "a{99999999999}", "\ud800", "\\p{L}", "*"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"^is not a regular expression$"):
        linear_pattern(pattern)


def test_no_cell_takes_long() -> None:
    begun = time.process_time()

    assert not linear_pattern("(a+)+b")("a" * 27)  # a pattern that backtracks tries 2 ** 27 ways

    assert time.process_time() - begun < 2


def test_text_that_is_not_unicode_matches_or_not_and_nothing_is_raised() -> None:
    assert not linear_pattern(r"\w+")("a\ud800")


def test_mappings_without_a_pattern_do_not_pay_for_it() -> None:
    code = (
        "import sys; from schemas.rows.mapping import ColumnRule; ColumnRule(column='a', values={'a': 'b'});"
        "sys.exit('re2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
