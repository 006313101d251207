"""Who prepares the rows of a load: processes of this machine, or of a Dask cluster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors.archive import check_installed
from connectors.cluster.cluster import Cluster
from connectors.cluster.opening import open_cluster
from pipelines.options import Options
from schemas.errors import ConfigError
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
