"""Options that are a choice of words."""

from enum import StrEnum


class UnknownInstruments(StrEnum):
    """What becomes of rows whose instrument LUSID does not know."""

    REPORT = "report"
    """They are sent, and those that LUSID takes on the unknown instrument are an alert."""
    REFUSE = "refuse"
    """LUSID is asked first, and they are held."""


class Engine(StrEnum):
    """Who prepares the rows of a large extract."""

    LOCAL = "local"
    """Processes of this machine."""
    DASK = "dask"
    """Tasks on a Dask cluster."""
