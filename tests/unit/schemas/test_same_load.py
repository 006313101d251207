"""Whether two loads are the same: each aspect by itself, in the order asked, and nothing costly without need."""

from typing import Any

import orjson
import pytest
from old_runs import FINISHED, written

from schemas.manifest import Manifest
from schemas.same_load import Aspect, differences, is_same, load_of, place_of

CONTENT = orjson.loads(written(FINISHED))
FILES = [{"name": n, "path": f"/{n}", "bytes": 1, "sha256": n * 64} for n in "ab"]
ASPECTS = tuple(Aspect)


def run(**changes: Any) -> Manifest:
    return Manifest.read(CONTENT | {"extracts": FILES} | changes)


@pytest.mark.parametrize(
    ("changes", "aspects"),
    [
        ({}, []),
        ({"format": 2}, [Aspect.FORMAT]),
        ({"operation": "orders"}, [Aspect.OPERATION]),
        ({"mode": "Atomic"}, [Aspect.MODE]),
        ({"dialect": "2.3"}, [Aspect.DIALECT]),
        ({"target": None}, [Aspect.TARGET]),
        ({"replays": "x"}, [Aspect.REPLAYS]),
        ({"mapping": {"path": "m", "sha256": "0"}}, [Aspect.MAPPING]),
        ({"extracts": FILES[::-1]}, [Aspect.FILES, Aspect.CONTENT]),
        ({"extracts": [FILES[0], FILES[1] | {"bytes": 2}]}, [Aspect.FILES]),
        ({"extracts": [FILES[0], FILES[1] | {"path": "/c"}]}, [Aspect.PATHS, Aspect.FILES]),
        ({"extracts": [FILES[0], FILES[1] | {"sha256": None}]}, [Aspect.CONTENT, Aspect.CONTENT_IN_ANY_ORDER]),
        ({"versions": {}, "settings": {}, "started": "", "run_id": "", "duplicates": "first"}, []),
    ],
)
def test_what_differs_is_named(changes: dict[str, Any], aspects: list[Aspect]) -> None:
    assert list(differences(run(**changes), load_of(run(), *ASPECTS))) == aspects
    assert is_same(run(**changes), load_of(run(), *ASPECTS)) is (not aspects)


def test_what_is_not_asked_for_does_not_count_and_what_is_costly_comes_last() -> None:
    assert is_same(run(target="elsewhere"), load_of(run(), Aspect.OPERATION, Aspect.CONTENT))

    def never() -> list[str]:
        raise AssertionError("was asked for in vain")

    assert not is_same(run(), {Aspect.OPERATION: "orders", Aspect.CONTENT: never})
    assert is_same(run(), {Aspect.CONTENT: lambda: ["a" * 64, "b" * 64]})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://acme.lusid.com/api", "https://ACME.lusid.com./api/", True),
        ("https://acme.lusid.com/api", "https://acme.lusid.com:443/api", True),
        ("https://acme.lusid.com/api", "https://acme.lusid.com:8443/api", False),
        ("https://acme.lusid.com/api", "http://acme.lusid.com/api", False),
        ("sandbox", "sandbox", True),
        ("sandbox:a.db", "sandbox:b.db", False),
        ("https://acme:port/api", "https://acme:port/api", True),
    ],
)
def test_targets_are_compared_as_hosts(one: str, other: str, *, same: bool) -> None:
    assert (place_of(one) == place_of(other)) is same
    assert is_same(run(target=one), load_of(run(target=other), Aspect.TARGET)) is same
