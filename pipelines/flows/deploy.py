"""Registers the deployments of a `prefect.yaml` with a Prefect server; bulkload's own lies beside this module."""

import subprocess
import sys
from pathlib import Path

import yaml

from connectors.prefect_settings import configure_prefect, prefect_server
from schemas.errors import ConfigError, UnreachableError

configure_prefect()

from prefect.client.orchestration import get_client  # noqa: E402 - Prefect reads its settings when it is imported
from prefect.client.schemas.actions import WorkPoolCreate  # noqa: E402
from prefect.exceptions import ObjectAlreadyExists  # noqa: E402

PREFECT_YAML = Path(__file__).resolve().parent / "prefect.yaml"


def deploy(file: Path = PREFECT_YAML) -> list[str]:
    """Registers every deployment of a `prefect.yaml` and creates the work pools that they name; safe to repeat.

    Returns:
        The deployments' names.

    Raises:
        ConfigError: no server is named, or the file is missing or refused.
        UnreachableError: the server does not answer.
    """
    if prefect_server() is None:
        raise ConfigError(
            "no Prefect server is named to deploy to: set PREFECT_API_URL, as `prefect server start` says, or choose a "
            "profile that has it"
        )
    try:
        deployments = yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]
        pools = {deployment["work_pool"]["name"] for deployment in deployments}
        names = [deployment["name"] for deployment in deployments]
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, LookupError, TypeError):
        raise ConfigError(f"{file} declares no deployments with a name and a work pool each") from None
    _make_pools(pools)
    _prefect_deploy(file)
    return names


def _make_pools(pools: set[str]) -> None:
    with get_client(sync_client=True) as client:
        if client.api_healthcheck() is not None:
            raise UnreachableError("the Prefect server of PREFECT_API_URL or of the active profile does not answer")
        for name in sorted(pools):
            try:
                client.create_work_pool(WorkPoolCreate(name=name, type="process"))
            except ObjectAlreadyExists:
                continue


def _prefect_deploy(file: Path) -> None:
    """Runs Prefect's own command on the file, in the working folder: there a worker will start the flows.

    Python must not look for modules in that folder (-P), which may have a `pipelines` of its own.
    """
    command = [sys.executable, "-P", "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file"]
    done = subprocess.run([*command, str(file.absolute())], capture_output=True, text=True, check=False)  # noqa: S603 - no word of it is anyone's input
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())[-300:]
        raise ConfigError(f"Prefect refused {file}: {said}")
