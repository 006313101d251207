"""How a row, a reference and an answer name the same thing: what declarations of operations are written with.

A row has `placement_scope` and `placement_code`; its request's key is `scope/code`; other loads refer to it as
`Placement=scope/code`; an answer has a ResourceId, or `Scope:scope Code:code`. Knows no operation.
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
    """The reference of one entity, `Placement=scope/code`."""

    def refs(row: Row) -> Iterable[str]:
        scope, code = row.get(f"{prefix}_scope"), row.get(f"{prefix}_code")
        if isinstance(scope, str) and isinstance(code, str) and code:
            yield f"{entity}={clean_key(scope)}/{clean_key(code)}"

    return refs


def family_refs(prefix: str) -> Refs:
    """References `Domain/Scope/Code=value` of the filled columns of a family."""

    def refs(row: Row) -> Iterable[str]:
        for name, value in row.items():
            if name.startswith(prefix) and isinstance(value, str) and value:
                yield f"{name.removeprefix(prefix)}={clean_key(value)}"

    return refs


def all_refs(*several: Refs) -> Refs:
    """The references of several kinds."""
    return lambda row: (ref for refs in several for ref in refs(row))


def id_at(*path: str) -> Callable[[Mapping[str, Any]], str]:
    """Reads the key of the ResourceId at a path inside an entry of an answer's `values`."""

    def key(value: Mapping[str, Any]) -> str:
        found: Any = value
        for member in path:
            found = found.get(member) if isinstance(found, Mapping) else None
        return "/".join(_id_parts(found))

    return key


def spelled(key: str) -> str:
    """A key as allocate and booktransactions spell it in their answers."""
    scope, _, code = key.partition("/")
    return f"Scope:{scope} Code:{code}"


def spelled_id(value: Mapping[str, Any]) -> str:
    """The same of an entry that is a ResourceId."""
    return spelled("/".join(_id_parts(value)))


def _id_parts(found: object) -> tuple[str, ...]:
    """Scope and code of a ResourceId; nothing when it is none."""
    if not isinstance(found, Mapping):
        return ()
    scope, code = found.get("scope"), found.get("code")
    return (scope, code) if isinstance(scope, str) and isinstance(code, str) else ()
