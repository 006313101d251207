"""Which columns may clear what LUSID has, and why others may not."""

from collections.abc import Sequence

from schemas.dialects import Dialect
from schemas.errors import ConfigError
from schemas.rows.columns import RowShape

CLEAR = "\ue001clear\ue001"
"""In place of a cell that says that its property is to be cleared; read as that in columns that may be, alone."""

EMPTY = "\ue001empty\ue001"
"""In place of an absent cell that a mapping refuses."""

REFUSED = ("Missing", "is empty, which the mapping refuses (`empty: refuse`)")
"""Code and rule of such a cell."""

_PROPERTIES = ("property", "metric", "labels")
_WHY = {
    "identifier": "LUSID knows the entity by its identifiers",
    "investor": "a record is about an investor, always",
    "holder": "an account's holders are sent as a whole list: leave the row out",
    "portfolio": "an account's portfolios are sent as a whole list: leave the row out",
}


def clearable(names: Sequence[str], shape: RowShape, dialect: Dialect) -> frozenset[str]:
    """The columns whose cells clear what LUSID has, as a set.

    Args:
        names: canonical columns that a mapping says it of.
        shape: the columns of the operation.
        dialect: the age of the server.

    Raises:
        ConfigError: one of them cannot be cleared.
    """
    dated = {f.prefix for f in shape.families_of(dialect) if f.prefix in _PROPERTIES and "effective_from" in f.facets}
    for name in names:
        prefix = name.partition(":")[0]
        if prefix not in dated or "@" in name:
            why = next((text for word, text in _WHY.items() if name.startswith(word)), "")
            why = why or "only properties of persons, legal entities, investor records and investment accounts can be"
            raise ConfigError(f"the mapping does not fit: column {name}: cannot be cleared, because {why}")
    return frozenset(names)
