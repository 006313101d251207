from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox.protocol.exact_json import dumps, loads, loads_own

Leaf = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
Documents = st.recursive(
    Leaf, lambda inner: st.lists(inner) | st.dictionaries(st.text("abc\u00e9"), inner), max_leaves=20
)


def exactly(value: Any) -> str:
    """A value with every digit and type."""
    return repr(value)


@given(Documents)
def test_stored_json_is_read_again_as_the_strict_reader_reads_it(value: Any) -> None:
    written = dumps(value)
    assert exactly(loads_own(written)) == exactly(loads(written))


def test_no_digit_is_lost() -> None:
    text = b'{"quantity":1.10,"units":123456789012345678901234567890,"price":0.1000000000000000055511151231257827}'
    assert dumps(loads_own(text)) == text
    assert loads_own(text)["quantity"].as_tuple() == Decimal("1.10").as_tuple()
