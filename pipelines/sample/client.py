"""The same rows as a client's own systems would export them, and the mappings that turn them back.

One declaration of a client's column makes both its cells and its line in the mapping, so the two cannot differ. A CRM
exports investors and accounts, an order management system exports orders. Knows nothing of how rows are made.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from zlib import crc32
from zoneinfo import ZoneInfo

import yaml

from pipelines.sample import accounts, investors, orders
from pipelines.sample.plan import Cells
from pipelines.sample.planting import Planted

_DAY_FORMAT: Final = "%d/%m/%Y"
_TIME_FORMAT: Final = "%d/%m/%Y %H:%M:%S"
_ZONE: Final = "Europe/London"
_DISTINCT_TIMES: Final = 65_536


@dataclass(frozen=True)
class ClientColumn:
    """A client's column for a canonical one.

    Attributes:
        name: the client's name for it.
        canonical: the canonical column.
        write: turns a canonical cell into the client's.
        reading: the mapping's entry for the canonical column.
    """

    name: str
    canonical: str
    write: Callable[[str], str]
    reading: str | Mapping[str, Any]


def _same(name: str, canonical: str | None = None) -> ClientColumn:
    return ClientColumn(name, canonical or name, str, name)


def _coded(name: str, canonical: str, codes: Mapping[str, str]) -> ClientColumn:
    """A column of codes: `codes` maps canonical texts to the client's codes; a text without one stays as it is."""
    values = {code: text for text, code in codes.items()}
    reading = {"column": name, "values": values}
    return ClientColumn(name, canonical, lambda text: codes.get(text, text), reading)


def _day(name: str, canonical: str) -> ClientColumn:
    return ClientColumn(name, canonical, _client_day, {"column": name, "format": _DAY_FORMAT})


def _local_time(name: str, canonical: str) -> ClientColumn:
    reading = {"column": name, "format": _TIME_FORMAT, "timezone": _ZONE}
    return ClientColumn(name, canonical, _client_time, reading)


def _client_day(text: str) -> str:
    return f"{text[8:]}/{text[5:7]}/{text[:4]}" if text else ""


