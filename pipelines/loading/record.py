"""The manifest of a run under way: what it says by now, and what becomes of it when the run ends in an error."""

from connectors.run_folder.folder import RunFolder
from schemas.errors import FatalError, LoadError
from schemas.manifest import Manifest
from schemas.verdicts import EXIT_CODES, Verdict


class Record:
    """What this process has to say of a run.

    Attributes:
        manifest: what the run's manifest says, or will say once it is written.
    """

    def __init__(self, folder: RunFolder, manifest: Manifest) -> None:
        self.manifest = manifest
        self._folder = folder
        self._is_written = False

    def write(self, manifest: Manifest) -> None:
        """Writes the manifest down."""
        self.manifest = manifest
        self._is_written = True
        self._folder.write_manifest(manifest)

    def fail(self, error: BaseException) -> None:
        """Writes down that the run ended in an error, unless its verdict is known.

        A run that may not go on, as its extract changed, stays as it was: the hashes it began with are its own.
        """
        if self._is_written and self.manifest.verdict is Verdict.UNFINISHED:
            stopped = isinstance(error, FatalError) and error.exit_code == EXIT_CODES[Verdict.STOPPED]
            text = error.message if isinstance(error, LoadError) else type(error).__name__
            self.write(self.manifest.changed(verdict=Verdict.STOPPED if stopped else Verdict.ERROR, error=text))
