import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from connectors.lusid.environment import read_settings
from connectors.lusid.settings import LusidSettings, is_loopback
from schemas.errors import ConfigError

URL = "https://acme.lusid.com/api"
ENV = {
    "FBN_LUSID_URL": URL,
    "FBN_TOKEN_URL": "https://acme.okta.com/oauth2/token",
    "FBN_USERNAME": "loader",
    "FBN_PASSWORD": "MARKER-password",
    "FBN_CLIENT_ID": "acme-client",
    "FBN_CLIENT_SECRET": "MARKER-secret",
}
SECRETS = {
    "api": {
        "lusidUrl": URL,
        "tokenUrl": "https://acme.okta.com/oauth2/token",
        "username": "loader",
        "password": "MARKER-password",
        "clientId": "acme-client",
        "clientSecret": "MARKER-secret",
    }
}


def read(
    folder: Path, environ: dict[str, str] | None = None, target: str | None = None
) -> tuple[LusidSettings, list[str]]:
    return read_settings(environ=environ or {}, folder=folder, target=target)


def refused(folder: Path, environ: dict[str, str], target: str | None = None) -> str:
    """The line that a user reads, checked: nothing that was raised holds a marker."""
    with pytest.raises(ConfigError) as caught:
        read(folder, environ, target)
    assert "MARKER" not in "".join(traceback.format_exception(caught.value))
    assert "\n" not in caught.value.message
    return caught.value.message


