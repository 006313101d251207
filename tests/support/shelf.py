"""Stands where reading from LUSID does: what can be read, by path."""

from typing import Any

from pipelines.operations.evidence import Params
from schemas.answers import Problem
from schemas.errors import LoadError, RejectedError

MISSING = RejectedError("no", 404, Problem(404, is_own=True))
"""LUSID's own word that something is not there."""


class Shelf:
    """What can be read, by path; an error is raised."""

    def __init__(self, **found: Any) -> None:
        self.found = found
        self.asked: list[tuple[str, Params]] = []

    def __call__(self, path: str, params: Params) -> Any:
        self.asked.append((path, params))
        body = self.found.get(path, MISSING)
        if isinstance(body, LoadError):
            raise body
        return body
