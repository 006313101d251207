"""Reading a mapping's YAML: one clear line for everything that is wrong with it."""

import hashlib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from schemas.dialects import did_you_mean
from schemas.errors import ConfigError
from schemas.mapping import ColumnRule, Mapping


class _Loader(yaml.SafeLoader):
    """Refuses a member that is given twice, which YAML would silently let win."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]  # untyped in PyYAML's stubs
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"{key} is given twice", key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_mapping(path: Path, operation: str) -> Mapping:
    """The mapping in a file.

    Raises:
        ConfigError: it cannot be read, is not YAML, has unknown members, or is for another operation.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  # a SafeLoader
    except OSError as error:
        raise ConfigError(f"mapping {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"mapping {path} is not UTF-8 text") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"mapping {path} is not YAML: {_where(error)}") from None
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"mapping {path}: {_faults(error)}") from None
    if mapping.operation != operation:
        raise ConfigError(f"mapping {path} is for {mapping.operation}, not for {operation}")
    return mapping


def file_sha256(path: Path) -> str:
    """The content hash of a small file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "cannot be parsed"
    return f"{problem} (line {mark.line + 1})" if mark else str(problem)


def _faults(error: ValidationError) -> str:
    known = [*Mapping.model_fields, *ColumnRule.model_fields]
    texts = []
    for fault in error.errors(include_input=False, include_url=False):
        place = ".".join(str(p) for p in fault["loc"]) or "the file"
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = f"is not a member{did_you_mean(str(fault['loc'][-1]), known)}"
        texts.append(f"{place}: {message}")
    return "; ".join(texts)
