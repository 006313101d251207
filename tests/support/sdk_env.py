"""Isolated environments for the official SDK releases, and a way to run a script inside one.

Owns: making `.cache/sdk/<name>` from `tests/sdk/requirements-<name>.lock`, once, and exchanging
JSON with the scripts of `tests/sdk/`. All releases but the newest line are the package `lusid`, so
no two of them can share an interpreter. Must not know what a script does, nor any shape of LUSID's.
"""

import atexit
import fcntl
import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

NEWEST = "finbourne"
SDKS = (NEWEST, "2.1", "2.3", "preview-1.1", "preview-1.0")
"""The line that comes after lusid-sdk, and the releases of lusid-sdk and its preview."""

SCRIPTS = Path(__file__).parents[1] / "sdk"
ENVIRONMENTS = Path(__file__).parents[2] / ".cache" / "sdk"

_MAKE_SECONDS = 600.0
_TAIL_CHARACTERS = 2_000


class SdkEnvironmentError(RuntimeError):
    """An SDK's environment could not be made; the message ends with the reason given."""


class SdkScriptError(RuntimeError):
    """A script failed inside an SDK's environment; the message ends with its stderr's end."""


def located(name: str, url: str) -> dict[str, str]:
    """What tells a client of an SDK where a server is; the newest line adds `/api` itself.

    Args:
        name: one of `SDKS`.
        url: the server's, with `/api` at its end.
    """
    return {"FBN_BASE_URL": url.removesuffix("/api")} if name == NEWEST else {"FBN_LUSID_URL": url}


def sdk_python(name: str) -> Path:
    """Return the interpreter of an SDK's environment, making the environment when needed.

    What cannot be made is tried once in a process: a dead network should not be waited for by
    every test.

    Args:
        name: one of `SDKS`.

    Raises:
        SdkEnvironmentError: the environment does not exist and cannot be made.
    """
    made = _made_or_why_not(name)
    if isinstance(made, SdkEnvironmentError):
        raise made
    return made


@cache
def _made_or_why_not(name: str) -> Path | SdkEnvironmentError:
    try:
        return made_environment(SCRIPTS / f"requirements-{name}.lock", ENVIRONMENTS / name)
    except SdkEnvironmentError as error:
        return error


def made_environment(lock: Path, folder: Path) -> Path:
    """Return the interpreter of the environment in `folder`, made from `lock` unless it stands.

    A stamp, written last, holds the hash of the lock and of the Python that made it, so what is
    half made, or was made from another lock or Python, is made anew. Of several processes one
    makes it and the others wait.

    Raises:
        SdkEnvironmentError: it cannot be made.
    """
    python = folder / "bin" / "python"
    stamp = folder / "made-from"
    try:
        wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _held(folder.with_name(f"{folder.name}.lock")):
            if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
                _make(lock, folder)
                stamp.write_text(wanted)
    except (OSError, _CommandError) as error:
        raise SdkEnvironmentError(f"cannot make {folder} from {lock.name}: {error}") from error
    return python


def run_in_sdk(
    name: str,
    script: str,
    payload: object,
    *,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> object:
    """Run `tests/sdk/<script>` inside an SDK's environment and return what it answers.

    Importing an SDK costs seconds, so one process of each imports it, and forks for each script. A
    script sees none of the caller's LUSID (`FBN_*`), proxy or Python settings, and runs where no
    `secrets.json` lies.

    Args:
        name: one of `SDKS`.
        script: a file name in `tests/sdk/`.
        payload: goes to the script's stdin as JSON.
        env: environment variables to set for the script.
        timeout: seconds until the script is killed.

    Returns:
        What the script wrote to stdout, parsed as JSON.

    Raises:
        SdkEnvironmentError: the environment cannot be made.
        SdkScriptError: the script failed or took too long.
    """
    with _in_use:
        server = _servers.get(name) or _servers.setdefault(name, _Server(name))
        try:
            answer = server.run(SCRIPTS / script, json.dumps(payload), {**_clean_environ(), **(env or {})}, timeout)
        except _CommandError as error:
            if not server.alive:
                del _servers[name]
            raise SdkScriptError(f"{script} with SDK {name}: {error}") from error
    parsed: object = json.loads(answer)
    return parsed


class _Server:
    """A process that has imported an SDK and forks for each script."""

    def __init__(self, name: str) -> None:
        self._process = subprocess.Popen(
            [str(sdk_python(name)), str(SCRIPTS / "serve.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_clean_environ(),
            cwd=ENVIRONMENTS / name,
            start_new_session=True,  # so that a script that hangs can be killed with it
        )
        atexit.register(self._end)

    @property
    def alive(self) -> bool:
        """Whether it can take another script."""
        return self._process.poll() is None

    def run(self, script: Path, payload: str, environ: Mapping[str, str], timeout: float) -> str:
        """Run one script; gives its stdout.

        Raises:
            _CommandError: it failed, or took too long, and then the process has ended.
        """
        with TemporaryDirectory() as folder:
            files = {stream: Path(folder) / stream for stream in ("stdin", "stdout", "stderr")}
            files["stdin"].write_text(payload)
            job = {"script": script, "environ": environ, **files}
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(job, default=str).encode() + b"\n")
            self._process.stdin.flush()
            code = self._code(timeout)
            if code is None:
                self._end()
                raise _CommandError(f"{script} took longer than {timeout:g} s")
            if code != 0:
                tail = files["stderr"].read_text()[-_TAIL_CHARACTERS:]
                raise _CommandError(f"{script} ended with {code}:\n{tail}")
            return files["stdout"].read_text()

    def _code(self, timeout: float) -> int | None:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], timeout)
        return int(self._process.stdout.readline() or 1) if ready else None

    def _end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


_servers: dict[str, _Server] = {}
_in_use = Lock()


def _make(lock: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _output([sys.executable, "-m", "venv", "--without-pip", str(folder)], timeout=_MAKE_SECONDS)
    pip = [sys.executable, "-m", "pip", "--python", str(folder), "--disable-pip-version-check"]
    install = ["install", "--quiet", "--require-hashes", "--requirement", str(lock)]
    _output([*pip, *install], timeout=_MAKE_SECONDS)


@contextmanager
def _held(lock_file: Path) -> Iterator[None]:
    """Hold a lock between processes; the system frees it even when the holder is killed."""
    with lock_file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class _CommandError(Exception):
    """A command failed or took too long; the message ends with its stderr's end."""


def _output(command: Sequence[str], *, timeout: float) -> str:
    try:
        done = subprocess.run(command, timeout=timeout, capture_output=True, text=True, check=False)
    except subprocess.TimeoutExpired as error:
        raise _CommandError(f"{command[0]} took longer than {timeout:g} s") from error
    if done.returncode != 0:
        tail = done.stderr[-_TAIL_CHARACTERS:]
        raise _CommandError(f"{command[0]} ended with {done.returncode}:\n{tail}")
    return done.stdout


def _clean_environ() -> dict[str, str]:
    def ours(variable: str) -> bool:
        return variable.startswith(("FBN_", "PYTHON")) or variable.lower().endswith("_proxy")

    return {key: value for key, value in os.environ.items() if not ours(key)}
