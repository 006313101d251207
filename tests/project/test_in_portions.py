"""The tests of accounting, of crashes and of properties hold where an extract is prepared in portions, too.

They are run again, by a pytest of their own, with everything that they load cut into three portions of a few rows
(`portions`): a named part at each change of the code, all of them in `make soak`.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = (
    "tests/loads/test_properties_of_runs.py",
    "tests/unit/account/test_accountant.py",
    "tests/crash/test_crash_points.py::test_a_run_that_dies_at_any_point_ends_as_if_nothing_had_happened[orders]",
)
ALL = ("tests/loads", "tests/crash", "tests/unit/account", "tests/unit/prepare")
OF_ONE_PROCESS = (
    "tests/loads/test_workers.py",
    "tests/loads/test_workers_started_early.py",
    "tests/loads/test_fronted.py",
)
"""They say themselves who prepares, or send what was prepared somewhere else."""


def in_portions(tests: Sequence[str]) -> str:
    """Runs tests; gives the last line that pytest says."""
    line = [sys.executable, "-m", "pytest", "-q", "--no-cov", "-p", "no:cacheprovider", "--tb=short", *tests]
    ignored = [f"--ignore={path}" for path in OF_ONE_PROCESS]
    environment = {**os.environ, "PORTIONS": "3"}
    for name in ("COVERAGE_PROCESS_START", "COV_CORE_SOURCE", "COV_CORE_CONFIG", "COV_CORE_DATAFILE"):
        environment.pop(name, None)
    ended = subprocess.run([*line, *ignored], cwd=ROOT, env=environment, text=True, capture_output=True)
    assert ended.returncode == 0, ended.stdout[-4000:]
    return ended.stdout.splitlines()[-1]


@pytest.mark.untraced
def test_a_named_part() -> None:
    assert "passed" in in_portions(NAMED)


@pytest.mark.soak
def test_all_of_them() -> None:
    assert "passed" in in_portions(ALL)
