"""What the rest of the code asks of a state. A trait that is forgotten drops no row: its default lists it as failed."""

from dataclasses import dataclass
from typing import NamedTuple


class Colours(NamedTuple):
    """A state's colour in report.html, on white and on black paper, and where the terminal says why."""

    light: str
    dark: str
    console: str


@dataclass(frozen=True, slots=True)
class Traits:
    """What a state means for its rows. Meaning and remedy are Markdown.

    Attributes:
        text: its name in every file.
        meaning: what became of the row.
        then: what a person does about it.
        good: needs nothing from anyone; every other row stands in failures.csv, a replay takes it up, and its run does
            not end with exit code 0.
        sent: LUSID was sent the row's request, and may have applied it.
        again: a resumed run tries to better it.
        counted: counts against the failure budget.
        rejected: counts towards the share of an extract's rows from which on its run is red (`schemas.verdicts`).
        correctable: a person may cure it by correcting the row.
        copy: another row of its key stands for it, and is counted as the key.
        shareable: its messages are rules of ours, which name columns and never a value.
        siblings: where a row is settled before it is sent, which state the other rows of its request get. Never a good
            state: a request goes whole or not at all, and they would be missing in silence.
    """

    text: str
    meaning: str
    then: str
    colours: Colours
    good: bool = False
    sent: bool = False
    again: bool = False
    counted: bool = True
    rejected: bool = True
    correctable: bool = False
    copy: bool = False
    shareable: bool = False
    siblings: str = "INVALID"

    @property
    def unfinished(self) -> bool:
        """Whether a run with such rows has stopped, and a resumed one sends them."""
        return self.again and not self.sent

    @property
    def in_doubt(self) -> bool:
        """Whether LUSID may hold the row or not."""
        return self.again and self.sent

    @property
    def refused(self) -> bool:
        """Whether LUSID said no."""
        return self.sent and not self.good and not self.again
