"""Extracts of investor records with a fault of every kind planted in them, and what must become of each row.

Owns the faults and the answer sheet. Must not know how the loader finds them.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builders import COUNTRY, IR_ID, PERSON

INTERNAL = "identifier:InvestorRecord/InternalIdentifier/InternalIRId"
HEADER = [IR_ID, INTERNAL, "display_name", "investor_type", PERSON, COUNTRY]
SEEDS = 400
"""Pairs of records that must be in LUSID before: a row that claims an identifier of each is refused."""

Place = tuple[str, int]
"""A row: the name of its file and its number there, from 1."""


def seed_ids(number: int) -> tuple[str, str]:
    """The identifiers of a pair: one record has the first as its external, the other the second as its internal."""
    return f"SEED-A{number:03d}", f"SEED-B{number:03d}"


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
    kinds: Counter[str] = field(default_factory=Counter)


def plant(folder: Path, files: int, rows: int, seed: int, share: float = 0.03) -> Planted:
    """Writes `files` files of `rows` rows each; about `share` of the rows have a fault."""
    return _Planting(random.Random(seed), share).plant(folder, files, rows)


class _Planting:
    """One extract being written; a row that a later one copies or contradicts is used for that once."""

    def __init__(self, draw: random.Random, share: float) -> None:
        self._draw, self._share = draw, share
        self._done = Planted()
        self._clean: list[tuple[Place, list[str]]] = []
        self._spoilt = {
            "too long": (2, "x" * 513),
            "nameless": (2, ""),
            "no such type": (3, "Robot"),
            "keyless": (0, ""),
            "no UTF-8": (2, "Bj\udcf8rn"),
            "too many cells": (5, "Norway,more"),
        }
        self._others = {
            "too few cells": self._too_few,
            "two lines": self._two_lines,
            "copy": self._copy,
            "clash": self._clash,
            "refused": self._refused,
        }

    def plant(self, folder: Path, files: int, rows: int) -> Planted:
        folder.mkdir()
        for number in range(files):
            path = folder / f"part-{number:03d}.csv"
            lines = [self._line((path.name, row), number * rows + row) for row in range(1, rows + 1)]
            path.write_bytes("\n".join([",".join(HEADER), *lines, ""]).encode(errors="surrogateescape"))
            self._done.paths.append(path)
        return self._done

    def _line(self, place: Place, serial: int) -> str:
        cells = [f"IR{serial:07d}", "", f"Investor {serial}", "Person", f"P{serial:07d}", "Norway"]
        if self._draw.random() >= self._share or not self._clean:
            self._clean.append((place, cells))
            return self._good(place, cells)
        kind = self._draw.choice([*self._spoilt, *self._others])
        self._done.kinds[kind] += 1
        if kind in self._others:
            return self._others[kind](place, cells)
        column, cell = self._spoilt[kind]
        return self._bad(place, [*cells[:column], cell, *cells[column + 1 :]])

    def _good(self, place: Place, cells: Sequence[str]) -> str:
        self._done.states[place] = "accepted"
        self._done.names[cells[0]] = cells[2]
        return ",".join(f'"{cell}"' if "\n" in cell else cell for cell in cells)

    def _bad(self, place: Place, cells: Sequence[str], state: str = "invalid") -> str:
        self._done.states[place] = state
        return ",".join(cells)

    def _too_few(self, place: Place, cells: list[str]) -> str:
        return self._bad(place, cells[:-1])

    def _two_lines(self, place: Place, cells: list[str]) -> str:
        return self._good(place, [*cells[:2], f"{cells[2]}\nand daughter", *cells[3:]])

    def _copy(self, place: Place, _: list[str]) -> str:
        return self._bad(place, self._earlier()[1], "duplicate")

    def _clash(self, place: Place, cells: list[str]) -> str:
        """The key of an earlier row with another name: neither of them gets in."""
        where, earlier = self._earlier()
        self._done.states[where] = "invalid"
        del self._done.names[earlier[0]]
        return self._bad(place, [earlier[0], *cells[1:]])

    def _refused(self, place: Place, cells: list[str]) -> str:
        number = self._done.kinds["refused"]
        assert number <= SEEDS
        return self._bad(place, [*seed_ids(number), *cells[2:]], "failed")

    def _earlier(self) -> tuple[Place, list[str]]:
        """A clean row from anywhere before, which is not drawn again."""
        position = self._draw.randrange(len(self._clean))
        self._clean[position], self._clean[-1] = self._clean[-1], self._clean[position]
        return self._clean.pop()
