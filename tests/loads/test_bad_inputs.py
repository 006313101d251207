"""Whatever a user gives, what comes back is one line and the exit code of a mistake: never a bug, never a traceback.

Mappings, flags, manifests, and the bytes of extracts are damaged at random, and go through the command line.
"""

import gzip
import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from pipelines.cli import main as cli

HEADER = "display_name,investor_type,identifier:InvestorRecord/Ext/Id,investor:Person/Hr/Id"
CSV = f'{HEADER}\r\nJane,Person,IR_1,XY1\r\n"Doe, ""Jo""",Person,IR_2,XY2\n'
EXPECTED = {0, 2, 3, 4}
"""Exit codes of the loads here; 1 is a bug."""

few = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate],
)  # without shrinking: what fails is small, and each try is a load


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to work in, with an extract and a run of one good and one bad row."""
    path = tmp_path_factory.mktemp("inputs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        Path("a.csv").write_text(CSV)
        Path("b.csv").write_text(f"{CSV},Person,IR_3,XY3\n")
        assert ends_well("load", "investor-records", "b.csv", "--target", "sandbox", "--runs", "before") == 3
        yield path


def ends_well(*arguments: str) -> int:
    """Runs a command line; its exit code, unless it ends as a bug does or with anything but one line on stderr."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.run(arguments)
    assert code in EXPECTED, err.getvalue()
    if code == 2:
        assert re.fullmatch(r"bulkload: [^\n]+\n", err.getvalue()), err.getvalue()
    assert "Traceback" not in err.getvalue()
    shutil.rmtree("runs", ignore_errors=True)
    return code


def dry(extract: str, *arguments: str) -> int:
    return ends_well("load", "investor-records", extract, "--dry-run", "--runs", "runs", *arguments)


_SCALARS = [
    "9" * 30, "9" * 5000,
    "x", "1", "''", "~", "true", "NO", "2026-11-20", "2026-13-45", "0001-01-01", "9999-99-99", "2026-11-20T99:99:99Z",
    "2026-11-20T00:00:00+23:60", "1e400", ".inf", "-.nan", "1:99:99", "0x", "0o9", "!!int x", "!!int ''", "!!float x",
    "!!bool x", "!!set {a}", "!!set [a]", "!!binary zz=", "!!timestamp x", "!!omap [a]", "!!pairs [a]", "!!map [a]",
    "!!str [a]", "!!seq {}", "!!python/object:os.x {}", "!x y", "[a]", "{a: b}", "&a [*a]", "*b", "<<", "=", "?", "-",
    "@", '"\\ud800"', '"\\0"', '"\\n"', '"%d"', '"%q"', '"%d/%m/%Y"', '"(?=a)"', '"(a)\\\\1"', '"("',
    '"Europe/../London"', '"Europe"', '"Europe/London"', "%", "`",
]  # fmt: skip
_MEMBERS = (
    "column",
    "constant",
    "format",
    "timezone",
    "midnight",
    "values",
    "pattern",
    "decimal",
    "thousands",
    "colunm",
)
_NAMES = (*HEADER.split(","), "description", "property:InvestorRecord/A/B@effective_from", "metric:InvestorRecord/A/C")
_scalar = st.sampled_from(_SCALARS)
_rule = st.dictionaries(st.sampled_from(_MEMBERS), _scalar, min_size=1, max_size=3).map(
    lambda members: "{" + ", ".join(f"{name}: {value}" for name, value in members.items()) + "}"
)
_top = st.dictionaries(
    st.sampled_from(["operation", "key", "encoding", "delimiter", "expect"]), _scalar | _rule, max_size=2
)


@few
@given(top=_top, columns=st.dictionaries(st.sampled_from(_NAMES) | _scalar, _scalar | _rule, max_size=4))
@example({"expect": "{rows: 99999999999999999999}"}, {})
@example({}, {"display_name": "{constant: 2026-13-45}"})
@example({}, {"description": "!!int x"})
def test_mappings(folder: Path, top: dict[str, str], columns: dict[str, str]) -> None:
    whole = {name: f'"{name}"' for name in HEADER.split(",")} | columns
    lines = {"operation": "investor-records"} | top
    text = "".join(f"{name}: {value}\n" for name, value in lines.items())
    text += "columns:\n" + "".join(
        f"  {name if name in _SCALARS else json.dumps(name)}: {rule}\n" for name, rule in whole.items()
    )
    Path("m.yaml").write_text(text)

    dry("a.csv", "--mapping", "m.yaml")


