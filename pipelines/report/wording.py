"""Words that every text of a run has alike: counts with their nouns."""


def many(count: int, one: str, more: str) -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else more}"
