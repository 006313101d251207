"""One way to read, write and describe models, for SDKs of each generation.

Runs inside an SDK's environment. finbourne-sdk and lusid-sdk 2.x generate pydantic models, of pydantic 2 and 1, the
preview classes with `openapi_types` and `attribute_map`. Types are spelled as the API reference spells them:
`ResourceId`, `List[ResourceId]`, `Dict[str, ResourceId]`, or `list[ResourceId]` and
`dict(str, ResourceId)` as the preview has it.
"""

import datetime
import gc
import json
import re
from types import SimpleNamespace
from typing import Any

gc.disable()  # takes a quarter off the import of some 2,500 models; these scripts end soon

# After the collector is off. mypy: only an SDK's own environment has its package.
try:
    import lusid  # type: ignore[import-not-found]
    import lusid.models  # type: ignore[import-not-found]

    _models = lusid.models
    IS_NEWEST = False
except ModuleNotFoundError:
    import finbourne.sdk.exceptions  # type: ignore[import-not-found]
    import finbourne.sdk.extensions  # type: ignore[import-not-found]
    import finbourne.sdk.services.lusid as lusid  # type: ignore[import-not-found]

    _models = lusid.models
    IS_NEWEST = True

IS_PREVIEW = not hasattr(_models.ResourceId, "from_dict")

ApiException: Any = finbourne.sdk.exceptions.ApiException if IS_NEWEST else lusid.ApiException
factories: Any = finbourne.sdk.extensions if IS_NEWEST else lusid
"""The module that has the makers of clients."""

LIST_STEP = "[]"
DICT_STEP = "{}"

_LIST = re.compile(r"[Ll]ist\[(.*)\]$")
_DICT = re.compile(r"(?:Dict\[|dict\()[^,]*, (.*)[\])]$")


def split(kind: str) -> tuple[str, str] | None:
    """Split a container's type into its step and its items' type; None for anything else."""
    for step, pattern in ((LIST_STEP, _LIST), (DICT_STEP, _DICT)):
        found = pattern.match(kind)
        if found:
            return step, found.group(1)
    return None


def model_class(name: str) -> Any:
    """Return the SDK's class of that name; None when this SDK has none."""
    return getattr(_models, name, None)


def api_class(name: str) -> Any:
    """Return the SDK's class of calls of that name."""
    return getattr(lusid, name)


def read(kind: str, text: str) -> Any:
    """Turn JSON text into models the way the SDK does when it receives it.

    Raises TypeError or ValueError when the SDK refuses it or does not know the model.
    """
    name = kind
    while container := split(name):
        name = container[1]
    if model_class(name) is None:
        raise TypeError(f"this SDK has no model {name}")
    if IS_PREVIEW:
        return lusid.ApiClient().deserialize(SimpleNamespace(data=text), _preview_spelling(kind))
    return _read_2x(kind, json.loads(text))


def written(value: Any) -> str:
    """Write models as the JSON text the SDK would send."""
    if IS_PREVIEW:
        value = lusid.ApiClient().sanitize_for_serialization(value)
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.datetime) else value.to_dict()


def held(value: Any) -> str:
    """Write models as JSON text with all they hold, read-only members included."""
    return written(value) if IS_PREVIEW else json.dumps(value, default=_whole)


def _whole(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return value.model_dump(by_alias=True) if IS_NEWEST else value.dict(by_alias=True)


def _read_2x(kind: str, data: Any) -> Any:
    container = split(kind)
    if container is None:
        return model_class(kind).from_dict(data)
    step, item = container
    if step == LIST_STEP:
        return [_read_2x(item, entry) for entry in data]
    return {key: _read_2x(item, entry) for key, entry in data.items()}


def _preview_spelling(kind: str) -> str:
    container = split(kind)
    if container is None:
        return kind
    step, item = container
    form = "list[{}]" if step == LIST_STEP else "dict(str, {})"
    return form.format(_preview_spelling(item))
