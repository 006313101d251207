"""One pass over an extract that counts what its rows refer to, column by column.

A row with a cell that is refused will not be sent, and its references do not count. Rules between cells are not looked
at, nor whether rows repeat: that is the load's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import compress
from typing import Any

import orjson

from connectors.extracts.mapping_file import read_mapping
from pipelines.compare.preflight.references import Group, Kind, PropertyUse, References, Used
from pipelines.loading.given_extract import open_files
from pipelines.loading.opening import bind, expectations
from pipelines.loading.spec import LoadSpec
from pipelines.operations.operation import Operation, no_refs
from pipelines.prepare.completeness import Gate, check_before
from schemas.dialects import Dialect
from schemas.rows.binding import Binding
from schemas.rows.columns import Row

_PEOPLE = {"Person": Kind.PERSON, "LegalEntity": Kind.LEGAL_ENTITY, "InvestorRecord": Kind.RECORD}
_RESOURCES = {
    "Order": Kind.ORDER,
    "Block": Kind.BLOCK,
    "Placement": Kind.PLACEMENT,
    "Execution": Kind.EXECUTION,
    "Allocation": Kind.ALLOCATION,
}
_VALUED = {"property": "label", "metric": "metric", "labels": "labels"}
_NOT_ASKED = {
    "type": "order types",
    "time_in_force": "times in force",
    "order_book_code": "order books",
    "order_instruction_code": "order instructions",
    "package_code": "packages",
    "custodian_account_code": "custodian accounts",
}
"""Columns whose cells refer to what LUSID has no list of, or none that is read here."""


def collect(spec: LoadSpec, references: References, *, others: bool = False) -> None:
    """Counts the references of one extract.

    Args:
        spec: the load; no target of it is opened.
        references: counts them.
        others: whether there are other extracts, which may refer to what this one brings into LUSID.

    Raises:
        ConfigError: the mapping or the header is wrong.
        ExtractError: the extract cannot be read, or is not complete.
    """
    operation, options = spec.operation, spec.options
    with ExitStack() as closing:
        mapping = read_mapping(options.mapping, operation.name) if options.mapping else None
        extract = closing.enter_context(open_files(spec, mapping))
        binding = bind(spec, mapping, extract)
        expect = expectations(spec, mapping, extract.columns)
        check_before(expect, extract.columns, extract.sources)
        gate = Gate(expect, extract, binding.amount_reader)
        counter = _Counter(operation, options.dialect, binding, references, others=others)
        for batch in gate.through(extract.batches(gate.columns.union(binding.used_columns))):
            sheet = binding.read(batch.columns)
            good = [position not in sheet.faults and position not in batch.bad for position in range(len(batch))]
            references.read(len(good), len(good) - sum(good))
            counter.count(_Batch(sheet.cells, good, extract.sources[batch.source].name, batch.first_row))
            spec.progress.reading(references.rows)
        extract.check_unchanged()
        gate.check()


@dataclass(frozen=True)
class _Batch:
    """Rows by column.

    Attributes:
        cells: validated, by canonical column.
        good: which of the rows will be sent, as far as their cells go.
        source: the name of their file.
        first: the number of the first of them in it.
    """

    cells: Mapping[str, Sequence[Any]]
    good: Sequence[bool]
    source: str
    first: int

    def column(self, name: str) -> Sequence[Any]:
        """The cells of the good rows; nothing of a column that the extract does not have."""
        cells = self.cells.get(name)
        return [""] * sum(self.good) if cells is None else [*compress(cells, self.good)]

    def used(self, values: Iterable[str]) -> Iterator[Used]:
        """Each different value of the good rows, but for empty ones, with its rows and the place of the first."""
        rows: dict[str, int] = {}
        first: dict[str, int] = {}
        for value, position in zip(values, compress(range(len(self.good)), self.good), strict=True):
            if value:
                rows[value] = rows.get(value, 0) + 1
                first.setdefault(value, position)
        return (Used(value, n, f"{self.source} row {self.first + first[value]}") for value, n in rows.items())


class _Counter:
    """Counts the references of batches of one extract."""

    def __init__(
        self, operation: Operation, dialect: Dialect, binding: Binding, references: References, *, others: bool
    ) -> None:
        self._references, self._binding, self._columns = references, binding, binding.columns
        self._scoped, self._others = dialect is Dialect.V2_3, others
        families = self._columns.families
        self._by_family: list[Callable[[_Batch], None]] = [
            *(lambda batch, f=family: self._properties(batch, f) for family in families if _kind_of(family)),
            *(lambda batch, f=family: self._identifiers(batch, f) for family in families if family in _IDENTIFIED),
        ]
        if "instrument" in families:
            self._by_family.append(self._instruments)
        people = families.keys() & {*_IDENTIFIED}  # whose references are counted by the column, which is faster
        self._needs = no_refs if people else operation.needs
        self._provides = operation.provides if others and not people else no_refs

    def count(self, batch: _Batch) -> None:
        """Counts one batch."""
        for count in self._by_family:
            count(batch)
        self._portfolios(batch)
        for name in ("side", "order_side"):
            self._references.add(Group(Kind.SIDE, ""), batch.used(batch.column(name)))
        for name, what in _NOT_ASKED.items():
            if name in self._columns and (words := sum(map(bool, batch.column(name)))):
                self._references.leave_out(what, words)
        if self._needs is not no_refs or self._provides is not no_refs:
            self._resources(batch)

    def _properties(self, batch: _Batch, family: str) -> None:
        for name, key, facets in self._columns.keyed(family):
            cells = batch.column(name)
            use = self._use(key, _kind_of(family), name, cells)
            use.set_with(_dates(batch, cells, facets))
            if unit := facets.get("unit"):
                use.measured_in(filter(None, compress(batch.column(unit), cells)))

    def _use(self, key: str, kind: str, name: str, cells: Sequence[Any]) -> PropertyUse:
        use = self._references.use(key)
        use.used_as(kind, self._binding.name(name), sum(map(bool, cells)))
        return use

    def _identifiers(self, batch: _Batch, family: str) -> None:
        """Identifiers of the rows' own entity, which they bring, and of those that they refer to."""
        scopes = self._scopes(batch, family)
        for name, key, facets in self._columns.keyed(family):
            values = batch.column(name)
            use = self._use(key, "identifier" if family == "identifier" else "reference", name, values)
            if family == "identifier":
                use.set_with(_dates(batch, values, facets))
            kind = _PEOPLE.get(key.split("/")[0])
            if kind is None or (family == "identifier" and not self._others):
                continue
            for scope in dict.fromkeys(scopes):
                group = Group(kind, f"{key} {scope}".strip())
                of_scope = [value if its == scope else "" for value, its in zip(values, scopes, strict=True)]
                if family == "identifier":
                    self._references.provide(group, {*of_scope} - {""})
                else:
                    self._references.add(group, batch.used(of_scope))

    def _scopes(self, batch: _Batch, family: str) -> Sequence[str]:
        """The scope of the entity that each row identifies; only records have one, in dialect 2.3."""
        if not self._scoped or family == "investor":
            return [""] * sum(batch.good)
        own = batch.column("scope")
        if family == "identifier":
            return own
        return [its or scope for its, scope in zip(batch.column("holder_scope"), own, strict=True)]

    def _instruments(self, batch: _Batch) -> None:
        """Each row's identifiers together: LUSID resolves the row if it knows one of them."""
        keyed = [(key, batch.column(name)) for name, key, _ in self._columns.keyed("instrument")]
        for name, key, _ in self._columns.keyed("instrument"):
            self._use(key, "instrument", name, batch.column(name))
        rows = zip(*(cells for _, cells in keyed), strict=True)
        keys = [key for key, _ in keyed]
        named = (
            orjson.dumps([pair for pair in zip(keys, row, strict=True) if pair[1]]).decode() if any(row) else ""
            for row in rows
        )
        self._references.add(Group(Kind.INSTRUMENT, ""), batch.used(named))

    def _portfolios(self, batch: _Batch) -> None:
        if "portfolio_code" not in self._columns:
            return
        scopes, codes = batch.column("portfolio_scope"), batch.column("portfolio_code")
        for scope in {*scopes} - {""}:
            of_scope = (code if its == scope else "" for code, its in zip(codes, scopes, strict=True))
            self._references.add(Group(Kind.PORTFOLIO, scope), batch.used(of_scope))

    def _resources(self, batch: _Batch) -> None:
        """Orders, blocks and what follows from them, as the operation names what its rows need."""
        rows: list[Row] = [dict(zip(batch.cells, row, strict=True)) for row in zip(*batch.cells.values(), strict=True)]
        for position in compress(range(len(rows)), batch.good):
            where = f"{batch.source} row {batch.first + position}"
            for group, code in _resources_of(self._needs(rows[position])):
                self._references.add(group, [Used(code, 1, where)])
            for group, code in _resources_of(self._provides(rows[position])):
                self._references.provide(group, [code])


def _dates(batch: _Batch, cells: Sequence[Any], facets: Mapping[str, str]) -> Iterator[tuple[bool, bool]]:
    """Of each row with a value, whether it gives a date from which it is in effect, and one until which."""
    begins, ends = (batch.column(facets.get(name, "")) for name in ("effective_from", "effective_until"))
    return ((bool(begin), bool(end)) for cell, begin, end in zip(cells, begins, ends, strict=True) if cell)


def _resources_of(refs: Iterable[str]) -> Iterator[tuple[Group, str]]:
    """The orders, blocks and so on among references, `Block=scope/code` each."""
    for ref in refs:
        entity, _, name = ref.partition("=")
        scope, _, code = name.partition("/")
        if entity in _RESOURCES:
            yield Group(_RESOURCES[entity], scope), code


_IDENTIFIED = ("identifier", "investor", "holder")


def _kind_of(family: str) -> str:
    """The kind of value that a family of property columns holds; empty for other families."""
    return _VALUED.get(family.removeprefix("block_"), "")