def secrets_file(folder: Path, content: Any, name: str = "secrets.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_every_variable_of_the_sdk_is_read(tmp_path: Path) -> None:
    certificate = tmp_path / "ca.pem"
    certificate.touch()
    settings, notes = read(
        tmp_path,
        ENV
        | {
            "FBN_APP_NAME": "nightly",
            "FBN_CLIENT_CERTIFICATE": str(certificate),
            "FBN_PROXY_ADDRESS": "http://proxy:8080",
            "FBN_PROXY_USERNAME": "pu",
            "FBN_PROXY_PASSWORD": "MARKER-proxy",
            "FBN_CONNECT_TIMEOUT_MS": "1500",
            "FBN_READ_TIMEOUT_MS": "0",
            "FBN_TOTAL_TIMEOUT_MS": "60000",
            "FBN_CORRELATION_ID": "run-7",
        },
    )
    assert settings == LusidSettings(
        lusid_url=URL,
        token_url="https://acme.okta.com/oauth2/token",
        username="loader",
        password=SecretStr("MARKER-password"),
        client_id="acme-client",
        client_secret=SecretStr("MARKER-secret"),
        app_name="nightly",
        correlation_id="run-7",
        client_certificate=certificate,
        proxy_address="http://proxy:8080",
        proxy_username="pu",
        proxy_password=SecretStr("MARKER-proxy"),
        connect_seconds=1.5,
        read_seconds=1800.0,
        total_seconds=60.0,
    )
    assert notes == []


def test_secrets_json_in_the_folder_works_like_the_environment(tmp_path: Path) -> None:
    secrets_file(tmp_path, SECRETS)
    from_file, notes = read(tmp_path)
    from_env, _ = read(tmp_path / "elsewhere", ENV)
    assert from_file == from_env
    assert notes == []


def test_secrets_json_may_hold_numbers_nulls_a_proxy_and_members_of_other_products(
    tmp_path: Path,
) -> None:
    secrets_file(
        tmp_path,
        {
            "api": {
                "lusidUrl": URL + "/",
                "accessToken": " MARKER-token ",
                "totalTimeoutMs": 5000,
                "applicationName": None,
                "driveUrl": "https://acme.lusid.com/drive",
            },
            "proxy": {"address": "http://proxy:8080"},
        },
    )
    settings, _ = read(tmp_path)
    assert settings == LusidSettings(
        lusid_url=URL,
        access_token=SecretStr("MARKER-token"),
        total_seconds=5.0,
        proxy_address="http://proxy:8080",
    )


def test_a_secrets_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "windows.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(SECRETS).encode())
    settings, _ = read(tmp_path, {"FBN_SECRETS_PATH": str(path)})
    assert settings.username == "loader"


def test_the_environment_wins_over_the_file_and_a_note_says_so(tmp_path: Path) -> None:
    secrets_file(tmp_path, SECRETS)
    settings, notes = read(tmp_path, {"FBN_LUSID_URL": "https://test.lusid.com/api", "FBN_USERNAME": "other"})
    assert (settings.lusid_url, settings.username) == ("https://test.lusid.com/api", "other")
    assert notes == [
        f"FBN_LUSID_URL, FBN_USERNAME are set in the environment and in {tmp_path}/secrets.json: "
        "the environment wins (the LUSID SDK would take the file)"
    ]


def test_one_setting_in_both_places_is_noted_in_the_singular(tmp_path: Path) -> None:
    secrets_file(tmp_path, SECRETS)
    _, notes = read(tmp_path, {"FBN_LUSID_URL": URL})
    assert notes == [
        f"FBN_LUSID_URL is set in the environment and in {tmp_path}/secrets.json: "
        "the environment wins (the LUSID SDK would take the file)"
    ]


def test_a_password_in_the_environment_wins_over_a_token_in_the_file(tmp_path: Path) -> None:
    secrets_file(tmp_path, {"api": {"accessToken": "MARKER-token"}})
    settings, _ = read(tmp_path, ENV)
    assert settings.access_token is None


def test_a_token_file_wins_over_a_token_and_a_note_says_so(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    _, notes = read(
        tmp_path,
        {
            "FBN_LUSID_URL": URL,
            "FBN_ACCESS_TOKEN": "MARKER-token",
            "FBN_ACCESS_TOKEN_FILE": str(tmp_path / "token"),
        },
    )
    assert notes == ["FBN_ACCESS_TOKEN_FILE and an access token are both set: the token in the file is used"]


def test_each_sdk_s_name_of_the_url_is_read(tmp_path: Path) -> None:
    older = {"FBN_LUSID_API_URL": URL, "FBN_ACCESS_TOKEN": "t"}
    assert read(tmp_path, older)[0].lusid_url == URL
    newest = {"FBN_BASE_URL": "https://acme.lusid.com/", "FBN_ACCESS_TOKEN": "t"}
    assert read(tmp_path, newest)[0].lusid_url == URL


@pytest.mark.parametrize(
    ("api", "env", "told"),
    [
        ({"lusidUrl": URL}, {"FBN_ACCESS_TOKEN": "MARKER"}, ("api.lusidUrl", "FBN_ACCESS_TOKEN")),
        ({"lusidUrl": URL}, ENV | {"FBN_LUSID_URL": ""}, ("api.lusidUrl", "FBN_PASSWORD")),
        ({"tokenUrl": URL}, ENV | {"FBN_TOKEN_URL": ""}, ("api.tokenUrl", "FBN_PASSWORD")),
        ({"clientCertificate": __file__}, ENV, ("api.clientCertificate", "FBN_PASSWORD")),
    ],
)
def test_a_file_that_nobody_named_is_not_where_the_environments_secrets_go(
    tmp_path: Path, api: dict[str, str], env: dict[str, str], told: tuple[str, str]
) -> None:
    path = secrets_file(tmp_path, {"api": api})
    member, variable = told
    assert refused(tmp_path, env) == (
        f'{path}: the member "{member}" would be sent what {variable} holds, and nobody named that file: '
        f"set FBN_SECRETS_PATH to {path} if it is yours"
    )


def test_a_file_that_somebody_named_and_one_whose_url_is_not_used_combine_with_the_environment(tmp_path: Path) -> None:
    path = secrets_file(tmp_path, {"api": {"lusidUrl": URL}})
    token = {"FBN_ACCESS_TOKEN": "MARKER-token"}
    assert read(tmp_path, token | {"FBN_SECRETS_PATH": str(path)})[0].lusid_url == URL
    assert read(tmp_path, token | {"FBN_LUSID_URL": URL})[0].lusid_url == URL
    assert read(tmp_path, token, target="https://mine.lusid.com/api")[0].lusid_url == "https://mine.lusid.com/api"
    secrets_file(tmp_path, SECRETS)
    assert read(tmp_path, token | {"FBN_LUSID_URL": URL})[0].access_token is not None
    secrets_file(tmp_path, {"api": {"lusidUrl": "http://127.0.0.1:8600/api"}})
    assert read(tmp_path, token)[0].lusid_url == "http://127.0.0.1:8600/api"


def test_a_target_wins_over_every_configured_url(tmp_path: Path) -> None:
    settings, _ = read(tmp_path, ENV, target="http://127.0.0.1:8000/api")
    assert settings.lusid_url == "http://127.0.0.1:8000/api"


NO_LUSID = (
    "no LUSID is named{although}: set FBN_LUSID_URL to https://<your-domain>.lusid.com/api or pass --target URL; "
    "to rehearse on this machine, pass --target sandbox"
)


@pytest.mark.parametrize(
    ("environ", "although", "more"),
    [
        ({"FBN_LUSID_URL": "  "}, "", ""),
        ({"FBN_ACCESS_TOKEN": "MARKER"}, ", although FBN_ACCESS_TOKEN is set", ""),
        ({k: v for k, v in ENV.items() if k != "FBN_LUSID_URL"}, ", although FBN_TOKEN_URL is set", ""),
        ({"FBN_LUSID_ULR": URL}, "", "; FBN_LUSID_ULR is no setting: did you mean FBN_LUSID_URL?"),
        ({"FNB_LUSID_URL": URL}, "", "; FNB_LUSID_URL is no setting: did you mean FBN_LUSID_URL?"),
        ({"fbn_lusid_url": URL}, "", "; fbn_lusid_url is no setting: did you mean FBN_LUSID_URL?"),
        ({"FBN_URL": URL}, "", "; FBN_URL is no setting"),
        ({"FBN_URL": URL, "FBN_ENV": "x", "FBN_DRIVE_API_URL": URL}, "", "; FBN_ENV, FBN_URL are no settings"),
    ],
)
def test_where_no_lusid_is_named_both_ways_on_and_every_unknown_name_are(
    tmp_path: Path, environ: dict[str, str], although: str, more: str
) -> None:
    assert refused(tmp_path, environ) == NO_LUSID.format(although=although) + more


def test_a_misspelt_name_is_noted_and_other_names_are_not(tmp_path: Path) -> None:
    others = {"FBN_LUMI_API_URL": URL, "FBN_RATE_LIMIT_RETRIES": "2", "FBN_ENV": "test", "PATH": "/bin", "BNF": "x"}
    _, notes = read(tmp_path, ENV | others | {"FBN_APPNAME": "MARKER"})
    assert notes == ["FBN_APPNAME is no setting: did you mean FBN_APP_NAME?"]


def test_urls_of_the_environment_that_disagree_are_refused_unless_a_target_is_given(tmp_path: Path) -> None:
    same = ENV | {"FBN_LUSID_API_URL": f"{URL}/", "FBN_BASE_URL": "https://ACME.lusid.com"}
    assert read(tmp_path, same)[0].lusid_url == URL
    other = ENV | {"FBN_BASE_URL": "https://test.lusid.com"}
    assert refused(tmp_path, other) == (
        "FBN_LUSID_URL and FBN_BASE_URL name different LUSIDs: unset one of them, or pass --target URL"
    )
    assert read(tmp_path, other, URL)[0].lusid_url == URL


PROFILES = {
    "profiles": {
        "default": {"baseUrl": "https://acme.lusid.com", "accessToken": "MARKER-default", "totalTimeoutMs": 5000},
        "acme.test": {
            "baseUrl": "https://test.lusid.com/",
            **{k: v for k, v in SECRETS["api"].items() if k != "lusidUrl"},
        },
        "proxy": {"address": "http://proxy:8080"},
    }
}


def test_the_newest_sdk_s_profiles_are_read(tmp_path: Path) -> None:
    secrets_file(tmp_path, PROFILES)
    settings, notes = read(tmp_path)
    assert settings == LusidSettings(
        lusid_url=URL, access_token=SecretStr("MARKER-default"), total_seconds=5.0, proxy_address="http://proxy:8080"
    )
    chosen, more = read(tmp_path, {"FBN_PROFILE": "acme.test"})
    assert (chosen.lusid_url, chosen.username) == ("https://test.lusid.com/api", "loader")
    assert chosen.access_token is None
    assert notes == more == []


def test_a_profile_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    path = secrets_file(tmp_path, PROFILES)
    says = f'{path} has no profile "{{}}": FBN_PROFILE chooses one, and it has '
    assert refused(tmp_path, {"FBN_PROFILE": "prod"}) == says.format("prod") + "acme.test, default"
    secrets_file(tmp_path, {"profiles": {"prod": {}}})
    assert refused(tmp_path, {}) == f"{NO_LUSID.format(although='')}; {says.format('default')}prod"
    assert read(tmp_path, ENV)[1] == [f"{says.format('default')}prod"]


def test_a_file_with_both_forms_is_read_as_the_older_sdk_does_unless_a_profile_is_chosen(tmp_path: Path) -> None:
    path = secrets_file(tmp_path, PROFILES | SECRETS)
    settings, notes = read(tmp_path)
    assert (settings.username, settings.access_token) == ("loader", None)
    assert notes == [f'{path} has "api" and "profiles": "api" is used, and FBN_PROFILE chooses a profile']
    chosen, notes = read(tmp_path, {"FBN_PROFILE": "default"})
    assert chosen.access_token is not None
    assert notes == []


def test_the_environments_url_wins_over_the_files_of_another_name(tmp_path: Path) -> None:
    path = secrets_file(tmp_path, SECRETS)
    settings, notes = read(tmp_path, {"FBN_BASE_URL": "https://test.lusid.com", "FBN_SECRETS_PATH": str(path)})
    assert settings.lusid_url == "https://test.lusid.com/api"
    assert notes == [
        f"FBN_BASE_URL is set in the environment and in {path}: the environment wins "
        "(the LUSID SDK would take the file)"
    ]


def test_the_process_environment_is_read_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FBN_LUSID_URL", URL)
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "t")
    assert read_settings()[0].lusid_url == URL


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "https://acme.lusid.com",
            "FBN_LUSID_URL must end in /api, as in https://<domain>.lusid.com/api",
        ),
        (
            "https://acme.lusid.com/api?x=1",
            "FBN_LUSID_URL must end in /api, as in https://<domain>.lusid.com/api",
        ),
        (
            "acme.lusid.com/api",
            "FBN_LUSID_URL must be a URL that begins with https:// and names a host",
        ),
        (
            "ftp://acme.lusid.com/api",
            "FBN_LUSID_URL must be a URL that begins with https:// and names a host",
        ),
        ("https:///api", "FBN_LUSID_URL must be a URL that begins with https:// and names a host"),
        (
            "http://acme.lusid.com/api",
            "FBN_LUSID_URL must begin with https://: a bearer token or password never travels over "
            "plain http except to loopback",
        ),
        (
            "https://u:MARKER@acme.lusid.com/api",
            "FBN_LUSID_URL must not contain a user name or password: they have settings of their own",
        ),
        ("https://acme.lusid.com:99999/api", "FBN_LUSID_URL is not a URL"),
        ("https://[acme/api", "FBN_LUSID_URL is not a URL"),
        ("https://acme .lusid.com/api", "FBN_LUSID_URL contains a character that no URL may contain"),
        ("https://acme\\.lusid.com/api", "FBN_LUSID_URL contains a character that no URL may contain"),
        ("https://acme\x00/api", "FBN_LUSID_URL contains characters that cannot be printed"),
    ],
)
def test_a_wrong_url_is_refused_with_one_line(tmp_path: Path, url: str, says: str) -> None:
    assert refused(tmp_path, ENV | {"FBN_LUSID_URL": url}) == says


