"""Filter and sort expressions of list calls, a subset of LUSID's language. Knows documents, not endpoints.

expression  clause, joined by `and` (binds tighter) and `or`; no parentheses
clause      FIELD eq|neq|gt|gte|lt|lte|startswith LITERAL, or FIELD in (LITERAL, ...)
FIELD       members joined by dots (`id.code`; through a list: any of its items); `properties[KEY]` and
            `identifiers[KEY]` are their values
LITERAL     'text' (a quote is doubled), a number, true, false, a date-time
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any

from connectors.sandbox.protocol.dates import utc_text
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import validation_problem

Predicate = Callable[[Document], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<date>\d{4}-\d\d-\d\d[0-9T:.+Z-]*)|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<mark>[(),])|(?P<word>[A-Za-z_][\w.]*(?:\[[^\]]+\])?))"
)
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "startswith": lambda left, right: str(left).startswith(str(right)),
}
_KEYED = re.compile(r"(properties|identifiers)\[([^\]]+)\]")
_WORDS = {"and", "or", "in", "eq", "neq", "true", "false", *_ORDERED}
_END = ("end", "")


def field(document: Document, path: str) -> Any:
    """The value at a path in the document: a list for a label set and for a path through a list, None for nothing."""
    keyed = _KEYED.fullmatch(path)
    if keyed:
        value = document.get(keyed[1], {}).get(keyed[2], {}).get("value", {})
        for member, inner in (("metricValue", "value"), ("labelValueSet", "values")):
            if member in value:
                return value[member].get(inner)
        return value.get("labelValue")
    found: Any = document
    for member in path.split("."):
        if isinstance(found, list):
            found = [each.get(member) for each in found if isinstance(each, dict)]
        else:
            found = found.get(member) if isinstance(found, dict) else None
    return found


def parse_filter(expression: str) -> Predicate:
    """Parses a filter expression into a predicate.

    Raises:
        ProblemError: 400, the expression is not in the subset that this module reads.
    """
    return _Parser(expression).whole()


def named_values(expression: str) -> list[tuple[str, str]]:
    """The texts that a filter compares a field with by `eq` or `in`, each with the field."""
    found: list[tuple[str, str]] = []
    path = ""
    for kind, said in _tokens(expression):
        if kind == "word" and said.lower() not in _WORDS:
            path = said
        elif kind == "text":
            found.append((path, _unquoted(said)))
    return found


def sort(documents: list[Document], orders: list[str]) -> list[Document]:
    """The documents sorted by `FIELD ASC` / `FIELD DESC` entries, the first being the major one; absent values first.

    Raises:
        ProblemError: 400, an entry has another form.
    """
    out = documents
    for order in reversed(orders):
        path, _, direction = order.strip().rpartition(" ")
        if not path or direction.upper() not in ("ASC", "DESC"):
            raise validation_problem({"sortBy": [f"{order!r} must be a field, then ASC or DESC"]})
        downwards = direction.upper() == "DESC"
        out = sorted(out, key=partial(_rank, path=path), reverse=downwards)
    return out


def _rank(document: Document, path: str) -> tuple[int, Any]:
    value = field(document, path)
    if value is None:
        return 0, 0
    if isinstance(value, int | Decimal):
        return 1, value
    return 2, str(value)


class _Parser:
    def __init__(self, expression: str) -> None:
        self._tokens = list(_tokens(expression))

    def whole(self) -> Predicate:
        predicate = self._any()
        if self._tokens[0] != _END:
            raise _refused(f"did not expect {self._tokens[0][1]}")
        return predicate

    def _any(self) -> Predicate:
        alternatives = [self._all()]
        while self._word("or"):
            alternatives.append(self._all())
        return lambda document: any(each(document) for each in alternatives)

    def _all(self) -> Predicate:
        clauses = [self._clause()]
        while self._word("and"):
            clauses.append(self._clause())
        return lambda document: all(each(document) for each in clauses)

    def _clause(self) -> Predicate:
        path = self._take("word")
        operator = self._take("word").lower()
        if operator == "in":
            wanted = frozenset(self._list())
            return lambda document: _among(field(document, path), wanted)
        if operator not in ("eq", "neq", *_ORDERED):
            raise _refused(f"does not know the operator {operator}")
        literal = self._literal()
        if operator == "eq":
            return lambda document: _equal(field(document, path), literal)
        if operator == "neq":
            return lambda document: not _equal(field(document, path), literal)
        return lambda document: _compare(_ORDERED[operator], field(document, path), literal)

    def _list(self) -> list[Any]:
        self._mark("(")
        out = [self._literal()]
        while self._tokens[0] == ("mark", ","):
            self._mark(",")
            out.append(self._literal())
        self._mark(")")
        return out

    def _literal(self) -> Any:
        kind, said = self._tokens.pop(0)
        if kind == "text":
            return _unquoted(said)
        if kind == "number":
            return Decimal(said)
        if kind == "date" and (moment := utc_text(said)):
            return moment
        if kind == "word" and said in ("true", "false"):
            return said == "true"
        raise _refused(f"expects a value, found {said or 'the end'}")

    def _word(self, word: str) -> bool:
        kind, token = self._tokens[0]
        if kind != "word" or token.lower() != word:
            return False
        self._tokens.pop(0)
        return True

    def _mark(self, mark: str) -> None:
        if self._take("mark") != mark:
            raise _refused(f"expects {mark}")

    def _take(self, wanted: str) -> str:
        kind, token = self._tokens.pop(0)
        if kind != wanted:
            raise _refused(f"expects a {wanted}, found {token or 'the end'}")
        return token


def _unquoted(said: str) -> str:
    return said[1:-1].replace("''", "'")


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    position, end = 0, len(expression.rstrip())
    while position < end:
        match = _TOKEN.match(expression, position)
        if match is None or match.lastgroup is None:
            raise _refused(f"cannot read from position {position}")
        yield match.lastgroup, match[match.lastgroup]
        position = match.end()
    yield _END
    yield _END


def _refused(what: str) -> Exception:
    return validation_problem({"filter": [f"the sandbox's filter {what}"]})


def _equal(value: Any, literal: Any) -> bool:
    if isinstance(value, list):
        return literal in value
    if isinstance(value, bool) != isinstance(literal, bool):
        return False
    return bool(value == literal)


def _among(value: Any, literals: frozenset[Any]) -> bool:
    values = value if isinstance(value, list) else [value]
    simple = [each for each in values if isinstance(each, str | int | Decimal)]
    return not literals.isdisjoint(simple) and any(_equal(each, literal) for each in simple for literal in literals)


def _compare(operator: Callable[[Any, Any], bool], value: Any, literal: Any) -> bool:
    numbers = isinstance(value, int | Decimal) and isinstance(literal, Decimal)
    texts = isinstance(value, str) and isinstance(literal, str)
    return (numbers or texts) and operator(value, literal)
