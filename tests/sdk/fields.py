"""List every member that a model of the SDK can carry, to the leaves.

Runs inside an SDK's environment. stdin: ["BlockAndOrdersCreateRequest", ...]. stdout: for each
model its leaf members' paths, or null when this SDK has no such model. A path is a list of steps:
a member's JSON name, "[]" for any item of a list, "{}" for any entry of a map. A model inside
itself is listed once, as a leaf.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import models

# A member of a model: its JSON name, the containers around its type, the model inside them if any.
Member = tuple[str, list[str], Any]


def paths(model: Any, above: tuple[Any, ...] = ()) -> Iterator[list[str]]:
    """Yield the path of each leaf below a model class."""
    if model in above:
        yield []
        return
    for name, steps, inside in _members(model):
        below = iter([[]]) if inside is None else paths(inside, (*above, model))
        yield from ([name, *steps, *rest] for rest in below)


def _members(model: Any) -> Iterator[Member]:
    if models.IS_PREVIEW:
        return _preview_members(model)
    return _newest_members(model) if models.IS_NEWEST else _members_2x(model)


def _preview_members(model: Any) -> Iterator[Member]:
    for attribute, kind in model.openapi_types.items():
        steps, inner = [], kind
        while container := models.split(inner):
            step, inner = container
            steps.append(step)
        yield model.attribute_map[attribute], steps, models.model_class(inner)


def _members_2x(model: Any) -> Iterator[Member]:
    for field in model.__fields__.values():
        steps, inner = [], field
        while inner.shape != 1:  # pydantic v1's SHAPE_SINGLETON: neither list nor map
            steps.append(models.DICT_STEP if inner.key_field else models.LIST_STEP)
            inner = inner.sub_fields[0]
        is_model = hasattr(inner.type_, "__fields__")
        yield field.alias, steps, inner.type_ if is_model else None


def _newest_members(model: Any) -> Iterator[Member]:
    for name, field in model.model_fields.items():
        steps, inner = [], _plain(field.annotation)
        while get_origin(inner) in (list, dict):
            steps.append(models.DICT_STEP if get_origin(inner) is dict else models.LIST_STEP)
            inner = _plain(get_args(inner)[-1])
        yield field.alias or name, steps, inner if hasattr(inner, "model_fields") else None


def _plain(kind: Any) -> Any:
    """A type without what it may be besides: nothing."""
    while type(None) in get_args(kind) or hasattr(kind, "__metadata__"):
        kind = next(each for each in get_args(kind) if each is not type(None))
    return kind


def listed(name: str) -> list[list[str]] | None:
    """Return the sorted paths of a model's leaves; None when the SDK has no such model."""
    model = models.model_class(name)
    return None if model is None else sorted(paths(model))


json.dump({name: listed(name) for name in json.load(sys.stdin)}, sys.stdout)
