"""Where memory is taken from: the C library, as long as a load works, and Arrow's own pool before and after."""

import ctypes

import pyarrow as pa
import pytest

from connectors.memory import plain_memory


def test_arrow_takes_memory_from_the_c_library_meanwhile() -> None:
    before = pa.default_memory_pool().backend_name
    with plain_memory():
        assert pa.default_memory_pool().backend_name == "system"
    assert pa.default_memory_pool().backend_name == before


def test_a_c_library_without_these_settings_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    with plain_memory():
        assert pa.default_memory_pool().backend_name == "system"
