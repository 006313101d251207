"""Where a large CSV may be cut into shards.

Owns a guess that costs little: line feeds with an even number of quotes before them. Whoever reads a shard finds out
whether a record ends where it does; see `connectors.extracts.batches.MisalignedError`.
"""

import numpy as np

from connectors.extracts.source_files import Source

_BLOCK = 1 << 20


def ends_of_records(source: Source, quote: str, offset: int, line: int, wanted: list[int]) -> list[tuple[int, int]]:
    """Places in a file at which records probably end.

    Args:
        source: the file, neither compressed nor transcoded.
        quote: encloses cells; empty where quotes are text.
        offset: where its records begin, in bytes.
        line: the physical line of that.
        wanted: offsets behind that, ascending, of which the next such place is wanted.

    Returns:
        Ascending (offset, physical line) behind a line feed, at most one for each, none of them at the end of the file.

    Raises:
        ExtractError: the file cannot be opened, or is not the file it was.
    """
    mark = quote.encode()
    found: list[tuple[int, int]] = []
    inside = False
    with source.open() as handle:
        handle.seek(offset)
        while wanted and (block := handle.read(_BLOCK)):
            done = 0
            while wanted and wanted[0] < offset + len(block):
                start = max(done, wanted[0] - offset)
                inside ^= _many(block, mark, done, start) % 2 == 1
                line += _many(block, b"\n", done, start)
                done, inside, line, ended = _to_end(block, start, mark, line, inside=inside)
                if not ended:
                    break  # the record goes on in the next block
                wanted = [place for place in wanted if place >= offset + done]
                if offset + done < source.size:
                    found.append((offset + done, line))
            inside ^= _many(block, mark, done, len(block)) % 2 == 1
            line += _many(block, b"\n", done, len(block))
            offset += len(block)
    return found


def _many(block: bytes, mark: bytes, start: int, stop: int) -> int:
    """How often something is in a part of a block; numpy counts a byte four times as fast as `bytes` does."""
    if len(mark) != 1:
        return block.count(mark, start, stop) if mark else 0
    return int(np.count_nonzero(np.frombuffer(block, np.uint8, stop - start, start) == mark[0]))


def _to_end(block: bytes, start: int, mark: bytes, line: int, *, inside: bool) -> tuple[int, bool, int, bool]:
    """Goes from a place to behind the next line feed outside quotes.

    Returns:
        Where that is, or the end of the block; whether it is inside quotes, its line, and whether a record ended.
    """
    while (feed := block.find(b"\n", start)) >= 0:
        inside ^= bool(mark and block.count(mark, start, feed) % 2)
        start, line = feed + 1, line + 1
        if not inside:
            return start, inside, line, True
    inside ^= bool(mark and block.count(mark, start) % 2)
    return len(block), inside, line, False
