"""Arrays laid out by ourselves are those that pyarrow makes."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.run_folder.arrays import array_of

TEXTS = st.none() | st.text(max_size=5)
NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1)
KINDS = {
    pa.string(): TEXTS,
    pa.int64(): NUMBERS,
    pa.list_(pa.int64()): st.none() | st.lists(NUMBERS, max_size=4),
    pa.list_(pa.string()): st.none() | st.lists(TEXTS, max_size=4),
    pa.dictionary(pa.int8(), pa.string()): TEXTS,
    pa.float64(): st.none() | st.floats(allow_nan=False),
}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(data=st.data())
def test_an_array_is_what_pyarrow_makes_of_the_values(kind: pa.DataType, data: st.DataObject) -> None:
    values: list[Any] = data.draw(st.lists(KINDS[kind], max_size=20))

    found = array_of(values, kind)

    found.validate(full=True)
    assert found.equals(pa.array(values, kind))


def test_a_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        array_of(["\ud800"], pa.string())
