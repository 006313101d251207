"""Headers of very many columns, all of them wrong: told at once, and briefly."""

import time
from collections.abc import Iterable

import pytest
from bound import bind

from schemas.errors import ConfigError
from schemas.suggestions import did_you_mean

pytestmark = pytest.mark.untraced
COLUMNS = 50_000
SECONDS = 20.0
"""Where each column meets every other, or all known ones, this takes minutes; otherwise a second or two."""
ID = "identifier:InvestorRecord/Ext/Id"
NEEDED = ["display_name", "investor_type", ID, "investor:Person/Hr/Id"]
PROPERTY = "property:InvestorRecord/Details/P{}"


def refusal(header: list[str], mapping: dict[str, str] | None = None) -> str:
    begun = time.thread_time()
    with pytest.raises(ConfigError) as caught:
        bind("investor-records", header, mapping={"columns": mapping} if mapping else None)
    assert time.thread_time() - begun < SECONDS
    assert len(caught.value.message) < 5000
    return caught.value.message


def test_unknown_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    def noted(name: str, known: Iterable[str]) -> str:
        asked.append(name)
        return did_you_mean(name, known)

    monkeypatch.setattr("schemas.rows.header.did_you_mean", noted)
    told = refusal([*NEEDED[1:], *(f"display_nam{i}" for i in range(COLUMNS))])

    assert told.startswith("the header: column display_nam0 is unknown; did you mean display_name?; column display_na")
    assert told.endswith("did you mean display_name?; 49,980 more; needed column display_name is missing")
    assert told.count("did you mean") == len(asked) == 20


def test_columns_that_are_there_twice() -> None:
    columns = [PROPERTY.format(i) for i in range(COLUMNS // 2)]

    assert refusal([*NEEDED, *columns, *columns]).endswith("P10013 is there twice; 24,980 more")


def test_facets_without_their_columns() -> None:
    facets = [f"{PROPERTY.format(i)}@effective_from" for i in range(COLUMNS)]

    assert refusal([*NEEDED, *facets]).endswith("P19 to belong to; 49,980 more")


def test_columns_that_two_families_share() -> None:
    columns = [PROPERTY.format(i) for i in range(COLUMNS // 2)]
    twins = [name.replace("property:", "metric:") for name in columns]

    assert refusal([*NEEDED, *columns, *twins]).endswith("are the same property: keep one; 24,980 more")


def test_a_mapping_of_another_extract() -> None:
    mapping = {PROPERTY.format(i): f"colunm_{i}" for i in range(100)}
    told = refusal([f"column_{i}" for i in range(COLUMNS)], mapping)

    assert told.startswith("the mapping does not fit: column colunm_0 is not in the extract; did you mean column_0?; ")
    assert told.endswith("80 more")
