"""What a preflight finds: what is missing in LUSID or of another kind, how many rows hang on it, and who must act."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipelines.compare.preflight.references import Kind
from schemas.documents import FindingDocument
from schemas.nights.owners import NAMES, Party


class Owner(StrEnum):
    """Who must act."""

    SOURCE = NAMES[Party.SOURCE]
    SET_UP = NAMES[Party.LUSID]
    EITHER = f"{SOURCE} or {SET_UP}"


@dataclass(frozen=True)
class Finding:
    """One thing that a load would trip over.

    Attributes:
        kind: what is referred to, in words.
        name: what it is called: a property key, or what the references have in common.
        problem: what is wrong.
        count: how many different references it concerns.
        rows: that hang on it.
        examples: some of the references, each with its first row.
        then: what to do.
    """

    kind: str
    name: str
    problem: str
    count: int
    rows: int
    owner: Owner
    then: str
    examples: Sequence[str] = ()

    @property
    def text(self) -> str:
        """What is missing, in one line."""
        return self._told(f" of {self.name}" if self.name else "")

    @property
    def shareable(self) -> str:
        """The same without what references have in common, such as a scope, which stands in the rows' cells."""
        return self._told("")

    def _told(self, of: str) -> str:
        if not self.examples:
            return f"{self.kind} {self.name} {self.problem}"
        what = Kind(self.kind).plural if self.count > 1 else self.kind
        return f"{self.count:,} {what}{of} {self.problem}"

    def document(self) -> FindingDocument:
        """What --json prints of it."""
        return FindingDocument(
            kind=self.kind,
            name=self.name,
            problem=self.problem,
            count=self.count,
            rows=self.rows,
            examples=list(self.examples),
            owner=self.owner.value,
            then=self.then,
        )
