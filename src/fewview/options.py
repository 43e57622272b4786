"""Options of a method or a step: one pydantic model that makes the form, the flags, the recipe and the record.

A field is declared once, with :func:`option`; the command line (``--set key=value``), the viewer's form, the
YAML recipe and the run record all read that declaration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from .errors import OptionError

Auto = Literal["auto"]


def option(
    default: Any,
    title: str,
    help: str,
    *,
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    advanced: bool = False,
    offers: tuple[str, ...] = (),
) -> Any:
    """Declare one option.

    Parameters
    ----------
    default
        Value when the user says nothing.
    title, help : str
        Label, and one sentence with the effect of a larger or smaller value.
    unit : str
        Unit shown behind the value ("mm", "views", "px"); empty for a plain number.
    ge, gt, le : float, optional
        Bounds.
    advanced : bool
        Hidden at first in the viewer's form.
    offers : tuple of str
        Of a text that names a file: names that need none, which the viewer offers to choose from.
    """
    return Field(
        default,
        title=title,
        description=help,
        ge=ge,
        gt=gt,
        le=le,
        json_schema_extra={"unit": unit, "advanced": advanced, "offers": list(offers)},
    )


class Options(BaseModel):
    """Base of every options model: immutable, closed, and with errors that a user understands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="wrap")
    @classmethod
    def _auto(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        """Let "auto" through where it is allowed: pydantic would compare it with the bounds of the number."""
        allowed = Auto in get_args(cls.model_fields[str(info.field_name)].annotation)
        return value if allowed and isinstance(value, str) and value == "auto" else handler(value)

    def undecided(self) -> list[str]:
        """Names of the options that are left to the method: those on "auto"."""
        return [name for name in type(self).model_fields if getattr(self, name) == "auto"]

    def taking(self, values: Mapping[str, Any]) -> Self:
        """A copy with those of the values that are options."""
        return self.model_copy(update={name: v for name, v in values.items() if name in type(self).model_fields})

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Validate ``values`` (strings from a command line will do).

        Raises
        ------
        OptionError
            Names the option, what is wrong with it and what is allowed.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise OptionError(*_explain(cls, error)) from None


def _explain(model: type[Options], error: ValidationError) -> tuple[str, str]:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "options"
    known = ", ".join(model.model_fields) or "none"
    if first["type"] == "extra_forbidden":
        return f"There is no option '{name}'.", f"This method has: {known}."
    message = first["msg"][0].lower() + first["msg"][1:]
    field = model.model_fields.get(name)
    about = f"{name}: {field.description}" if field is not None and field.description else f"Known: {known}."
    return f"Option {name}={first.get('input')!r}: {message}.", about
