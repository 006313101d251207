"""Verifies a run: reads back what it had accepted, and says what LUSID holds otherwise.

What each key should hold comes from the extract, which is read again; of the delivery only the accepted keys are taken.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from connectors.extracts.assumptions_file import read_assumptions
from connectors.lusid.client import LusidClient
from connectors.run_folder.folder import RunFolder, atomic_write
from connectors.run_folder.journal import is_in_use
from connectors.run_folder.verified import VerifiedFile, VerifiedLine
from connectors.targets import Target, lasts, open_target
from pipelines.arguments import speaking_of_arguments
from pipelines.compare.accepted import AcceptedKeys
from pipelines.compare.existence import existence_of
from pipelines.compare.reading_back import CheckedKey, Expect, KeyReader, Result
from pipelines.compare.rebuilt import changed_since, rebuilt
from pipelines.compare.sampling import Sample
from pipelines.deliver.list_reading import LONGEST
from pipelines.history.catalog import find_run
from pipelines.loading.earlier import options_of
from pipelines.operations.table import operation_named
from pipelines.options import Progress
from pipelines.planning.differences import text_of
from pipelines.planning.expected import expected_of
from pipelines.planning.held import EntityReader, in_order, read_lists
from schemas.documents import VerifyDocument
from schemas.errors import ConfigError
from schemas.manifest import Manifest
from schemas.same_load import place_of
from schemas.settings import RUNS
from schemas.texts import many

EXAMPLES = 10
"""Keys that are named with what is wrong with them; verify.parquet names all."""

DIFFERENT = 3
"""The exit code where something is not as it was sent."""


@dataclass(frozen=True)
class Verification:
    """What reading back showed.

    Attributes:
        target: where it was read.
        accepted: keys that the run had accepted, sampled or not.
        counts: the keys that were read back, by result.
        existence_only: why no more was checked than whether they exist; empty where all was.
        examples: some of the keys that do not agree.
        file: verify.parquet.
    """

    run_id: str
    operation: str
    target: str
    accepted: int
    counts: Counter[Result]
    existence_only: str
    examples: Sequence[CheckedKey]
    file: Path

    @property
    def wrong(self) -> int:
        """Keys that are missing, differ, or cannot be read."""
        return sum(self.counts[result] for result in (Result.MISSING, Result.DIFFER, Result.UNCLEAR))

    @property
    def exit_code(self) -> int:
        """0 where all keys agree, or were changed after the run."""
        return DIFFERENT if self.wrong else 0

    def document(self) -> VerifyDocument:
        """What --json prints."""
        return VerifyDocument(
            run_id=self.run_id,
            operation=self.operation,
            target=self.target,
            exit_code=self.exit_code,
            accepted=self.accepted,
            checked=self.counts.total(),
            **{result.value: self.counts[result] for result in Result},
            existence_only=self.existence_only or None,
            verified=str(self.file),
        )


@speaking_of_arguments()
def verify(
    name: str,
    *,
    runs: Path = RUNS,
    target: str | Target | None = None,
    sample: str | None = None,
    assume: Path | str | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Reads back what a run had accepted, and writes what it finds to verify.parquet in the run's folder.

    Args:
        name: the run's id, the beginning of it, a path, or `latest`.
        runs: where runs are kept.
        target: the run's own, by name or open; None for the run's own.
        sample: how many keys, as `N` or `N%`; None for all.
        assume: what `bulkload doctor` found out of this LUSID; None for what the run assumed.
        progress: receives notes and progress.

    Raises:
        ConfigError: there is no such run, or it cannot be verified.
        AuthError, UnreachableError: LUSID does not let us in, or does not answer.
    """
    progress = progress or Progress()
    chosen = None if sample is None else Sample.parse(sample)
    folder = find_run(runs, name)
    manifest = folder.read_manifest()
    _check_verifiable(folder, manifest, target)
    options = options_of(manifest, folder, target)
    operation = operation_named(manifest.operation)
    longest = read_assumptions(assume or options.assume).filter_of(LONGEST)
    given = (folder.outcomes, len(manifest.extracts), chosen)
    accepted = AcceptedKeys(*given, some_forgotten=bool(manifest.forgotten))
    if accepted.forgotten:
        said = many(accepted.forgotten, "key was forgotten and is", "keys were forgotten and are")
        progress.note(f"{said} not read back")
    changed = changed_since(folder, manifest)
    with ExitStack() as stack:
        opened = stack.enter_context(open_target(options.target, options, progress.note, progress.waiting))
        expect: Expect = partial(existence_of, operation, dialect=options.dialect)
        if not changed:
            requests = stack.enter_context(rebuilt(folder, manifest, operation, options, progress))
            expect = lambda key: expected_of(operation, requests.body(key), options.dialect)  # noqa: E731
        entities = stack.enter_context(_entities(opened.client, accepted, expect, folder, longest))
        reader = KeyReader(entities, expect, manifest.finished)
        file = stack.enter_context(VerifiedFile(stack.enter_context(atomic_write(folder.verified))))
        counts, examples = Counter[Result](), list[CheckedKey]()
        try:
            for checked in in_order(reader.check, accepted.batches(), options.concurrency):
                file.add(line for each in checked for line in _lines(each))
                counts.update(each.result for each in checked)
                wrong = (each for each in checked if each.result is not Result.AGREE)
                examples += [each for each, _ in zip(wrong, range(EXAMPLES - len(examples)), strict=False)]
                progress.sending(counts.total(), len(accepted))
        except BaseException:
            opened.client.stop.set()  # what other threads wait for, nobody needs any more
            raise
    return Verification(
        run_id=folder.run_id,
        operation=operation.name,
        target=opened.url,
        accepted=accepted.count,
        counts=counts,
        existence_only=changed,
        examples=examples,
        file=folder.verified,
    )


