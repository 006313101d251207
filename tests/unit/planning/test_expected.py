"""What LUSID should hold of each operation's request: without members a plan would take any change for the same."""

from pathlib import Path

import pytest
from bound import bind, requests
from builders import read_csv

from pipelines.operations.table import OPERATIONS
from pipelines.planning.effect import is_foreseeable
from pipelines.planning.expected import expected_of
from schemas.dialects import Dialect

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize("dialect", [Dialect.V2_1, Dialect.V2_3])
@pytest.mark.parametrize("name", [each.name for each in OPERATIONS.values() if is_foreseeable(each)])
def test_what_can_be_planned_says_which_members_a_request_should_leave(name: str, dialect: Dialect) -> None:
    row = {n: cell for n, cell in read_csv(SAMPLES / name / "full.csv")[0].items() if cell}
    row |= {"scope": "MyScope"} if "scope" in OPERATIONS[name].shape.plain_of(dialect) else {}
    made = requests(name, bind(name, [*row], dialect), [[*row.values()]], dialect)
    found = [each.members for request in made.values() for each in expected_of(OPERATIONS[name], request, dialect)]
    assert found
    assert all(found)
