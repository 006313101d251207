"""Examines one LUSID: makes all probes, removes what they made, and writes what loads are to follow."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import yaml

from connectors.lusid.client import LusidClient
from connectors.run_folder.folder import atomic_write
from connectors.targets import open_target
from pipelines.arguments import speaking_of_arguments
from pipelines.doctor.bench import Bench
from pipelines.doctor.families import ACCOUNTS, LEGAL_ENTITIES, PERSONS, RECORDS, Family
from pipelines.doctor.findings import Examination, Finding
from pipelines.doctor.members import MEMBERS
from pipelines.doctor.orders import ORDERS, Desk
from pipelines.doctor.reads import READS
from pipelines.doctor.scratch import Scratch, scratch_in
from pipelines.doctor.upserts import UPSERTS, Seen
from pipelines.options import Options, Progress
from schemas.assumptions import Told
from schemas.dialects import ONLY_2_3
from schemas.errors import ConfigError, LoadError, StoppedError
from schemas.rows.cells import CODE_PATTERN

_LONGEST_SCOPE = 64
PATIENCE_SECONDS = 15.0
"""Shorter than a load's: somebody is waiting, and what does not answer is told."""

HEAD = """\
# What `bulkload doctor` found out of {target} (docs/lusid.md). `--assume` of loads, `plan`, `verify` and
# `preflight`, and `assume` in the settings of night.yaml, take this file; what it leaves out is as inferred.
"""

_TITLES: Mapping[str, Callable[..., Seen]] = {
    **READS,
    **UPSERTS,
    **{name: probe for name, (_, probe) in MEMBERS.items()},
    **ORDERS,
}

PROBES: dict[str, str] = {name: (probe.__doc__ or "").strip().rstrip(".") for name, probe in _TITLES.items()}
"""Every probe by name, with what it takes LUSID to do."""


@speaking_of_arguments()
def examine(
    scope: str, *, out: Path, options: Options, orders: bool = True, progress: Progress | None = None
) -> Examination:
    """Examines a LUSID, and writes what it finds to a file that `--assume` takes.

    Everything that is made is written down first, and removed in the end whatever happens.

    Args:
        scope: that everything is made in; a scratch scope of nobody else.
        out: the file to write.
        options: target, dialect and patience of the calls.
        orders: whether orders are made too.
        progress: receives notes.

    Raises:
        ConfigError: the scope or the target cannot be used, or the file cannot be written; nothing was made.
        AuthError, UnreachableError: LUSID does not let us in, or does not answer.
        StoppedError: it was interrupted; what was made is removed, or named.
    """
    progress = progress or Progress()
    if not 0 < len(scope) <= _LONGEST_SCOPE or not re.match(CODE_PATTERN, scope) or scope.endswith("\n"):
        raise ConfigError("--scope takes 1 to 64 of A-Z a-z 0-9 - _, such as doctor-scratch")
    _check_writable(out)
    with open_target(options.target, options, progress.note, progress.waiting) as target:
        about = {"target": target.url, "dialect": options.dialect.value}
        with scratch_in(left_file(out), about) as scratch, _removing(scratch, target.client, left_file(out), progress):
            bench = Bench(target.client, scratch, options.dialect, scope, secrets.token_hex(4))
            findings = list(_findings(bench, orders=orders, note=progress.note))
            left = scratch.remove_all(target.client)
            file = str(left_file(out)) if left else None
            found = Examination(target.url, options.dialect, scope, findings, left, str(out), file)
    _write(out, found)
    return found


def left_file(out: Path) -> Path:
    """The file that names what was made and is not removed."""
    return out.with_name(f"{out.name}.left")


@contextmanager
def _removing(scratch: Scratch, client: LusidClient, file: Path, progress: Progress) -> Iterator[None]:
    """Removes what an earlier doctor left, and what this one made where it does not come to its end."""
    if not scratch.is_empty:
        progress.note(f"{file} names what an earlier doctor left: it is removed first")
        if left := scratch.remove_all(client):
            raise StoppedError(f"it cannot be removed, so nothing is examined: {'; '.join(left)}")
    try:
        yield
    except BaseException as error:
        left = _tidied(scratch, client, progress)
        said = f"not removed, and named in {file}: {'; '.join(left)}" if left else "everything that it made is removed"
        if isinstance(error, KeyboardInterrupt):
            raise StoppedError(f"interrupted; {said}") from None
        if left:
            progress.note(said)
        raise


def _tidied(scratch: Scratch, client: LusidClient, progress: Progress) -> list[str]:
    """Removes what was made after an interrupt or an error; a second interrupt leaves the rest to the next doctor."""
    if not scratch.is_empty:
        progress.note("removing what was made; Ctrl-C again leaves it to the next doctor")
    try:
        return scratch.remove_all(client)
    except KeyboardInterrupt:
        return ["interrupted again"]


def _findings(bench: Bench, *, orders: bool, note: Callable[[str], None]) -> Iterator[Finding]:
    """What each probe finds, one after another."""
    persons = Family(bench, PERSONS)
    records = Family(bench, RECORDS, persons)
    families = [persons, Family(bench, LEGAL_ENTITIES), records, Family(bench, ACCOUNTS, records)]
    for name, probe in READS.items():
        yield _tried(name, "", partial(probe, persons))
    for family in families:
        operation = family.kind.operation
        note(f"trying {operation}")
        own = {name: probe for name, (of, probe) in MEMBERS.items() if of == operation}
        if family.kind is ACCOUNTS and bench.dialect not in ONLY_2_3:
            why = f"dialect {bench.dialect} has no call that deletes an account, so none is made"
            yield from (Finding(n, PROBES[n], operation, Told.COULD_NOT_TELL, why) for n in {**UPSERTS, **own})
            continue
        for name, probe in {**UPSERTS, **own}.items():
            yield _tried(name, operation, partial(probe, family))
    if orders:
        note("trying orders")
        desk = Desk(bench)
        for name, of_desk in ORDERS.items():
            yield _tried(name, "", partial(of_desk, desk))
    else:
        why = "orders were left out"
        yield from (Finding(name, PROBES[name], "", Told.COULD_NOT_TELL, why) for name in ORDERS)


def _tried(name: str, of: str, probe: Callable[[], Seen]) -> Finding:
    """What a probe finds; where LUSID answers otherwise than any API does, it could not tell."""
    try:
        told, saw, follow = probe()
    except ConfigError:  # nothing that is made can be written down
        raise
    except LoadError as error:
        return Finding(name, PROBES[name], of, Told.COULD_NOT_TELL, error.message)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        return Finding(
            name, PROBES[name], of, Told.COULD_NOT_TELL, f"the answer has another shape ({type(error).__name__})"
        )
    return Finding(name, PROBES[name], of, told, saw, dict(follow))


def _check_writable(out: Path) -> None:
    if out.is_dir() or not out.parent.is_dir():
        raise ConfigError(f"{out} cannot be written: {'it is a folder' if out.is_dir() else 'its folder is not there'}")


def _write(out: Path, found: Examination) -> None:
    members = found.assumptions().model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    text = yaml.safe_dump(members, sort_keys=False, allow_unicode=True, width=120)
    with atomic_write(out) as part:
        part.write_text(HEAD.format(target=found.target) + text, "utf-8")
