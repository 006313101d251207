"""Whether two loads are the same: each trait by itself, in the order asked, and nothing costly without need."""

from typing import Any

import orjson
import pytest
from old_runs import FINISHED, written

from schemas.manifest import Manifest
from schemas.same_load import Trait, differences, is_same, load_of, place_of

CONTENT = orjson.loads(written(FINISHED))
FILES = [{"name": n, "path": f"/{n}", "bytes": 1, "sha256": n * 64} for n in "ab"]
TRAITS = tuple(Trait)


def run(**changes: Any) -> Manifest:
    return Manifest.read(CONTENT | {"extracts": FILES} | changes)


@pytest.mark.parametrize(
    ("changes", "traits"),
    [
        ({}, []),
        ({"format": 2}, [Trait.FORMAT]),
        ({"operation": "orders"}, [Trait.OPERATION]),
        ({"mode": "Atomic"}, [Trait.MODE]),
        ({"dialect": "2.3"}, [Trait.DIALECT]),
        ({"target": None}, [Trait.TARGET]),
        ({"replays": "x"}, [Trait.REPLAYS]),
        ({"mapping": {"path": "m", "sha256": "0"}}, [Trait.MAPPING]),
        ({"extracts": FILES[::-1]}, [Trait.FILES, Trait.CONTENT]),
        ({"extracts": [FILES[0], FILES[1] | {"bytes": 2}]}, [Trait.FILES]),
        ({"extracts": [FILES[0], FILES[1] | {"path": "/c"}]}, [Trait.PATHS, Trait.FILES]),
        ({"extracts": [FILES[0], FILES[1] | {"sha256": None}]}, [Trait.CONTENT, Trait.CONTENT_IN_ANY_ORDER]),
        ({"versions": {}, "settings": {}, "started": "", "run_id": "", "duplicates": "first"}, []),
    ],
)
def test_what_differs_is_named(changes: dict[str, Any], traits: list[Trait]) -> None:
    assert list(differences(run(**changes), load_of(run(), *TRAITS))) == traits
    assert is_same(run(**changes), load_of(run(), *TRAITS)) is (not traits)


def test_what_is_not_asked_for_does_not_count_and_what_is_costly_comes_last() -> None:
    assert is_same(run(target="elsewhere"), load_of(run(), Trait.OPERATION, Trait.CONTENT))

    def never() -> list[str]:
        raise AssertionError("was asked for in vain")

    assert not is_same(run(), {Trait.OPERATION: "orders", Trait.CONTENT: never})
    assert is_same(run(), {Trait.CONTENT: lambda: ["a" * 64, "b" * 64]})


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
    assert is_same(run(target=one), load_of(run(target=other), Trait.TARGET)) is same
