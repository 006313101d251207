"""One cluster for all tests of this room: to start its workers takes longer than most of them."""

from collections.abc import Iterator

import pytest
from dask_cluster import TOKEN, Workers, dask_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Workers]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FBN_ACCESS_TOKEN", TOKEN)
        with dask_cluster(2) as workers:
            yield workers


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", TOKEN)
