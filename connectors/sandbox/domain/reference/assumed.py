"""Lists of entities that are assumed to exist: nobody can list them all, so a list has those that its filter names."""

from collections.abc import Callable

from connectors.sandbox.protocol.calls import ApiCall
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.filters import named_values


def with_assumed(
    answer: Document,
    call: ApiCall,
    kind: str,
    invent: Callable[[str, str], Document | None],
    names: Callable[[Document], set[tuple[str, str]]],
) -> Document:
    """The answer to a list call with the entities that its filter names and that are assumed to exist.

    Args:
        answer: has what is stored.
        call: the list call.
        kind: the kind of the entities.
        invent: makes one of a field and its value; None where the field tells no entity.
        names: the fields and values by which a filter may name an entity.
    """
    expression = call.parameter("filter")
    if kind not in call.assumed or not expression or call.parameter("page"):
        return answer
    there = {name for each in answer["values"] for name in names(each)}
    invented = (invent(path, value) for path, value in named_values(expression) if (path, value) not in there)
    return {**answer, "values": [*answer["values"], *(each for each in invented if each is not None)]}
