"""What a caller in Python gives and is told, where the command line has files and flags."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from connectors.extracts.mapping_file import mapping_of
from connectors.run_folder.folder import atomic_write, make_runs_folder
from pipelines.options import Options
from schemas.errors import ConfigError, ExtractError, FatalError
from schemas.expectations import Expectations

MAPPINGS = "mappings"
"""The folder, among the runs, of mappings that were given as dicts; each is named for its content."""

_FLAG = re.compile(r"--([a-z]+(?:-[a-z]+)*)( (?=[A-Z0-9']|sandbox\b))?")
_OF_CALLS = {"verify", "again", "force", "sample", "scope", "out", "definitions"}
_ARGUMENTS = {field.name for field in fields(Options)} | set(Expectations.model_fields) | _OF_CALLS
_typed: ContextVar[bool] = ContextVar("typed", default=False)
"""Whether the caller has flags: a command, or a flow, whose messages name what is typed."""


def keep_mapping(content: Mapping[str, Any], operation: str, runs: str | Path) -> Path:
    """Writes a mapping that was given as a dict, so that whoever resumes or replays the run has it; returns its file.

    Args:
        content: what a mapping's file holds; `operation` may be left out.
        operation: what it must be for.
        runs: the folder of the runs.

    Raises:
        ConfigError: it is no mapping, or is for another operation.
        RunFolderError: the folder cannot be written.
    """
    try:
        text = yaml.safe_dump({"operation": operation, **content}, allow_unicode=True, sort_keys=False)
    except yaml.YAMLError:
        raise ConfigError("mapping holds a value that no mapping has: make it text, numbers, lists or dicts") from None
    mapping_of(text, "(a dict)", operation)
    folder = Path(runs) / MAPPINGS
    make_runs_folder(folder)
    file = folder / f"{operation}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.yaml"
    if not file.exists():
        with atomic_write(file) as part:
            part.write_text(text, "utf-8")
    return file


def in_callers_words(error: FatalError) -> FatalError:
    """What is wrong with a call in the words of whoever made it: flags while `speaking_of_flags`, else arguments."""
    if _typed.get() or not isinstance(error, ConfigError | ExtractError):
        return error
    told = error.reworded(partial(_FLAG.sub, _argument))
    return error if told.message == error.message else told


@contextmanager
def speaking_of_arguments() -> Iterator[None]:
    """What is wrong with a call is told in the words of the call: `mode=Atomic` and not `--mode Atomic`.

    Also decorates a function. Does nothing while `speaking_of_flags`.
    """
    try:
        yield
    except (ConfigError, ExtractError) as error:
        told = in_callers_words(error)
        if told is error:
            raise
        raise told from error.__cause__


@contextmanager
def speaking_of_flags() -> Iterator[None]:
    """What is wrong is told by flags, because a command or a flow calls what callers in Python call."""
    token = _typed.set(True)
    try:
        yield
    finally:
        _typed.reset(token)


def _argument(flag: re.Match[str]) -> str:
    name = flag[1].replace("-", "_")
    return flag[0] if name not in _ARGUMENTS else f"{name}=" if flag[2] else name
