"""Every code block in README, CONTRIBUTING, data/README and docs is read by what it is for, or says why not.

Commands are parsed by the command line itself, mappings read as mappings, Python run; blocks below `<!-- tried -->` are
typed, in an empty folder. `<!-- not run: why -->` above a block leaves it out; what is only shown says what makes it,
or why nothing does. Commands that sentences name exist, and so do their flags. What first-load.md and
before-and-after.md show, the test of the wheel types, and what prefect.md shows, the test of a server. Links and
anchors lead somewhere.
"""

import ast
import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from connectors.extracts.mapping_file import mapping_of
from connectors.lusid.setting_sources import NAMES
from connectors.sandbox.server import Sandbox
from docs.generate import README
from docs.reference import PAGES
from docs.site import DOCS, documents, stage
from pipelines.cli import main as cli
from pipelines.history.run_views import answer_to
from pipelines.nights.folder import NAMES as NIGHT
from pipelines.nights.night import checked

ROOT = README.parent
TEXTS = [
    README,
    *(ROOT / name for name in ("CONTRIBUTING.md", "data/README.md")),
    *(path for path in documents() if path.suffix == ".md"),
]
GROUP: Any = typer.main.get_command(cli.app)
OWN_TESTS = {"mapping.md", "examples.md"}
"""Pages whose mappings, extracts and Python have a test of their own."""

SHELLS = ("console", "shell", "sh", "bash")
SHOWN = ("text", "csv", "json")
_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<why>.+?) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_SHOWN = re.compile(r"(?:^<!-- (?P<mark>[^\n]+?) -->\n)?^```(?P<kind>text|csv)\n", re.MULTILINE)
_TRIED_BY = re.compile(r"tried by (\S+)")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_COMMENT = re.compile(r"\s+#\s.*$")


@dataclass(frozen=True)
class Block:
    """A code block: where it is, its language and text, and why it is not run (None where it is)."""

    place: str
    kind: str
    text: str
    why: str | None


def blocks(path: Path) -> list[Block]:
    text = path.read_text("utf-8")
    return [
        Block(f"{path.name}:{text.count(chr(10), 0, m.start()) + 1}", m["kind"], m["text"], m["why"])
        for m in _BLOCK.finditer(text)
    ]


BLOCKS = [(path, block) for path in TEXTS for block in blocks(path)]


def of_kind(*kinds: str) -> list[tuple[Path, Block]]:
    return [(path, block) for path, block in BLOCKS if block.kind in kinds and block.why is None]


def test_every_block_says_what_it_is() -> None:
    known = {*SHELLS, *SHOWN, "yaml", "python"}
    assert [block.place for _, block in BLOCKS if block.kind not in known] == []


def shown_by_nobody(text: str) -> list[str]:
    """Texts and extracts of a page of which nothing says what makes or compares them, nor why they are not run."""

    def is_told(mark: str) -> bool:
        if tried := _TRIED_BY.fullmatch(mark):
            return (ROOT / tried[1]).is_file()
        return mark.startswith(("not run: ", "generated: ", "file: "))

    found = _SHOWN.finditer(text)
    return [f"line {text.count(chr(10), 0, m.start()) + 1}" for m in found if not is_told(m["mark"] or "")]


@pytest.mark.parametrize("path", [path for path in TEXTS if path.name not in OWN_TESTS], ids=lambda path: path.name)
def test_what_is_only_shown_says_what_makes_it_or_why_it_is_not_run(path: Path) -> None:
    assert shown_by_nobody(path.read_text("utf-8")) == []


def test_a_text_that_nothing_makes_is_found() -> None:
    page = "a\n\n```text\nbulkload lod\n```\n\n<!-- tried by tests/gone.py -->\n```csv\na\n```\n"
    assert shown_by_nobody(page) == ["line 3", "line 7"]
    assert shown_by_nobody("<!-- not run: a drawing -->\n```text\n->\n```\n") == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_block_begins_where_its_line_does(path: Path) -> None:
    """A block in a list, or behind other marks, would be seen by no test here."""
    assert re.findall(r"^(?: +```|~~~|````).*$", path.read_text("utf-8"), re.MULTILINE) == []


