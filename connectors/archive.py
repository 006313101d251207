"""Copies of finished runs elsewhere: in a bucket, or on another machine.

Owns copying. Must not know what is in a run's folder, but for the file that says that it is whole.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from connectors.extracts.remote.places import connected, kind_of_place, opener, told
from schemas.errors import ExtractError


def check_installed(url: str) -> None:
    """Makes sure that a place can be written to.

    Raises:
        ConfigError: what it needs is not installed.
    """
    opener(url)


def copy_run(folder: Path, last: Path, url: str) -> str:
    """Copies the files of a folder to a folder of the same name below a URL; gives the URL of that.

    Args:
        folder: of a run that is over.
        last: the file in it that is copied last: where it is, all others are.
        url: as `--archive` takes it.

    Raises:
        ExtractError: something was not copied; what it is, and what the place said.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and path != last)
    with ExitStack() as closing:
        fs, root = connected(url)
        place = f"{root.rstrip('/')}/{folder.name}"
        if kind_of_place(url).extra == "sftp":  # the others keep no connection, and have no folders to be made
            closing.callback(fs.client.close)
            fs.makedirs(place, exist_ok=True)
        _copy(fs, [*files, last], place)
    return f"{url.rstrip('/')}/{folder.name}"


def _copy(fs: Any, files: Sequence[Path], place: str) -> None:
    for path in files:
        try:
            fs.put_file(str(path), f"{place}/{path.name}")
            size = fs.info(f"{place}/{path.name}").get("size")
        except Exception as error:
            raise ExtractError(f"{path.name}: {told(error)}") from error
        if size != path.stat().st_size:
            raise ExtractError(f"{path.name}: {size} bytes of {path.stat().st_size} arrived")
