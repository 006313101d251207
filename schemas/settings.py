"""The options of a load, each declared once: type, bounds, default, flag and texts.

They are plain dataclasses, which pydantic checks wherever values come in (`Options.of`, `Manifest.read`). This module
does not import it: the command line makes its flags from here, and `bulkload --help` must answer at once.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from schemas.dialects import Dialect
from schemas.option_types import business_dates, places
from schemas.option_types.budget import FailureBudget, Limit
from schemas.option_types.choices import Engine, UnknownInstruments
from schemas.option_types.kinds import About, Checked, Exact, Location, Switch, Text
from schemas.states import Alerts, Duplicates, Mode
from schemas.verdicts import RedAt

DIALECT: Final = Dialect.V2_1
RUNS: Final = Path("runs")
MAX_BATCH_BYTES: Final = 8 << 20
PATIENCE_SECONDS: Final = 300.0
"""Longer than a restart, a deployment or a short network outage; what lasts longer needs a person."""

LARGEST: Final = (1 << 63) - 1
"""The largest number that the files of a run can hold."""

LONGEST: Final = 1e9
"""Seconds, 31 years; clocks that wait take ten times as much."""

MOST_IN_FLIGHT: Final = 64
"""Calls; with more they only wait for each other, and no server was seen to handle as many at once."""


_KEYS = "a number of keys or a percentage up to 100%"


def _most(keys: str) -> About:
    """The description of a limit of the guard."""
    return About(f"{keys} before the load stops and sends nothing; default: no limit.", _KEYS, "N|N%")


@dataclass(frozen=True)
class LoadSettings:
    """The options that the manifest keeps as `settings`, in this order. One added here reaches all that need it.

    Attributes:
        patience: seconds; a target that is already open keeps its own.
        encoding, delimiter, ...: override the mapping's rules of reading that have the same names.
        null: overrides the mapping's for the whole file, not what a column declares.
        plan: a plan.parquet; the run keeps a copy of it.
        assume: see `schemas.assumptions`.
        workers: processes of this machine; for any number of them a run's files are the same.
        engine, scheduler: see `connectors.cluster`; whoever prepares, a run's files are the same.
        wait: seconds until a night of the same folder and target, a load of the same feed, or an extract's load under
            `once`, must be over.
        once: compares extracts by content.
        feed, changed_only, full, full_every, even_if_newer: see `pipelines.feeds`.
        date: the business date; the manifest keeps the one that a run began with beside its settings.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"allow_inf_nan": False, "extra": "allow"}

    batch_size: Annotated[int, Exact(1, LARGEST), About("Most requests in one call.")] = 1000
    max_batch_bytes: Annotated[int, Exact(1, LARGEST), About("Most bytes in one call.")] = MAX_BATCH_BYTES
    concurrency: Annotated[int, Exact(1, MOST_IN_FLIGHT), About("Most calls in flight at once.")] = 4
    workers: Annotated[int | None, Exact(1, 256), About("Processes that prepare rows; default: as many as pay.")] = None
    engine: Annotated[
        Engine, About("Who prepares rows: processes of this machine, or of a Dask cluster.", metavar="local|dask")
    ] = Engine.LOCAL
    scheduler: Annotated[
        Text | None,
        Checked(places.scheduler),
        About(
            "Scheduler of the Dask cluster; default: a cluster of this machine.",
            "an address such as tcp://host:8786",
            "ADDRESS",
        ),
    ] = None
    patience: Annotated[
        float,
        Exact(0, LONGEST),
        About("How long to keep retrying a call while LUSID is away.", "seconds, 0 or more", "SECONDS"),
    ] = PATIENCE_SECONDS
    read_lag: Annotated[
        float,
        Exact(0, LONGEST),
        About(
            "How far LUSID's reads may lag behind: how long a lost call must be missing before it is sent again.",
            "seconds, 0 or more",
            "SECONDS",
        ),
    ] = 10.0
    assume: Annotated[
        Location | None, About("Follow what `bulkload doctor` found out of this LUSID.", "the path of a file", "FILE")
    ] = None
    wait: Annotated[
        float,
        Exact(0, LONGEST),
        About("How long to wait for the same load under way.", "seconds, 0 or more", "SECONDS"),
    ] = 0.0
    strict: Annotated[
        Switch, About("Refuse ids, currencies, sizes and label sets that LUSID may take but few firms use.")
    ] = False
    alerts: Annotated[Alerts, About("Rows that LUSID took otherwise than meant: report them, or end with 3.")] = (
        Alerts.REPORT
    )
    unknown_instruments: Annotated[
        UnknownInstruments,
        About("Rows whose instrument LUSID does not know: send and report them, or ask first and refuse to send them."),
    ] = UnknownInstruments.REPORT
    dry_run: Annotated[Switch, About("Validate every row and send nothing.")] = False
    encoding: Annotated[
        Text | None,
        About(
            "Encoding of CSV, such as cp1252; default: the mapping's, or UTF-8.",
            "a name such as utf-8 or cp1252",
            one_extract=True,
        ),
    ] = None
    delimiter: Annotated[
        Text | None,
        About("Delimiter of CSV; default: the mapping's, or a comma.", "one character or several", one_extract=True),
    ] = None
    quote: Annotated[
        Text | None, About("Quote of CSV, or none; default: the mapping's, or \".", "one character", one_extract=True)
    ] = None
    escape: Annotated[
        Text | None,
        About("Escape of CSV, or none; default: the mapping's, or doubled quotes.", "one character", one_extract=True),
    ] = None
    skip_lines: Annotated[
        int | None, Exact(0), About("Lines of CSV above the header; default: the mapping's, or 0.", one_extract=True)
    ] = None
    comment: Annotated[
        Text | None,
        About("What lines of CSV that are no rows begin with; default: the mapping's.", "a text", one_extract=True),
    ] = None
    footer_lines: Annotated[
        int | None, Exact(0), About("Lines of CSV below the table; default: the mapping's, or 0.", one_extract=True)
    ] = None
    null: Annotated[
        Text | None,
        About(
            "Words that are no value, such as NULL; default: the mapping's, or none.",
            "words with commas between them",
            "WORD[,WORD...]",
            one_extract=True,
        ),
    ] = None
    xlsx: Annotated[Switch, About("Also write failures.xlsx, which spreadsheets leave as it is.")] = False
    archive: Annotated[
        Text | None,
        Checked(places.archive),
        About(
            "Where to copy the folder of a run when it is finished.",
            "a URL that begins with s3://, gs://, abfs://, abfss:// or sftp://",
            "URL",
        ),
    ] = None
    once: Annotated[Switch, About("Refuse an extract that an earlier run has finished.", one_extract=True)] = False
    feed: Annotated[
        Text | None,
        Checked(business_dates.feed_name),
        About(
            "Remember under this name what LUSID accepts, so that no older date replaces it.",
            "letters, digits, `.`, `_` and `-`, at most 100",
            "NAME",
            one_extract=True,
        ),
    ] = None
    date: Annotated[
        Text | None,
        Checked(business_dates.business_date),
        About(
            "Business date of the extract; default: today in --timezone.",
            "a date such as 2026-11-30",
            "YYYY-MM-DD",
            one_extract=True,
        ),
    ] = None
    timezone: Annotated[
        Text | None,
        Checked(business_dates.zone),
        About(
            "Timezone of the default business date; default: UTC.",
            "a name such as Europe/London",
            "ZONE",
            one_extract=True,
        ),
    ] = None
    changed_only: Annotated[Switch, About("Do not send what is the same as the feed last had accepted.")] = False
    full: Annotated[Switch, About("Send everything in spite of --changed-only.")] = False
    full_every: Annotated[
        Text | None,
        Checked(business_dates.days),
        About("Do so by itself when the last full load is that old.", "days such as 7d", "DAYS"),
    ] = None
    even_if_newer: Annotated[Switch, About("Send rows even where the feed loaded a later date for their key.")] = False
    max_failures: Annotated[
        FailureBudget | None,
        About(
            "Rows that may fail before the run stops; default: no limit.", "a number of rows or a percentage", "N|N%"
        ),
    ] = None
    red_at: Annotated[
        RedAt | None,
        About("Share of an extract's rows from which on rejects are red; default: 5%.", "a percentage", "N%"),
    ] = None

    plan: Annotated[
        Text | None,
        About(
            "Send only what this plan says would be created or changed.",
            "the path of a plan.parquet",
            "FILE",
            one_extract=True,
        ),
    ] = None
    max_change: Annotated[Limit | None, _most("Keys that may change in LUSID")] = None
    max_clear: Annotated[Limit | None, _most("Keys of which a value may be removed")] = None
    max_create: Annotated[Limit | None, _most("Keys that may be new to LUSID")] = None
    max_vanished: Annotated[Limit | None, _most("Keys of the feed that the extract may lack")] = None

    @property
    def guards(self) -> Mapping[str, Limit]:
        """The limits of the guard that are given, by option."""
        found = {name: getattr(self, name) for name in GUARDS}
        return {name: limit for name, limit in found.items() if limit is not None}

    @property
    def null_words(self) -> tuple[str, ...]:
        """The words of `null`."""
        return tuple(word.strip() for word in (self.null or "").split(",") if word.strip())

    def kept(self) -> "LoadSettings":
        """These options alone."""
        return LoadSettings(**{field.name: getattr(self, field.name) for field in fields(LoadSettings)})


