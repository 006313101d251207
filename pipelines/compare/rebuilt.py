"""Makes the requests of a run again, from its unchanged extract and mapping; nothing that was delivered is asked."""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from connectors.extracts.mapping_file import file_sha256, read_mapping
from connectors.run_folder.folder import RunFolder
from pipelines.compare.accepted import AcceptedKey
from pipelines.loading.earlier import Earlier
from pipelines.loading.given_extract import open_files
from pipelines.loading.opening import bind, expectations
from pipelines.loading.spec import LoadSpec
from pipelines.operations.operation import CallSpec, Operation
from pipelines.options import Options, Progress
from pipelines.planning.held import sent_request
from pipelines.prepare.reading import Prepared, Rules, prepare
from schemas.errors import ConfigError
from schemas.manifest import Manifest


class RebuiltRequests:
    """The requests of a run, by its accepted keys; safe to share between threads."""

    def __init__(self, prepared: Prepared, operation: Operation, options: Options) -> None:
        self._prepared = prepared
        self._spec = CallSpec(operation, options.mode, options.dialect)
        self._requests = prepared.book.requests
        book = prepared.book
        self._starts: dict[str, tuple[list[int], list[int]]] = {}
        for batch in book.batches:
            rows, ordinals = self._starts.setdefault(book.extract.sources[batch.source].name, ([], []))
            rows.append(batch.first_row)
            ordinals.append(batch.start)

    def body(self, key: AcceptedKey) -> Any:
        """The request of a key as it goes on the wire; numbers are exact.

        Raises:
            ConfigError: its row makes another request now.
        """
        request = self._request(key)
        if request < 0 or self._prepared.key(request) != key.key:
            raise ConfigError(
                f"row {key.rows[0]} of {key.source} makes another request than the run sent, though the extract has "
                "not changed: verify it with the version of bulkload that loaded it (`bulkload report`)"
            )
        return sent_request(self._prepared, self._spec, request)

    def _request(self, key: AcceptedKey) -> int:
        """The number of the request that its first row went into; -1 where it went into none."""
        rows, ordinals = self._starts.get(key.source, ([], []))
        place = bisect_right(rows, key.rows[0]) - 1
        ordinal = ordinals[place] + key.rows[0] - rows[place] if place >= 0 else len(self._requests)
        return int(self._requests[ordinal]) if ordinal < len(self._requests) else -1


def changed_since(folder: RunFolder, manifest: Manifest) -> str:
    """What of a run's extract and mapping is gone or no longer what it was; empty where all is as it was."""
    found = ((each, each.found_in(folder.path)) for each in manifest.extracts)
    given = [("its extract", path, each.sha256) for each, path in found if isinstance(path, Path)]  # others are fetched
    if manifest.mapping is not None:
        given.append(("its mapping", Path(manifest.mapping.path), manifest.mapping.sha256))
    for name, path, digest in given:
        try:
            is_same = file_sha256(path) == digest
        except OSError:
            return f"{name} cannot be read ({path})"
        if not is_same:
            return f"{name} has changed ({path})"
    return ""


@contextmanager
def rebuilt(
    folder: RunFolder, manifest: Manifest, operation: Operation, options: Options, progress: Progress
) -> Iterator[RebuiltRequests]:
    """Reads and validates the extract again, as the run did.

    Args:
        folder: the run's; while the block lasts, a folder within it holds the requests.
        manifest: the run's.
        operation: the run's.
        options: the run's.
        progress: told the rows read so far.

    Raises:
        ConfigError, ExtractError: the extract cannot be read.
        RunFolderError: the requests cannot be written.
    """
    earlier = Earlier(folder, [file.name for file in manifest.extracts])
    paths = [str(file.found_in(folder.path)) for file in manifest.extracts]
    spec = LoadSpec(operation, paths, options, progress, earlier)
    with ExitStack() as closing:
        scratch = closing.enter_context(TemporaryDirectory(prefix="verify-", dir=folder.path))
        mapping = read_mapping(options.mapping, operation.name) if options.mapping else None
        extract = closing.enter_context(open_files(spec, mapping))
        if extract.digests() != [file.sha256 for file in manifest.extracts]:
            raise ConfigError("its extract has changed")
        binding = bind(spec, mapping, extract)
        expect = expectations(spec, mapping, extract.columns)
        rules = Rules(operation, options.dialect, options.duplicates, options.max_batch_bytes, options.hold, expect)
        prepared = prepare(extract, binding, rules, Path(scratch), lambda read, _: progress.reading(read))
        closing.callback(prepared.close)
        yield RebuiltRequests(prepared, operation, options)
