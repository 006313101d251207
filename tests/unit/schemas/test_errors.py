"""Errors cross process boundaries with all their attributes."""

import importlib
import pickle
import pkgutil

import pytest

import connectors
import pipelines.report.report
import schemas
from schemas.answers import Problem
from schemas.errors import LoadError, RejectedError, ThrottledError


def _every(kind: type[LoadError]) -> list[type[LoadError]]:
    return [kind, *(sub for child in kind.__subclasses__() for sub in _every(child))]


for package in (schemas, connectors):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "sandbox" not in module.name:
            importlib.import_module(module.name)

assert issubclass(pipelines.report.report.RowsNotAcceptedError, LoadError)  # pipelines has one of its own

EXIT_CODES = {
    "LoadError": 1,
    "FatalError": 4,
    "ConfigError": 2,
    "MissingError": 3,
    "ExtractError": 2,
    "AuthError": 4,
    "UnreachableError": 4,
    "StoppedError": 4,
    "RunFolderError": 4,
    "BalanceError": 5,
    "RetryableError": 1,
    "NeverSentError": 1,
    "PerhapsAppliedError": 1,
    "ThrottledError": 1,
    "RejectedError": 1,
    "RowsNotAcceptedError": 3,
}


@pytest.mark.parametrize("kind", _every(LoadError), ids=lambda k: k.__name__)
def test_every_error_survives_pickling_with_its_attributes(kind: type[LoadError]) -> None:
    error = kind("line 1 of a message")
    error.note = {"seen": 3}  # type: ignore[attr-defined]  # any attribute is carried

    back = pickle.loads(pickle.dumps(error))

    assert type(back) is kind
    assert back.__dict__ == error.__dict__
    assert (str(back), back.message, back.args) == ("line 1 of a message",) * 2 + (("line 1 of a message",),)


@pytest.mark.parametrize("kind", _every(LoadError), ids=lambda k: k.__name__)
def test_every_error_has_the_exit_code_of_the_design(kind: type[LoadError]) -> None:
    inherited = next(c.__name__ for c in kind.__mro__ if c.__name__ in EXIT_CODES)

    assert kind.exit_code == EXIT_CODES[inherited]


def test_the_attributes_of_an_error_are_pickled_completely() -> None:
    throttled = pickle.loads(pickle.dumps(ThrottledError("wait", wait_seconds=1.5)))
    problem = Problem(status=409, code=156, name="ConcurrencyConflict", errors={"requests[0].side": ("bad",)})
    rejected = pickle.loads(pickle.dumps(RejectedError("no", status=409, problem=problem)))

    assert throttled.wait_seconds == 1.5
    assert (rejected.status, rejected.problem) == (409, problem)
    assert RejectedError("no").problem == Problem(status=400)
