"""Every option of a load reaches all that need it: flag, manifest, resume, nights, Prefect, and what to type next.

The values are made from the options' types, so that an option that is added is held to all of it without a change here.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from enum import EnumType
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from summaries import typed

from connectors.run_folder.folder import RunFolder
from pipelines.cli import main as cli
from pipelines.flows.bridge import plain_options
from pipelines.loading.earlier import options_of
from pipelines.loading.manifest import opening
from pipelines.loading.spec import LoadSpec
from pipelines.operations.table import operation_named
from pipelines.options import Options, Progress
from pipelines.report.advice import next_command
from pipelines.report.summary import Summary
from schemas.errors import ConfigError
from schemas.expectations import Expectations
from schemas.manifest import Manifest
from schemas.option_types.budget import FailureBudget, Limit
from schemas.settings import LoadOptions, about, flag, flags
from schemas.verdicts import RedAt

NO_FLAG = {"expect": "has flags of its own", "followed": "a night knows", "hold": "a night knows"}
WORDS = {
    "archive": "s3://archive/runs",
    "scheduler": "tcp://dask.firm.example:8786",
    "date": "2026-11-30",
    "timezone": "Europe/London",
    "full_every": "7d",
}
FILES = ("mapping", "assume")
"""Files that a run names by where they are, whoever reads its manifest from elsewhere."""

KINDS = get_type_hints(LoadOptions)
NAMES = [option.name for option in fields(LoadOptions)]
FOLDER = RunFolder(Path("runs/20261121T020000Z-orders-7f3a"))


def other(name: str) -> Any:
    """A value of an option that is not its default."""
    if name in WORDS:
        return WORDS[name]
    kind = next(iter(set(get_args(KINDS[name])) - {type(None)}), KINDS[name])
    default = getattr(LoadOptions(), name)
    if isinstance(kind, EnumType):
        return next(word for word in list[Any](kind) if word is not default)
    if kind is bool:
        return not default
    if kind in (int, float):
        return (default or 0) + 1
    made: Mapping[type, Any] = {
        str: "x",
        Path: Path("elsewhere"),
        FailureBudget: FailureBudget(Decimal(5), percent=True),
        RedAt: RedAt(Decimal(7), percent=True),
        Limit: Limit(Decimal(5), percent=True),
    }
    return made[kind]


def options(name: str, place: Path) -> Options:
    """Options of which one is another than by default."""
    (place / "elsewhere").write_text("operation: orders\n")
    changed = replace(Options(), **{name: other(name)})
    return replace(changed, **dict[str, Any]({name: place / "elsewhere"})) if name in FILES else changed


def written(given: Options) -> Manifest:
    """The manifest of a run with these options, as it is read again."""
    spec = LoadSpec(operation_named("orders"), "orders.csv", given, Progress())
    manifest = opening(spec, FOLDER.run_id, given.target, ())  # type: ignore[arg-type]
    return Manifest.read(json.loads(json.dumps(manifest.as_json())))


def taken(arguments: list[str], called: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options that a command line comes to."""
    found: dict[str, Any] = {}

    def take(*specs: object, **given: Any) -> None:
        found.update(given)
        for spec in specs:
            found.update(vars(spec.options) if isinstance(spec, LoadSpec) else {})
        raise ConfigError("that will do")

    monkeypatch.setattr(called, take)
    assert cli.run(arguments) == 2
    return found


def test_an_option_has_a_flag_or_is_named_as_one_that_has_none() -> None:
    assert {option.name for option in fields(Options)} - set(flags()) == set(NO_FLAG)


@pytest.mark.parametrize("name", NAMES)
def test_its_flag_sets_it_and_nothing_else(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = other(name)
    typed_flag = [flag(name)] if value is True else [flag(name), str(value)]
    wanted = vars(replace(Options(), **{name: value}))
    found = taken(["load", "orders", "a.csv", *typed_flag, "--direct"], "pipelines.flows.launch.carry_out", monkeypatch)
    assert {each: found[each] for each in wanted} == wanted
    if not about(flags()[name]).one_extract:
        found = taken(["nightly", ".", *typed_flag, "--direct"], "pipelines.nights.nightly.nightly", monkeypatch)
        assert {each: found[each] for each in wanted} == wanted


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_keeps_it_and_resume_gives_it_back(name: str, tmp_path: Path) -> None:
    given = options(name, tmp_path)
    manifest = written(given)
    assert manifest.damaged == frozenset()
    folder = RunFolder(given.runs / FOLDER.run_id)
    assert options_of(manifest, folder, None) == given


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_through_prefect_as_plain_json(name: str, tmp_path: Path) -> None:
    given = replace(options(name, tmp_path), expect=Expectations(min_rows=2))
    plain = plain_options(given)
    assert json.loads(json.dumps(plain)) == plain
    assert Options.of(**plain) == given


@pytest.mark.parametrize("name", [name for name in NAMES if name != "dry_run"])
def test_what_to_type_next_names_it_where_it_is_not_the_default(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = replace(options(name, tmp_path), dry_run=True)
    manifest = typed(**{**json.loads(json.dumps(written(given).as_json())), "verdict": "dry run"})
    words = shlex.split(next_command(Summary.of(RunFolder(given.runs / FOLDER.run_id), manifest)))
    assert words[1:3] == ["load", "orders"]
    found = taken([*words[1:], "a.csv", "--direct"], "pipelines.flows.launch.carry_out", monkeypatch)
    wanted = vars(replace(given, dry_run=False))
    assert {each: found[each] for each in wanted} == wanted
    assert words[3] == flag(name)


def test_a_run_that_knew_an_option_that_we_do_not_is_shown_and_not_resumed() -> None:
    content = written(Options()).as_json()
    content["settings"]["colour"] = "blue"
    found = Manifest.read(content)
    assert (found.damaged, found.settings.kept()) == (frozenset(), Options().kept())
    with pytest.raises(ConfigError, match="is damaged: the run cannot be resumed"):
        options_of(found, FOLDER, None)
