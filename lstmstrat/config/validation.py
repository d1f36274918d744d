"""Values to a section of the config, with a sentence for every mistake at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from lstmstrat.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from lstmstrat.config.section import Section

S = TypeVar("S", bound="Section")

MOST = 30  # mistakes that are told at once
EXPECTED = {  # the value that is expected, by pydantic's type of the error
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "date_type": "a date such as 2005-01-31",
    "dict_type": "keys and values, such as {threshold: 0.001}",
    "model_type": "a section, that is keys and values",
    "tuple_type": "a list",
    "too_short": "at least one in the list",
    "string_pattern_mismatch": "letters, digits, dots, dashes and underscores, a letter or digit first",
}


SCALARS = (str, int, float, dt.date, type(None))  # what a sentence repeats; a list or a frame may be long


def validated(model: type[S], values: Mapping[str, Any], heading: str) -> S:
    """`values` as a `model`.

    Raises
    ------
    ConfigError
        `heading`, then one line for every mistake.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise told(error, model, heading) from None


def told(error: ValidationError, model: type[Section], heading: str) -> ConfigError:
    """What pydantic found in the values of a `model`, as an error with a sentence for every mistake."""
    return ConfigError("\n  ".join([heading, *_lines(error, model)]))


def _lines(error: ValidationError, model: type[Section]) -> list[str]:
    mistakes = error.errors()
    more = [f"... and {len(mistakes) - MOST} more"] if len(mistakes) > MOST else []
    return [_sentence(mistake, model) for mistake in mistakes[:MOST]] + more


def _sentence(error: Any, model: type[Section]) -> str:
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] in ("extra_forbidden", "invalid_key"):
        return f"{path}: {_unknown(str(error['loc'][-1]), _section_at(model, error['loc'][:-1]))}"
    if error["type"] == "missing":
        return f"{path}: missing; it has no default"
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    message = f"expected {EXPECTED[error['type']]}" if error["type"] in EXPECTED else message
    value = f"{yaml_text(error['input'])} given, " if isinstance(error["input"], SCALARS) else ""
    if error["type"] == "string_type" and value and error["input"] is not None:
        message += f"; if it is text, put it in quotes: {_quoted(error['input'])}"
    if error["type"] == "tuple_type" and value and error["input"] is None:
        message += ", such as []"
    elif error["type"] == "tuple_type" and value:
        message += f", such as [{error['input']}]"
    return f"{path}: {value}{message}" if path else message


def _quoted(value: object) -> str:
    """What YAML took for a number, a date, true or false, as text, in a file and with ``--set``."""
    text = {True: "ON", False: "NO"}[value] if isinstance(value, bool) else str(value)
    return f'"{text}"' + f""" (--set: '"{text}"')"""


def _unknown(key: str, model: type[BaseModel]) -> str:
    """What is said of a key that `model` has not; messages call ``columns:`` under ``data:`` data.columns."""
    known = [field.alias or name for name, field in model.model_fields.items()]
    first, _, rest = key.partition(".")
    if rest and first in known:
        return f"unknown key; write {rest}: under {first}:"
    if inner := next((name for name, section in _sections(model).items() if key in section.model_fields), None):
        return f"unknown key here; write it under {inner}:"
    return f"unknown key{did_you_mean(key, known)}"


def _sections(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The fields of `model` that are a section, not a list of them."""
    kinds = {name: field.annotation for name, field in model.model_fields.items()}
    return {name: kind for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, BaseModel)}


def yaml_text(value: object) -> str:
    """`value` in the syntax of YAML, text in quotes."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return str(value) if isinstance(value, dt.date) else repr(value)


def _section_at(model: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel]:
    """The section at `path` inside `model`."""
    for part in path:
        field = model.model_fields.get(str(part))
        model = (_section_in(field.annotation) if field else None) or model
    return model


def _section_in(kind: Any) -> type[BaseModel] | None:
    """The section that a field holds, or a list of them; None if it holds something else."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for part in get_args(kind) if (found := _section_in(part))), None)
