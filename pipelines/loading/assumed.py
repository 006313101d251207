"""What a load does otherwise because its LUSID is not as inferred: what `--assume` says is followed, or refused."""

from collections.abc import Iterator

from pipelines.loading.spec import LoadSpec
from schemas.assumptions import Assumptions
from schemas.errors import ConfigError
from schemas.rows.binding import Binding
from schemas.states import Mode

OMITTED = (
    "this LUSID removes what a request leaves out (--assume): an empty cell, and a property without a column, clears "
    "what is there"
)


def check_followed(spec: LoadSpec, binding: Binding, assumed: Assumptions) -> None:
    """Makes sure, before a row is read, that a load asks nothing of its LUSID that this one does not do.

    Raises:
        ConfigError: it does.
    """
    operation, file = spec.operation.name, spec.options.assume
    if spec.options.mode is Mode.ATOMIC and not assumed.atomic_is_whole.get(operation, True):
        raise ConfigError(
            f"--mode Atomic: this LUSID applies parts of calls of {operation} that it refuses ({file}), so nothing "
            "would be rolled back: load with --mode Partial"
        )
    clearing = sorted(map(binding.name, binding.columns.clearing))
    if clearing and not assumed.null_clears.get(operation, True):
        raise ConfigError(
            f"the mapping clears {', '.join(clearing)}, and a null removes nothing of {operation} in this LUSID "
            f"({file}): leave out `clear` and `empty: clear`, and delete such values in LUSID"
        )


def warnings_of(spec: LoadSpec, assumed: Assumptions) -> Iterator[str]:
    """What the user should know of this LUSID."""
    if not assumed.omitted_stay.get(spec.operation.name, True):
        yield OMITTED
