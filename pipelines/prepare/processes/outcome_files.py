"""How a process hands its `Outcome` over: in a file, whose large arrays neither side copies.

An outcome has some fifty bytes for each row. They are written as they lie in memory, behind what is pickled of the
rest, and read as memory of the file (pickle's protocol 5, PEP 574).
"""

import io
import mmap
import pickle
from array import array
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pipelines.prepare.processes.workers import Outcome

_ALIGNED = 8


class _Pickler(pickle.Pickler):
    """Leaves the contents of arrays out, as numpy's own are left out."""

    def reducer_override(self, given: Any) -> Any:
        if isinstance(given, array):
            return _numbers, (given.typecode, pickle.PickleBuffer(given))
        return NotImplemented


def _numbers(typecode: str, content: Any) -> npt.NDArray[Any]:
    return np.frombuffer(content, typecode)


def write_outcome(outcome: Outcome, file: BinaryIO) -> None:
    """Writes an outcome into a new file."""
    buffers: list[pickle.PickleBuffer] = []
    head = io.BytesIO()
    _Pickler(head, pickle.HIGHEST_PROTOCOL, buffer_callback=buffers.append).dump(outcome)
    parts = [memoryview(head.getbuffer()), *(each.raw() for each in buffers)]
    pickle.dump([part.nbytes for part in parts], file)
    for part in parts:
        file.write(bytes(-file.tell() % _ALIGNED))
        file.write(part)
    file.flush()


def read_outcome(file: BinaryIO) -> Outcome:
    """Reads what `write_outcome` wrote; arrays of any kind are numpy's, and cannot be changed.

    The memory is the file's, which may be closed, until nobody uses them any more.
    """
    file.seek(0)
    sizes: list[int] = pickle.load(file)  # noqa: S301 - our own process wrote it
    at, parts = file.tell(), list[memoryview]()
    content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    for size in sizes:
        at += -at % _ALIGNED
        parts.append(content[at : at + size])
        at += size
    head, *buffers = parts
    found: Outcome = pickle.loads(head, buffers=buffers)  # noqa: S301 - the same
    return found