@pytest.mark.parametrize("url", [URL, f"{URL}/", "https://acme.lusid.com?x=1"])
def test_a_wrong_base_url_is_refused_with_one_line(tmp_path: Path, url: str) -> None:
    assert refused(tmp_path, {"FBN_BASE_URL": url, "FBN_ACCESS_TOKEN": "t"}) == (
        "FBN_BASE_URL must not end in /api, as in https://<domain>.lusid.com: the newest SDK adds it"
    )


def test_a_wrong_target_is_named_by_its_flag(tmp_path: Path) -> None:
    assert refused(tmp_path, ENV, "https://x.lusid.com") == (
        "--target must end in /api, as in https://<domain>.lusid.com/api"
    )


def test_a_password_never_travels_to_a_token_endpoint_over_plain_http(tmp_path: Path) -> None:
    assert refused(tmp_path, ENV | {"FBN_TOKEN_URL": "http://acme.okta.com/token"}) == (
        "FBN_TOKEN_URL must begin with https://: a bearer token or password never travels over "
        "plain http except to loopback"
    )


@pytest.mark.parametrize("field", ["lusid_url", "token_url"])
def test_settings_built_in_code_keep_the_same_rule(field: str) -> None:
    with pytest.raises(ConfigError, match="never travels over plain http"):
        LusidSettings.model_validate({"lusid_url": URL, field: "http://acme.lusid.com/api"})


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:1/api", True),
        ("http://LOCALHOST/api", True),
        ("http://127.0.0.1/api", True),
        ("http://127.8.8.8/api", True),
        ("http://[::1]:9/api", True),
        ("http://localhost.evil.com/api", False),
        ("http://127.0.0.1.evil.com/api", False),
        ("http://127.0.0.1@evil.com/api", False),
        ("http://2130706433/api", False),
        ("http://0.0.0.0/api", False),
        ("http://10.0.0.1/api", False),
        ("http:///api", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


def test_without_credentials_the_message_says_what_to_set(tmp_path: Path) -> None:
    assert refused(tmp_path, {"FBN_LUSID_URL": URL}) == (
        "LUSID needs credentials: set FBN_ACCESS_TOKEN, or FBN_TOKEN_URL, FBN_USERNAME, "
        "FBN_PASSWORD, FBN_CLIENT_ID and FBN_CLIENT_SECRET, or put them into secrets.json"
    )


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        (["FBN_PASSWORD"], "FBN_PASSWORD is not set"),
        (["FBN_CLIENT_SECRET", "FBN_USERNAME"], "FBN_USERNAME, FBN_CLIENT_SECRET are not set"),
    ],
)
def test_incomplete_credentials_name_what_is_missing(tmp_path: Path, missing: list[str], says: str) -> None:
    environ = {name: value for name, value in ENV.items() if name not in missing}
    assert refused(tmp_path, environ) == f"The credentials for LUSID are incomplete: {says}"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        (
            "FBN_TOTAL_TIMEOUT_MS",
            "MARKER",
            "FBN_TOTAL_TIMEOUT_MS must be a whole number of milliseconds",
        ),
        ("FBN_READ_TIMEOUT_MS", "-1", "FBN_READ_TIMEOUT_MS must be a whole number of milliseconds"),
        (
            "FBN_APP_NAME",
            "Bücher-MARKER",
            "FBN_APP_NAME travels in an HTTP header: it must be ASCII",
        ),
        (
            "FBN_CORRELATION_ID",
            "a\r\nX: MARKER",
            "FBN_CORRELATION_ID contains characters that cannot be printed",
        ),
        (
            "FBN_PASSWORD",
            "MARKER\udcff",
            "FBN_PASSWORD contains characters that cannot be printed",
        ),
        (
            "FBN_PROXY_ADDRESS",
            "http://u:MARKER@proxy:1",
            "FBN_PROXY_ADDRESS must not contain a user name or password: they have settings of their own",
        ),
        (
            "FBN_CLIENT_CERTIFICATE",
            "/nowhere/ca.pem",
            "FBN_CLIENT_CERTIFICATE names /nowhere/ca.pem, which cannot be read: No such file or directory",
        ),
        (
            "FBN_ACCESS_TOKEN_FILE",
            "/nowhere/token",
            "FBN_ACCESS_TOKEN_FILE names /nowhere/token, which cannot be read: No such file or directory",
        ),
    ],
)
def test_a_wrong_value_names_its_variable_and_never_the_value(
    tmp_path: Path, variable: str, value: str, says: str
) -> None:
    assert refused(tmp_path, ENV | {variable: value}) == says


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not JSON: see line 1, column 2"),
        (
            "[]",
            'must be a JSON object whose member "api" or "profiles" is an object, as the LUSID SDKs read it',
        ),
        (
            {"profile": {}},
            'must be a JSON object whose member "api" or "profiles" is an object, as the LUSID SDKs read it',
        ),
    ],
)
def test_a_secrets_file_of_the_wrong_shape_is_an_error(tmp_path: Path, content: Any, says: str) -> None:
    path = secrets_file(tmp_path, content, "mine.json")
    assert refused(tmp_path, {"FBN_SECRETS_PATH": str(path)}) == (f"FBN_SECRETS_PATH names {path}, which {says}")
    secrets_file(tmp_path, content)
    assert refused(tmp_path, ENV) == f"{tmp_path}/secrets.json {says}"


