"""Extracts of investor records with a fault of every kind planted in them, and what must become of each row.

Owns the faults and the answer sheet. Must not know how the loader finds them.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builders import COUNTRY, IR_ID, PERSON

HEADER = [IR_ID, INTERNAL := "identifier:InvestorRecord/InternalIdentifier/InternalIRId", "display_name"]
HEADER += ["investor_type", PERSON, COUNTRY]
SEEDS = 40
"""Pairs of records that stand in LUSID before: a row that claims one identifier of each is refused."""

Place = tuple[str, int]
"""A row: the name of its file and its number there, from 1."""


@dataclass
class Planted:
    """An extract, and its answer sheet for Partial mode.

    Attributes:
        states: the state each row must end in.
        names: the display name that LUSID must hold of each key that gets in.
        kinds: how often each fault was planted.
    """

    paths: list[Path] = field(default_factory=list)
    states: dict[Place, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)


def plant(folder: Path, files: int, rows: int, seed: int, share: float = 0.03) -> Planted:
    """Writes `files` files of `rows` rows each; about `share` of the rows have a fault."""
    return _Planting(random.Random(seed), share).plant(folder, files, rows)


class _Planting:
    def __init__(self, draw: random.Random, share: float) -> None:
        self._draw, self._share = draw, share
        self._done = Planted()
        self._clean: list[tuple[Place, list[str]]] = []
        self._faults = {
            "too long": self._too_long,
            "nameless": self._nameless,
            "no such type": self._no_such_type,
            "keyless": self._keyless,
            "too few cells": self._too_few,
            "too many cells": self._too_many,
            "no UTF-8": self._no_utf8,
            "copy": self._copy,
            "clash": self._clash,
            "refused": self._refused,
            "two lines": self._two_lines,
        }

    def plant(self, folder: Path, files: int, rows: int) -> Planted:
        folder.mkdir()
        for number in range(files):
            path = folder / f"part-{number:03d}.csv"
            lines = [self._line((path.name, row), number * rows + row) for row in range(1, rows + 1)]
            path.write_bytes(b"\n".join([",".join(HEADER).encode(), *lines, b""]))
            self._done.paths.append(path)
        return self._done

    def _line(self, place: Place, serial: int) -> bytes:
        cells = [f"IR{serial:07d}", "", f"Investor {serial}", "Person", f"P{serial:07d}", "Norway"]
        if self._draw.random() >= self._share:
            self._expect(place, "accepted", cells)
            self._clean.append((place, cells))
            return ",".join(cells).encode()
        kind = self._draw.choice(list(self._faults))
        self._done.kinds[kind] = self._done.kinds.get(kind, 0) + 1
        return self._faults[kind](place, cells)

    def _expect(self, place: Place, state: str, cells: Sequence[str] = ()) -> None:
        self._done.states[place] = state
        if state == "accepted":
            self._done.names[cells[0]] = cells[2]

    def _changed(self, place: Place, cells: list[str], column: int, cell: str) -> bytes:
        self._expect(place, "invalid")
        return ",".join([*cells[:column], cell, *cells[column + 1 :]]).encode()

    def _too_long(self, place: Place, cells: list[str]) -> bytes:
        return self._changed(place, cells, 2, "x" * 513)

    def _nameless(self, place: Place, cells: list[str]) -> bytes:
        return self._changed(place, cells, 2, "")

    def _no_such_type(self, place: Place, cells: list[str]) -> bytes:
        return self._changed(place, cells, 3, "Robot")

    def _keyless(self, place: Place, cells: list[str]) -> bytes:
        return self._changed(place, cells, 0, "")

    def _too_few(self, place: Place, cells: list[str]) -> bytes:
        self._expect(place, "invalid")
        return ",".join(cells[:-1]).encode()

    def _too_many(self, place: Place, cells: list[str]) -> bytes:
        return self._changed(place, cells, 5, "Norway,more")

    def _no_utf8(self, place: Place, cells: list[str]) -> bytes:
        return self._changed(place, cells, 2, "Bj").replace(b"Bj", b"Bj\xf8rn")

    def _two_lines(self, place: Place, cells: list[str]) -> bytes:
        cells[2] = f"{cells[2]}\nand son"
        self._expect(place, "accepted", cells)
        return ",".join([*cells[:2], f'"{cells[2]}"', *cells[3:]]).encode()

    def _copy(self, place: Place, cells: list[str]) -> bytes:
        _, original = self._draw.choice(self._clean) if self._clean else (place, cells)
        self._expect(place, "duplicate" if self._clean else "accepted", original)
        return ",".join(original).encode()

    def _clash(self, place: Place, cells: list[str]) -> bytes:
        """The key of a row before, with another name: neither gets in, and no copy of theirs is drawn after."""
        if not self._clean:
            return self._nameless(place, cells)
        where, original = self._clean[-1]
        if self._done.states[where] != "accepted" or original[0] not in self._done.names:
            return self._nameless(place, cells)
        self._clean.pop()
        if any(self._is_copied(original)):
            return self._nameless(place, cells)
        del self._done.names[original[0]]
        self._expect(where, "invalid")
        return self._changed(place, [*original[:2], "Somebody else", *original[3:]], 5, "Norway")

    def _is_copied(self, original: list[str]) -> list[bool]:
        return [original[0] in self._copied]

    def _refused(self, place: Place, cells: list[str]) -> bytes:
        """Claims an identifier of each of two records that are in LUSID; each pair once, for keys are unique."""
        number = self._done.kinds["refused"]
        if number > SEEDS:
            return self._nameless(place, cells)
        self._expect(place, "failed")
        return ",".join([f"SEED-A{number:03d}", f"SEED-B{number:03d}", *cells[2:]]).encode()
