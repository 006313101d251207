"""The options of a flow as Prefect's pages ask for them: a form with types, bounds and help, made from the options.

An option that is declared in `schemas.settings` appears here by itself.
"""

from collections.abc import Collection
from dataclasses import fields
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, WithJsonSchema, create_model

from schemas.expectations import Expectations
from schemas.option_types.kinds import Exact
from schemas.settings import LoadOptions, about


class Form(BaseModel):
    """Options as a person fills them in: what is left empty is not given."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    def given(self) -> dict[str, Any]:
        """The options that were filled in, as fields of `Options`."""
        return self.model_dump(exclude_none=True, exclude_unset=True)


def _schema(kind: Any, bounds: Exact) -> dict[str, Any]:
    """The JSON schema of a field; a null is taken for an empty field, but a form needs one type to show."""
    limits = {"minimum": bounds.least, "maximum": bounds.most}
    found = TypeAdapter(kind).json_schema()
    return {**found, **{name: n for name, n in limits.items() if n is not None and n < 1 << 31}}


def _field(option: Any) -> tuple[Any, Any]:
    """An option as a field of a form."""
    kind, *rules = get_args(option.type)
    kinds = [each for each in get_args(kind) if each is not type(None)] if _is_union(kind) else [kind]
    plain = next(
        (each for each in kinds if isinstance(each, type) and issubclass(each, bool | int | float | Enum)), str
    )
    bounds = next((rule for rule in rules if isinstance(rule, Exact)), Exact())
    said = about(option)
    default = option.default if option.default is not None and not isinstance(option.default, Path) else None
    help_text = said.help if default is None or "default" in said.help else f"{said.help} Default: {default}."
    taken = Annotated[plain | None, Field(title=option.name.replace("_", " ")), WithJsonSchema(_schema(plain, bounds))]  # type: ignore[valid-type]  # as it is made here
    return taken, Field(None, description=help_text)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _made(name: str, doc: str, *, without: Collection[str] = ()) -> Any:
    made = {option.name: _field(option) for option in fields(LoadOptions) if option.name not in without}
    expect = (Expectations | None, Field(None, description="What must be true of every extract."))
    return create_model(name, __base__=Form, __doc__=doc, **made, expect=expect)  # type: ignore[call-overload]


if TYPE_CHECKING:

    class LoadForm(Form):
        """Options of the load of one extract."""

    class NightForm(Form):
        """Options of every load of a night."""
else:
    _ONE = [option.name for option in fields(LoadOptions) if about(option).one_extract]
    LoadForm = _made("LoadForm", "Options of the load of one extract.")
    NightForm = _made("NightForm", "Options of every load of a night.", without=_ONE)
