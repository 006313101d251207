"""The sample's investors (investors.csv), and how accounts choose their holders among them.

Investors come in groups of four: three people and, somewhere among them, a legal entity. So the number of a person or
an entity can be computed. Knows nothing of accounts or files.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.sample.plan import Cells, Ints, Plan, Table, take
from pipelines.sample.words import (
    COUNTRIES,
    CURRENCIES,
    FIRM_FORMS,
    FIRMS,
    FIRST_NAMES,
    INVESTOR_NOTES,
    LAST_NAMES,
    MARKETS,
    SUFFIXES,
)

EXTERNAL = "identifier:InvestorRecord/ExternalIdentifier/ExternalIRId"
INTERNAL = "identifier:InvestorRecord/InternalIdentifier/InternalIRId"
PERSON = "investor:Person/HrSystem1/InternalId"
LEGAL_ENTITY = "investor:LegalEntity/ExternalIdentifier/LEI"
NAME = "property:InvestorRecord/Details/Name"
COUNTRY = "property:InvestorRecord/Details/Country"
COUNTRY_FROM = f"{COUNTRY}@effective_from"
NET_WORTH = "metric:InvestorRecord/Details/NetWorth"
NET_WORTH_UNIT = f"{NET_WORTH}@unit"
MARKET_LABELS = "labels:InvestorRecord/Details/Markets"

_GROUP = 4
MOST_HOLDERS = 4
"""The most holders that an account has."""
_LEI_PREFIX = "5493SMPL"
_LEI_PREFIX_DIGITS = 549328222521
"""The prefix as ISO 7064 reads it: a letter stands for the number 10 (A) to 35 (Z)."""
_LEI_SERIAL = 10**10
_FIRST_DAY = np.datetime64("1995-01-01")
DAYS = tuple(str(_FIRST_DAY + np.timedelta64(n, "D")) for n in range(30 * 365))
"""Effective dates, as ISO dates."""
_DAYS_OR_NONE = (*DAYS, "")
_COUNTRIES_OR_NONE = (*COUNTRIES, "")
_LABEL_SETS = tuple("|".join(MARKETS[n : n + size]) for size in range(4) for n in range(3))
_DECADES = 7


def lei(serial: int) -> str:
    """A legal entity identifier with its check digits (ISO 17442); no issuer uses its prefix."""
    rest = 98 - (_LEI_PREFIX_DIGITS * _LEI_SERIAL + serial) * 100 % 97
    return f"{_LEI_PREFIX}{serial:010d}{rest:02d}"


def reference(index: int) -> str:
    """The external identifier of an investor, by which accounts name their holders."""
    return f"IR_{index + 1:08d}"


@dataclass(frozen=True)
class InvestorTable(Table):
    """The drawn investors; `index` is their number, counted from 0."""

    plan: Plan

    @property
    def positions(self) -> int:
        """One position for each investor."""
        return self.plan.investors

    @property
    def groups(self) -> int:
        """The number of complete groups, each of 3 people and 1 legal entity."""
        return self.plan.investors // _GROUP

    def holders(self, account: Ints, nth: Ints, *, entity: NDArray[np.bool_]) -> Ints:
        """Chooses an investor for each holder; the holders of one account come from different groups.

        There must be at least 4 groups. All arrays have the same shape.

        Args:
            account: the number of the holder's account, int64.
            nth: the number of the holder in its account, counted from 0, int64.
            entity: whether the holder is a legal entity rather than a person, bool.

        Returns:
            The numbers of the investors, int64.
        """
        stride = 1 + self.plan.draw("holder/stride", account, max(1, (self.groups - 1) // (MOST_HOLDERS - 1)))
        group = (self.plan.draw("holder", account, self.groups) + nth * stride) % self.groups
        beside = 1 + self.plan.draw("holder/person", account, _GROUP - 1)
        return group * _GROUP + (self._entity_place(group) + np.where(entity, 0, beside)) % _GROUP

    def entity(self, group: int) -> int:
        """The number of a group's legal entity."""
        return group * _GROUP + int(self._entity_place(np.array([group]))[0])

    def person(self, group: int) -> int:
        """The number of one person in a group."""
        return group * _GROUP + (self.entity(group) + 1) % _GROUP

    def _entity_place(self, group: Ints) -> Ints:
        return self.plan.draw("entity", group, _GROUP)

    def _is_entity(self, index: Ints) -> NDArray[np.bool_]:
        return np.equal(index % _GROUP, self._entity_place(index // _GROUP))

    def names(self, index: Ints) -> tuple[list[str], list[str]]:
        """The names as they are spoken, and as they are sorted (`Doe, Jane`)."""
        pick = self.plan.pick
        parts = zip(
            self._is_entity(index).tolist(),
            pick("first", FIRST_NAMES, index),
            pick("last", LAST_NAMES, index),
            pick("suffix", SUFFIXES, index),
            pick("firm", FIRMS, index),
            pick("form", FIRM_FORMS, index),
            strict=True,
        )
        said, filed = [], []
        for is_entity, first, last, suffix, firm, form in parts:
            said.append(f"{firm} {form}" if is_entity else f"{first} {last}{suffix}")
            filed.append(f"{firm} {form}" if is_entity else f"{last}, {first}")
        return said, filed

    def cells(self, start: int, stop: int) -> Cells:
        """The rows of investors `start` to `stop` - 1."""
        index = np.arange(start, stop)
        said, filed = self.names(index)
        entities = self._is_entity(index).tolist()
        serials = index.tolist()
        worth, unit = self._net_worth(index)
        country, since = country_cells(self.plan, "investor", index)
        return {
            "display_name": said,
            "description": self.plan.pick("investor/note", INVESTOR_NOTES, index),
            "investor_type": ["LegalEntity" if e else "Person" for e in entities],
            EXTERNAL: [reference(i) for i in serials],
            INTERNAL: [f"{i + 123:08d}" for i in serials],
            PERSON: ["" if e else f"XY{10_000_000 + i}" for i, e in zip(serials, entities, strict=True)],
            LEGAL_ENTITY: [lei(i) if e else "" for i, e in zip(serials, entities, strict=True)],
            NAME: filed,
            COUNTRY: country,
            COUNTRY_FROM: since,
            NET_WORTH: worth,
            NET_WORTH_UNIT: unit,
            MARKET_LABELS: self.plan.pick("labels", _LABEL_SETS, index),
        }

    def _net_worth(self, index: Ints) -> tuple[list[str], list[str]]:
        """An amount with two decimals and its unit, or two empty cells; large amounts are rare."""
        known = self.plan.draw("worth/known", index, 5) > 0
        scale = 10 ** self.plan.draw("worth/scale", index, _DECADES)
        cents = (1 + self.plan.draw("worth", index, 99_999)) * scale
        units = self.plan.pick("worth/unit", CURRENCIES, index)
        pairs = zip(known.tolist(), cents.tolist(), units, strict=True)
        filled = [(f"{c // 100}.{c % 100:02d}", u) if k else ("", "") for k, c, u in pairs]
        return [amount for amount, _ in filled], [unit for _, unit in filled]


def country_cells(plan: Plan, name: str, index: Ints) -> tuple[list[str], list[str]]:
    """A country and its effective date for each index; sometimes no date, sometimes neither.

    Args:
        plan: draws them.
        name: salts the draw.
        index: the numbers of the entities, int64.
    """
    chance = plan.draw(f"{name}/located", index, 10)
    country = plan.draw(f"{name}/country", index, len(COUNTRIES))
    since = plan.draw(f"{name}/since", index, len(DAYS))
    return (
        take(_COUNTRIES_OR_NONE, np.where(chance == 0, len(COUNTRIES), country)),
        take(_DAYS_OR_NONE, np.where(chance <= 1, len(DAYS), since)),
    )
