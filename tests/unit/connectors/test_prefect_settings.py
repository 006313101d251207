import os
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.prefect_settings import DEFAULTS, FORCED, configure_prefect, prefect_server

ROOT = Path(__file__).resolve().parents[3]
URL, OTHER = "http://127.0.0.1:4200/api", "http://127.0.0.1:4300/api"
PROFILES = f"""
active = "work"

[profiles.work]
PREFECT_API_URL = "{URL}"

[profiles.other]
PREFECT_API_URL = "{OTHER}"

[profiles.bare]
"""


@pytest.mark.parametrize(
    ("profiles", "environ", "url"),
    [
        ("", {"PREFECT_API_URL": URL}, URL),
        ("", {}, None),
        (PROFILES, {}, URL),
        (PROFILES, {"PREFECT_API_URL": OTHER}, OTHER),
        (PROFILES, {"PREFECT_API_URL": " "}, None),
        (PROFILES, {"PREFECT_PROFILE": "other"}, OTHER),
        (PROFILES, {"PREFECT_PROFILE": ""}, URL),
        (PROFILES, {"PREFECT_PROFILE": "bare"}, None),
        (PROFILES, {"PREFECT_PROFILE": "nowhere"}, None),
        ('active = "local"\n[profiles]\n', {}, None),
        ("active = [", {}, None),
        ("profiles = 7", {}, None),
        ("active = []\n[profiles.work]\n", {}, None),
        ("active = 'work'\n[profiles]\nwork = 7", {}, None),
        ("active = 'work'\n[profiles.work]\nPREFECT_API_URL = 7", {}, None),
    ],
)
def test_a_server_is_named_by_its_variable_or_by_the_active_profile(
    tmp_path: Path, profiles: str, environ: dict[str, str], url: str | None
) -> None:
    (tmp_path / "profiles.toml").write_text(profiles)
    assert prefect_server({"PREFECT_HOME": str(tmp_path), **environ}) == url
    moved = (tmp_path / "profiles.toml").rename(tmp_path / "moved.toml")
    assert prefect_server({"PREFECT_HOME": str(tmp_path), "PREFECT_PROFILES_PATH": str(moved), **environ}) == url


def test_prefect_is_told_to_keep_quiet_and_given_time_unless_the_user_says_otherwise() -> None:
    given = {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "5", "DO_NOT_TRACK": "0", "HOME": "/h"}
    configure_prefect(given)
    kept = {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "5", "HOME": "/h"}
    assert given == DEFAULTS | FORCED | kept


@pytest.mark.prefect
def test_prefect_reads_the_same_server_from_the_profile(tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text(PROFILES)
    code = (
        "from connectors.prefect_settings import configure_prefect, prefect_server as ours; configure_prefect()\n"
        "import os, prefect.settings as s; assert ours() == s.PREFECT_API_URL.value() == os.environ['EXPECTED']\n"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environ = {**clean, "PREFECT_HOME": str(tmp_path), "EXPECTED": URL}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
