"""The suite turns red for planted defects: a sample of two at each change of the code, all of them in `make soak`."""

import hashlib
import random
from pathlib import Path

import pytest
from mutations import MUTATIONS, ROOT, Mutation, copy_tree, outcome, survivors

SAMPLE = 2


def sample() -> list[Mutation]:
    """Drawn by the code itself: the same tree draws the same, a change draws anew."""
    found = hashlib.sha256()
    for path in sorted((ROOT / "pipelines").rglob("*.py")):
        found.update(path.read_bytes())
    return random.Random(found.digest()).sample(MUTATIONS, SAMPLE)


def test_every_defect_can_still_be_planted() -> None:
    stale = [m.name for m in MUTATIONS if (ROOT / m.file).read_text().count(m.old) != 1]
    assert stale == []
    for mutation in MUTATIONS:
        source = (ROOT / mutation.file).read_text().replace(mutation.old, mutation.new)
        if mutation.file.endswith(".py"):
            compile(source, mutation.name, "exec")
    assert len({m.name for m in MUTATIONS}) == len(MUTATIONS)


def test_a_sample_of_planted_defects_turns_the_suite_red(tmp_path: Path) -> None:
    assert survivors(sample(), tmp_path / "tree") == []


@pytest.mark.soak
def test_without_a_defect_the_same_tests_are_green(tmp_path: Path) -> None:
    nothing = Mutation("none", MUTATIONS[0].file, MUTATIONS[0].old, MUTATIONS[0].old, every_test())
    code, said = outcome(nothing, copy_tree(tmp_path / "tree"))
    assert code == 0, said


def every_test() -> tuple[str, ...]:
    return tuple(dict.fromkeys(test for mutation in MUTATIONS for test in mutation.tests))


@pytest.mark.soak
def test_every_planted_defect_turns_the_suite_red(tmp_path: Path) -> None:
    assert survivors(MUTATIONS, tmp_path / "tree") == []
