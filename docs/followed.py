"""Follows pages of docs: saves their files, types their commands, and puts what these print below them.

A file is a block below `<!-- file: NAME -->`; a command is a line of a console block that begins with `$`. What stands
below `<!-- another window -->` is `bulkload sandbox`, which runs, at a free port, while the page is followed.
"""

import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PAGES = (DOCS / "first-load.md", DOCS / "before-and-after.md")

_FILE = re.compile(
    r"^<!-- file: (\S+) -->\n(?:<!-- not run: [^\n]+ -->\n)?```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
_TYPED = re.compile(r"^```console\n(\$ .*?)^```$", re.DOTALL | re.MULTILINE)
_OTHER_WINDOW = re.compile(r"^<!-- another window -->\n```console\n(.*?)\n```$", re.MULTILINE)
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-([a-z-]+)-[0-9a-f]{4}")
_SECONDS = re.compile(r"\d+\.\d s$", re.MULTILINE)
_HASH = re.compile(r"changes-[0-9a-f]{12}")
_MOMENT = re.compile(r"@\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+")
_PORT = re.compile(r"127\.0\.0\.1:\d+")

UP = "Ctrl-C stops it."
"""The last line of `bulkload sandbox` before it waits."""


def followed(text: str, folder: Path, commands: Path) -> str:
    """The page with what its commands print now, both streams as a terminal shows them.

    Args:
        text: the page.
        folder: where files are saved and commands are typed; empty.
        commands: the folder that holds `bulkload`.
    """
    for name, content in _FILE.findall(text):
        (folder / name).write_text(content, "utf-8")
    path = f"PATH='{commands}':\"$PATH\"; export PATH; "
    with _other_window(text, folder, path) as exported:

        def block(found: re.Match[str]) -> str:
            typed = [line for line in found[1].splitlines() if line[:2] == "$ "]
            shown = [f"{line}\n{_printed(path + exported + line[2:], folder)}" for line in typed]
            return f"```console\n{''.join(shown)}```"

        return _TYPED.sub(block, text)


@contextmanager
def _other_window(text: str, folder: Path, path: str) -> Iterator[str]:
    """Runs the page's sandbox, if it has one, while the block lasts; gives what it says to type first."""
    found = _OTHER_WINDOW.search(text)
    if found is None:
        yield ""
        return
    command = ["/bin/sh", "-c", f"{path}exec {found[1]} --port 0"]
    with subprocess.Popen(  # noqa: S603 - a line of our own document
        command, cwd=folder, stdout=subprocess.PIPE, text=True
    ) as sandbox:
        try:
            lines = iter(sandbox.stdout or ())
            said = iter(lambda: next(lines, UP), f"{UP}\n")
            yield "".join(f"{line.strip()}; " for line in said if line.startswith("export "))
        finally:
            sandbox.send_signal(signal.SIGINT)


def _printed(command: str, folder: Path) -> str:
    """What a command prints, with one run id, one port and one time for all."""
    done = subprocess.run(  # noqa: S603 - a line of our own document
        ["/bin/sh", "-c", command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    same = _RUN_ID.sub(r"20261121T020000Z-\1-7f3a", done.stdout)
    same = _MOMENT.sub("@2026-11-21T02:00:00.0000000", _PORT.sub("127.0.0.1:8600", same))
    return _HASH.sub("changes-1f0c6ad53b21", _SECONDS.sub("0.5 s", same))


if __name__ == "__main__":
    for page in PAGES:
        with tempfile.TemporaryDirectory() as place:
            shown = followed(page.read_text("utf-8"), Path(place), Path(sys.executable).parent)
        page.write_text(shown, "utf-8")