def test_a_named_secrets_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    assert refused(tmp_path, ENV | {"FBN_SECRETS_PATH": "/nowhere/s.json"}) == (
        "FBN_SECRETS_PATH names /nowhere/s.json, which cannot be read: No such file or directory"
    )


@pytest.mark.parametrize(
    ("content", "member", "says"),
    [
        ({"api": {"password": ["MARKER"]}}, "api.password", "must be text"),
        ({"api": {"password": 7}}, "api.password", "must be text"),
        ({"api": {"totalTimeoutMs": True}}, "api.totalTimeoutMs", "must be text"),
        ({"api": {}, "proxy": "MARKER"}, "proxy", "must be an object"),
        (
            {"api": {"totalTimeoutMs": -5}},
            "api.totalTimeoutMs",
            "must be a whole number of milliseconds",
        ),
    ],
)
def test_a_wrong_member_is_named_and_its_value_is_not(tmp_path: Path, content: Any, member: str, says: str) -> None:
    path = secrets_file(tmp_path, content)
    assert refused(tmp_path, ENV if member != "proxy" else {}) == (f'{path}: the member "{member}" {says}')


def test_no_secret_shows_in_the_settings_in_any_form(tmp_path: Path) -> None:
    settings, _ = read(tmp_path, ENV | {"FBN_ACCESS_TOKEN": "MARKER", "FBN_PROXY_PASSWORD": "MARKER"})
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert "MARKER" not in shown


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings, _ = read(tmp_path, ENV)
    with pytest.raises(ValidationError):
        settings.username = "other"  # type: ignore[misc]  # that it cannot be set is the point
