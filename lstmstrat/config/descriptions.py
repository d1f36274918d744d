"""What stands below the fields of a section, for the JSON Schema and help(LSTMForecast).

Pydantic would read it from the source at every start (`use_attribute_docstrings`), and seldom does anybody ask.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise


def descriptions(section: type) -> dict[str, str]:
    """The text below each field of a section that has one, by the name of the field; those it inherits too."""
    inherited = [base for base in section.__mro__[:0:-1] if base.__module__ == section.__module__]
    return {name: text for cls in (*inherited, section) for name, text in _own(cls).items()}


def _own(section: type) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
