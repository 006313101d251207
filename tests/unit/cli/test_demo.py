"""The demo: it ends well, proves what it says, and fails loudly when the proof fails."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from connectors.targets import open_target
from pipelines.cli import demo
from pipelines.cli import main as cli
from pipelines.cli.commands.load import run_night
from pipelines.cli.demo import LISTINGS, entities, run_demo
from pipelines.load import load
from pipelines.nights.folder import NAMES
from pipelines.sample.write import write_sample
from schemas.errors import BalanceError
from schemas.settings import LoadOptions


def console() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, highlight=False, soft_wrap=True), out


@pytest.fixture
def little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo without the repository: it makes its own extracts; here little ones."""

    def write(folder: Path, **options: Any) -> list[Path]:
        return write_sample(folder, investors=20, accounts=10, blocks=10, orders=30, bad_rows=False, **options)

    monkeypatch.setattr(demo, "SAMPLE", tmp_path / "nowhere")
    monkeypatch.setattr(demo, "write_sample", write)
    return tmp_path / "runs"


def test_the_demo_begins_anew_each_time_and_the_sandbox_agrees_with_what_was_accepted(little: Path) -> None:
    for _ in range(2):
        told, out = console()
        assert run_demo(little, told, prefect=False) == 0
        lines = out.getvalue().splitlines()
        start = lines.index("What the sandbox's own lists hold")
        assert lines[start + 1 : start + 6] == [
            "                       accepted  listed",
            "  investor records           20      20  AGREE",
            "  investment accounts        10      10  AGREE",
            "  blocks                     10      10  AGREE",
            "  orders                     30      30  AGREE",
        ]
        assert lines[-2:] == ["Next", "  Nothing is left to do."]
        assert lines.index("Files") > start


def test_the_repositorys_sample_is_loaded_where_there_is_one(tmp_path: Path) -> None:
    assert demo._sample(tmp_path) == Path(__file__).resolve().parents[3] / "data" / "sample"


def test_every_operation_of_the_night_is_compared() -> None:
    assert LISTINGS.keys() == NAMES.keys()


def test_an_entity_in_the_sandbox_that_was_not_accepted_is_an_error(
    little: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def and_a_stranger(folder: Path, options: Any, *, prefect: bool | None, quiet: bool) -> Any:
        report = run_night(folder, options, prefect=prefect, quiet=quiet)
        stranger = folder.parent / "stranger.csv"
        header, *_, last = (folder / "investors.csv").read_text("utf-8").splitlines()
        stranger.write_text(f"{header}\n{last.replace('IR_', 'IX_').replace(',000', ',9000')}\n", "utf-8")
        load("investor-records", stranger, target=options.target, runs=options.runs)
        return report

    monkeypatch.setattr(demo, "run_night", and_a_stranger)
    with pytest.raises(BalanceError, match=r"^the sandbox lists 21 investor records, 20 were accepted"):
        run_demo(little, console()[0], prefect=False)


def test_a_night_that_does_not_finish_ends_the_demo_with_its_exit_code(
    little: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped:
        exit_code = 4
        reports = ()

    monkeypatch.setattr(demo, "run_night", lambda *_, **__: Stopped())
    monkeypatch.setattr(demo, "print_summaries", lambda *_: None)
    assert cli.run(["demo", "--direct", "--runs", str(little)]) == 4


def test_lists_are_read_page_after_page(little: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_demo(little, console()[0], prefect=False) == 0
    monkeypatch.setattr(demo, "PAGE", 7)
    with open_target(f"sandbox:{little}/demo.db", LoadOptions(), lambda _: None) as target:
        found = [demo._resource_id(order).pop() for order in entities(target.client, "/api/orders")]
    assert len(found) == len(set(found)) == 30
