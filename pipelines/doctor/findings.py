"""What probes find, and what follows from all of it: the file that loads take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from schemas.assumptions import Assumptions, Found, Told
from schemas.dialects import Dialect
from schemas.errors import LoadError
from schemas.history_documents import DoctorDocument, DoctorFinding
from schemas.manifest import moment

DIFFERENT = 3
"""The exit code where something differs, could not be told, or could not be removed."""


class CouldNotTellError(LoadError):
    """What a probe needs is not there; the message says why."""


@dataclass(frozen=True)
class Finding:
    """What a probe found.

    Attributes:
        probe: its name.
        assumes: what is inferred, in words.
        of: the operation that it tried; empty where it is of no single one.
        told: whether that holds.
        saw: what LUSID did.
        follow: members of `Assumptions` that say what follows; of each operation, where the probe is of one.
    """

    probe: str
    assumes: str
    of: str
    told: Told
    saw: str
    follow: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Examination:
    """What the doctor found, and what it could not remove.

    Attributes:
        left: what it made and could not remove, each with the reason.
        file: what loads take.
        left_file: names what is left; None where nothing is.
    """

    target: str
    dialect: Dialect
    scope: str
    findings: Sequence[Finding]
    left: Sequence[str]
    file: str
    left_file: str | None

    @property
    def exit_code(self) -> int:
        """0 where everything holds and nothing is left behind."""
        return DIFFERENT if self.left or any(each.told is not Told.HOLDS for each in self.findings) else 0

    def assumptions(self) -> Assumptions:
        """What loads follow."""
        members: dict[str, Any] = {}
        for finding in self.findings:
            for name, value in finding.follow.items():
                if finding.of:
                    members.setdefault(name, {})[finding.of] = value
                else:
                    members[name] = value
        return Assumptions(
            target=self.target,
            dialect=self.dialect,
            scope=self.scope,
            made=moment(),
            bulkload=version("lusid-bulkload"),
            found=tuple(_found(self.findings)),
            **members,
        )

    def document(self) -> DoctorDocument:
        """What --json prints."""
        return DoctorDocument(
            exit_code=self.exit_code,
            target=self.target,
            dialect=self.dialect,
            scope=self.scope,
            assume=self.file,
            findings=[
                DoctorFinding(probe=f.probe, of=f.of or None, assumes=f.assumes, told=f.told.value, saw=f.saw)
                for f in self.findings
            ],
            left=list(self.left),
            left_file=self.left_file,
        )


def _found(findings: Iterable[Finding]) -> Iterable[Found]:
    return (Found(probe=each.probe, of=each.of or None, told=each.told, saw=each.saw) for each in findings)
