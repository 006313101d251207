"""Names of one entity in rows, keys, references and answers; the declarations of operations are written with these.

A row has `placement_scope` and `placement_code`; its request's key is `scope/code`; other loads refer to it as
`Placement=scope/code`; an answer names it by a ResourceId, or writes `Scope:scope Code:code`. Knows no operation.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipelines.operations.operation import Refs
from schemas.rows.cells import clean_key
from schemas.rows.columns import KeyRule, Row


def id_key(prefix: str) -> KeyRule:
    """The key `scope/code` of a row's ResourceId."""
    return KeyRule(all_of=(f"{prefix}_scope", f"{prefix}_code"))


def id_refs(entity: str, prefix: str) -> Refs:
    """The reference to one entity, `Placement=scope/code`."""

    def refs(row: Row) -> Iterable[str]:
        scope, code = row.get(f"{prefix}_scope"), row.get(f"{prefix}_code")
        if isinstance(scope, str) and isinstance(code, str) and code:
            yield f"{entity}={clean_key(scope)}/{clean_key(code)}"

    return Refs(frozenset({entity}), refs)


def family_refs(prefix: str, *domains: str) -> Refs:
    """The references `Domain/Scope/Code=value` of a family's filled columns, whose names begin with their domain."""

    def refs(row: Row) -> Iterable[str]:
        for name, value in row.items():
            if name.startswith(prefix) and isinstance(value, str) and value:
                yield f"{name.removeprefix(prefix)}={clean_key(value)}"

    return Refs(frozenset(domains), refs)


def all_refs(*several: Refs) -> Refs:
    """The references of several kinds."""
    entities = frozenset[str]().union(*(refs.entities for refs in several))
    return Refs(entities, lambda row: (ref for refs in several for ref in refs(row)))


def id_at(*path: str) -> Callable[[Mapping[str, Any]], str]:
    """A function that reads the key of the ResourceId at a path inside an entry of an answer's `values`."""

    def key(value: Mapping[str, Any]) -> str:
        found: Any = value
        for member in path:
            if not isinstance(found, dict):
                return ""
            found = found.get(member)
        return _written(found)

    return key


def key_in_answer(key: str) -> str:
    """A key as the answers of allocate and booktransactions write it (spec: examples of both)."""
    scope, _, code = key.partition("/")
    return f"Scope:{scope} Code:{code}"


def id_in_answer(value: Mapping[str, Any]) -> str:
    """The same for an entry that is a ResourceId."""
    return key_in_answer(_written(value))


def _written(found: object) -> str:
    """A ResourceId as `scope/code`; empty when it is not one."""
    if not isinstance(found, dict):
        return ""
    scope, code = found.get("scope"), found.get("code")
    return f"{scope}/{code}" if isinstance(scope, str) and isinstance(code, str) else ""
