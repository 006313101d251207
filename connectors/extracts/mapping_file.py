"""Reading a mapping's YAML: one clear line for everything that is wrong with it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from connectors.start_up_files import read_start_up_file
from schemas.errors import ConfigError
from schemas.rows.column_rule import ColumnRule
from schemas.rows.mapping import Mapping
from schemas.rows.reading import ReadingRules
from schemas.suggestions import did_you_mean

_NULL, _TEXT = "tag:yaml.org,2002:null", "tag:yaml.org,2002:str"


class _Loader(yaml.SafeLoader):
    """Refuses a member that is given twice, which YAML would silently let win, and what YAML itself stumbles over."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002  # as in PyYAML
        """The value of a node; PyYAML raises whatever comes for a 13th month or a `!!int x`."""
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, TypeError, LookupError, AttributeError):
            problem = "a value is not what it looks like, or is tagged as: put dates, numbers and the like in quotes"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a name must be text", key.start_mark)
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"{key.value} is given twice", key.start_mark)
        seen.add(key.value)
    members = [(_as_text(key), _words(value) if key.value == "null" else value) for key, value in node.value]
    return loader.construct_mapping(yaml.MappingNode(node.tag, members, node.start_mark, node.end_mark), deep=True)


def _as_text(node: yaml.Node) -> yaml.Node:
    """A node that YAML reads as nothing (`null`, `NULL`, `~`) as the text that it is."""
    if node.tag != _NULL or not node.value:
        return node
    return yaml.ScalarNode(_TEXT, node.value, node.start_mark, node.end_mark)


def _words(node: yaml.Node) -> yaml.Node:
    """What the member `null` holds: words, of which YAML reads some as nothing."""
    if not isinstance(node, yaml.SequenceNode):
        return _as_text(node)
    return yaml.SequenceNode(node.tag, [*map(_as_text, node.value)], node.start_mark, node.end_mark)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_mapping(path: Path, operation: str) -> Mapping:
    """The mapping in a file.

    Raises:
        ConfigError: it cannot be read, is not YAML, has unknown members, or is for another operation.
    """
    try:
        text = read_start_up_file(path).decode()
    except OSError as error:
        raise ConfigError(f"mapping {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"mapping {path} is not UTF-8 text") from None
    return mapping_of(text, str(path), operation)


def mapping_of(text: str, name: str, operation: str) -> Mapping:
    """The mapping that a text is.

    Args:
        text: of a mapping file.
        name: the file's, for messages.
        operation: what it must be for.

    Raises:
        ConfigError: it is not YAML, has unknown members, or is for another operation.
    """
    content = yaml_content(text, f"mapping {name}")
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"mapping {name}: {told_faults(error)}") from None
    if mapping.operation != operation:
        raise ConfigError(f"mapping {name} is for {mapping.operation}, not for {operation}")
    return mapping


def yaml_content(text: str, name: str) -> Any:
    """What a YAML text holds.

    Args:
        text: of a mapping file, or of another that people write.
        name: what messages call it.

    Raises:
        ConfigError: it is not YAML, or names a member twice.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is not YAML: {_where(error)}") from None
    except RecursionError:
        raise ConfigError(f"{name} is nested too deeply") from None


def reading_rules(mapping: Mapping | None, **flags: Any) -> ReadingRules:
    """How a load's CSV files are written: what its mapping declares, and in its place what flags that are given say.

    Raises:
        ConfigError: a flag cannot be, or does not fit the other rules.
    """
    try:
        return (mapping or ReadingRules()).declared(**flags)
    except ValidationError as error:
        raise ConfigError(f"how to read the extract: {told_faults(error)}") from None


def file_sha256(path: Path) -> str:
    """The content hash of a file, in hex; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it holds a character that YAML does not allow"
    return f"{problem} (line {mark.line + 1})" if mark else str(problem)


_WORDS = {
    "missing": "is missing",
    "string_type": "is not text: put it in quotes",
    "string_too_short": "is empty",
    "string_too_long": "is too long",
    "int_type": "is not a whole number",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "bool_type": "is neither true nor false",
    "string_pattern_mismatch": "is not one character other than a letter, a digit, + or -",
    "too_short": "is empty",
    "too_long": "is too long",
    "dict_type": "is not a map of names to values",
    "model_type": "is not a map of names to values",
}


_MEMBERS = (*Mapping.model_fields, *ColumnRule.model_fields)


def told_faults(error: ValidationError, members: Sequence[str] = _MEMBERS) -> str:
    """Everything that is wrong with a file, in our words.

    Args:
        error: what pydantic found.
        members: what the file may have, of which a wrong name may mean one.
    """
    faults = error.errors(include_input=False, include_url=False)
    return "; ".join(dict.fromkeys(_fault(f["type"], f["loc"], f["msg"], members) for f in faults))


def _fault(kind: str, loc: tuple[int | str, ...], told: str, members: Sequence[str]) -> str:
    """One fault in our words; pydantic's own speak of its types."""
    if loc[:1] == ("key",):
        return "key: is neither the name of a column nor a list of names (a number needs quotes)"
    place = ".".join(map(str, loc)) or "the file"
    if loc[-1:] == ("[key]",):
        place = ".".join(map(str, loc[:-2]))
        return f"{place}: has a name that YAML does not read as text: put names such as NO or 1 in quotes"
    if kind == "extra_forbidden":
        return f"{place}: is not a member{did_you_mean(str(loc[-1]), members)}"
    if kind in ("literal_error", "enum"):
        return f"{place}: {told.replace('Input should be', 'takes')}"
    return f"{place}: {_WORDS.get(kind, told.removeprefix('Value error, '))}"
