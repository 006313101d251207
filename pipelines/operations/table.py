"""The table of operations, by name; the engine knows no endpoint by name.

`investors`, `orders` and `booking` declare them.
"""

import copyreg
import pickle
from collections.abc import Callable, Mapping

from pipelines.operations import booking, investors, orders
from pipelines.operations.operation import Operation
from schemas.errors import ConfigError
from schemas.suggestions import did_you_mean

_ALL = (*investors.OPERATIONS, *orders.OPERATIONS, *booking.OPERATIONS)

OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in _ALL}
"""Every operation by the name the command line knows it by."""


def operation_named(name: str) -> Operation:
    """The operation of this name; raises ConfigError with a suggestion when there is none."""
    if name not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        raise ConfigError(f"there is no operation {name}{did_you_mean(name, OPERATIONS)} ({known})")
    return OPERATIONS[name]


def _by_name(operation: Operation) -> tuple[Callable[[str], Operation], tuple[str]]:
    if OPERATIONS.get(operation.name) is not operation:
        raise pickle.PicklingError(f"the operation {operation.name} is not the one of the table")
    return operation_named, (operation.name,)


copyreg.pickle(Operation, _by_name)  # it is made of functions, which another process has by the same name