_NAMED = re.compile(r"`(bulkload [a-z][^`]+)`")
LEFT_OUT = ("MissingParameter", "BadOptionUsage")
"""What the command line says of an argument, or of a flag's value, that is not there."""


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_a_command_that_is_named_in_a_sentence_is_one_with_such_flags(path: Path) -> None:
    """What it needs may be left out there."""
    text = re.sub(_BLOCK, "", path.read_text("utf-8")).replace("\n", " ")
    named = _NAMED.findall(re.sub(r"\$\([^)]*\)", "X", text).replace("\\|", "|"))
    assert [command for command in named if not is_known(command)] == []


def is_known(command: str) -> bool:
    """Whether the command line has the command and its flags."""
    try:
        check_command(command)
    except cli._UsageError as error:
        return type(error).__name__ in LEFT_OUT
    return True


@pytest.mark.parametrize(
    ("command", "known"),
    [
        ("bulkload lod", False),
        ("bulkload runs --sinse", False),
        ("bulkload load --sinse", False),
        ("bulkload runs --since", True),
        ("bulkload load", True),
    ],
)
def test_a_command_of_a_sentence_may_lack_what_it_needs_and_no_more(command: str, known: bool) -> None:
    assert is_known(command) is known


def commands(text: str) -> list[str]:
    """The commands of a block: with `$`, what follows are outputs; a quote may span lines, a `\\` too."""
    typed = "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ ")) or text
    found, begun = [], ""
    for line in typed.splitlines():
        begun = f"{begun}\n{line}" if begun else _COMMENT.sub("", line)
        if begun.count('"') % 2 == 0 and begun.count("'") % 2 == 0:
            found.append(_COMMENT.sub("", begun).strip())
            begun = ""
    assert not begun, text
    return [command for command in found if command and not command.startswith("#")]


def check_command(command: str) -> None:
    """Raises what the command line raises for a command that it does not take."""
    words = shlex.split(command)
    if words[0] != "bulkload":
        check_other(words)
    elif words[1:] and words[1].startswith("--"):
        assert {words[1]} <= {name for each in GROUP.params for name in each.opts}, command
    else:
        _, found, rest = GROUP.resolve_command(typer.Context(GROUP), words[1:])
        found.make_context(words[1], list(rest))


def check_other(words: list[str]) -> None:
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), words
    elif words[0] == "export":
        name = words[1].partition("=")[0]
        assert name in {variable for variable, _ in NAMES.values()} | {"PREFECT_API_URL"}, words
    elif words[0] == ".venv/bin/python":
        script = (ROOT / words[1]).read_text("utf-8")
        assert [flag for flag in words[2:] if flag.startswith("--") and f'"{flag}"' not in script] == [], words
    else:
        assert words[0] in ("sed", "python3", "mv", "printf"), f"{words}: say why it is not run"


@pytest.mark.parametrize(("path", "block"), of_kind(*SHELLS), ids=lambda each: getattr(each, "place", ""))
def test_every_command_is_one_that_the_command_line_takes(path: Path, block: Block) -> None:
    for command in commands(block.text):
        check_command(command)


