"""Probes of members that one family alone has: the risk of legal entities, the lists of accounts."""

from collections.abc import Callable, Mapping

from pipelines.doctor.bench import Json
from pipelines.doctor.families import ACCOUNTS, KEPT, LEGAL_ENTITIES, Family
from pipelines.doctor.upserts import CHANGED, Seen, judged


def risk_stays(family: Family) -> Seen:
    """The risk information of a legal entity stays where an upsert leaves it out."""
    family.made()
    risk = {"countryOfRisk": "GB", "creditRatings": [], "industryClassifiers": []}
    family.upserted("a legal entity with its risk", family.body("keys", counterpartyRiskInformation=risk))
    family.upserted("the same without", family.body("keys", displayName=CHANGED))
    held = family.read("keys", CHANGED).get("counterpartyRiskInformation") or {}
    stays = held.get("countryOfRisk") == "GB"
    return judged(stays, "it stays" if stays else "it is gone")


def lists_replace(family: Family) -> Seen:
    """A list of holders that is given replaces the old one, an empty one too."""
    family.made()
    one, none = (_holders_after(family, *sent) for sent in (([family.holder("H2", "keys")], CHANGED), ([], KEPT)))
    saw = f"holders after H1, when H2 was sent: {', '.join(one) or 'none'}; when none was: "
    return judged((one, none) == (["H2"], []), f"{saw}{', '.join(none) or 'none'}")


def _holders_after(family: Family, holders: list[Json], called: str) -> list[str]:
    """The keys of the holders that an account shows once these were sent."""
    family.upserted("an account with other holders", family.body("keys", accountHolders=holders, displayName=called))
    return [str(each.get("key")) for each in family.read("keys", called).get("accountHolders") or []]


MEMBERS: Mapping[str, tuple[str, Callable[[Family], Seen]]] = {
    "risk-stays": (LEGAL_ENTITIES.operation, risk_stays),
    "lists-replace": (ACCOUNTS.operation, lists_replace),
}
"""The probes of one family alone, with its operation."""
