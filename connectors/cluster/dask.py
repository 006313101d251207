"""Dask, which is not installed everywhere, and need not be where nobody asks for it."""

import importlib
import logging
from contextlib import AbstractContextManager
from typing import Any

from schemas.errors import ConfigError


def dask() -> Any:
    """The package `distributed`.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        found = importlib.import_module("distributed")
    except ImportError:
        raise ConfigError("--engine dask: install what it needs: pip install 'lusid-bulkload[dask]'") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what a load has to say of it, it says itself
    return found


def without_pages() -> AbstractContextManager[object]:
    """Has schedulers and workers that are started meanwhile show nothing of themselves to a browser."""
    dask()  # it brings its settings
    config: Any = importlib.import_module("dask.config")
    settings = {f"distributed.{each}.http.routes": list[str]() for each in ("scheduler", "worker")}
    found: AbstractContextManager[object] = config.set(settings)
    return found
