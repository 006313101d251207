"""docs/sandbox.md names every call the sandbox serves."""

import re
from pathlib import Path

from connectors.sandbox.web import app

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()


def test_the_page_names_every_call_the_sandbox_serves() -> None:
    served = PAGE.split("## What it serves")[1].split("\n## ")[0]
    routes = [route for part in app._PARTS for route in part.ROUTES]
    # the last word of its path names a call: reading one order by its id counts as reading orders
    names = {re.sub(r"(/\{\w+\})+$", "", route.path).rsplit("/", 1)[1] for route in routes}

    assert len(routes) > 25
    assert {name for name in names if name not in served} == set()