_NUMBERS = ["0", "-1", "1.5", "1e309", "nan", "inf", "0x10", "1_0", "٣", "", "%", "2.5%", "101%", "9" * 19, "9" * 30]
_NUMBERS += ["9" * 5000]
_NUMERIC = ("batch-size", "max-batch-bytes", "concurrency", "patience", "read-lag", "wait", "expect-rows", "min-rows")
_FLAGS: dict[str, list[str]] = {
    **{f"--{flag}": _NUMBERS for flag in (*_NUMERIC, "max-failures", "settled")},
    "--encoding": ["utf-16", "utf-32", "utf-7", "idna", "hex", "rot13", "zlib", "punycode", "undefined", "cp037", "hz"],
    "--delimiter": [";", "a", "€", '"', ";;", "\0", ""],
    "--control-total": ["a=1", "display_name=1", "display_name=1e999999999", "=1", "a=", "display_name=nan", "a"],
    "--trailer": ["T", "", "T=1", "T=" + "9" * 30, "\0"],
    "--done-marker": ["a.csv", "x", "/", "\0"],
    "--mapping": ["a.csv", "x", "/", "\0", "/dev/null"],
    "--runs": ["a.csv", "/dev/null", "\0", ""],
    "--target": ["http://[", "http://a:99999999", "ftp://x", "https://u:p@h", "//", "http://a b", "sandbox:/", "\0"],
}
_flag = st.sampled_from([(flag, value) for flag, values in _FLAGS.items() for value in values])


@few
@given(st.lists(_flag, min_size=1, max_size=2))
@example([("--encoding", "utf-16")])
@example([("--encoding", "utf-32")])
@example([("--expect-rows", "9" * 30)])
@example([("--batch-size", "9" * 30)])
def test_flags(folder: Path, flags: list[tuple[str, str]]) -> None:
    dry("a.csv", *(word for flag in flags for word in flag))


@st.composite
def damaged(draw: st.DrawFn, octets: bytes) -> bytes:
    """Bytes of which some were changed, taken out or put in, or the end cut off."""
    found = bytearray(octets)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(found)))
        found[place : place + draw(st.sampled_from([0, 1, 1, 1, 9, len(found)]))] = draw(st.binary(max_size=2))
    return bytes(found)


@few
@given(data=st.data())
def test_bytes_of_csv(folder: Path, data: st.DataObject) -> None:
    encoding = data.draw(
        st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32", "shift_jis", "utf-7", "hz", "cp037"])
    )
    name = data.draw(st.sampled_from(["x.csv", "x.csv.gz", "x.csv.zst"]))
    octets = data.draw(st.just(CSV.encode(encoding)) | damaged(CSV.encode(encoding)))
    if name.endswith(".gz"):
        octets = data.draw(damaged(gzip.compress(octets, mtime=0)))
    elif name.endswith(".zst"):
        octets = data.draw(damaged(pa.Codec("zstd").compress(octets, asbytes=True)))
    Path(name).write_bytes(octets)

    dry(name, "--encoding", encoding)


def _parquet() -> bytes:
    columns: dict[str, Any] = {name: ["IR_1", "IR_2"] for name in HEADER.split(",")}
    columns["labels:InvestorRecord/A/L"] = [["a"], ["b", "c"]]
    columns["property:InvestorRecord/A/D"] = ["x", "y"]
    columns["property:InvestorRecord/A/D@effective_from"] = pa.array([1, 2], pa.timestamp("us", "UTC"))
    columns["metric:InvestorRecord/A/N"] = [1.5, 2]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


@few
@given(damaged(_parquet()))
def test_bytes_of_parquet(folder: Path, octets: bytes) -> None:
    Path("x.parquet").write_bytes(octets)

    dry("x.parquet")


_ODD: list[Any] = [
    None, 0, -1, 1.5, 10**30, 10**400, "", "x", "\ud800", "a\0b", "../../x", "2026-99-99", [], [[]], {}, {"a": 1}, True,
]  # fmt: skip
_COMMANDS = (
    ["report", "latest"], ["report", "latest", "--json"], ["report", "latest", "--html"], ["runs"], ["runs", "--json"],
    ["resume", "latest"], ["replay", "latest"], ["purge", "--older-than", "0d"],
    ["load", "investor-records", "b.csv", "--once", "--target", "sandbox"],
)  # fmt: skip


def _paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    members = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for name, value in members:
        yield from _paths(value, (*path, name))


@few
@given(data=st.data())
def test_manifests_and_other_files_of_a_run(folder: Path, data: st.DataObject) -> None:
    shutil.rmtree("after", ignore_errors=True)
    shutil.copytree("before", "after")
    (run,) = Path("after").iterdir()
    manifest = run / "manifest.json"
    if data.draw(st.booleans()):
        document = json.loads(manifest.read_text())
        *parents, name = data.draw(st.sampled_from([path for path in _paths(document) if path]))
        inner = document
        for parent in parents:
            inner = inner[parent]
        inner[name] = data.draw(st.sampled_from(_ODD))
        manifest.write_text(json.dumps(document))
    else:
        file = run / data.draw(st.sampled_from(["manifest.json", "journal.jsonl", "outcomes.parquet", "failures.csv"]))
        file.write_bytes(data.draw(damaged(file.read_bytes())))

    ends_well(*data.draw(st.sampled_from(_COMMANDS)), "--runs", "after")
