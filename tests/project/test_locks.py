"""The locks pin all that is installed, each by its hashes, and name no place to get it from."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT, DEVELOPMENT, DOCUMENTS = "requirements.lock", "requirements-dev.lock", "requirements-docs.lock"


def pins(lock: str) -> dict[str, str]:
    """What a lock says of each package: its pins, markers and hashes."""
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / lock).read_text()):
        name = re.split(r"[=\[]", entry, maxsplit=1)[0]
        found[name] = found.get(name, "") + entry
    return found


def asked_for(*requirements: str) -> set[str]:
    return {re.split(r"[^a-z0-9-]", requirement, maxsplit=1)[0] for requirement in requirements}


@pytest.mark.parametrize("lock", [PRODUCT, DEVELOPMENT, DOCUMENTS])
def test_every_pin_is_exact_and_has_its_hashes(lock: str) -> None:
    assert [name for name, text in pins(lock).items() if not re.search(r"==[^*]+?\\\n +--hash=sha256:", text)] == []


@pytest.mark.parametrize("lock", [PRODUCT, DEVELOPMENT, DOCUMENTS])
def test_a_lock_names_no_index_and_no_host(lock: str) -> None:
    assert re.findall(r"://|^ *--(?!hash=).*", (ROOT / lock).read_text(), re.MULTILINE) == []


def test_development_adds_to_the_product_and_changes_nothing_of_it() -> None:
    assert pins(PRODUCT).keys() & pins(DEVELOPMENT).keys() == set()


def test_every_dependency_has_its_reason() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    several = [asked["project"]["dependencies"], *asked["project"]["optional-dependencies"].values()]
    several += asked["dependency-groups"].values()
    reasons = (ROOT / "docs/decisions/0008-dependencies.md").read_text()
    given = set(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", reasons.partition("**Two locks.**")[0]))
    assert {name for requirements in several for name in asked_for(*requirements)} - given == set()


def test_the_locks_hold_what_the_project_asks_for() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = asked["dependency-groups"]
    product = asked_for(*asked["project"]["dependencies"], *groups["build"])
    assert product - pins(PRODUCT).keys() == set()
    assert asked_for(*groups["dev"]) - pins(PRODUCT).keys() - pins(DEVELOPMENT).keys() == set()
    assert asked_for(*groups["docs"]) - pins(DOCUMENTS).keys() == set()
