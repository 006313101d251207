"""Where the entity of an accepted key is read whose request is not known any more."""

from pipelines.compare.accepted import AcceptedKey
from pipelines.operations.evidence import Evidence
from pipelines.operations.operation import Operation
from pipelines.operations.places import LusidIdPlace, Place
from pipelines.planning.expected import Expected, has_list
from schemas.dialects import Dialect
from schemas.errors import ConfigError


def existence_of(operation: Operation, key: AcceptedKey, dialect: Dialect) -> list[Expected]:
    """The entity of a key whose request is not known any more; it is enough that it exists.

    Args:
        operation: that accepted the key.
        key: `scope/code`, or any name of an entity with an id of LUSID's own.
        dialect: of the server.

    Raises:
        ConfigError: LUSID lists no such entities, so that they cannot be read without their identifiers.
    """
    if operation.lusid_id:
        collection = operation.path.split("/")[2]
        if not has_list(collection, dialect):
            raise ConfigError(f"LUSID lists no {operation.entity}s in dialect {dialect}")
        place: Place = LusidIdPlace(f"/api/{collection}", operation.lusid_id, "", key.lusid_id or "")
    else:
        scope, _, code = key.key.partition("/")
        place = Place(f"/api/{operation.entity}s", "id", scope, code)
    return [Expected("", Evidence(f"{place.path}/{place.scope}/{place.code}", {}, place=place))]
