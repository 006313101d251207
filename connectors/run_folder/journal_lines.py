"""The lines of a journal and of its parts, as they are read.

Where several processes send, each journals in a part of its own, whose lines go behind those of the journal in the end:
`journal-<size>-live-<number>.jsonl` is a part of a journal of that size; one of another size has its lines already.
Whoever reads a journal reads its parts behind it, their calls numbered on: first those of processes that died, in the
order in which others made them good, for what one sent another may have sent again.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from schemas.errors import RunFolderError

IN_PARTS = 1 << 44
"""Offsets from here on are those of lines in parts."""


def parts_of(path: Path, size: int) -> list[Path]:
    """The parts of a journal of so many bytes."""
    found = path.parent.glob(f"{path.stem}-{size}-*-*.jsonl")
    return sorted(found, key=_order)


def _order(part: Path) -> tuple[bool, int]:
    *_, word, number = part.stem.split("-")
    return word == "live", int(number)


def part_of(path: Path, size: int, number: int) -> Path:
    """The part of a journal of so many bytes that another process is given."""
    return path.with_name(f"{path.stem}-{size}-live-{number}.jsonl")


def taken_from(part: Path, order: int) -> Path:
    """The name of a part that was taken from a process that died, as the `order`th."""
    return part.with_stem(f"{part.stem.rpartition('-live-')[0]}-died-{order}")


def journal_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every whole line of a journal and its parts with its offset; other processes may be writing them.

    Raises:
        RunFolderError: the journal cannot be read, or a line is damaged.
    """
    size = calls = 0
    for offset, record, end in _own_lines(path):
        size, calls = end, max(calls, record.get("call", 0))
        yield offset, record
    for number, part in enumerate(parts_of(path, size), 1):
        before = calls
        for offset, record, _ in _own_lines(part):
            if record.get("call"):
                record = {**record, "call": before + record["call"]}
                calls = max(calls, record["call"])
            yield number * IN_PARTS + offset, record


def _own_lines(path: Path) -> Iterator[tuple[int, dict[str, Any], int]]:
    """Every whole line of one file: where it begins, what it says, and where it ends."""
    offset = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):  # it is being written, or a crash cut it short: nobody acted on it
                    return
                record = verified(line)
                if record is None:
                    raise damaged(path, number)
                yield offset, record, offset + len(line)
                offset += len(line)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}") from None


def damaged(path: Path, number: int) -> RunFolderError:
    """The error that says which line is damaged."""
    return RunFolderError(f"{path}: line {number} is damaged: the run cannot be resumed")


def checksummed(record: dict[str, Any]) -> bytes:
    """The line of a record, which has at least one member: its JSON with a checksum of everything before it."""
    text = orjson.dumps(record)[:-1]
    return text + _checksum(text)


def _checksum(text: bytes) -> bytes:
    return b',"crc":"%08x"}\n' % zlib.crc32(text)


def verified(line: bytes) -> dict[str, Any] | None:
    """The record of a line; None when the line is not as it was written."""
    text = line[: -len(_checksum(b""))]
    if line != text + _checksum(text):
        return None
    record: dict[str, Any] = orjson.loads(text + b"}")
    return record
