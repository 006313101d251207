"""Writes extracts for trying bulkload: investors, accounts and orders that belong together.

A seed decides everything: the same arguments give the same files, byte for byte, whatever the size of a chunk. Memory
does not grow with the number of rows, and time grows linearly. `investors`, `accounts` and `orders` make the rows,
`planted` adds wrong ones, `client` words them as a client would, and `files` writes them. Never talks to LUSID.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from pipelines.sample.accounts import AccountTable
from pipelines.sample.client import ACCOUNTS, INVESTORS, ORDERS, ClientFile
from pipelines.sample.day import write_day
from pipelines.sample.files import FORMATS, writable_folder, write_rows
from pipelines.sample.investors import InvestorTable
from pipelines.sample.orders import OrderTable
from pipelines.sample.plan import LARGEST_BLOCK, Cells, Plan, Table, chunks
from pipelines.sample.planted import planted_rows
from pipelines.sample.planting import Planted, PlantedRows, interleave, planted_table
from schemas.errors import ConfigError

DAY_BLOCKS: Final = 20
"""The number of blocks in the committed trading day."""
CHUNK: Final = 4096
"""Positions made at a time: enough for fast arithmetic, few enough to take little memory."""
TABLE_MARKS: Final = ("<!-- planted rows: written by pipelines/sample/write.py -->\n", "<!-- end -->\n")
"""The lines around the table of planted rows in data/README.md."""


class _File(NamedTuple):
    name: str
    table: Table
    planted: Sequence[Planted]
    client: ClientFile

    def rows(self, size: int) -> Iterator[Cells]:
        """The canonical rows, made `size` positions at a time."""
        return interleave(chunks(self.table, size), self.table.header, self.planted)

    def client_rows(self, size: int) -> Iterator[Cells]:
        """The same rows in the client's form."""
        drawn = self.client.rows(chunks(self.table, size))
        return interleave(drawn, self.client.header, self.client.planted(self.planted))

    def planted_texts(self) -> Cells:
        """The texts of the planted rows in each column."""
        return {c: [row.cells.get(c, "") for row in self.planted] for c in self.table.header}


def write_sample(folder: Path, *, bad_rows: bool = True, formats: Sequence[str] = FORMATS, **plan: Any) -> list[Path]:
    """Writes investors, accounts and orders with canonical headers, in each format.

    The counts are those of keys that can be sent; `bad_rows` adds a few rows that cannot (data/README.md lists them). A
    Parquet column is text where a planted row leaves it no other type.

    Args:
        folder: created when missing; files of the same names are replaced.
        bad_rows: whether to plant wrong rows.
        formats: `csv`, `parquet` or both.
        plan: how many of each, and the seed: fields of `Plan`.

    Returns:
        The files, in the order investors, accounts, orders, each in the order of `formats`.

    Raises:
        ConfigError: a count is too small, the orders do not fit into the blocks, a format is unknown, or the folder
            cannot be written.
    """
    unknown = sorted(set(formats) - set(FORMATS))
    if unknown or not formats:
        raise ConfigError(f"a sample is {' or '.join(FORMATS)}, not {', '.join(unknown) or 'nothing'}")
    written: list[Path] = []
    with writable_folder(folder):
        for file in _files(Plan(**plan), bad_rows=bad_rows):
            paths = {kind: folder / f"{file.name}.{kind}" for kind in formats}
            write_rows(file.rows(CHUNK), paths, file.table.header, file.planted_texts())
            written += paths.values()
    return written


def write_client_sample(folder: Path, *, bad_rows: bool = True, **plan: Any) -> list[Path]:
    """Writes the rows of `write_sample` as a client's own systems would export them, with mappings.

    Loaded with its mapping, each file gives the same requests as the canonical file, byte for byte.

    Args:
        folder: created when missing; files of the same names are replaced.
        bad_rows: whether to plant wrong rows.
        plan: how many of each, and the seed: fields of `Plan`.

    Returns:
        The files: investors, accounts, orders, each followed by its mapping.

    Raises:
        ConfigError: a count is too small, the orders do not fit into the blocks, or the folder cannot be written.
    """
    written: list[Path] = []
    with writable_folder(folder):
        for file in _files(Plan(**plan), bad_rows=bad_rows):
            path = folder / f"{file.name}.csv"
            mapping = folder / f"{file.client.operation}.yaml"
            write_rows(file.client_rows(CHUNK), {"csv": path}, file.client.header, {})
            mapping.write_text(file.client.mapping(file.table.header), "utf-8")
            written += (path, mapping)
    return written


def write_data(folder: Path) -> list[Path]:
    """Writes the repository's `data/`: both samples, a trading day, and the table of planted rows in its README.

    Raises:
        ConfigError: the folder cannot be written.
    """
    readme = folder / "README.md"
    written = [*write_sample(folder / "sample"), *write_client_sample(folder / "client")]
    written += write_day(folder / "day", blocks=DAY_BLOCKS)
    begin, end = TABLE_MARKS
    head, rest = readme.read_text("utf-8").split(begin)
    tail = rest.split(end)[1]
    readme.write_text(f"{head}{begin}{planted_table(planted_rows(Plan()))}{end}{tail}", "utf-8")
    return [*written, readme]


def _files(plan: Plan, *, bad_rows: bool) -> tuple[_File, _File, _File]:
    plan.check()
    planted = planted_rows(plan) if bad_rows else PlantedRows((), (), ())
    drawn = planted.within(plan)
    if not drawn.orders_fit:
        beside = " beside the planted ones" if bad_rows else ""
        raise ConfigError(
            f"{plan.orders} orders do not fit into {plan.blocks} blocks{beside}: "
            f"give 1 to {LARGEST_BLOCK} orders for each block"
        )
    return (
        _File("investors", InvestorTable(drawn), planted.investors, INVESTORS),
        _File("accounts", AccountTable(drawn), planted.accounts, ACCOUNTS),
        _File("orders", OrderTable(drawn), planted.orders, ORDERS),
    )
