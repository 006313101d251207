"""Hashes of texts by the column: one text has one hash, wherever it stands."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from schemas.rows.whole.arrays import text_array
from schemas.rows.whole.columns import Texts
from schemas.rows.whole.hashes import hashes

texts = st.lists(st.text("aé\0", max_size=12).map(lambda text: text * 7) | st.text(max_size=20), max_size=12)


def column(given: list[str]) -> Texts:
    return Texts(text_array([text.encode() for text in given]))


@given(texts, st.integers(0, 12), st.integers(0, 12))
def test_a_text_has_one_hash_and_different_ones_differ_whatever_stands_beside_them(
    given: list[str], first: int, count: int
) -> None:
    whole = column(given)
    found = hashes(whole).tolist()
    assert dict(zip(given, found, strict=True)) == {text: hashes(column([text])).item() for text in given}
    assert len({*found}) == len({*given})
    assert hashes(Texts(whole.array.slice(first, count))).tolist() == found[first : first + count]


def test_a_hash_is_the_same_on_every_machine() -> None:
    """What one process noted is put together with what another one did, perhaps of a cluster."""
    found = hashes(column(["", "IR_00000001", "MyScope/BLOCK00000001", "é" * 100]))
    assert found.tolist() == [0, 2430942543305006287, -4905887241836881785, -8677309846432122721]


def test_keys_that_count_do_not_meet() -> None:
    """Differences in the last byte of a word reach the others, so that those of two words do not cancel out."""
    pairs = [f"AAAAAAA{one}BBBBBBB{two}" for one in map(chr, range(33, 127)) for two in map(chr, range(33, 127))]
    counted = [f"{prefix}{number:08d}" for prefix in ("IR_", "MyScope/BLOCK", "") for number in range(5000)]
    assert len(np.unique(hashes(column(pairs + counted)))) == len(pairs) + len(counted)
