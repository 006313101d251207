"""Registers the deployments of a `prefect.yaml` with a Prefect server; bulkload's own lies beside this module."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from connectors.prefect_settings import configure_prefect, prefect_server
from pipelines.nights.dates import is_dated
from schemas.errors import ConfigError, UnreachableError

configure_prefect()

from prefect.client.orchestration import SyncPrefectClient, get_client  # noqa: E402 - it reads its settings now
from prefect.client.schemas.actions import WorkPoolCreate  # noqa: E402
from prefect.client.schemas.schedules import CronSchedule  # noqa: E402
from prefect.exceptions import ObjectAlreadyExists  # noqa: E402

from pipelines.flows import automations  # noqa: E402 - it imports Prefect

PREFECT_YAML = Path(__file__).resolve().parent / "prefect.yaml"

_PATHS = ("folder", "folder_pattern")
"""Parameters that are paths; of the options, `runs` is one, too."""


@dataclass(frozen=True)
class Changes:
    """What a command line changes in a prefect.yaml; None leaves what it says.

    Attributes:
        folder: of the night's extracts; where it holds `{date:...}`, also the pattern of a backfill.
        runs: where runs are kept.
        target: where to load.
        cron: when the night begins; timezone: in which timezone. They are for deployments that have a schedule.
    """

    folder: str | None = None
    runs: str | None = None
    target: str | None = None
    cron: str | None = None
    timezone: str | None = None


@dataclass(frozen=True)
class Notify:
    """Who is told of red, amber, late and dead runs; None and None for nobody.

    Attributes:
        webhook: a URL, which is a secret.
        block: a block of Prefect's, as TYPE/NAME.
    """

    webhook: str | None = None
    block: str | None = None


def deploy(
    file: Path = PREFECT_YAML,
    changes: Changes | None = None,
    notify: Notify | None = None,
    dead_after: float = automations.DEAD_AFTER_SECONDS,
) -> list[str]:
    """Registers every deployment of a `prefect.yaml`, the work pools that they name, and automations; safe to repeat.

    Relative paths in it become absolute ones, below the working folder.

    Args:
        file: the prefect.yaml.
        changes: what is to be different from it.
        notify: who is told.
        dead_after: seconds without a heartbeat after which a run counts as dead.

    Returns:
        What was registered, a line for each.

    Raises:
        ConfigError: no server is named, the file is missing or refused, or a change is wrong.
        UnreachableError: the server does not answer.
    """
    if prefect_server() is None:
        raise ConfigError(
            "no Prefect server is named to deploy to: set PREFECT_API_URL, as `prefect server start` says, or choose a "
            "profile that has it"
        )
    declared = _changed(_read(file), changes or Changes())
    deployments = declared["deployments"]
    with get_client(sync_client=True) as client:
        if client.api_healthcheck() is not None:
            raise UnreachableError("the Prefect server of PREFECT_API_URL or of the active profile does not answer")
        teller = _teller(client, notify or Notify())
        _make_pools(client, {deployment["work_pool"]["name"] for deployment in deployments})
        _prefect_deploy(declared, file)
        made = automations.register(client, teller, dead_after)
    return [*(f"deployed {each['name']}" for each in deployments), *(f"automation {name}" for name in made)]


def _read(file: Path) -> dict[str, Any]:
    """What a prefect.yaml declares."""
    try:
        declared: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        named = [(each["name"], each["work_pool"]["name"], each["entrypoint"]) for each in declared["deployments"]]
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, LookupError, TypeError):
        named = []
    if not named:
        raise ConfigError(f"{file} declares no deployments with a name, an entrypoint and a work pool")
    return declared


def _changed(declared: dict[str, Any], changes: Changes) -> dict[str, Any]:
    """The declaration with the changes, and with absolute paths."""
    for deployment in declared["deployments"]:
        parameters = deployment["parameters"] = dict(deployment.get("parameters") or {})
        options = dict(parameters.get("options") or {})
        if changes.folder is not None:
            _set_folder(deployment["entrypoint"], parameters, changes.folder)
        given = {"runs": changes.runs, "target": changes.target}
        options.update({name: value for name, value in given.items() if value is not None})
        parameters.update({name: _absolute(parameters[name]) for name in _PATHS if name in parameters})
        if "runs" in options:
            options["runs"] = _absolute(options["runs"])
        if options:
            parameters["options"] = options
        if deployment.get("schedules"):
            deployment["schedules"] = [_schedule(each, changes) for each in deployment["schedules"]]
    return declared


def _set_folder(entrypoint: str, parameters: dict[str, Any], folder: str) -> None:
    if entrypoint.endswith("nightly_load"):
        parameters["folder"] = folder
    elif entrypoint.endswith("backfill") and is_dated(folder):
        parameters["folder_pattern"] = folder


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


def _schedule(schedule: dict[str, Any], changes: Changes) -> dict[str, Any]:
    """A schedule with another time or timezone."""
    given = {"cron": changes.cron, "timezone": changes.timezone}
    found = {**schedule, **{name: value for name, value in given.items() if value is not None}}
    try:
        if "cron" in found:
            CronSchedule(cron=found["cron"], timezone=found.get("timezone"))
    except ValueError:  # pydantic's, too
        raise ConfigError(
            f"the schedule {found['cron']!r} in {found.get('timezone') or 'UTC'} is none: --cron takes five fields "
            "such as '0 3 * * 1-5', and --timezone a name such as Europe/London"
        ) from None
    return found


def _teller(client: SyncPrefectClient, notify: Notify) -> automations.Teller | None:
    if notify.webhook is not None and notify.block is not None:
        raise ConfigError("give either --notify-webhook or --notify-block")
    if notify.webhook is not None:
        return automations.webhook_teller(notify.webhook)
    return None if notify.block is None else automations.block_teller(client, notify.block)


def _make_pools(client: SyncPrefectClient, pools: set[str]) -> None:
    for name in sorted(pools):
        try:
            client.create_work_pool(WorkPoolCreate(name=name, type="process"))
        except ObjectAlreadyExists:
            continue


def _prefect_deploy(declared: dict[str, Any], file: Path) -> None:
    """Runs Prefect's own command on a copy of the file, in the working folder: there a worker will start the flows.

    Python must not look for modules in that folder (-P), which may have a `pipelines` of its own.
    """
    command = [sys.executable, "-P", "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file"]
    with TemporaryDirectory() as folder:
        copy = Path(folder, "prefect.yaml")
        copy.write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")
        done = subprocess.run([*command, str(copy)], capture_output=True, text=True, check=False)  # noqa: S603 - no word of it is anyone's input
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).replace(str(copy), str(file)).split())[-300:]
        raise ConfigError(f"Prefect refused {file}: {said}")
