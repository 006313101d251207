"""Copies of the files of an extract that are elsewhere, for as long as they are read.

Owns listing, patterns, copying through cut connections, and noticing that a file was replaced meanwhile. Must not know
what is inside a file.
"""

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from glob import has_magic
from pathlib import Path
from typing import Any, BinaryIO

from connectors.extracts.remote.places import client_errors, connected, is_url, kind_of_place, told
from connectors.extracts.source_files import Source, find_sources, is_shown, source_of, unique
from connectors.run_folder.folder import make_runs_folder
from schemas.errors import ExtractError

TRIES = 4
"""How often in a row a connection may break before a file is given up; any byte that arrives begins anew."""
PAUSE = 0.5
"""Seconds to wait after the first break; each further one adds as many."""

_BLOCK = 8 << 20
_PREFIX = ".fetched-"
_PINS = ("ETag", "etag", "VersionId", "size", "mtime", "LastModified", "last_modified", "Last-Modified", "updated")
"""What file systems tell of a file that changes when the file does."""


@dataclass(frozen=True)
class _Remote:
    """A file that is elsewhere.

    Attributes:
        path: in its file system.
        pin: what was told of it when it was found.
    """

    path: str
    size: int | None
    pin: tuple[str, ...]


@contextmanager
def local_sources(paths: Sequence[str | Path], scratch: Path) -> Iterator[list[Source]]:
    """The files of an extract, those that are elsewhere as copies that are removed at the end.

    Args:
        paths: files, patterns, directories, or URLs of those.
        scratch: a folder of this user's; copies go into a private one in it.

    Raises:
        ConfigError: a URL is refused, or what its place needs is not installed.
        ExtractError: see `find_sources`; or a file cannot be fetched, or was replaced meanwhile.
    """
    if not any(map(is_url, paths)):
        yield find_sources(paths)
        return
    with _private_folder(scratch) as folder:
        found: list[Source] = []
        for number, path in enumerate(paths):
            if is_url(path):
                found += _fetched(str(path), folder / str(number))
            else:
                found += find_sources([path])
        yield unique(found)


