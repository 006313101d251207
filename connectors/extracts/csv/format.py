"""How a CSV file is to be read.

Owns the declared facts (encoding, delimiter) and the limits. Must not know how they are applied.
"""

from dataclasses import dataclass

from connectors.extracts.batches import MAX_ROWS
from connectors.extracts.csv.stream import Encoding

MAX_LINES = 1000
MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How a CSV file is to be read.

    Attributes:
        encoding: of the stream's bytes, with the name the user gave it.
        delimiter: one ASCII character.
        swapped: the file's lines end in CR; the stream has exchanged CR and LF.
        max_rows: records in a batch, at most.
        max_lines: physical lines in a record, at most.
        max_bytes: bytes in a record, its line end not counted, at most.
        block: bytes looked at together, unless a record needs more.
    """

    encoding: Encoding
    delimiter: str = ","
    swapped: bool = False
    max_rows: int = MAX_ROWS
    max_lines: int = MAX_LINES
    max_bytes: int = MAX_BYTES
    block: int = 1 << 18
