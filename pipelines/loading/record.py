"""Writes the manifest of a run under way, also when the run ends in an error."""

from connectors.run_folder.folder import RunFolder
from schemas.errors import FatalError, LoadError
from schemas.manifest import Manifest
from schemas.verdicts import EXIT_CODES, Verdict


class Record:
    """The manifest of a run, as this process knows it.

    Attributes:
        manifest: as it was last written, or as it will first be written.
    """

    def __init__(self, folder: RunFolder, manifest: Manifest) -> None:
        self.manifest = manifest
        self._folder = folder
        self._is_written = False

    def write(self, manifest: Manifest) -> None:
        """Writes the manifest to disk."""
        self.manifest = manifest
        self._is_written = True
        self._folder.write_manifest(manifest)

    def fail(self, error: BaseException) -> None:
        """Records that the run ended in an error, unless it has a verdict already.

        A run that cannot be resumed because its extract changed stays as it was, with the hashes it began with.
        """
        if self._is_written and self.manifest.verdict is Verdict.UNFINISHED:
            stopped = isinstance(error, FatalError) and error.exit_code == EXIT_CODES[Verdict.STOPPED]
            text = error.message if isinstance(error, LoadError) else type(error).__name__
            self.write(self.manifest.changed(verdict=Verdict.STOPPED if stopped else Verdict.ERROR, error=text))
