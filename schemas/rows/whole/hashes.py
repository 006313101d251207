"""Hashes of the texts of a column, the same in every process and on every machine, without a Python text for each."""

import hashlib

import numpy as np
import numpy.typing as npt

from schemas.rows.whole.columns import Texts

_WORD = 8
_LONGEST = 128
"""Bytes of a text that is hashed together with others; a longer one is hashed alone."""

_MASKS = np.array([(1 << 8 * octets) - 1 for octets in range(_WORD + 1)], np.uint64)
"""What is kept of a word in which so many bytes are the text's."""

_HALF = np.uint64(32)
_FACTORS = np.frombuffer(hashlib.shake_128(b"factors").digest(_LONGEST + _WORD), "<u8") | np.uint64(1)
"""Of the length, and of each word by its place; odd, so that no bit of a word is lost."""

_LAST = _FACTORS[0]


def hashes(texts: Texts) -> npt.NDArray[np.int64]:
    """A hash of each text, which tells nearly all different texts apart; shape (texts,), int64."""
    lengths, starts = texts.lengths, texts.starts[:-1]
    found = lengths.astype(np.uint64) * _FACTORS[0]
    octets = np.concatenate((texts.octets, np.zeros(_WORD, np.uint8)))
    words = np.ndarray((len(texts.octets) + 1,), "<u8", octets, strides=(1,))  # one that begins at every byte
    shortest = int(lengths.min(initial=_LONGEST))
    for place, at in enumerate(range(0, min(texts.longest, _LONGEST), _WORD)):
        if at + _WORD <= shortest:
            word = words[starts + at]
        else:
            word = words[np.minimum(starts + at, len(texts.octets))] & _MASKS[np.clip(lengths - at, 0, _WORD)]
        word ^= word >> _HALF
        word *= _FACTORS[place + 1]
        word ^= word >> _HALF
        found += word * _LAST
    for long in np.flatnonzero(lengths > _LONGEST).tolist():
        text = texts.octets[starts[long] : texts.starts[long + 1]]
        found[long] = int.from_bytes(hashlib.blake2b(text.data, digest_size=_WORD).digest(), "little")
    signed: npt.NDArray[np.int64] = found.view(np.int64)
    return signed
