"""What the sections of a config share: the kinds of their values, and `Section`, their base."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from lstmstrat.config.descriptions import descriptions
from lstmstrat.config.limits import Limits
from lstmstrat.config.validation import told

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)

BEYOND = 10**308  # from which no float is near
BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}  # pydantic's name, JSON Schema's


def _number(value: object) -> object:
    """Text such as ``1e-3`` as a float: YAML reads it as text, because it requires ``1.0e-3``."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < BEYOND else (math.inf if value > 0 else -math.inf)
    return value


def _date(value: object) -> object:
    """Quoted text as a date; YAML itself makes a date of an unquoted one."""
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            return value
    return value


def as_tuple(value: object) -> object:
    """A YAML list as a tuple."""
    return tuple(value) if isinstance(value, list) else value


def plain_value(value: object) -> object:
    """A number of numpy as one of Python, also in a list or a dict; anything else as it is.

    >>> import numpy as np
    >>> plain_value(np.int64(3)), plain_value({"fast": np.float32(0.5)})
    (3, {'fast': 0.5})
    """
    if isinstance(value, dict):
        return {key: _plain_number(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain_number, value)) if type(value) in (list, tuple) else value
    return _plain_number(value)


def _plain_number(value: Any) -> Any:
    """A number of numpy as one of Python; nothing is imported for it."""
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0 else value


def plain(text: str) -> str:
    """Text without what a terminal or a spreadsheet would run."""
    text = text.strip()
    if not text.isprintable():
        raise ValueError("expected letters that can be printed, on one line")
    if not text or text[0] in "=+-@":
        raise ValueError("expected another first letter than = + - @, which a spreadsheet runs")
    return text


Number = Annotated[float, BeforeValidator(_number)]
Fraction = Annotated[Number, Field(ge=0.0, lt=1.0)]
Date = Annotated[dt.date, BeforeValidator(_date)]
Names = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]
Count = Annotated[int, Field(ge=1)]


def _bounded_schema(schema: dict[str, Any], section: type[Section]) -> None:
    """Add descriptions and limits to the JSON Schema of a section, and name what pydantic leaves unnamed."""
    for field in schema["properties"].values():
        field.update({name: field.pop(own) for own, name in BOUNDS.items() if own in field})
        if field.get("type") == "array" and "minLength" in field:  # which counts letters
            field["minItems"] = field.pop("minLength")
    for name, text in descriptions(section).items():
        key = name if name in schema["properties"] else section.model_fields[name].alias
        schema["properties"][key]["description"] = text
    for name, limit in section.limits.items():
        schema["properties"][name][limit.keyword] = limit.most


class _Told(ModelMetaclass):
    """Makes sections whose wrong values are said in sentences, as those of a YAML are.

    Pydantic itself makes the sections inside of a section in another way, so the outermost says all mistakes.
    """

    def __call__(self, *values: Any, **named: Any) -> Any:
        try:
            return super().__call__(*values, **named)
        except ValidationError as error:
            raise told(error, cast("type[Section]", self), f"{self.__name__}:") from None


class Section(BaseModel, metaclass=_Told):
    """One section of the YAML: frozen, with strict types, without unknown keys, and with a limit to each value.

    Raises
    ------
    ConfigError
        Values are wrong: a sentence for each. `model_validate` raises pydantic's error in its place.
    """

    limits: ClassVar[Limits] = {}

    model_config = ConfigDict(
        json_schema_extra=_bounded_schema,
        frozen=True,
        strict=True,
        extra="forbid",
        populate_by_name=True,
        allow_inf_nan=False,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _plain_values(cls, value: Any) -> Any:
        return plain_value(value)

    @field_validator("*", mode="after")
    @classmethod
    def _within_limits(cls, value: Any, info: ValidationInfo) -> Any:
        limit = cls.limits.get(info.field_name or "")
        if limit and (mistake := limit.mistake(value)):
            raise ValueError(mistake)
        return value
