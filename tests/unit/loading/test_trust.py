"""The target in a manifest is sent no secret on the manifest's word alone."""

from pathlib import Path

import pytest
from old_runs import FINISHED, STOPPED, old_runs

from pipelines.replay import replay
from pipelines.resume import resume
from schemas.errors import ConfigError

PLANTED = "https://evil.example/api"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")


@pytest.mark.parametrize("named", ["", "https://acme.lusid.com/api"])
@pytest.mark.parametrize("run_id", [STOPPED, FINISHED])
def test_a_planted_target_is_refused_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_id: str, named: str
) -> None:
    monkeypatch.setenv("FBN_LUSID_URL", named)
    runs = old_runs(tmp_path, target=PLANTED)
    with pytest.raises(ConfigError) as caught:
        (resume if run_id == STOPPED else replay)(run_id, runs=runs)
    assert caught.value.message == (
        f"{run_id} says that it was loaded into {PLANTED}, which no setting names, and credentials go nowhere on a "
        f"run's word alone: if that is right, add target={PLANTED}"
    )


def opened(monkeypatch: pytest.MonkeyPatch, runs: Path, target: str | None = None) -> str:
    """What is opened to go on with the stopped run; nothing is sent."""
    found: list[str] = []

    def stop(target: str, *_: object) -> None:
        found.append(target)
        raise ConfigError("stop")

    monkeypatch.setattr("pipelines.loading.places.open_target", stop)
    with pytest.raises(ConfigError, match="stop"):
        resume(STOPPED, runs=runs, target=target)
    return found[0]


def test_a_target_that_the_operator_names_too_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = old_runs(tmp_path)
    acme = "https://acme.lusid.com/api"
    assert opened(monkeypatch, runs, acme) == acme
    monkeypatch.setenv("FBN_LUSID_URL", "https://ACME.lusid.com/api/")
    assert opened(monkeypatch, runs) == acme
