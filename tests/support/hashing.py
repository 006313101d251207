"""Ways to hash keys: as it is done, and some under which different keys meet, up to all of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pytest

from pipelines.account import key_counts
from pipelines.prepare import key_index
from schemas.rows.whole.columns import Texts
from schemas.rows.whole.hashes import hashes

HASHES: tuple[Callable[[str], int] | None, ...] = (
    None,
    lambda _: 7,
    len,
    lambda key: -1 - len(key) % 2,
    lambda key: (1 << 63) - 1 if key < "b" else -(1 << 63),
    lambda key: sum(map(ord, key)),
)


@contextmanager
def hashed_by(hash_of: Callable[[str], int] | None) -> Iterator[None]:
    """Keys are hashed so meanwhile; None stands for the way they always are."""

    def instead(texts: Texts) -> npt.NDArray[np.int64]:
        return hashes(texts) if hash_of is None else np.fromiter(map(hash_of, texts.items), np.int64, len(texts))

    with pytest.MonkeyPatch.context() as patched:
        for module in (key_index, key_counts):
            patched.setattr(module, "hashes", instead)
        yield
