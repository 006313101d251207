"""Follows docs/first-load.md: saves its files, types its commands, and puts what they print below them.

A file is a block below `<!-- file: NAME -->`; a command is a line of a console block that begins with `$`.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parent / "first-load.md"

_FILE = re.compile(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_TYPED = re.compile(r"^```console\n(\$ .*?)^```$", re.DOTALL | re.MULTILINE)
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-([a-z-]+)-[0-9a-f]{4}")
_SECONDS = re.compile(r"\d+\.\d s$", re.MULTILINE)
_HASH = re.compile(r"changes-[0-9a-f]{12}")


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

    def block(found: re.Match[str]) -> str:
        shown = [f"{line}\n{_printed(path + line[2:], folder)}" for line in found[1].splitlines() if line[:2] == "$ "]
        return f"```console\n{''.join(shown)}```"

    return _TYPED.sub(block, text)


def _printed(command: str, folder: Path) -> str:
    """What a command prints, with one run id and one time for all."""
    done = subprocess.run(  # noqa: S603 - a line of our own document
        ["/bin/sh", "-c", command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    same = _RUN_ID.sub(r"20261121T020000Z-\1-7f3a", done.stdout)
    return _HASH.sub("changes-1f0c6ad53b21", _SECONDS.sub("0.5 s", same))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        shown = followed(PAGE.read_text("utf-8"), Path(place), Path(sys.executable).parent)
    PAGE.write_text(shown, "utf-8")
