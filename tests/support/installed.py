"""Environments that have bulkload from its wheel, as a team installs it, and nothing of this checkout."""

import fcntl
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import bulkload

ROOT = Path(__file__).parents[2]
_FILES = ("bulkload.py", "pyproject.toml", "README.md")
_OFFLINE = ["--no-deps", "--no-index", "--quiet", "--quiet"]
_PIP = [sys.executable, "-m", "pip"]


def installed_once(factory: pytest.TempPathFactory) -> Path:
    """A folder whose `venv` has the wheel, and of this environment's packages all but the project; one a session."""
    base = factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    place = shared / "installed"
    with (shared / "installed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "whole").exists():
            shutil.rmtree(place, ignore_errors=True)
            install(place, wheel_of(place), beside=True)
            (place / "whole").touch()
    return place


def wheel_of(place: Path) -> Path:
    """Builds the wheel from a copy of the sources, without network."""
    for name in bulkload.PACKAGES:
        shutil.copytree(ROOT / name, place / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        shutil.copy(ROOT / name, place / "source")
    build = [*_PIP, "wheel", *_OFFLINE, "--no-build-isolation", "--wheel-dir", str(place), str(place / "source")]
    subprocess.run(build, check=True, timeout=120)
    (built,) = place.glob("*.whl")
    return built


def install(place: Path, wheel: Path, *, beside: bool) -> None:
    """Makes the environment `venv` and installs the wheel.

    Args:
        place: the folder to make it in.
        wheel: the wheel.
        beside: whether it sees the packages of this environment; otherwise it gets what the lock pins alone.
    """
    venv.create(place / "venv", symlinks=True, with_pip=not beside)
    python = str(place / "venv" / "bin" / "python")
    if beside:
        (packages,) = place.glob("venv/lib/python*/site-packages")
        (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
        subprocess.run([*_PIP, "--python", python, "install", *_OFFLINE, str(wheel)], check=True, timeout=120)
        return
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements.lock")], check=True, timeout=1800)
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, timeout=120)
