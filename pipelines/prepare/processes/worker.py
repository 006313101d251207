"""A process that prepares a portion for another one; see `workers`, which starts it."""

import gc
import os

from connectors.memory import plain_memory
from connectors.processes import say, taken
from pipelines.prepare.processes.one_task import prepared
from pipelines.prepare.processes.outcome_files import write_outcome
from pipelines.prepare.processes.workers import Outcome, Task


def main() -> None:
    """Prepares the portion that is named on standard input."""
    gc.disable()  # its scans would cost more than the work itself; this process ends soon
    task: Task
    task, (*scratch, left) = taken()
    with os.fdopen(left, "wb") as file, plain_memory():
        try:
            outcome = prepared(task, scratch, say)
        except MemoryError:
            raise  # this process dies of it, and another one may have more luck
        except Exception as error:  # noqa: BLE001  # whatever it is, the other process says it
            outcome = Outcome(error)
        write_outcome(outcome, file)
    os._exit(0)  # all is written; to take Python down in good order would take a tenth of a second


if __name__ == "__main__":
    main()
