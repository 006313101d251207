"""The plan that a load is given: it is of this load, and the run keeps a copy of it, with which it is resumed."""

import shutil
from pathlib import Path

from connectors.run_folder.folder import RunFolder, atomic_write
from pipelines.loading.spec import LoadSpec
from pipelines.planning.effect import check_foreseeable
from pipelines.planning.guard import check_guards
from pipelines.planning.stored import PlanToFollow
from schemas.errors import ConfigError
from schemas.manifest import Manifest


def check_given(spec: LoadSpec) -> None:
    """Makes sure, before anything is opened, that a load can follow its plan and be held to its limits.

    Raises:
        ConfigError: it cannot.
    """
    options = spec.options
    check_guards(options.guards, has_feed=options.feed is not None and spec.operation.remembered)
    if options.plan is None:
        return
    check_foreseeable(spec.operation)
    if options.dry_run:
        raise ConfigError("a dry run sends nothing, so it follows no plan: leave out --plan, or --dry-run")
    if options.changed_only:
        raise ConfigError(
            "a plan says what is not sent, by what LUSID holds; --changed-only would leave out more: leave out "
            "--changed-only, or --plan"
        )


def keep_plan(spec: LoadSpec, folder: RunFolder, manifest: Manifest) -> None:
    """Keeps a copy of the plan that a load is given, once it is known to be of this load.

    Args:
        spec: the load.
        folder: the run's; where it is resumed, its copy is the plan.
        manifest: of the load, before its extract is read.

    Raises:
        ConfigError: the plan is of another load, cannot be read, or a resumed run has lost its copy.
        RunFolderError: the copy cannot be written.
    """
    given = spec.options.plan
    if given is None:
        return
    if spec.earlier is not None:
        if not folder.plan.exists():
            raise ConfigError(f"{folder.plan} is gone: the run followed it and cannot be resumed without it")
        return
    PlanToFollow(Path(given), given).check_load(manifest)
    with atomic_write(folder.plan) as part:
        shutil.copyfile(given, part)