TRIED = [
    (path.name, text)
    for path in TEXTS
    for text in re.findall(
        r"^<!-- tried -->\n```console\n(.*?)^```$", path.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
]


@pytest.mark.parametrize(("page", "block"), TRIED, ids=[page for page, _ in TRIED])
def test_what_a_page_says_to_try_ends_as_it_says(
    page: str, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    for line in block.splitlines():
        command, _, told = line.partition("  # ")
        words = [
            word
            for said in shlex.split(command)
            for word in (sorted(map(str, Path().glob(said))) if "*" in said else [said])
        ]
        is_ours = words[0] == "bulkload"
        ended = cli.run(words[1:]) if is_ours else subprocess.run(command, shell=True, check=False).returncode  # noqa: S602 - our own document
        expected = re.match(r"ends with (\d)", told.strip())
        assert ended == (int(expected[1]) if expected else 0), f"{page}: {command}: {capsys.readouterr()}"


def test_some_pages_are_tried() -> None:
    assert {page for page, _ in TRIED} == {"nights.md", "bad-night.md", "mapping.md", "before-and-after.md", "sql.md"}


@pytest.mark.parametrize(
    "wrong", ["bulkload lod x", "bulkload load orders", "bulkload runs --sinse 7d", "make dmeo", "rm x"]
)
def test_a_command_that_is_none_is_found(wrong: str) -> None:
    with pytest.raises((AssertionError, cli._UsageError)):
        check_command(wrong)


def test_every_query_of_the_documents_is_answered(tmp_path: Path) -> None:
    typed = [command for _, block in of_kind(*SHELLS) for command in commands(block.text)]
    queries = [shlex.split(command)[2] for command in typed if command.startswith("bulkload sql ")]
    assert len(queries) > 4
    for query in queries:
        with answer_to(query, tmp_path) as answer:
            assert list(answer.rows) == []


@pytest.mark.parametrize(
    ("path", "block"),
    [(path, block) for path, block in of_kind("yaml") if path.name not in OWN_TESTS],
    ids=lambda each: getattr(each, "place", ""),
)
def test_every_yaml_is_read(path: Path, block: Block, tmp_path: Path) -> None:
    content = yaml.safe_load(block.text)
    if "operation" in content:
        mapping_of(block.text, block.place, content["operation"])
        return
    if path.name == "sandbox.md":
        (tmp_path / "known.yaml").write_text(block.text)
        with Sandbox(known=str(tmp_path / "known.yaml")):
            return
    assert path.name == "nights.md", f"{block.place}: say what it is"
    (tmp_path / "holidays.txt").write_text("2026-12-25\n")
    (tmp_path / "night.yaml").write_text(block.text)
    rules = checked(tmp_path / "night.yaml", NIGHT)
    assert {*rules.model_fields_set} == {*type(rules).model_fields}, "every member is shown"


@pytest.mark.parametrize(
    ("path", "block"),
    [(path, block) for path, block in of_kind("json") if path.name not in OWN_TESTS],
    ids=lambda each: getattr(each, "place", ""),
)
def test_every_json_is_read(path: Path, block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize(
    ("path", "block"),
    [(path, block) for path, block in of_kind("python") if path.name not in OWN_TESTS],
    ids=lambda each: getattr(each, "place", ""),
)
def test_every_python_runs(path: Path, block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = ["--investors", "20", "--accounts", "10", "--blocks", "10", "--orders", "30", "--no-bad-rows"]
    assert cli.run(["sample", str(tmp_path), *few]) == 0
    monkeypatch.chdir(tmp_path)
    exec(compile(ast.parse(block.text), block.place, "exec"), {})  # noqa: S102 - our own document


def slugs(path: Path) -> set[str]:
    """The anchors of a page's headings, as the site and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(_BLOCK, "", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_links_and_anchors_lead_somewhere(path: Path) -> None:
    lost = []
    for link in _LINK.findall(re.sub(_BLOCK, "", path.read_text("utf-8"))):
        file, _, anchor = link.partition("#")
        if "://" in file or file.startswith("mailto:"):
            continue
        target = path.parent / file if file else path
        made = (
            file.partition("/")[2].removesuffix(".md") if path.parent == DOCS and file.startswith("reference/") else ""
        )
        is_there = target.exists() or made in PAGES or os.path.normpath(target) == str(DOCS / "decisions" / "index.md")
        if not is_there or (anchor and target.suffix == ".md" and target.exists() and anchor not in slugs(target)):
            lost.append(link)
    assert lost == []


def test_every_page_has_a_place_in_the_site(tmp_path: Path) -> None:
    stage(tmp_path / "site")
    assert (tmp_path / "site" / "pages" / "reference" / "commands.md").read_text("utf-8").count("## ") == len(
        GROUP.commands
    )
    page = (tmp_path / "site" / "pages" / "architecture.md").read_text("utf-8")
    assert "](../" not in page
