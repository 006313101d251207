"""What a native engine makes of the same work: duckdb reads, checks and builds the JSON; two senders post it.

It is the limit that our load is compared with. It checks lengths and patterns, as the bare script does, and accounts
for nothing. The values of cells go into the JSON by duckdb's own escaping.

    python native_engine.py URL FILE [THREADS]      prints {"rows", "seconds"}
"""

import json
import queue
import sys
import threading
import time
from pathlib import Path

import duckdb
import requests

BATCH = 1000
SENDERS = 2

_IDENTIFIERS = {
    "identifier:InvestorRecord/ExternalIdentifier/ExternalIRId": "InvestorRecord/ExternalIdentifier/ExternalIRId",
    "identifier:InvestorRecord/InternalIdentifier/InternalIRId": "InvestorRecord/InternalIdentifier/InternalIRId",
}
_KEY = next(iter(_IDENTIFIERS))
_PERSON, _ENTITY = "investor:Person/HrSystem1/InternalId", "investor:LegalEntity/ExternalIdentifier/LEI"
_NAME = "property:InvestorRecord/Details/Name"
_COUNTRY = "property:InvestorRecord/Details/Country"
_SINCE = f"{_COUNTRY}@effective_from"
_WORTH = "metric:InvestorRecord/Details/NetWorth"
_MARKETS = "labels:InvestorRecord/Details/Markets"


def _column(name: str) -> str:
    return f'"{name}"'


def _text(name: str) -> str:
    return f"to_json({_column(name)})::VARCHAR"


def _member(key: str, value: str) -> str:
    """SQL for `"key":{"key":"key","value":{...}}`."""
    return f"""'"{key}":{{"key":"{key}","value":{{' || {value} || '}}}}'"""


def _where_filled(name: str, sql: str) -> str:
    return f"CASE WHEN {_column(name)} <> '' THEN {sql} END"


def _label(column: str) -> str:
    key = column.partition(":")[2]
    return _where_filled(column, _member(key, f"""'"labelValue":' || {_text(column)}"""))


def query(path: Path) -> str:
    """The statement whose rows are (members of a request's body as text, whether the row passes the checks)."""
    key = _COUNTRY.partition(":")[2]
    since = f"""CASE WHEN {_column(_SINCE)} <> ''
        THEN ',"effectiveFrom":"' || {_column(_SINCE)} || 'T00:00:00.0000000+00:00"' ELSE '' END"""
    country = f"""'"{key}":{{"key":"{key}","value":{{"labelValue":' || {_text(_COUNTRY)} || '}}' || {since} || '}}'"""
    worth = f"""'"metricValue":{{"value":' || {_column(_WORTH)} || ',"unit":' || {_text(f"{_WORTH}@unit")} || '}}'"""
    markets = f"""'"labelValueSet":{{"values":' || to_json(string_split({_column(_MARKETS)}, '|'))::VARCHAR || '}}'"""
    properties = [
        _label(_NAME),
        _where_filled(_COUNTRY, country),
        _where_filled(_WORTH, _member(_WORTH.partition(":")[2], worth)),
        _where_filled(_MARKETS, _member(_MARKETS.partition(":")[2], markets)),
    ]
    identifiers = ", ".join(_label(column) for column in _IDENTIFIERS)
    description = f"""CASE WHEN description <> '' THEN ',"description":' || {_text("description")} ELSE '' END"""
    labels = [_NAME, _COUNTRY, _MARKETS]
    codes = [*_IDENTIFIERS, _PERSON, _ENTITY, f"{_WORTH}@unit"]
    checks = [
        "length(display_name) BETWEEN 1 AND 512",
        "length(description) <= 512",
        "investor_type IN ('Person', 'LegalEntity')",
        f"{_column(_KEY)} <> ''",
        *(f"length({_column(name)}) <= 1024" for name in labels),
        *(f"length({_column(name)}) <= 64" for name in codes),
        f"regexp_full_match({_column(_SINCE)}, '(\\d{{4}}-\\d\\d-\\d\\d)?')",
        f"regexp_full_match({_column(_WORTH)}, '(-?\\d+(\\.\\d+)?)?')",
    ]
    return f"""
        SELECT {_text(_KEY)} || ':{{"identifiers":{{' || concat_ws(',', {identifiers})
            || '}},"properties":{{' || concat_ws(',', {", ".join(properties)})
            || '}},"displayName":' || {_text("display_name")}
            || ',"investor":{{"investorType":"' || investor_type || '","investorIdentifiers":{{'
            || coalesce({_label(_PERSON)}, {_label(_ENTITY)}) || '}}}}' || {description} || '}}',
            {" AND ".join(checks)}
        FROM read_csv('{path}', all_varchar = true, header = true, nullstr = '\\0',
            delim = ',', quote = '"', escape = '"')
    """  # noqa: S608  # nothing in it is given by anybody


class _Senders:
    """Threads that post bodies, in any order."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api/investorrecords/$batchUpsert?successMode=Partial"
        self._bodies: queue.Queue[bytes | None] = queue.Queue(2 * SENDERS)
        self._failed: list[Exception] = []
        self._threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def put(self, body: bytes) -> None:
        """Hands a body to the next free thread."""
        self._bodies.put(body)

    def finish(self) -> None:
        """Waits until all is sent; raises RequestException if something was not."""
        for _ in self._threads:
            self._bodies.put(None)
        for thread in self._threads:
            thread.join()
        if self._failed:
            raise self._failed[0]

    def _send(self) -> None:
        session = requests.Session()
        session.headers["Content-Type"] = "application/json"
        while (body := self._bodies.get()) is not None:
            try:
                session.post(self._url, data=body).raise_for_status()
            except requests.RequestException as error:
                self._failed.append(error)


def load(url: str, path: Path, threads: int) -> int:
    """Sends a file; gives the number of rows.

    Args:
        url: of the server.
        path: the CSV file.
        threads: of the engine.

    Raises:
        ValueError: a row fails a check.
    """
    senders, count, good = _Senders(url), 0, True
    with duckdb.connect() as engine:
        engine.execute(f"SET threads = {threads}; SET preserve_insertion_order = false")
        found = engine.execute(query(path))
        while good and (rows := found.fetchmany(BATCH)):
            good = all(passes for _, passes in rows)
            senders.put(b"{%b}" % ",".join([members for members, _ in rows]).encode())
            count += len(rows)
    senders.finish()
    if not good:
        raise ValueError("a row fails a check")
    return count


if __name__ == "__main__":
    started = time.perf_counter()
    rows = load(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else SENDERS)
    seconds = time.perf_counter() - started
    print(json.dumps({"rows": rows, "seconds": seconds}))
