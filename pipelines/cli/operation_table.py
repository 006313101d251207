"""Makes the table of operations for the command line and the README."""

from collections.abc import Iterator

from pipelines.operations.table import OPERATIONS

_HEADER = ("operation", "endpoint", "modes", "most per call", "dialects", "needs")


def _rows() -> Iterator[tuple[str, str, str, str, str, str]]:
    for operation in OPERATIONS.values():
        yield (
            operation.name,
            f"POST {operation.path}",
            ", ".join(sorted(operation.modes)),
            "any" if operation.max_items is None else f"{operation.max_items:,}",
            ", ".join(sorted(operation.dialects)),
            ", ".join(other.name for other in OPERATIONS.values() if operation.depends_on(other)),
        )


def markdown_table() -> str:
    """The table in Markdown, without a line end."""
    lines = [_HEADER, tuple("---" for _ in _HEADER)]
    lines += [(f"`{name}`", f"`{endpoint}`", *rest) for name, endpoint, *rest in _rows()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def text_table() -> str:
    """The table as one paragraph for each operation, at most 80 characters wide."""
    return "\n".join(
        f"{name}\n    {endpoint}\n    modes {modes}; most per call: {most}; dialects {dialects}"
        + (f"\n    needs {needs}" if needs else "")
        for name, endpoint, modes, most, dialects, needs in _rows()
    )
