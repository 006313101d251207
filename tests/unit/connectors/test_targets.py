from pathlib import Path

import pytest
from scripted_lusid import Call, Reply, refused, scripted

from connectors.targets import Target, open_target
from schemas.errors import AuthError, ConfigError, ThrottledError, UnreachableError
from schemas.settings import LoadOptions


def notes_of(target: str | Target | None) -> tuple[list[str], str]:
    """Opens and reads; gives the notes and its URL."""
    notes: list[str] = []
    with open_target(target, LoadOptions(), notes.append) as opened:
        body = opened.client.get("/api/metadata/versions").body
        assert isinstance(body, dict)
        return notes, opened.url


def test_the_sandbox_is_opened_by_name(tmp_path: Path) -> None:
    assert notes_of("sandbox") == ([], "sandbox")
    name = f"sandbox:{tmp_path / 'data.db'}"
    assert notes_of(name) == ([], name)
    assert (tmp_path / "data.db").exists()


def test_where_nothing_is_named_nothing_is_opened() -> None:
    with pytest.raises(ConfigError, match="no LUSID is named"):
        notes_of(None)


@pytest.mark.parametrize("target", ["snadbox", "sandboxes", "acme.lusid.com/api"])
def test_what_is_neither_a_url_nor_the_sandbox_is_refused(target: str) -> None:
    with pytest.raises(ConfigError, match="--target takes a URL that begins with https://, `sandbox` or `sandbox:"):
        notes_of(target)


def test_a_url_is_signed_in_to_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    with scripted(lambda _: Reply(200, {})) as (lusid, _):
        assert notes_of(lusid.url) == ([], lusid.url)
        monkeypatch.setenv("FBN_LUSID_URL", lusid.url)
        assert notes_of(None) == ([], lusid.url)
        assert [call.path for call in lusid.calls] == ["/api/metadata/versions"] * 4


def test_who_is_not_let_in_hears_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    with scripted(lambda _: refused(status=403)) as (lusid, _), pytest.raises(AuthError, match="does not permit"):
        notes_of(lusid.url)


def test_a_url_that_is_no_lusid_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    with scripted(lambda _: Reply(200, [])) as (lusid, _), pytest.raises(ConfigError, match="is FBN_LUSID_URL right"):
        notes_of(lusid.url)


def test_an_open_target_is_used_and_left_open() -> None:
    def rule(call: Call) -> Reply:
        return Reply(200, {})

    with scripted(rule) as (lusid, target):
        assert notes_of(target) == ([], lusid.url)
        target.client.get("/api/metadata/versions")
    assert len(lusid.calls) == 2


@pytest.mark.parametrize(("patience", "attempts"), [(0.0, 6), (30.0, 9)])
def test_a_target_that_has_let_us_in_is_waited_for(
    patience: float, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    monkeypatch.setattr("connectors.lusid.retry_table.BACKOFF_BASE_SECONDS", 0.001)
    with (
        scripted(lambda call: refused(status=503) if 1 < call.number < 10 else Reply(200, {})) as (lusid, _),
        open_target(lusid.url, LoadOptions(patience=patience), print) as target,
    ):
        if patience:
            assert target.client.get("/api/metadata/versions").attempts == attempts
        else:
            with pytest.raises(ThrottledError, match=rf"answered 503 \({attempts} attempts\)"):
                target.client.get("/api/metadata/versions")


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_turned_away_at_the_start_hears_so_when_patience_ends(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    monkeypatch.setattr("connectors.lusid.retry_table.BACKOFF_BASE_SECONDS", 0.001)
    with scripted(lambda _: refused(status=status)) as (lusid, _):
        options = LoadOptions(patience=0)
        with (
            pytest.raises(UnreachableError, match=rf"answered {status} \(4 attempts\)$"),
            open_target(lusid.url, options, print),
        ):
            pass
        assert len(lusid.calls) == 4
