"""A night on a real Prefect: a server, a worker and a webhook, started here; all that is asserted, Prefect's API says.

One module, one server, one worker at a time: each process costs seconds.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from builders import account, investor, write_csv

from pipelines.cli import main as cli

pytestmark = [pytest.mark.prefect, pytest.mark.untraced]

T = TypeVar("T")

SECRET = "hook-secret-5c1e"
DEAD_AFTER = "10"
QUICK = {
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_TRIGGERS_PG_NOTIFY_RECONNECT_MAX_SECONDS": "1",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
"""What a server and a worker look for every few seconds, they look for every second."""


def awaited(look: Callable[[], T | None], what: str, seconds: float = 180) -> T:
    """What a look finds as soon as it finds something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.5)
    pytest.fail(f"{what} has not come about in {seconds} s")


@contextmanager
def process(command: list[str], environ: dict[str, str], folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, all of which is killed in the end."""
    with log.open("ab") as out:
        started = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield started
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
    """A server with its deployments, and what is asked of it."""

    def __init__(
        self, url: str, folder: Path, environ: dict[str, str], heard: list[tuple[str, dict[str, Any]]]
    ) -> None:
        self.folder, self.environ, self.heard = folder, environ, heard
        self.api = httpx.Client(base_url=f"{url}/", timeout=60)

    def ask(self, method: str, path: str, **body: Any) -> Any:
        answer = self.api.request(method, path, json=body or None)
        while answer.status_code == 503:  # another transaction has SQLite; Prefect's own client asks again, too
            time.sleep(1)
            answer = self.api.request(method, path, json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def trigger(self, parameters: dict[str, Any]) -> str:
        """A run of the nightly deployment; its id."""
        found = self.ask("GET", "deployments/name/nightly-load/nightly")
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

    def worker(self) -> Any:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "bulkload"]
        return process(command, self.environ, self.folder, self.folder / "worker.log")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    heard: list[tuple[str, dict[str, Any]]] = []
    hook = HTTPServer(("127.0.0.1", 0), type("Kept", (Hook,), {"heard": heard}))
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{port}/api"
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "FBN_"))},
        **QUICK,
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_API_URL": url,
        "FBN_ACCESS_TOKEN": "token",
    }
    start = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    for name, rows in {
        "green": [investor(n) for n in range(12)],
        "amber": [*(investor(n) for n in range(30)), investor(99, {"display_name": ""})],
        "red": [investor(n, {"display_name": ""}) for n in range(12)],
    }.items():
        (folder / name).mkdir()
        write_csv(folder / name / "investors.csv", rows)
    write_csv(folder / "green" / "accounts.csv", [account(1, 1)])
    with process(start, environ, folder, folder / "server.log"):
        with httpx.Client() as client:

            def up() -> bool:
                try:
                    return client.get(f"{url}/health").status_code == 200
                except httpx.HTTPError:
                    return False

            awaited(up, "the server")
        webhook = f"http://user:{SECRET}@127.0.0.1:{hook.server_port}/{SECRET}"
        code = (
            "import sys; from pathlib import Path; from pipelines.flows.deploy import *\n"
            "c = Changes('green', 'runs', 'sandbox', '15 4 * * 1-5', 'Europe/Paris')\n"
            f"[print(line) for line in deploy(changes=c, notify=Notify(sys.argv[1]), dead_after={DEAD_AFTER})]"
        )
        command = [sys.executable, "-c", code, webhook]
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert done.stdout.splitlines() == [
            *(f"deployed {name}" for name in ("nightly", "trading-day", "backfill")),
            "automation bulkload: mark dead runs",
            *(f"automation bulkload: tell of {kind} runs" for kind in ("red", "amber", "late", "dead")),
        ]
        made = Desk(url, folder, environ, heard)
        yield made
        made.api.close()
    hook.shutdown()
    hook.server_close()


def test_a_night_on_a_real_server_is_deployed_late_red_amber_green_and_dead_and_somebody_is_told(desk: Desk) -> None:
    found = desk.ask("GET", "deployments/name/nightly-load/nightly")
    (schedule,) = found["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("15 4 * * 1-5", "Europe/Paris")
    runs = str(desk.folder / "runs")
    assert found["parameters"]["folder"] == str(desk.folder / "green")
    assert found["parameters"]["options"] == {"mode": "Partial", "runs": runs, "target": "sandbox"}
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

    late = desk.trigger({"folder": str(desk.folder / "amber")})
    awaited(lambda: desk.state(late) == ("SCHEDULED", "Late") or None, "a late run")
    assert desk.told("late", {"id": late})["state"] == "Late"

    with desk.worker():
        amber = desk.ended(late)
        assert (amber["state"]["type"], amber["state"]["name"]) == ("COMPLETED", "Rejects")
        assert amber["state"]["message"].startswith("1 of 31 rows not accepted: 1 invalid, into sandbox, exit code 3; ")
        assert re.fullmatch(rf"nightly \d{{4}}-\d\d-\d\d of {desk.folder / 'amber'}", amber["name"])
        assert {"bulkload", amber["name"].split()[1]} <= {*amber["tags"]}
        heard = desk.told("amber", amber)
        assert (heard["state"], heard["message"]) == ("Rejects", amber["state"]["message"])
        assert heard["text"] == f"bulkload amber: {heard['flow_run']}: {heard['message']}"
        wanted = {"flow_run_id": {"any_": [late]}}
        artifacts = {a["key"]: a["data"] for a in desk.ask("POST", "artifacts/filter", artifacts=wanted)}
        assert artifacts["nightly-load"].startswith("# ! amber: 1 of 31 rows not accepted\\: 1 invalid")
        assert "bulkload replay " in artifacts["nightly-load"]

        def logged() -> bool:  # a flow run's log comes in batches
            lines = [line["message"] for line in desk.ask("POST", "logs/filter", logs=wanted)]
            return any(line.startswith("investor-records: 31 rows read, 30 requests") for line in lines)

        awaited(logged, "the log of a load")

        red = desk.ended(desk.trigger({"folder": str(desk.folder / "red")}))
        assert (red["state"]["type"], red["state"]["name"]) == ("FAILED", "Red")
        assert desk.told("red", red)["message"] == red["state"]["message"]

        green = desk.ended(desk.trigger({}))
        assert (green["state"]["type"], green["state"]["name"]) == ("COMPLETED", "Completed")
        assert green["state"]["message"].startswith("13 rows, none to correct, into sandbox, exit code 0; ")

        with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls, and never answers
            target = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
            dead = desk.trigger({"options": {"target": target, "runs": runs, "dialect": "2.1"}})
            awaited(lambda: desk.state(dead)[0] == "RUNNING" or None, "a run at work")
            second = desk.ended(desk.trigger({}))
            assert second["state"]["type"] == "CANCELLED"
            beat = {"event": {"name": ["prefect.flow-run.heartbeat"]}, "resource": {"id": [f"prefect.flow-run.{dead}"]}}
            awaited(lambda: desk.ask("POST", "events/filter", filter=beat)["total"], "a heartbeat")
            kill_worker_and_flow(desk, dead)
    crashed = desk.ended(dead)
    assert crashed["state"]["type"] == "CRASHED"
    assert crashed["state"]["message"].startswith("no heartbeat for 10 s: the worker died")
    assert desk.told("dead", crashed)["message"] == crashed["state"]["message"]
    assert [d["kind"] for _, d in desk.heard if d["url"].endswith(green["id"])] == []
    with desk.worker():  # a dead run does not keep the next one away
        assert desk.ended(desk.trigger({}))["state"]["name"] == "Completed"
    kept = "".join(path.read_text(errors="replace") for path in desk.folder.glob("*.log"))
    assert SECRET not in kept


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
    monkeypatch.setenv("PREFECT_API_URL", desk.environ["PREFECT_API_URL"])
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
