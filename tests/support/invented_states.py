"""Loads whose rows end in states that the code does not know: three are added to `schemas.states`, and nowhere else.

As a program it loads small extracts and prints, as JSON, what each place that tells of a run says of them. Rows come
to the new states where rows come to a state at all: a nameless row is `spoilt`, one of a type that does not exist
`shelved`, and a request that LUSID refuses with the code Bounced `bounced`.
"""

import importlib.util
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "schemas" / "states.py"
INVENTED = """
    SHELVED = Traits(
        "shelved", "not needed; not sent", "nothing", Colours("#0b7285", "#66d9e8", "green"), good=True, counted=False
    )
    SPOILT = Traits("spoilt", "spoilt before it was sent", "wait", Colours("#111111", "#eeeeee", "magenta"))
    BOUNCED = Traits("bounced", "sent; it came back", "wait", Colours("#222222", "#dddddd", "cyan"), sent=True)
"""
END = "\n\nSTATES: "
"""What follows the last state."""


def invent() -> None:
    """Adds the states to the enumeration; nothing that reads it may be imported yet."""
    source = SOURCE.read_text("utf-8")
    assert source.count(END) == 1
    assert "schemas.states" not in sys.modules
    spec = importlib.util.spec_from_file_location("schemas.states", SOURCE)
    assert spec is not None
    sys.modules["schemas.states"] = module = importlib.util.module_from_spec(spec)
    exec(compile(source.replace(END, INVENTED + END), SOURCE, "exec"), vars(module))  # noqa: S102  # our own source


def settle_in_them() -> None:
    """Has rows and requests come to the new states in place of `invalid` and `failed`."""
    from pipelines.deliver.ledger import Ledger
    from pipelines.prepare.row_book import Book
    from schemas.states import State

    settle_row, settle_requests = Book.settle, Ledger.settle

    def row(self: Book, ordinal: int, state: State, code: str = "", message: str = "", **more: bool) -> None:
        if state is State.INVALID and "display_name" in message:
            state = State("spoilt")
        elif state is State.INVALID and "_type" in message:
            state = State("shelved")
        settle_row(self, ordinal, state, code, message, **more)

    def requests(self: Ledger, call: int, request_id: str | None, outcomes: Any, *accepted: Any) -> None:
        told = [o._replace(state=State("bounced")) if o.code == "Bounced" else o for o in outcomes]
        settle_requests(self, call, request_id, told, *accepted)

    Book.settle, Ledger.settle = row, requests  # type: ignore[method-assign, assignment]


class Loads:
    """Loads into one scripted LUSID, which refuses keys that end in 9."""

    def __init__(self, folder: Path) -> None:
        from pipelines.options import Progress

        class Heard(Progress):
            def note(self, text: str) -> None:
                notes.append(text)

        notes: list[str] = []
        self.notes, self.progress, self.folder = notes, Heard(), folder

    def load(
        self, operation: str, rows: list[dict[str, str]], *, replayed: bool = False, **options: Any
    ) -> dict[str, Any]:
        """What is said of one load of these rows, and of a replay of it."""
        from builders import write_csv
        from scripted_lusid import Call, Reply, nothing_there, scripted

        from pipelines.load import load
        from pipelines.replay import replay

        def answer(call: Call) -> Reply:
            if call.method == "GET":
                return nothing_there(call)
            values: dict[str, Any] = {key: {} for key in call.keys if not key.endswith("9")}
            failed = {key: {"type": "Bounced", "detail": "no"} for key in call.keys if key.endswith("9")}
            return Reply(201, {"values": values, "failed": failed})

        self.notes.clear()
        extract = write_csv(self.folder / "extract.csv", rows)
        runs = self.folder / "runs"
        with scripted(answer) as (lusid, target):
            goal = {} if options.get("dry_run") else {"target": target}
            report = load(operation, extract, runs=runs, progress=self.progress, **goal, **options)
            found = self._said(report)
            if replayed:
                found["replay"] = self._said(replay(report.run_id, runs=runs, target=lusid.url))
        return found

    def _said(self, report: Any) -> dict[str, Any]:
        from rich.console import Console
        from run_checks import check_books, failures, row_states

        from pipelines.cli.console import print_summaries
        from pipelines.history.listing import Wanted, listed_runs
        from pipelines.report.html import html_of
        from pipelines.report.summary import Summary
        from schemas.manifest import Manifest
        from schemas.states import STATES

        check_books(report)
        summary = Summary.of_run(report.run_dir)
        screen = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=120)
        print_summaries([summary], screen)
        known = {"read", "accepted", "invalid"}
        written = summary.manifest.as_json()
        before = written | {n: {s: c for s, c in written[n].items() if s in known} for n in ("rows", "keys")}
        older = Summary.of(summary.folder, Manifest.read(before))
        print_summaries([older], Console(file=io.StringIO()))
        html_of(older)
        return {
            "document": report.document().as_json(),
            "exit_code": report.exit_code,
            "outcomes": [state for _, state in sorted(row_states(report.run_dir).items())],
            "failures": [line["_state"] for line in failures(report.run_dir)],
            "page": (report.run_dir / "report.html").read_text("utf-8"),
            "terminal": screen.file.getvalue(),  # type: ignore[attr-defined]
            "in the list of runs": listed_runs(report.run_dir.parent, Wanted(limit=1))[0].line,
            "as an older version wrote it": {state: older.rows[state] for state in STATES},
            "notes": list(self.notes),
        }


def main(folder: Path) -> None:
    invent()
    settle_in_them()
    from builders import account, investor

    def people(*words: str) -> list[dict[str, str]]:
        changes = {"spoilt": {"display_name": ""}, "shelved": {"investor_type": "Nobody"}, "copy": {}, "": {}}
        numbers = {"bounced": 9, "copy": 1}
        return [investor(numbers.get(w, 10 * n + 1), changes.get(w)) for n, w in enumerate(words)]

    spoilt, shelved = {"display_name": ""}, {"account_type": "Nothing"}
    pairs = [account(1, 1, shelved), account(1, 2), account(2, 1), account(2, 2, spoilt), account(3)]
    pairs += [account(4, 1, shelved), account(4, 2, shelved), account(5, 1, shelved), account(5, 2, spoilt)]
    loads = Loads(folder)
    print(  # noqa: T201  # what it is for
        json.dumps(
            {
                "every state": loads.load(
                    "investor-records", people("", "spoilt", "shelved", "bounced", "copy"), replayed=True
                ),
                "nothing wrong": loads.load("investor-records", people("", "shelved"), max_failures="0"),
                "over the budget": loads.load("investor-records", people("", "spoilt", "spoilt"), max_failures="1"),
                "dry run": loads.load("investor-records", people("", "spoilt"), dry_run=True),
                "dry run without fault": loads.load("investor-records", people("", "shelved"), dry_run=True),
                "whole requests": loads.load("investment-accounts", pairs),
            }
        )
    )


if __name__ == "__main__":
    os.environ["FBN_ACCESS_TOKEN"] = "token"
    main(Path(sys.argv[1]))
