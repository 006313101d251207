"""The text of a proposed mapping: YAML with comments, a line each, whatever names hold."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

_WIDTH = 1 << 20
"""Nothing is folded: what is commented out must stay on its line."""


def scalar(value: Any) -> str:
    """A value as YAML writes it on one line."""
    text = _dumped(value)
    return _dumped(value, '"') if len(text.splitlines()) > 1 else text


def _dumped(value: Any, style: str | None = None) -> str:
    dumped = yaml.safe_dump(
        value, allow_unicode=True, default_flow_style=True, default_style=style, sort_keys=False, width=_WIDTH
    )
    return dumped.removesuffix("\n").removesuffix("\n...").strip()


def line(name: str, value: Any, told: str = "") -> str:
    """A member, and what is to be said of it."""
    return f"{scalar(name)}: {scalar(value)}{_comment(told)}"


def commented(lines: Iterable[str]) -> list[str]:
    """Lines that are no part of the mapping until somebody takes the mark away."""
    return [f"# {text}" for text in lines]


def indented(lines: Iterable[str], by: int = 2) -> list[str]:
    """Lines of what is inside something."""
    return [" " * by + text for text in lines]


def rule_lines(name: str, column: str, declared: Mapping[str, Any], told: str, more: Iterable[str] = ()) -> list[str]:
    """A canonical column.

    Args:
        name: the canonical column.
        column: what feeds it.
        declared: further members of its rule.
        told: what is to be said of it.
        more: further lines of its rule.
    """
    more = list(more)
    if not declared and not more:
        return [line(name, column, told)]
    texts = [line("column", column), *(line(member, value) for member, value in declared.items())]
    texts[-1] += _comment(told)
    return [f"{scalar(name)}:", *indented([*texts, *more])]


def _comment(told: str) -> str:
    return f"  # {' '.join(told.split())}" if told else ""
