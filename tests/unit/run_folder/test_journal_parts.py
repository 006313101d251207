"""A journal in parts: read as one, and taken in whole or not at all, whatever dies meanwhile."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.run_folder.journal import HeldError, Journal
from connectors.run_folder.journal_lines import journal_lines, taken_from
from schemas.errors import RunFolderError

WANTED = [(0, "plan"), (1, "own"), (2, "a1"), (3, "a2"), (0, "none"), (4, "b1"), (5, "b2")]
"""Calls of the parts, numbered on."""


def told(path: Path) -> list[tuple[int, str]]:
    return [(record["call"], record["x"]) for _, record in journal_lines(path)]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal with two parts that nobody writes any more."""
    with closing(Journal(tmp_path / "journal.jsonl")) as own:
        own.append({"call": 0, "x": "plan"})
        own.append({"call": 1, "x": "own"})
        for number, lines in enumerate([[(1, "a1"), (2, "a2"), (0, "none")], [(1, "b1"), (2, "b2")]]):
            with closing(Journal(own.begin_part(number), create=False)) as part:
                for call, text in lines:
                    part.append({"call": call, "x": text})
        yield own


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("journal-*.jsonl"))


def test_parts_are_read_behind_the_journal_and_then_are_in_it(tmp_path: Path, journal: Journal) -> None:
    path, end = tmp_path / "journal.jsonl", journal.end
    assert told(path) == WANTED
    assert journal.take_in_parts() == end
    assert told(path) == WANTED
    assert parts(tmp_path) == []
    for offset, record in journal.lines():
        assert journal.read(offset) == record
    with pytest.raises(HeldError):
        Journal(path)
    journal.append({"call": 6, "x": "more"})
    assert told(path) == [*WANTED, (6, "more")]


@pytest.mark.parametrize("dies_at", ["replace", "unlink"])
def test_whatever_dies_while_they_are_taken_in_a_line_is_there_once(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    path = tmp_path / "journal.jsonl"

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(Path, dies_at, die)
        with pytest.raises(KeyboardInterrupt):
            journal.take_in_parts()
    assert len(parts(tmp_path)) == 2
    assert told(path) == WANTED
    journal.close()
    with closing(Journal(path)) as again:
        again.take_in_parts()
        assert told(path) == WANTED
        assert parts(tmp_path) == []
        again.append({"call": 6, "x": "more"})
    assert told(path) == [*WANTED, (6, "more")]
    monkeypatch.setattr(journal, "close", lambda: None)  # it is closed


def test_a_part_that_somebody_writes_is_not_taken_in(tmp_path: Path, journal: Journal) -> None:
    first, _ = parts(tmp_path)
    with closing(Journal(first, create=False)), pytest.raises(HeldError):
        journal.take_in_parts()
    assert len(parts(tmp_path)) == 2
    assert told(tmp_path / "journal.jsonl") == WANTED


def test_a_part_that_was_taken_from_who_died_comes_first_and_is_not_begun_anew(
    tmp_path: Path, journal: Journal
) -> None:
    """For what one sent that died, another has sent again: the last word is the other's."""
    _, first = parts(tmp_path)
    first.rename(taken_from(first, 0))
    with pytest.raises(RunFolderError, match="No such file"):
        Journal(first, create=False)
    assert [text for _, text in told(tmp_path / "journal.jsonl")] == ["plan", "own", "b1", "b2", "a1", "a2", "none"]


def test_what_a_crash_cut_short_in_a_part_is_no_line(tmp_path: Path, journal: Journal) -> None:
    first, _ = parts(tmp_path)
    with first.open("ab") as file:
        file.write(b'{"call":3,"x":"to')
    assert told(tmp_path / "journal.jsonl") == WANTED
    journal.take_in_parts()
    assert told(tmp_path / "journal.jsonl") == WANTED


def test_a_damaged_part_is_said_and_nothing_is_taken_in(tmp_path: Path, journal: Journal) -> None:
    first, _ = parts(tmp_path)
    first.write_bytes(first.read_bytes().replace(b"a1", b"a9"))
    with pytest.raises(RunFolderError, match="line 1 is damaged"):
        journal.take_in_parts()
    assert len(parts(tmp_path)) == 2


def test_a_journal_whose_place_was_taken_while_it_was_opened_is_not_open(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"

    def late(_: int) -> None:
        monkeypatch.undo()
        journal.take_in_parts()

    monkeypatch.setattr("connectors.run_folder.journal._lock", late)
    with pytest.raises(HeldError):
        Journal(path)
