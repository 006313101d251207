"""The sample's accounts (accounts.csv): an account has as many rows as it has holders or portfolios.

Account types agree with their holders' investor types (docs/lusid.md, account types of dialect 2.1). Knows investors by
their numbers only, and nothing of files.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.sample.investors import MOST_HOLDERS, InvestorTable, country_cells, reference
from pipelines.sample.plan import Cells, Ints, Plan, Spread, Table, take
from pipelines.sample.words import ACCOUNT_NOTES, PRODUCTS

EXTERNAL = "identifier:InvestmentAccount/ExternalIdentifier/ExternalIAId"
INTERNAL = "identifier:InvestmentAccount/InternalIdentifier/InternalIAId"
NAME = "property:InvestmentAccount/Details/Name"
COUNTRY = "property:InvestmentAccount/Details/Country"
COUNTRY_FROM = f"{COUNTRY}@effective_from"
HOLDER = "holder:InvestorRecord/ExternalIdentifier/ExternalIRId"
PORTFOLIO_SCOPE = "MyScope"

_TYPES = (*("Personal",) * 12, *("Corporate",) * 3, *("JointPersonal",) * 3, "JointCorporate", "JointMixed")
_FIRST_JOINT = _TYPES.index("JointPersonal")
_FIRST_JOINT_CORPORATE = _TYPES.index("JointCorporate")
_CORPORATE = _TYPES.index("Corporate")
_MIXED = _TYPES.index("JointMixed")
_PORTFOLIOS = (0, 1, 1, 1, 1, 2)
_JOINT_HOLDERS = (2, 2, 2, 3, MOST_HOLDERS)


def portfolio_code(account: int, nth: int) -> str:
    """The code of an account's nth portfolio, counted from 0."""
    return f"PF{account + 1:06d}{'AB'[nth]}"


@dataclass(frozen=True)
class AccountTable(Table):
    """The drawn accounts; `account` is their number, counted from 0."""

    plan: Plan

    @property
    def positions(self) -> int:
        """One position for each account, and those of rows that stand apart from the others of their account."""
        return self._spread.positions

    @cached_property
    def _spread(self) -> Spread:
        return Spread(self.plan, "account", self.plan.accounts, self._sizes)

    def portfolios(self, account: Ints) -> Ints:
        """How many portfolios each account has, 0 to 2: shape as `account`, int64."""
        return np.array(_PORTFOLIOS)[self.plan.draw("portfolios", account, len(_PORTFOLIOS))]

    def _type(self, account: Ints) -> Ints:
        return self.plan.draw("account/type", account, len(_TYPES))

    def _holders(self, account: Ints) -> Ints:
        joint = self._type(account) >= _FIRST_JOINT
        return np.where(joint, np.array(_JOINT_HOLDERS)[self.plan.draw("holders", account, len(_JOINT_HOLDERS))], 1)

    def _sizes(self, account: Ints) -> Ints:
        return np.maximum(self._holders(account), self.portfolios(account))

    def _investor(self, account: Ints, nth: Ints) -> Ints:
        kind = self._type(account)
        corporate = (kind >= _CORPORATE) & (kind < _FIRST_JOINT) | (kind == _FIRST_JOINT_CORPORATE)
        entity = corporate | (kind == _MIXED) & (nth % 2 == 1)
        return InvestorTable(self.plan).holders(account, nth, entity=entity)

    def cells(self, start: int, stop: int) -> Cells:
        """The rows at positions `start` to `stop` - 1."""
        account, nth = self._spread.rows(start, stop)
        owners, filed = InvestorTable(self.plan).names(self._investor(account, np.zeros_like(nth)))
        products = self.plan.pick("product", PRODUCTS, account)
        joint = np.where(self._holders(account) > 1, " (joint)", "").tolist()
        country, since = country_cells(self.plan, "account", account)
        serials = account.tolist()
        named = zip(owners, products, joint, strict=True)
        return {
            EXTERNAL: [f"IA_{a + 1:08d}" for a in serials],
            INTERNAL: [f"{a + 417:08d}" for a in serials],
            "display_name": [f"{owner} {product}{both}" for owner, product, both in named],
            "description": self.plan.pick("account/note", ACCOUNT_NOTES, account),
            "account_type": take(_TYPES, self._type(account)),
            NAME: filed,
            COUNTRY: country,
            COUNTRY_FROM: since,
            **self._holder_cells(account, nth),
            **self._portfolio_cells(account, nth),
        }

    def _holder_cells(self, account: Ints, nth: Ints) -> Cells:
        there = (nth < self._holders(account)).tolist()
        investors = self._investor(account, nth).tolist()
        return {
            "holder_key": [f"AccountHolder{n + 1}" if t else "" for t, n in zip(there, nth.tolist(), strict=True)],
            HOLDER: [reference(i) if t else "" for t, i in zip(there, investors, strict=True)],
        }

    def _portfolio_cells(self, account: Ints, nth: Ints) -> Cells:
        places = nth.tolist()
        there = (nth < self.portfolios(account)).tolist()
        owned = list(zip(there, account.tolist(), places, strict=True))
        return {
            "portfolio_key": [f"Portfolio{n + 1}" if t else "" for t, _, n in owned],
            "portfolio_scope": [PORTFOLIO_SCOPE if t else "" for t in there],
            "portfolio_code": [portfolio_code(a, n) if t else "" for t, a, n in owned],
        }
