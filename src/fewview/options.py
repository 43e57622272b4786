"""Options of a method or a step: one pydantic model that makes the form, the flags, the recipe and the record.

A field is declared once, with :func:`option`; the command line (``--set key=value``), the viewer's form, the
YAML recipe and the run record all read that declaration.

Options that only mean something together are a model of their own within the model, or a choice among several, told
apart by their ``kind``: :class:`Options` with :func:`choice_of`. Each value within has a path, ``data_step.trust``,
under which it is set (``--set data_step.trust=0.7``, ``--set data_step.kind=cg``).
"""

from __future__ import annotations

import copy
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, TypeVar, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from .errors import OptionError, choices
from .sizes import require_sensible

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
    rule: str = "",
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
    rule : str
        Where "auto" settles it by something else than held-out measurements: by what, as it stands behind the value
        ("from a first reconstruction").

    Returns
    -------
    FieldInfo
        Of pydantic, as the default of an attribute of an :class:`Options` model.
    """
    return Field(
        default,
        title=title,
        description=help,
        ge=ge,
        gt=gt,
        le=le,
        json_schema_extra={"unit": unit, "advanced": advanced, "offers": list(offers), "rule": rule},
    )


def choice_of(default: Options, title: str, help: str) -> Any:
    """Declare a choice, which a form hides at first, among models that are told apart by their ``kind``.

    Parameters
    ----------
    default : Options
        One of them.
    title, help : str
        Label, and a sentence on every kind.

    Returns
    -------
    FieldInfo
        Of pydantic, as of :func:`option`.

    Examples
    --------
    >>> Step = Annotated[Annotated[CG, Tag("cg")] | Annotated[Proximal, Tag("proximal")], Discriminator(kind_of)]
    >>> step: Step = choice_of(Proximal(), "Step", "cg: ...; proximal: ...")
    """
    return option(default, title, help, advanced=True)


def kind_of(value: Any) -> Any:
    """The ``kind`` of a model or of its values: with ``pydantic.Discriminator``, what a choice is told apart by."""
    return value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)


class Leaf(NamedTuple):
    """A value within an options model.

    Parameters
    ----------
    path : str
        "steps", or "data_step.trust".
    field : FieldInfo
        Its declaration; of a ``kind``, that of the choice.
    default : object
    kinds : tuple of str
        Of a ``kind``: what it may be.
    when : tuple of (str, tuple of str), optional
        Path of the ``kind`` that the value depends on, and with which kinds it is there.
    """

    path: str
    field: FieldInfo
    default: Any
    kinds: tuple[str, ...] = ()
    when: tuple[str, tuple[str, ...]] | None = None


class Options(BaseModel):
    """Base of every options model: immutable, closed, and with errors that a user understands."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    listing: ClassVar[str] = "`fewview methods NAME`"
    """Command that lists the options, for messages."""
    short_names: ClassVar[Mapping[str, str]] = {}
    """Names that values within the model answer to, too, and their paths: those of recipes from when all was flat. What
    they say of a kind that is not chosen counts for nothing, as it did then."""
    old_kinds: ClassVar[Mapping[tuple[str, str], str]] = {}
    """Kinds that recipes may still name, as (name of the choice, kind), and what stands for them now."""

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, values: Any) -> Any:
        """Bring paths and short names to their place, and complete what is given of a choice by its defaults."""
        if not isinstance(values, Mapping):
            return values
        placed: dict[str, Any] = {}
        asides: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            head, _, tail = str(cls.short_names.get(name, name)).partition(".")
            if not tail:
                placed[head] = value
            elif name in cls.short_names:
                asides.setdefault(head, {})[tail] = value
            else:
                asides.setdefault(f"{head}.", {})[tail] = value
        for head in {key.removesuffix(".") for key in asides}:
            strict, lenient = asides.get(f"{head}.", {}), asides.get(head, {})
            placed[head] = cls._joined(head, placed.get(head), strict, lenient)
        return {name: cls._completed(name, value) for name, value in placed.items()}

    @classmethod
    def _joined(cls, name: str, given: Any, strict: Mapping[str, Any], lenient: Mapping[str, Any]) -> Any:
        """What is said of a choice as a whole, value by value, and under short names."""
        if isinstance(given, Options):  # its values go over to another kind as far as that has them
            given, lenient = None, {**given.model_dump(), **lenient}
        whole = given if isinstance(given, Mapping) else {} if given is None else {"kind": given}
        whole = cls._renewed(name, {**lenient, **whole, **strict})
        found = variants(cls.model_fields[name].annotation) if name in cls.model_fields else {}
        if not found:
            return whole
        kind = whole.get("kind", cls._default_kind(name) or "")
        known = found[kind].model_fields if kind in found else {}
        kept = {"kind", *known, *strict}
        return {key: value for key, value in whole.items() if key in kept or key not in lenient}

    @classmethod
    def _renewed(cls, name: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a choice, its kind under its name of today."""
        return {k: cls.old_kinds.get((name, str(v)), v) if k == "kind" else v for k, v in value.items()}

    @classmethod
    def _completed(cls, name: str, value: Any) -> Any:
        """A choice of which only the kind, or only some values are given."""
        field = cls.model_fields.get(name)
        found = variants(field.annotation) if field is not None else {}
        if field is None or not found or isinstance(value, Options) or not isinstance(field.default, Options):
            return value
        if not isinstance(value, Mapping):
            if "" in found:  # one model, no kind to give
                return value
            value = {"kind": value}
        value = cls._renewed(name, value)
        default, kind = field.default.model_dump(), value.get("kind", cls._default_kind(name) or "")
        known = found[kind].model_fields if kind in found else {}
        return {**{key: v for key, v in default.items() if key in known}, **value, **({"kind": kind} if kind else {})}

    @classmethod
    def _default_kind(cls, name: str) -> Any:
        return getattr(cls.model_fields[name].default, "kind", None)

    @field_validator("*", mode="wrap")
    @classmethod
    def _auto(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        """Let "auto" through where it is allowed: pydantic would compare it with the bounds of the number.

        A number that is one of a few may come as text, as all others may. Numbers of a size that nobody can mean are
        refused for all options alike, and so is an empty text where one may be left out.
        """
        field = cls.model_fields[str(info.field_name)]
        if get_origin(field.annotation) is Literal and isinstance(value, str):
            value = {str(one): one for one in get_args(field.annotation)}.get(value.strip(), value)
        if Auto in get_args(field.annotation) and isinstance(value, str) and value == "auto":
            return value
        if isinstance(value, str) and not value.strip() and str in get_args(field.annotation):
            raise PydanticCustomError("empty", "it must not be empty")
        valid = handler(value)
        for one in valid if isinstance(valid, tuple) else (valid,):
            require_sensible(one, bounded=any(getattr(rule, "le", None) is not None for rule in field.metadata))
        return valid

    @classmethod
    def leaves(cls) -> Iterator[Leaf]:
        """All values that may be set, in the order of declaration; a value of several kinds comes once."""
        for name, field in cls.model_fields.items():
            found = variants(field.annotation)
            if not found or not isinstance(field.default, Options):
                yield Leaf(name, field, field.default)
                continue
            path = f"{name}.kind"
            if len(found) > 1:
                yield Leaf(path, field, cls._default_kind(name), tuple(found))
            first = type(field.default)
            inner = {key: None for model in (first, *found.values()) for key in model.model_fields if key != "kind"}
            for key in inner:
                owners = tuple(kind for kind, model in found.items() if key in model.model_fields)
                model = first if key in first.model_fields else found[owners[0]]
                default = getattr(field.default if model is first else model(), key)
                when = (path, owners) if len(found) > 1 else None
                yield Leaf(f"{name}.{key}", model.model_fields[key], default, (), when)

    def values(self) -> dict[str, Any]:
        """All values by path, those of the kinds that are chosen."""
        flat: dict[str, Any] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Options):
                flat |= {f"{name}.{key}": inner for key, inner in value.values().items()}
            else:
                flat[name] = value
        return flat

    def changes(self) -> dict[str, Any]:
        """The values by path that differ from the defaults: as much as a recipe has to say."""
        defaults = {leaf.path: leaf.default for leaf in self.leaves()}
        return {path: value for path, value in self.values().items() if path not in defaults or value != defaults[path]}

    @classmethod
    def knows(cls, name: str) -> bool:
        """Whether a name, short name or path is one of an option."""
        return cls.short_names.get(name, name).partition(".")[0] in cls.model_fields

    def value(self, name: str) -> Any:
        """A value by name, short name or path; of a choice its kind, None where its kind has no such value."""
        place, values = self.short_names.get(name, name), self.values()
        return values.get(place, values.get(f"{place}.kind"))

    def undecided(self) -> list[str]:
        """Paths of the options that are left to the method: those on "auto"."""
        return [path for path, value in self.values().items() if isinstance(value, str) and value == "auto"]

    def taking(self, values: Mapping[str, Any]) -> Self:
        """A copy with those of the values, by path or short name, that are options."""
        kept = {name: getattr(self, name) for name in type(self).model_fields}
        known: dict[str, Any] = {}
        for name, value in values.items():
            place = type(self).short_names.get(name, name)
            if self.knows(name):
                switched = isinstance(kept.get(place), Options) and isinstance(value, str)
                known[f"{name}.kind" if switched else name] = value
        return type(self).model_validate({**kept, **known})

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


def variants(annotation: Any) -> dict[str, type[Options]]:
    """The options models that a type is a choice of, by their kind; one of its own has the kind ""."""
    if isinstance(annotation, type) and issubclass(annotation, Options):
        return {"": annotation}
    if get_origin(annotation) not in (Union, types.UnionType):
        return {}
    parts = [get_args(part)[0] if get_origin(part) is Annotated else part for part in get_args(annotation)]
    models = [part for part in parts if isinstance(part, type) and issubclass(part, Options)]
    return {model.model_fields["kind"].default: model for model in models if "kind" in model.model_fields}


_PLAIN = {
    "dict_type": "it must be values by name",
    "model_type": "it must be values by name",
    "missing": "a value is missing",
    "tuple_type": "it must be numbers with commas between them",
    "string_type": "it must be text",
    "float_parsing": "it must be a number",
    "int_parsing": "it must be a whole number",
    "bool_parsing": "it must be true or false",
}
"""What pydantic says of types, in other words."""


def _explain(model: type[Options], error: ValidationError) -> tuple[str, str]:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    name = place[0] if place else "options"
    field = model.model_fields.get(name)
    found = variants(field.annotation) if field is not None else {}
    chosen: type[Options] = model
    if found and first["type"].startswith("union_tag"):
        return (
            f"Option {name}.kind={first['input'].get('kind')!r} does not exist.",
            choices(str(first["input"].get("kind")), found),
        )
    if len(place) > 1 and found:
        chosen = found.get(place[1], next(iter(found.values())))
        name, field = f"{name}.{place[-1]}", chosen.model_fields.get(place[-1])
    known = [key for key in chosen.model_fields if key != "kind"]
    if first["type"] == "extra_forbidden":
        within = place[0] if "" in found else "=".join(place[:2])
        whose = "The options are" if chosen is model else f"{within} has"
        return f"There is no option '{name}'.", choices(place[-1], known, model.listing, f"{whose}:")
    offered = _offered(field.annotation) if first["type"] == "literal_error" and field is not None else []
    if len(offered) > 1:  # pydantic tells of the members of a union one by one
        problem = f"Option {name}={first['input']!r} does not exist."
        return problem, f"{choices(str(first['input']), offered)} {name}: {field.description}" if field else ""
    message = _PLAIN.get(first["type"], first["msg"].replace("Input should be", "it must be"))
    message = message[0].lower() + message[1:]
    if first["type"] == "missing" and len(place) == 1:  # its input is all that was given
        return f"There is no entry '{name}'.", f"{name}: {field.description}" if field is not None else ""
    about = f"{name}: {field.description}" if field is not None and field.description else f"Known: {', '.join(known)}."
    return f"Option {name}={first.get('input')!r}: {message}.", about


def _offered(annotation: Any) -> list[str]:
    """The words that a type is a choice of; none where other values may stand for it, too."""
    parts = get_args(annotation)
    if get_origin(annotation) is Literal:
        return [str(part) for part in parts]
    found = [_offered(part) for part in parts if part is not type(None)]
    return [word for words in found for word in words] if found and all(found) else []


OptionsT = TypeVar("OptionsT", bound=Options)


def with_defaults(name: str, base: type[OptionsT], **defaults: Any) -> type[OptionsT]:
    """The same options with other defaults.

    Parameters
    ----------
    name : str
        Of the model.
    base : type of Options
    **defaults
        By name, short name, or path with "__" for the dot.

    Raises
    ------
    OptionError
        A default for an option that there is not.
    """
    given = base.parse({key.replace("__", "."): value for key, value in defaults.items()})
    fields: dict[str, Any] = {}
    for key, known in base.model_fields.items():
        value = getattr(given, key)
        if value != known.default:
            field = copy.copy(known)
            field.default = value
            fields[key] = (field.annotation, field)
    return create_model(name, __base__=base, __doc__=f"Options of {name}.", **fields)
