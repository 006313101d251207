"""Asks LUSID for what is looked up by name: definitions, identifier types, instruments, transaction types."""

from collections.abc import Collection, Sequence
from urllib.parse import quote_plus

import orjson

from connectors.lusid import instruments
from connectors.lusid.listing import LARGEST_PAGE, in_portions
from pipelines.compare.preflight.calls import AbsentError, Calls, Json, NotAskedError, RefusedError, items
from pipelines.compare.preflight.references import Group, Kind, References
from schemas.dialects import Dialect

LONGEST = 7500
"""Characters of the keys in one call, as a URL spells them: most servers take 8,000. What is refused is halved."""


class LookUps:
    """Looks up by name, for one preflight."""

    def __init__(self, calls: Calls, dialect: Dialect) -> None:
        self._calls, self._dialect = calls, dialect

    def definitions(self, keys: Sequence[str]) -> dict[str, Json]:
        """The definitions that there are of these property keys.

        Raises:
            NotAskedError: LUSID does not give them.
        """
        found: dict[str, Json] = {}
        for some in in_portions(keys, LONGEST, lambda key: len(quote_plus(key)) + len("&propertyKeys=")):
            found |= self._definitions(some)
        return found

    def _definitions(self, keys: Sequence[str]) -> dict[str, Json]:
        """The same of as many as one call may take; where that is refused, of half of them at a time."""
        try:
            body = self._calls.get("/api/propertydefinitions", {"propertyKeys": list(keys)})
        except (RefusedError, AbsentError):
            if len(keys) > 1:
                middle = len(keys) // 2
                return self._definitions(keys[:middle]) | self._definitions(keys[middle:])
            alone = self._calls.there(f"/api/propertydefinitions/{keys[0]}")
            return {} if alone is None else {keys[0]: alone}
        return {str(each["key"]): each for each in items(body) if "key" in each}

    def keys_defined(self, domain: str) -> list[str]:
        """The keys that are defined in a domain, as far as one page shows them; none where LUSID does not list them."""
        try:
            asked = {"filter": f"domain eq '{domain}'", "limit": LARGEST_PAGE}
            return [
                str(each["key"])
                for each in items(self._calls.get("/api/propertydefinitions/$list", asked))
                if "key" in each
            ]
        except NotAskedError:
            return []

    def instrument_types(self) -> set[str]:
        """The property keys of the identifier types that instruments have.

        Raises:
            NotAskedError: LUSID does not list them.
        """
        return {str(each.get("propertyKey")) for each in items(self._calls.get("/api/instruments/identifierTypes", {}))}

    def sides(self) -> set[str]:
        """The names of the transaction types, which are what sides are configured by.

        Raises:
            NotAskedError: LUSID does not list them.
        """
        asked = {"includeSystemTypes": "true"} if self._dialect is Dialect.V2_3 else {}
        types = items(self._calls.get("/api/transactionconfiguration/types", asked))
        return {str(alias.get("type")) for each in types for alias in each.get("aliases") or ()}

    def resolve_instruments(self, references: References) -> None:
        """Notes which instruments LUSID resolves.

        Raises:
            NotAskedError: LUSID does not look them up.
        """
        group = Group(Kind.INSTRUMENT, "")
        for texts in references.batches(group, instruments.AT_ONCE):
            named = {tuple((key, value) for key, value in orjson.loads(text)): text for text in texts}
            references.know(group, (named[each] for each in instruments.resolved(named, self._look_up)))

    def _look_up(self, identifier_type: str, values: Sequence[str]) -> Collection[str]:
        try:
            found: Collection[str] = self._calls.answer(
                lambda: instruments.look_up(self._calls.client, identifier_type, values)
            )
        except RefusedError:  # it is no identifier type, which is told by itself
            return ()
        return found