@lru_cache(maxsize=_DISTINCT_TIMES)
def _client_time(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(ZoneInfo(_ZONE)).strftime(_TIME_FORMAT)


@dataclass(frozen=True)
class ClientFile:
    """One extract from the client.

    Attributes:
        operation: the operation, after which the mapping file is named.
        about: what the mapping is for, in one line.
        columns: in the file's order; the first one is the key in the rows' canonical form.
        extra: unmapped columns, each with the texts from which its cells are drawn by key.
        constants: canonical columns that the client does not export because they never change.
        names_key: whether the mapping names the key, which would also be the default.
    """

    operation: str
    about: str
    columns: tuple[ClientColumn, ...]
    extra: Mapping[str, Sequence[str]]
    constants: Mapping[str, str] = field(default_factory=dict)
    names_key: bool = False

    @property
    def header(self) -> tuple[str, ...]:
        """The client's columns: the first mapped one, the unmapped ones, the other mapped ones."""
        first, *rest = (column.name for column in self.columns)
        return (first, *self.extra, *rest)

    def rows(self, chunks: Iterable[Cells]) -> Iterator[Cells]:
        """Canonical rows in the client's form."""
        for chunk in chunks:
            own = {c.name: list(map(c.write, chunk[c.canonical])) for c in self.columns}
            marks = [crc32(key.encode()) for key in own[self.columns[0].name]]
            for name, words in self.extra.items():
                own[name] = [words[mark % len(words)] for mark in marks]
            yield own

    def planted(self, rows: Iterable[Planted]) -> list[Planted]:
        """Planted rows in the client's form, which words some flaws differently."""
        return [replace(row, cells=self._planted_cells(row)) for row in rows]

    def _planted_cells(self, row: Planted) -> dict[str, str]:
        plain = {c.canonical: [row.cells.get(c.canonical, "")] for c in self.columns}
        (own,) = self.rows([plain | {column: [""] for column in row.client}])
        worded = {c.name: row.client[c.canonical] for c in self.columns if c.canonical in row.client}
        return {name: texts[0] for name, texts in own.items()} | worded

    def mapping(self, header: Sequence[str]) -> str:
        """The YAML that maps the client's columns to canonical ones, in the order of `header`."""
        readings: dict[str, Any] = {c.canonical: c.reading for c in self.columns}
        readings |= {name: {"constant": text} for name, text in self.constants.items()}
        document: dict[str, Any] = {"operation": self.operation}
        if self.names_key:
            document["key"] = self.columns[0].name
        document["columns"] = {name: readings[name] for name in header}
        dumped = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
        return f"# {self.about}\n{dumped}"


INVESTORS: Final = ClientFile(
    "investor-records",
    "The CRM's contacts as investor records.",
    (
        _same("crm_id", investors.EXTERNAL),
        _same("full_name", "display_name"),
        _same("sort_name", investors.NAME),
        _coded("kind", "investor_type", {"Person": "P", "LegalEntity": "E"}),
        _same("ledger_no", investors.INTERNAL),
        _same("hr_id", investors.PERSON),
        _same("lei", investors.LEGAL_ENTITY),
        _same("country", investors.COUNTRY),
        _day("country_since", investors.COUNTRY_FROM),
        _same("net_worth", investors.NET_WORTH),
        _same("net_worth_ccy", investors.NET_WORTH_UNIT),
        _same("interests", investors.MARKET_LABELS),
        _same("notes", "description"),
    ),
    extra={
        "relationship_manager": ("H. Voß", "P. O'Hara", "Desk, London", ""),
        "segment": ("retail", "private", "institutional"),
    },
    names_key=True,
)
ACCOUNTS: Final = ClientFile(
    "investment-accounts",
    "The CRM's accounts as investment accounts: one row for each holder or portfolio.",
    (
        _same("account_ref", accounts.EXTERNAL),
        _same("ledger_no", accounts.INTERNAL),
        _coded(
            "kind",
            "account_type",
            {"Personal": "PER", "Corporate": "COR", "JointPersonal": "JP", "JointCorporate": "JC", "JointMixed": "JM"},
        ),
        _same("account_name", "display_name"),
        _same("sort_name", accounts.NAME),
        _same("domicile", accounts.COUNTRY),
        _day("domicile_since", accounts.COUNTRY_FROM),
        _same("party_no", "holder_key"),
        _same("party_crm_id", accounts.HOLDER),
        _same("portfolio_no", "portfolio_key"),
        _same("book", "portfolio_scope"),
        _same("portfolio", "portfolio_code"),
        _same("notes", "description"),
    ),
    extra={"branch": ("Leeds", "St Helier", "Genève"), "statement_cycle": ("M", "Q", "")},
)
ORDERS: Final = ClientFile(
    "orders",
    "The order system's blotter as blocks and orders: London times, fixed scopes and state.",
    (
        _same("ticket", "order_code"),
        _same("basket", "block_code"),
        _coded("bs", "side", {"Buy": "B", "Sell": "S"}),
        _same("figi", orders.FIGI),
        _same("qty", "quantity"),
        _coded("order_type", "type", {"Market": "MKT", "Limit": "LMT"}),
        _coded("tif", "time_in_force", {"Day": "DAY", "GoodTilCancel": "GTC"}),
        _local_time("basket_time", "date"),
        _same("px_limit", "limit_price"),
        _same("px_ccy", "limit_currency"),
        _local_time("ticket_time", "order_date"),
        _same("book", "portfolio_scope"),
        _same("portfolio", "portfolio_code"),
        _same("desk", orders.DESK),
        _same("dealer", orders.TRADER),
    ),
    extra={"strategy": ("", "core", "overlay"), "ticket_origin": ("phone", "screen")},
    constants={"block_scope": orders.SCOPE, "order_scope": orders.SCOPE, "state": "New"},
)
