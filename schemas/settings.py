"""The options of a load, each declared once: type, bounds, default, flag, and what it takes in words.

They are plain dataclasses, checked by pydantic wherever values come in (`Options.of`, `Manifest.read`). This module
does not import it: the command line makes its flags from here, and `bulkload --help` must answer at once.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, NamedTuple

from schemas.budget import FailureBudget
from schemas.dialects import Dialect
from schemas.states import Duplicates, Mode

DIALECT: Final = Dialect.V2_1
RUNS: Final = Path("runs")
MAX_BATCH_BYTES: Final = 8 << 20
PATIENCE_SECONDS: Final = 300.0
"""Longer than a restart, a deployment or a network's bad minute; an outage beyond it is for the morning."""

MOST_IN_FLIGHT: Final = 64
"""Calls: more only wait for each other, and no server was seen to take as many."""


class Told(NamedTuple):
    """What an option says of itself.

    Attributes:
        help: of its flag; empty where it has none, but is for Python alone.
        takes: its values, where the type does not say it.
        metavar: stands for its value in --help.
        one_extract: a command that loads several extracts does not have it.
    """

    help: str = ""
    takes: str = ""
    metavar: str | None = None
    one_extract: bool = False


class Exact(NamedTuple):
    """Numbers and switches are taken as such and within bounds, and not from texts that look like them."""

    least: int | None = None
    most: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """The type's own schema, narrowed."""
        bounds = {"ge": self.least, "le": self.most}
        return {**handler(source), "strict": True, **{name: n for name, n in bounds.items() if n is not None}}


class Filled:
    """An empty text, or one with a NUL in it, is a variable that is not set, and names nothing."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """The type's own schema behind the check."""
        from pydantic_core.core_schema import no_info_before_validator_function

        return no_info_before_validator_function(_filled, handler(source))


def _filled(value: Any) -> Any:
    if value == "" or "\0" in str(value):
        raise ValueError("names nothing")
    return value


Text = Annotated[str, Filled()]
Location = Annotated[Path, Filled()]
Switch = Annotated[bool, Exact()]


@dataclass(frozen=True)
class LoadSettings:
    """What the manifest keeps as `settings`, in this order. An option that is added here reaches all that need it.

    Attributes:
        patience: of a target that is open already, its own counts.
        encoding, delimiter: win over the mapping's, which are UTF-8 and a comma by default.
        once: by content.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"allow_inf_nan": False, "extra": "allow"}

    batch_size: Annotated[int, Exact(1), Told("Requests in one call, at most.")] = 1000
    max_batch_bytes: Annotated[int, Exact(1), Told("Bytes in one call, at most.")] = MAX_BATCH_BYTES
    concurrency: Annotated[int, Exact(1, MOST_IN_FLIGHT), Told("Calls in flight.")] = 4
    patience: Annotated[
        float,
        Exact(0),
        Told("How long a call is tried on while LUSID is away.", "seconds, 0 or more", "SECONDS"),
    ] = PATIENCE_SECONDS
    dry_run: Annotated[Switch, Told("Validate every row and send nothing.")] = False
    encoding: Annotated[
        Text | None,
        Told(
            "Of CSV, such as cp1252; default: the mapping's, or UTF-8.",
            "a name such as utf-8 or cp1252",
            one_extract=True,
        ),
    ] = None
    delimiter: Annotated[
        Text | None, Told("Of CSV; default: the mapping's, or a comma.", "one character", one_extract=True)
    ] = None
    once: Annotated[Switch, Told("Refuse an extract that a run has finished already.", one_extract=True)] = False
    max_failures: Annotated[
        FailureBudget | None,
        Told(
            "Rows that may fail before the run stops; default: any number.",
            "a number of rows or a percentage",
            "N|N%",
        ),
    ] = None

    def kept(self) -> "LoadSettings":
        """These alone."""
        return LoadSettings(**{field.name: getattr(self, field.name) for field in fields(LoadSettings)})


@dataclass(frozen=True)
class LoadOptions(LoadSettings):
    """What the manifest keeps elsewhere: beside its `settings`, or as the place where it stands.

    Attributes:
        target: base URL of a LUSID, `sandbox`, `sandbox:FILE`, or None for what the environment says.
    """

    mode: Annotated[Mode, Told("What a bad key does: only itself fails, or its whole call.")] = Mode.PARTIAL
    mapping: Annotated[
        Location | None,
        Told(
            "YAML that names your columns; default: canonical headers.", "the path of a file", "FILE", one_extract=True
        ),
    ] = None
    target: Annotated[
        Text | None,
        Told(
            "Where to; default: FBN_LUSID_URL, or the embedded sandbox without it.",
            "a URL, sandbox or sandbox:FILE",
            "URL|sandbox[:FILE]",
        ),
    ] = None
    dialect: Annotated[Dialect, Told("The server's age.")] = DIALECT
    runs: Annotated[Location, Told("Where run folders are.", "the path of a folder", "DIR")] = RUNS
    duplicates: Annotated[Duplicates, Told("Rows of one key that differ: refuse all, or take one.")] = Duplicates.REFUSE


FIRST = ("mode", "mapping", "target", "dialect", "encoding", "delimiter", "runs")
LAST = ("duplicates", "max_failures", "once", "dry_run")
"""Where flags stand in --help; others stand between."""


def told(option: "Field[Any]") -> Told:
    """What an option says of itself."""
    return next((each for each in option.type.__metadata__ if isinstance(each, Told)), Told())  # type: ignore[union-attr]  # Annotated


def flags() -> Mapping[str, "Field[Any]"]:
    """The options that have a flag, in the order of --help."""
    found = {option.name: option for option in fields(LoadOptions) if told(option).help}
    names = [name for name in found if name not in FIRST + LAST]
    return {name: found[name] for name in (*FIRST, *names, *LAST)}


def flag(name: str) -> str:
    """How an option is typed."""
    return f"--{name.replace('_', '-')}"
