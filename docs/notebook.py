"""Runs the cells of docs/first-load.ipynb, one after another in one namespace, and keeps what they show.

No kernel is needed. What a cell shows is what it prints and the value of its last line, as text and, where it has one,
as HTML.
"""

import ast
import io
import json
import re
import tempfile
from collections.abc import Mapping
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

import pandas as pd

NOTEBOOK = Path(__file__).resolve().parent / "first-load.ipynb"

_RUN_ID = re.compile(r"\d{8}T\d{6}Z-([a-z-]+)-[0-9a-f]{4}")
_SECONDS = re.compile(r"\d+\.\d s\b")


def notebook() -> str:
    """The notebook with what its cells show now; it is run in the working folder, where it leaves its files."""
    document = json.loads(NOTEBOOK.read_text("utf-8"))
    names: dict[str, Any] = {}
    with pd.option_context("display.width", 100, "display.max_columns", 20):
        for cell in document["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"] = _outputs("".join(cell["source"]), names, cell["execution_count"])
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _outputs(source: str, names: dict[str, Any], number: int) -> list[Mapping[str, Any]]:
    """What a cell shows, with one run id and one time for all runs."""
    tree = ast.parse(source)
    last = tree.body[-1] if isinstance(tree.body[-1], ast.Expr) else None
    tree.body = tree.body[: len(tree.body) - (last is not None)]
    outputs: list[Mapping[str, Any]] = []
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, NOTEBOOK.name, "exec"), names)  # noqa: S102 - our own document
        value = eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names) if last else None  # noqa: S307
    if printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())})
    if value is not None:
        html = value._repr_html_() if hasattr(value, "_repr_html_") else None
        data = {"text/plain": _lines(repr(value)), **({"text/html": _lines(html)} if html else {})}
        outputs.append({"data": data, "execution_count": number, "metadata": {}, "output_type": "execute_result"})
    return outputs


def _lines(text: str) -> list[str]:
    return _SECONDS.sub("0.5 s", _RUN_ID.sub(r"20261121T020000Z-\1-7f3a", text)).splitlines(keepends=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        shown = notebook()
    NOTEBOOK.write_text(shown, "utf-8")
