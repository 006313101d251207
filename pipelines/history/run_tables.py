"""Opens files of earlier runs as tables that duckdb queries in memory.

duckdb may read the folder that holds the runs and nothing else, and uses no network. What does not fit into memory goes
into a private folder beside the run's files until the query is done.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.results import OUTCOME_SCHEMA
from schemas.errors import ConfigError, RunFolderError
from schemas.states import GOOD

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Database: TypeAlias = "DuckDBPyConnection"

_SETTINGS = """
SET memory_limit = '256MB'; SET threads = 2; SET enable_external_access = false; SET allow_persistent_secrets = false;
SET autoinstall_known_extensions = false; SET autoload_known_extensions = false; SET python_enable_replacements = false
"""
"""duckdb neither looks for secrets in the home folder, nor downloads anything, nor takes our variables for tables."""

_NOT_QUERIED = "the runs cannot be queried"

_RUNS = pa.schema([("run_id", pa.string()), ("filename", pa.string())])
_COLUMNS = pa.schema(
    [(each.name, pa.string() if pa.types.is_dictionary(each.type) else each.type) for each in OUTCOME_SCHEMA]
    + [("filename", pa.string())]
)

_OUTCOMES = """
CREATE VIEW outcomes AS SELECT run_id, {names} FROM (FROM outcome_columns {files}) JOIN outcome_runs USING (filename)
"""


@contextmanager
def run_tables(run: RunFolder) -> Iterator[Database]:
    """A database that may read the files of a run and of those beside it; its variable `good` lists GOOD.

    Raises:
        RunFolderError: what does not fit into memory does not fit into the run's folder either.
    """
    readable = {"directories": [f"{run.path.parent.absolute()}/"]}
    with _tables(run.path, readable, "rows cannot be compared with this run") as sql:
        yield sql


@contextmanager
def all_tables(runs: Path) -> Iterator[Database]:
    """As `run_tables`, of all runs in a folder.

    Raises:
        RunFolderError: what does not fit into memory does not fit into the folder either.
    """
    with _tables(runs, {"directories": [f"{runs.absolute()}/"]}, _NOT_QUERIED) as sql:
        yield sql


@contextmanager
def outcome_tables(runs: Path, outcomes: Mapping[str, Path]) -> Iterator[Database]:
    """A database with the view `outcomes` over files of several runs, which may read those files and nothing else.

    The view has a column `run_id` before those of the files; columns that older files lack are null.

    Args:
        runs: the folder of the runs.
        outcomes: outcomes.parquet of each run, by run id.

    Raises:
        ConfigError: a file is missing or damaged.
        RunFolderError: what does not fit into memory does not fit into the folder either.
    """
    import duckdb

    paths = [str(path.absolute()) for path in outcomes.values()]
    with _tables(runs, {"paths": paths}, _NOT_QUERIED) as sql:
        sql.register("outcome_runs", pa.table({"run_id": [*outcomes], "filename": paths}, _RUNS))
        sql.register("outcome_columns", _COLUMNS.empty_table())
        files = ""
        if paths:
            try:
                found = sql.read_parquet(
                    [*map(_literal, paths)], filename=True, union_by_name=True, hive_partitioning=False
                )
            except duckdb.Error as error:
                raise ConfigError(f"{runs}: an outcomes.parquet is missing or damaged: {one_message(error)}") from None
            found.create_view("outcome_files")
            files = "UNION ALL BY NAME FROM outcome_files"
        sql.execute(_OUTCOMES.format(names=", ".join(OUTCOME_SCHEMA.names), files=files))
        yield sql


def one_message(error: Exception) -> str:
    """What duckdb says of an error, on one line, without the query."""
    return " ".join(str(error).partition("LINE ")[0].split())


@contextmanager
def _tables(place: Path, readable: Mapping[str, list[str]], failing: str) -> Iterator[Database]:
    """A database.

    Args:
        place: the folder that takes what does not fit into memory.
        readable: the `directories` or the `paths` that may be read.
        failing: what cannot be done where that does not fit either.
    """
    import duckdb  # takes a tenth of a second, so only where it is used

    try:
        with TemporaryDirectory(prefix="sql-", dir=place) as private, duckdb.connect() as sql:
            sql.execute("SET temp_directory = ?", [str(Path(private).absolute())])
            for kind, names in readable.items():
                sql.execute(f"SET allowed_{kind} = ?", [[*names, *map(_literal, names)]])
            sql.execute(_SETTINGS)
            sql.execute("SET VARIABLE good = ?", [list(GOOD)])
            yield sql
    except RuntimeError as error:
        if str(error) != "Query interrupted":  # what duckdb makes of whatever a signal's handler raised
            raise
        raise KeyboardInterrupt from None
    except (OSError, duckdb.OutOfMemoryException) as error:
        why = (isinstance(error, OSError) and error.strerror) or str(error).partition("\n")[0]
        raise RunFolderError(f"{place}: {failing}: {why}") from None


@contextmanager
def view(sql: Database, name: str, path: Path) -> Iterator[None]:
    """Makes a Parquet file of a run a view inside the block; its `file_row_number` counts from 0.

    Args:
        sql: of `run_tables`.
        name: the view's.
        path: the file.

    Raises:
        ConfigError: the file is missing or damaged.
    """
    import duckdb

    try:
        sql.read_parquet(_literal(str(path.absolute())), file_row_number=True, hive_partitioning=False).create_view(
            name, replace=True
        )
        yield
    except duckdb.OutOfMemoryException:
        raise
    except (duckdb.Error, UnicodeDecodeError):
        raise ConfigError(
            f"{path} is missing or damaged, so it is not known which rows LUSID has; load them with `bulkload load`"
        ) from None


def _literal(path: str) -> str:
    """A glob pattern that matches only this path."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)