@contextmanager
def _entities(
    client: LusidClient, accepted: AcceptedKeys, expect: Expect, folder: RunFolder, longest: int
) -> Iterator[EntityReader]:
    """Reads the entities of accepted keys; whole lists first, where that saves calls."""
    keys = (key for some in accepted.batches() for key in some)
    addresses = (each.where for key in keys for each in expect(key))
    with (
        TemporaryDirectory(prefix="verify-", dir=folder.path) as scratch,
        read_lists(client, addresses, Path(scratch) / "held.tmp", "verify", longest) as (whole, _),
    ):
        yield EntityReader(client, "verify", whole, longest)


def _check_verifiable(folder: RunFolder, manifest: Manifest, target: str | Target | None) -> None:
    """Raises ConfigError for a run of which nothing can be read back."""
    if manifest.target is None:
        raise ConfigError(f"{folder.run_id} was a dry run: it sent nothing that could be read back")
    if target is None and not lasts(manifest.target):
        raise ConfigError(f"{folder.run_id} was loaded into a sandbox in memory, which is gone with what it held")
    given = target.url if isinstance(target, Target) else target
    if given is not None and place_of(given) != place_of(manifest.target):
        raise ConfigError(f"{folder.run_id} was loaded into {manifest.target}, and {given} is not that")
    if is_in_use(folder.journal):
        raise ConfigError(f"{folder.run_id} is being worked on: verify it when it is over")
    if not folder.outcomes.exists():
        raise ConfigError(f"{folder.run_id} has not closed its books ({manifest.verdict}): `bulkload resume` it first")


def _lines(checked: CheckedKey) -> Iterator[VerifiedLine]:
    """The lines of one key: one for each member that differs, or one that says that it agrees."""
    key = checked.key
    if checked.result is Result.AGREE:
        yield VerifiedLine(key.key, key.source, key.rows, Result.AGREE)
    for entity in checked.entities:
        if entity.result is not Result.AGREE and not entity.differences:
            yield VerifiedLine(key.key, key.source, key.rows, entity.result, entity.name or None)
        for each in entity.differences:
            member = f"{entity.name}.{each.member}" if entity.name else each.member
            texts = (text_of(each.expected), text_of(each.found))
            yield VerifiedLine(key.key, key.source, key.rows, entity.result, member, *texts)
