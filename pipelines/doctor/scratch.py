"""What the doctor makes in LUSID, and how it is removed again: written down before it is made, so that nothing is lost.

What was made lies beside the file of findings, in `<file>.left`, which only grows and is removed once nothing is left.
Whoever finds one there removes first what it names.
"""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from connectors.lusid.client import LusidClient
from schemas.errors import ConfigError, LoadError

_GONE = 404
UNANSWERED_SECONDS = 2.0
"""How long a call may still be on its way whose answer was not waited for; then what it made is removed once more."""

_MOST_SILENT = 2
_PASSES = 3
"""A block is removed only after its orders, a person only after its record."""


class Made(NamedTuple):
    """Something that the doctor makes.

    Attributes:
        name: what it is, for people.
        path: where it is deleted.
        params: the query with which it is.
    """

    name: str
    path: str
    params: tuple[tuple[str, str], ...] = ()


class Scratch:
    """What was made and is still there, on disk and in memory."""

    def __init__(self, file: IO[str], made: list[Made]) -> None:
        self._file, self._made = file, made
        self._unanswered: set[Made] = set()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not self._made

    def will_make(self, *things: Made) -> None:
        """Notes what is about to be made; only then may it be.

        Raises:
            ConfigError: it cannot be written down.
        """
        _append(self._file, *({"made": each} for each in things))
        self._made += things
        self._unanswered.update(things)

    def never_made(self, *things: Made) -> None:
        """Notes that what was noted was not made."""
        for made in things:
            self._made.remove(made)
            _append(self._file, {"removed": made})

    def answered(self, *things: Made) -> None:
        """Notes that the call that was to make them is over: what is not there now will not come."""
        self._unanswered.difference_update(things)

    def remove_all(self, client: LusidClient) -> list[str]:
        """Removes what was made, the latest first; returns what it could not remove, each with the reason."""
        why: dict[Made, str] = {}
        silent = Counter[str]()
        for _ in range(_PASSES):
            before = len(self._made)
            for made in reversed(self._made.copy()):
                why[made] = _removed(client, made, silent)
                if not why[made] and made not in self._unanswered:
                    self._made.remove(made)
                    _append(self._file, {"removed": made})
            if self._unanswered:
                client.pause(UNANSWERED_SECONDS)
                self._unanswered.clear()
            elif not self._made or len(self._made) == before:
                break
        return [f"{made.name}: {why[made]}" for made in self._made]


@contextmanager
def scratch_in(path: Path, about: Mapping[str, str]) -> Iterator[Scratch]:
    """The scratch that a file keeps, for one process at a time; the file is removed where nothing is left in the end.

    Args:
        path: the file.
        about: the target and dialect that it is of.

    Raises:
        ConfigError: the file cannot be written, is of another target, or another process has it.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written, and nothing is made that is not written down first: {error.strerror}"
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"another doctor is at work with {path}: wait for it, or name another --out") from None
        file.seek(0)
        lines = file.read().splitlines()
        scratch = Scratch(file, _left(lines, path, about) if lines else [])
        if not lines:
            _append(file, {"of": dict(about)})
        try:
            yield scratch
        finally:
            if scratch.is_empty:
                path.unlink(missing_ok=True)


def _left(lines: list[str], path: Path, about: Mapping[str, str]) -> list[Made]:
    """What an earlier process left.

    Raises:
        ConfigError: that is of another target, or the file is damaged.
    """
    found: dict[Made, None] = {}
    for number, line in enumerate(lines):
        try:
            ((kind, said),) = json.loads(line).items()
            if kind == "of":
                _check_target(said, path, about)
            elif kind == "made":
                found[_made(said)] = None
            else:
                found.pop(_made(said), None)
        except (ValueError, TypeError, LookupError, AttributeError):
            if number + 1 < len(lines):  # the last line may be cut short: what it names was not made
                raise ConfigError(f"{path} is damaged: remove by hand what it names, then the file") from None
    return [*found]


def _check_target(said: Mapping[str, str], path: Path, about: Mapping[str, str]) -> None:
    if said != dict(about):
        raise ConfigError(
            f"{path} names what an earlier doctor left in {said['target']} (dialect {said['dialect']}): run it with "
            "that target and dialect, which removes it, or name another --out"
        )


def _made(said: Any) -> Made:
    name, path, params = said
    return Made(name, path, tuple((key, value) for key, value in params))


def _append(file: IO[str], *lines: Mapping[str, object]) -> None:
    try:
        file.writelines(json.dumps(line) + "\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError(f"{file.name} cannot be written, so nothing more is made: {error.strerror}") from None


def _removed(client: LusidClient, made: Made, silent: Counter[str]) -> str:
    """Removes it; returns why it could not, or an empty text.

    Args:
        silent: how often there was no answer, by collection; then no more is tried there.
    """
    collection = "/".join(made.path.split("/")[:3])
    if silent[collection] >= _MOST_SILENT:
        return f"DELETE {collection} is not answered, so it was not tried"
    try:
        answer = client.ask("DELETE", made.path, params=made.params)
    except LoadError as error:
        silent[collection] += 1
        return error.message
    if answer.status // 100 == 2 or (answer.status == _GONE and answer.is_own):
        return ""
    said = answer.body.get("detail") if isinstance(answer.body, dict) else None
    return f"answered {answer.status}{f': {said}' if said else ''}"
