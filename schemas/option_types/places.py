"""Places elsewhere that an option may name: the scheduler of a cluster, an archive."""

import re

from schemas.errors import ConfigError

_SCHEDULER = re.compile(r"(tcp|tls|ws|wss|ucx)://[^/@\s?#]+:\d+")

_ARCHIVE = re.compile(r"(s3|gs|abfss?|sftp)://[^?#]+", re.IGNORECASE)


def scheduler(text: str) -> str:
    """The address of a Dask scheduler; raises ValueError for another text."""
    if _SCHEDULER.fullmatch(text) is None:
        raise ValueError(text)
    return text


def archive(text: str) -> str:
    """The URL of a place for finished runs; raises ValueError for another text, without it where it holds a secret."""
    user, at, _ = text.partition("://")[2].partition("/")[0].rpartition("@")
    if at and ":" in user:
        said = "--archive: the URL holds a password, which every record of the run would hold: take it out, and let the"
        raise ValueError(ConfigError(f"{said} client find it (keys, an agent, the environment)"))
    if _ARCHIVE.fullmatch(text) is None:
        raise ValueError(text)
    return text
