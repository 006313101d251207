"""The door of the command: makes sure that bulkload's own packages are imported, then hands over to `pipelines.cli`.

They are called schemas, connectors and pipelines, and many projects have folders of those names. Where Python finds
such a folder first, nothing of bulkload runs; this module, whose name nobody else has, can say so.
"""

import atexit
import gc
import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("schemas", "connectors", "pipelines")
_USAGE = 2
_COLLECT_EVERY = 100_000
"""Objects between two looks for cyclic garbage. A command imports some 500 modules, which are none: to look through
them again and again, and once more at the end, would take a fifth of the time of a small load."""


def main() -> None:
    """Runs the command line of the process and ends it."""
    if hidden := hidden_by(Path(__file__).parent):
        sys.stderr.write(f"bulkload: {hidden}\n")
        sys.exit(_USAGE)
    gc.set_threshold(_COLLECT_EVERY)
    atexit.register(gc.freeze)
    from pipelines.cli.main import main as run

    run()


def hidden_by(home: Path) -> str:
    """Which folders Python finds in place of bulkload's packages, and what to do; empty where there are none.

    Args:
        home: the folder that holds this module and the packages.
    """
    found = {name: _place(name) for name in PACKAGES}
    strangers = [str(place) for place in found.values() if place is not None and place.parent != home.resolve()]
    if not strangers:
        return ""
    return (
        f"Python finds {', '.join(strangers)} before bulkload's own packages of these names: start it from another "
        "folder and without PYTHONPATH, or install it in an environment of its own (docs/install.md)"
    )


def _place(name: str) -> Path | None:
    """The folder that an import of a package would take; None where there is none."""
    spec = find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(places[0]).resolve() if places else None


if __name__ == "__main__":
    main()
