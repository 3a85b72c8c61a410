"""Checks placed data against a model, and tells every mistake with file, line and field."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from certsuite.core.errors import ProfileError
from certsuite.devices.placeholders import suggestion
from certsuite.devices.yaml_lines import FieldPath, PlacedData, ProfileErrors, dotted

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """Base of models for files that people write: unknown fields are refused and values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def validated(model: type[M], placed: PlacedData) -> M:
    """The data as a model. Raises :class:`~certsuite.devices.yaml_lines.ProfileErrors` with all mistakes, by line."""
    try:
        return model.model_validate(placed.data)
    except ValidationError as error:
        # A value may be secret: neither pydantic's input nor its text with the input in it goes on.
        mistakes = [_mistake(detail, model, placed) for detail in error.errors(include_input=False)]
    raise ProfileErrors(sorted(mistakes, key=lambda mistake: (mistake.file, mistake.line or 0)))


def mistake_at(path: FieldPath, problem: str, placed: PlacedData) -> ProfileError:
    """A mistake at a place of the data."""
    place = placed.place(path)
    return ProfileError(problem, file=place.file, line=place.line, field=dotted(path))


def _mistake(detail: ErrorDetails, model: type[BaseModel], placed: PlacedData) -> ProfileError:
    path: FieldPath = tuple(part for part in detail["loc"] if part != "[key]")
    problem = detail["msg"].removeprefix("Value error, ")
    match detail["type"]:
        case "extra_forbidden":
            fields = _fields_of(model, path[:-1])
            problem = f"unknown field{suggestion(str(path[-1]), fields)}; fields here: {', '.join(fields)}"
        case "missing":
            problem = "this field is missing"
        case "string_type":
            problem = "must be text: quote it"
    return mistake_at(path, problem, placed)


def _fields_of(model: type[BaseModel], path: FieldPath) -> list[str]:
    here: type[BaseModel] | None = model
    for part in path:
        if here is None:
            return []
        field = next((f for name, f in here.model_fields.items() if (f.alias or name) == part), None)
        # A key or index that is no field is one of a mapping or a list, whose items the model already is.
        here = here if field is None else next(_models_in(field.annotation), None)
    return [] if here is None else [field.alias or name for name, field in here.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)
