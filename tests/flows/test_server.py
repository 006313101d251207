"""A night on a real Prefect, by the commands of docs/prefect.md, from the installed wheel.

The server, the workers and the webhook are started here; all that is asserted, Prefect's API says. One module, one
server, one worker at a time: each process costs seconds.
"""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from builders import account, investor, write_csv
from installed import ROOT, install, installed_once, wheel_of

from connectors.sandbox.server import Sandbox
from pipelines.cli import main as cli

pytestmark = [pytest.mark.prefect, pytest.mark.untraced, pytest.mark.timeout(1800)]

T = TypeVar("T")

SECRET = "hook-secret-5c1e"
TOKEN = "token-of-the-worker"
PAGE = (ROOT / "docs" / "prefect.md").read_text("utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
DEAD_AFTER = 10
"""Seconds, in place of the 90 that `deploy` registers."""

QUICK = {
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_TRIGGERS_PG_NOTIFY_RECONNECT_MAX_SECONDS": "1",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
}
"""What a server and a worker look for every few seconds, they look for every second."""


def typed(beginning: str) -> str:
    """The commands of the page's first block that has a line with this beginning, in one script."""
    block = next(block for block in BLOCKS if re.search(rf"^{re.escape(beginning)}", block, re.MULTILINE))
    return f"set -e\n{block}"


def awaited(look: Callable[[], T | None], what: str, seconds: float = 240) -> T:
    """What a look finds as soon as it finds something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.5)
    pytest.fail(f"{what} has not come about in {seconds} s")


@contextmanager
def process(script: str, environ: Mapping[str, str], folder: Path, log: str) -> Iterator[None]:
    """A script at work, in a group of its own, all of which is killed in the end."""
    with (folder / log).open("ab") as out:
        started = subprocess.Popen(
            ["/bin/sh", "-c", script], cwd=folder, env=environ, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    heard: list[tuple[str, dict[str, Any]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((self.path, json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Prints nothing."""


class Desk:
    """A server with its deployments, and what is asked of it.

    Attributes:
        folder: where commands are typed; as the page says, it holds extracts and runs.
        said: what stands in for names of the page.
        heard: what the webhook was told.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], said: Mapping[str, str]) -> None:
        self.folder, self.environ, self.said = folder, environ, said
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.url = f"http://127.0.0.1:{said['4200']}/api"
        self.api = httpx.Client(base_url=f"{self.url}/", timeout=60)

    def script(self, beginning: str) -> str:
        """Commands of the page, with the names of here."""
        text = typed(beginning)
        for name, here in self.said.items():
            text = text.replace(name, here)
        return text

    def type(self, script: str) -> str:
        """Types commands; returns what they print."""
        done = subprocess.run(
            ["/bin/sh", "-c", script], cwd=self.folder, env=self.environ, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def worker(self, *, settings: bool = True) -> Any:
        """The page's worker, or one that lacks the settings of LUSID."""
        lines = self.script("prefect worker start").splitlines()
        kept = [line for line in lines if settings or not line.startswith("export FBN_")]
        assert settings or len(kept) == len(lines) - 1
        return process("\n".join(kept), self.environ, self.folder, "worker.log")

    def ask(self, method: str, path: str, **body: Any) -> Any:
        answer = self.api.request(method, path, json=body or None)
        while answer.status_code == 503:  # another transaction has SQLite; Prefect's own client asks again, too
            time.sleep(1)
            answer = self.api.request(method, path, json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def trigger(self, day: str, **parameters: Any) -> str:
        """A run of the nightly deployment for a date; its id."""
        found = self.ask("GET", "deployments/name/nightly-load/nightly")
        parameters["day"] = day
        return str(self.ask("POST", f"deployments/{found['id']}/create_flow_run", parameters=parameters)["id"])

    def run(self, run: str) -> dict[str, Any]:
        return dict(self.ask("GET", f"flow_runs/{run}"))

    def state(self, run: str) -> tuple[str, str]:
        found = self.run(run)["state"]
        return found["type"], found["name"]

    def ended(self, run: str) -> dict[str, Any]:
        """A run, once it is over."""

        def look() -> dict[str, Any] | None:
            found = self.run(run)
            return found if found["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

        return awaited(look, "the end of a run")

    def told(self, kind: str, run: dict[str, Any]) -> dict[str, Any]:
        """What the webhook heard of a run."""

        def look() -> dict[str, Any] | None:
            return next((d for _, d in self.heard if d["kind"] == kind and d["url"].endswith(run["id"])), None)

        return awaited(look, f"the notification of a {kind} run")


NIGHTS = {
    "20261127": [investor(n) for n in range(12)],
    "20261126": [*(investor(n) for n in range(30)), investor(99, {"display_name": ""})],
}


@contextmanager
def started(folder: Path, commands: Path) -> Iterator[Desk]:
    """A server that is started and deployed to as the page says, and a LUSID for the worker to load into."""
    for name, rows in NIGHTS.items():
        (folder / "extracts" / name).mkdir(parents=True)
        write_csv(folder / "extracts" / name / "investors.csv", rows)
    write_csv(folder / "extracts" / "20261127" / "accounts.csv", [account(1, 1)])
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    hook = HTTPServer(("127.0.0.1", 0), type("Kept", (Hook,), {}))
    with ExitStack() as stack:
        lusid = stack.enter_context(Sandbox(token=TOKEN))
        said = {
            "4200": str(port),
            "https://example.lusid.com/api": lusid.url,
            "FBN_ACCESS_TOKEN=TOKEN": f"FBN_ACCESS_TOKEN={TOKEN}",
            "https://alerts.example.com/bulkload": f"http://user:{SECRET}@127.0.0.1:{hook.server_port}/{SECRET}",
        }
        others = ("PREFECT_", "FBN_", "PYTHONPATH")
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(others)},
            **QUICK,
            "PREFECT_HOME": str(folder / "home"),
            "PATH": f"{commands}:{os.environ['PATH']}",
        }
        desk = Desk(folder, environ, said)
        stack.callback(desk.api.close)
        hook.RequestHandlerClass.heard = desk.heard  # type: ignore[attr-defined]
        threading.Thread(target=hook.serve_forever, daemon=True).start()
        stack.callback(hook.server_close)
        stack.callback(hook.shutdown)
        (server,) = [block for block in BLOCKS if "prefect server start" in block and "DATABASE" not in block]
        stack.enter_context(process(server.replace("4200", str(port)), environ, folder, "server.log"))

        def up() -> bool:
            try:
                return desk.api.get("health").status_code == 200
            except httpx.HTTPError:
                return False

        awaited(up, "the server")
        address, deploy = desk.script("bulkload deploy --folder").splitlines()[1:]
        told = deploy_with_a_webhook(desk)
        assert told.startswith(f"{deploy} --notify-webhook ")
        assert desk.type(f"{address}\n{told}").splitlines() == [
            *(f"deployed {name}" for name in ("nightly", "trading-day", "backfill")),
            "automation bulkload: mark dead runs",
            *(f"automation bulkload: tell of {kind} runs" for kind in ("red", "amber", "late", "dead")),
        ]
        yield desk


def deploy_with_a_webhook(desk: Desk) -> str:
    """The page's other deploy, which also tells somebody: it is the first one and a flag."""
    (line,) = [line for block in BLOCKS for line in block.splitlines() if "--notify-webhook" in line]
    for name, here in desk.said.items():
        line = line.replace(name, here)
    return str(line)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    commands = installed_once(tmp_path_factory) / "venv" / "bin"
    prefect = commands / "prefect"
    if not prefect.exists():  # it is a package of the environment beside this one
        prefect.write_text(f'#!/bin/sh\nexec {shlex.quote(str(commands / "python"))} -m prefect "$@"\n')
        prefect.chmod(0o755)
    with started(tmp_path_factory.mktemp("server"), commands) as made:
        yield made


def test_a_night_on_a_real_server_is_deployed_late_red_amber_green_and_dead_and_somebody_is_told(desk: Desk) -> None:
    scenario(desk, DEAD_AFTER)


@pytest.mark.soak
def test_the_same_from_the_wheel_and_the_lock_alone(tmp_path: Path) -> None:
    """It needs a package index, and minutes."""
    install(tmp_path, wheel_of(tmp_path), beside=False)
    (tmp_path / "team").mkdir()
    with started(tmp_path / "team", tmp_path / "venv" / "bin") as desk:
        scenario(desk, None)


def scenario(desk: Desk, dead_after: int | None) -> None:
    """The night's life on the server; runs are dead after as many seconds, or after what `deploy` registered."""
    found = desk.ask("GET", "deployments/name/nightly-load/nightly")
    (schedule,) = found["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("0 3 * * 1-5", "Europe/London")
    runs = str(desk.folder / "runs")
    assert found["parameters"]["folder"] == str(desk.folder / "extracts" / "{date:%Y%m%d}")
    assert found["parameters"]["options"] == {"mode": "Partial", "runs": runs}
    assert found["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    form = found["parameter_openapi_schema"]
    assert {name: form["properties"][name]["type"] for name in ("folder", "again")} == {
        "folder": "string",
        "again": "boolean",
    }
    wrong = desk.api.post(
        f"deployments/{found['id']}/create_flow_run", json={"parameters": {"options": {"batchsize": 1}}}
    )
    assert (wrong.status_code, "batchsize" in wrong.text) == (409, True)

    (command,) = [line for line in desk.script("prefect deployment run").splitlines() if "--param day" in line]
    printed = desk.type(f"export PREFECT_API_URL={desk.url}\n{command}")
    late = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", printed)[0]
    awaited(lambda: desk.state(late) == ("SCHEDULED", "Late") or None, "a late run")
    assert desk.told("late", {"id": late})["state"] == "Late"

    with desk.worker(settings=False):
        red = desk.ended(late)
        assert (red["state"]["type"], red["state"]["name"]) == ("FAILED", "Red")
        assert red["state"]["message"].startswith("no LUSID is named: set FBN_LUSID_URL to ")
        assert desk.told("red", red)["message"] == red["state"]["message"]
        assert not list(Path(runs).glob("*Z-*")), "nothing was loaded, and not into a sandbox either"

    with desk.worker():
        amber = desk.ended(desk.trigger("2026-11-26"))
        assert (amber["state"]["type"], amber["state"]["name"]) == ("COMPLETED", "Rejects")
        lusid = desk.said["https://example.lusid.com/api"]
        assert amber["state"]["message"].startswith(
            f"1 of 31 rows not accepted: 1 invalid, into {lusid}, exit code 3; "
        )
        assert amber["name"] == f"nightly 2026-11-26 of {desk.folder}/extracts/{{date:%Y%m%d}}"
        assert {"bulkload", "2026-11-26"} <= {*amber["tags"]}
        heard = desk.told("amber", amber)
        assert (heard["state"], heard["message"]) == ("Rejects", amber["state"]["message"])
        assert heard["text"] == f"bulkload amber: {heard['flow_run']}: {heard['message']}"
        wanted = {"flow_run_id": {"any_": [amber["id"]]}}
        artifacts = {a["key"]: a["data"] for a in desk.ask("POST", "artifacts/filter", artifacts=wanted)}
        assert artifacts["nightly-load"].startswith("# ! amber: 1 of 31 rows not accepted\\: 1 invalid")
        assert "bulkload replay " in artifacts["nightly-load"]

        def logged() -> bool:  # a flow run's log comes in batches
            lines = [line["message"] for line in desk.ask("POST", "logs/filter", logs=wanted)]
            return any(line.startswith("investor-records: 31 rows read, 30 requests") for line in lines)

        awaited(logged, "the log of a load")

        if dead_after is not None:
            count_as_dead(desk, dead_after)
        with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls, and never answers
            target = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
            dead = desk.trigger("2026-11-27", options={"target": target, "runs": runs, "dialect": "2.1"})
            awaited(lambda: desk.state(dead)[0] == "RUNNING" or None, "a run at work")
            second = desk.ended(desk.trigger("2026-11-27"))
            assert second["state"]["type"] == "CANCELLED"
            beat = {"event": {"name": ["prefect.flow-run.heartbeat"]}, "resource": {"id": [f"prefect.flow-run.{dead}"]}}
            awaited(lambda: desk.ask("POST", "events/filter", filter=beat)["total"], "a heartbeat")
            kill_worker_and_flow(desk, dead)
    crashed = desk.ended(dead)
    assert crashed["state"]["type"] == "CRASHED"
    assert crashed["state"]["message"].startswith("no heartbeat for 90 s: the worker died")
    assert desk.told("dead", crashed)["message"] == crashed["state"]["message"]
    with desk.worker():  # a dead run does not keep the next one away
        green = desk.ended(desk.trigger("2026-11-27"))
    assert (green["state"]["type"], green["state"]["name"]) == ("COMPLETED", "Completed")
    assert green["state"]["message"].startswith(f"13 rows, none to correct, into {lusid}, exit code 0; ")
    told = {d["kind"] for _, d in desk.heard if d["url"].endswith(green["id"])}
    assert told <= {"late"}, "it may have waited for the worker, and that is all that is told of a green run"
    kept = "".join(path.read_text(errors="replace") for path in desk.folder.glob("*.log"))
    assert [secret for secret in (SECRET, TOKEN) if secret in kept] == []


def count_as_dead(desk: Desk, seconds: int) -> None:
    """Changes the automation that finds dead runs, so that nobody waits 90 seconds."""
    name = {"name": {"any_": ["bulkload: mark dead runs"]}}
    (found,) = desk.ask("POST", "automations/filter", automations=name)
    found["trigger"]["within"] = seconds
    left_out = ("id", "created", "updated")
    kept = {name: value for name, value in found.items() if name not in left_out}
    assert desk.api.put(f"automations/{found['id']}", json=kept).status_code == 204


def kill_worker_and_flow(desk: Desk, run: str) -> None:
    """Kills all that works on a run, at once, as a machine that loses its power."""
    mine = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environ = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        at_home = f"PREFECT_HOME={desk.folder / 'home'}".encode() in environ
        if at_home and (run.encode() in environ or b"worker" in command):
            mine.append(int(entry.name))
    assert len(mine) >= 2
    for pid in mine:
        os.kill(pid, signal.SIGKILL)


def test_a_wrong_change_is_refused_in_one_line_before_anything_is_registered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", desk.url)
    monkeypatch.chdir(tmp_path)
    for flags, said in {
        ("--cron", "3 o'clock"): 'the schedule "3 o\'clock" in Europe/London is none: --cron takes five fields',
        ("--timezone", "Nowhere"): "the schedule '0 3 * * *' in Nowhere is none",
        ("--notify-webhook", f"ftp://{SECRET}"): "--notify-webhook takes a URL such as https://",
        ("--notify-block", "slack-webhook/nobody"): "--notify-block: Prefect has no block slack-webhook/nobody",
    }.items():
        assert cli.run(["deploy", *flags]) == 2
        err = capsys.readouterr().err
        assert err.splitlines()[-1].startswith(f"bulkload: {said}")
        assert SECRET not in err
