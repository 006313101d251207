"""Tells a URL of the firm's how a command ended (`--notify`): the document of --json, without what comes from a row.

Whoever reads a chat or an alarm need not be allowed to see persons: no key, no example and no word of a server's goes
there; the run folder has them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from connectors.webhook import post, webhook_url
from schemas.documents import Document, ErrorDocument
from schemas.errors import LoadError
from schemas.states import State
from schemas.texts import many

_QUOTING = ("alerts", "warnings", "notes", "keys", "changes", "progress")
"""Members that may quote rows or are too long for a message; what is a list is counted instead."""

Tell = Callable[[Callable[[], Document]], None]
"""Takes what makes the document; it is not made where nobody is told."""


@contextmanager
def notifying(url: str | None, note: Callable[[str], None]) -> Iterator[Tell]:
    """What tells the URL how the command ended, and tells it of an error that ends it; never fails the command itself.

    Args:
        url: None tells nobody.
        note: is told that the URL could not be.

    Raises:
        ConfigError: the URL is none.
    """
    if url is None:
        yield lambda _: None
        return
    tell = partial(_tell, webhook_url(url, "--notify"), note)
    try:
        yield tell
    except LoadError as error:
        failed = ErrorDocument(exit_code=error.exit_code, message=error.shareable)
        tell(lambda: failed)
        raise
    except Exception as error:
        bug = ErrorDocument(exit_code=1, message=f"a bug in bulkload: {type(error).__name__}")
        tell(lambda: bug)
        raise


def reduced(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of --json without what comes from a row, and with a line for people as `text`."""
    return {"text": _line(document), **_without_rows(document)}


def _tell(url: str, note: Callable[[str], None], made: Callable[[], Document]) -> None:
    try:
        why = post(url, reduced(made().as_json()))
    except Exception as error:  # noqa: BLE001 - whatever it is, the load is over and accounted for
        why = type(error).__name__
    if why is not None:
        note(f"--notify could not be told how it ended ({why}); the load itself is not affected")


def _without_rows(document: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in document.items():
        if name == "reasons":
            kept[name] = [_reason(each) for each in value]
        elif name in ("runs", "nights"):
            kept[name] = [_without_rows(each) for each in value]
        elif name not in _QUOTING:
            kept[name] = value
        elif isinstance(value, list):
            kept[name] = len(value)
    return kept


def _reason(reason: Mapping[str, Any]) -> dict[str, Any]:
    """A reason with its rule only where that is ours."""
    shareable = State(reason["state"]).traits.shareable
    members = ("state", "code", "rows", "owner")
    return {**{name: reason.get(name) for name in members}, "rule": reason["rule"] if shareable else None}


def _line(document: Mapping[str, Any]) -> str:
    """How it ended, in one line."""
    colour = f" {document['colour']}" if document.get("colour") else ""
    what = document.get("operation") or document.get("night") or "backfill" if "verdict" in document else ""
    said = document.get("message") or document.get("error")
    if document["verdict"] == "error" and said:
        return f"bulkload: {said}"
    missing = [*document.get("missing", []), *document.get("refused", [])]
    if document.get("held"):
        missing.append(f"{' and '.join(document['held'])} held")
    runs = [*_runs(document)]
    counts = [run["rows"] for run in runs if run["rows"]]
    read = sum(rows["read"] for rows in counts)
    bad = {state: sum(rows[state] for rows in counts) for state in State if not state.traits.good}
    told = ", ".join(f"{n:,} {state.value}" for state, n in bad.items() if n)
    parts = [
        *missing,
        *([said] if said else []),
        f"{many(read, 'row', 'rows')}{f', {told}' if told else ', none to correct'}",
    ]
    return f"bulkload{colour}: {what}: {document['verdict']}: {'; '.join(parts)}"


def _runs(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The runs of a document, of whatever it is."""
    for night in document.get("nights", []):
        yield from _runs(night)
    yield from document.get("runs", [])
    if "run_id" in document:
        yield document