@dataclass(frozen=True)
class LoadOptions(LoadSettings):
    """The options that the manifest keeps outside its `settings`, or that its own place tells.

    Attributes:
        target: base URL of a LUSID, `sandbox`, `sandbox:FILE`, or None for the LUSID that the settings name.
    """

    mode: Annotated[Mode, About("What a bad key fails: only itself, or its whole call.")] = Mode.PARTIAL
    mapping: Annotated[
        Location | None,
        About(
            "YAML that maps your columns; default: canonical headers.", "the path of a file", "FILE", one_extract=True
        ),
    ] = None
    target: Annotated[
        Text | None,
        About(
            "Where to load; default: the LUSID that the settings name.",
            "a URL, sandbox or sandbox:FILE",
            "URL|sandbox[:FILE]",
        ),
    ] = None
    dialect: Annotated[Dialect, About("LUSID API version: 2.1, 2.3 or legacy.")] = DIALECT
    runs: Annotated[Location, About("Folder that holds the run folders.", "the path of a folder", "DIR")] = RUNS
    duplicates: Annotated[Duplicates, About("Rows of one key that differ: refuse all or keep one.")] = Duplicates.REFUSE


READING = ("encoding", "delimiter", "quote", "escape", "skip_lines", "comment", "footer_lines")
"""The options that override the rules of reading that have the same names."""

GUARDS = ("max_change", "max_clear", "max_create", "max_vanished")
"""The options that stop a load which would do too much."""

FIRST = ("mode", "mapping", "target", "dialect", *READING, "runs")
LAST = ("duplicates", "max_failures", *GUARDS, "plan", "once", "dry_run")
"""The first and the last flags in --help; the others stand between."""


def about(option: "Field[Any]") -> About:
    """The description of an option."""
    return next((each for each in option.type.__metadata__ if isinstance(each, About)), About())  # type: ignore[union-attr]  # Annotated


def flags() -> Mapping[str, "Field[Any]"]:
    """The options that have a flag, in the order of --help."""
    found = {option.name: option for option in fields(LoadOptions) if about(option).help}
    names = [name for name in found if name not in FIRST + LAST]
    return {name: found[name] for name in (*FIRST, *names, *LAST)}


def flag(name: str) -> str:
    """The flag of an option, as it is typed."""
    return f"--{name.replace('_', '-')}"