@contextmanager
def _private_folder(scratch: Path) -> Iterator[Path]:
    """A folder for its owner only; what a killed process left of one is removed first."""
    make_runs_folder(scratch)
    for left in scratch.glob(f"{_PREFIX}*/lock"):
        with suppress(OSError), left.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left.parent, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=scratch) as name, Path(name, "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(name)


def _fetched(url: str, folder: Path) -> list[Source]:
    """The files that a URL stands for, copied."""
    fs, root = connected(url)
    folder.mkdir()
    with ExitStack() as closing:
        if kind_of_place(url).extra == "sftp":  # the others keep no connection
            closing.callback(fs.client.close)
        return _copied(fs, root, url, folder)


def _copied(fs: Any, root: str, url: str, folder: Path) -> list[Source]:
    """The same of a place that is connected."""
    try:
        found = [(source, _remote(fs, path)) for source, path in _listed(fs, root, url, folder)]
    except FileNotFoundError as error:
        cause = error.__cause__  # of a web server, any failure is a file that is not found
        if isinstance(cause, client_errors(url)) and not isinstance(cause, FileNotFoundError):
            raise ExtractError(f"{url}: cannot be reached: {told(cause)}") from None
        raise ExtractError(f"{url}: there is no such file") from None
    except client_errors(url) as error:
        raise ExtractError(f"{url}: cannot be read: {told(error)}") from None
    sources = []
    for source, remote in found:
        _copy(fs, url, source.name, remote, source.path)
        sources.append(replace(source_of(source.path, source.name), origin=_url_of(remote.path, fs, root, url)))
    return sources


def _listed(fs: Any, root: str, url: str, folder: Path) -> list[tuple[Source, str]]:
    """The files that a URL stands for, empty as yet, each with its path elsewhere."""
    if has_magic(root):
        keep_all = root.rpartition("/")[2].startswith("_")
        names = sorted(name for name, info in fs.glob(root, detail=True).items() if info["type"] == "file")
        names = [name for name in names if keep_all or is_shown(name.rpartition("/")[2])]
        if not names:
            raise ExtractError(f"{url}: no file matches the pattern")
        return [(_placed(folder / str(i), name, _url_of(name, fs, root, url)), name) for i, name in enumerate(names)]
    info = fs.info(root)
    if info["type"] == "file":
        return [(_placed(folder, root, url), root)]
    return _in_directory(fs, root, url, folder)


def _url_of(remote: str, fs: Any, root: str, url: str) -> str:
    """The URL of a file, in the words of the one that was given."""
    given = url.rstrip("/")
    return given.removesuffix(root) + remote if given.endswith(root) else str(fs.unstrip_protocol(remote))


def _placed(folder: Path, remote: str, name: str) -> Source:
    """A file in a folder of its own: its name tells what it is."""
    folder.mkdir(exist_ok=True)
    path = folder / remote.rstrip("/").rpartition("/")[2]
    path.touch()
    return source_of(path, name)


def _in_directory(fs: Any, root: str, url: str, folder: Path) -> list[tuple[Source, str]]:
    """The files of a directory that an extract may be of, as a local directory with the same names has them."""
    below = folder / (root.rstrip("/").rpartition("/")[2] or "extract")
    below.mkdir()
    origins: dict[Path, str] = {}
    for remote in fs.find(root):
        name = remote[len(root) :].lstrip("/")
        if ".." in name.split("/"):  # as a path it would leave the folder
            raise ExtractError(f"{url}: holds a file whose name is no path below it: rename it, or name the others")
        path = below / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        origins[path] = remote
    try:
        return [(source, origins[source.path]) for source in find_sources([below])]
    except ExtractError as error:
        raise error.reworded(lambda text: text.replace(str(below), url)) from None


def _remote(fs: Any, path: str) -> _Remote:
    """A file as it is now."""
    info: Mapping[str, Any] = fs.info(path)
    return _Remote(path, info.get("size"), tuple(str(info.get(name)) for name in _PINS))


def _copy(fs: Any, url: str, name: str, remote: _Remote, target: Path) -> None:
    """Copies a file, and makes sure that it is the one that was found, whole.

    Raises:
        ExtractError: it was replaced meanwhile, or the connection breaks again and again.
    """
    errors = client_errors(url)
    breaks = 0
    with target.open("wb") as out:
        while True:
            before = out.tell()
            try:
                if breaks:
                    fs, _ = connected(url)
                _fill(fs, remote, out, name)
            except (FileNotFoundError, PermissionError) as error:
                raise ExtractError(f"{name}: cannot be read any more: {told(error)}") from None
            except errors as error:
                breaks = 1 if out.tell() > before else breaks + 1
                if breaks >= TRIES:
                    told_on = f"the connection broke {TRIES} times after {out.tell():,} bytes ({told(error)})"
                    raise ExtractError(f"{name}: {told_on}: load again") from None
                time.sleep(PAUSE * breaks)
            else:
                return


def _fill(fs: Any, remote: _Remote, out: BinaryIO, name: str) -> None:
    """Adds what a copy lacks, having looked before and after whether the file is still the one that was found."""
    _check_same(fs, remote, name)
    for block in _blocks(fs, remote, out.tell()):
        try:
            out.write(block)
        except OSError as error:
            raise ExtractError(f"{name}: cannot be copied into the folder of runs: {error.strerror}") from None
    if remote.size is not None and out.tell() < remote.size:
        raise EOFError(f"{out.tell():,} bytes of {remote.size:,}")
    _check_same(fs, remote, name)


def _check_same(fs: Any, remote: _Remote, name: str) -> None:
    fs.invalidate_cache()
    if _remote(fs, remote.path).pin != remote.pin:
        raise ExtractError(
            f"{name}: the file changed while it was being fetched: run again when whatever writes it has finished"
        )


def _blocks(fs: Any, remote: _Remote, start: int) -> Iterator[bytes]:
    """The bytes of a file from a place on."""
    with fs.open(remote.path, "rb", block_size=_BLOCK) as file:
        if start:
            file.seek(start)
        if hasattr(file, "prefetch") and remote.size is not None:  # of SFTP, which waits for each block otherwise
            file.prefetch(remote.size)
        while block := file.read(_BLOCK):
            yield block
