"""The places elsewhere that a load names: its target, the Dask cluster that works on it, its archive."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from connectors.archive import check_installed
from connectors.cluster.cluster import Cluster
from connectors.cluster.opening import open_cluster
from connectors.targets import Target, open_target, target_url
from pipelines.options import Options, Progress
from schemas.errors import ConfigError, UnreachableError
from schemas.option_types.choices import Engine


def check_places(options: Options) -> None:
    """Makes sure, before anything is opened, that a load can use the places elsewhere that it names.

    Raises:
        ConfigError: it cannot.
    """
    if options.archive is not None:
        check_installed(options.archive)
    if options.scheduler is not None and options.engine is not Engine.DASK:
        raise ConfigError("--scheduler names a Dask cluster, and --engine is local: add --engine=dask")


@contextmanager
def cluster_of(options: Options, note: Callable[[str], None]) -> Iterator[Cluster | None]:
    """The cluster that a load works on; None where it works on this machine.

    Args:
        options: of the load.
        note: told what the user should know.

    Raises:
        ConfigError: Dask is not installed.
        UnreachableError: no scheduler answers, or nobody works for it.
    """
    if options.engine is not Engine.DASK:
        yield None
        return
    with open_cluster(options.scheduler, options.workers, options.patience, note) as cluster:
        yield cluster


def named_target(options: Options) -> str | None:
    """The URL of a load's target, before it is opened; None in a dry run.

    Raises:
        ConfigError: no target is named.
    """
    return None if options.dry_run else target_url(options.target)


@contextmanager
def loads_target(options: Options, progress: Progress, again: str = "load") -> Iterator[Target | None]:
    """Opens the target of one load, or of several; None in a dry run.

    Args:
        options: of the load or loads.
        progress: told what the user should know, and what is waited for.
        again: what to do again where the target does not answer.
    """
    if options.dry_run:
        yield None
        return
    with ExitStack() as closing:
        try:
            target = closing.enter_context(open_target(options.target, options, progress.note, progress.waiting))
        except UnreachableError as error:
            raise UnreachableError(f"{error.message}; nothing was sent: {again} again when it answers") from None
        yield target
