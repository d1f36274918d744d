"""The value that the source gives a variable or an attribute of a class, where it is written down plainly."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import textwrap
from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import Any

UNKNOWN, EMPTY = object(), object()  # EMPTY: a container that a call makes without content
_EMPTY = {"dict", "list", "set", "bytearray", "defaultdict", "OrderedDict", "Counter", "deque", "array"}


def literal(owner: Any, key: str, functions: Iterable[FunctionType]) -> Any:
    """The value that the source gives `key` of a class or a module; `UNKNOWN` if it is not written down plainly.

    It is `EMPTY` for such as ``defaultdict(list)``.

    `functions` tell where the source of a module without a file is.
    """
    if isinstance(owner, type):
        home = sys.modules.get(owner.__module__)
        texts = _texts(home, functions) if home and "." not in owner.__qualname__ else [_source(owner)]
        classes = [n for text in texts for n in _parsed(text) if isinstance(n, ast.ClassDef)]
        bodies = [node.body for node in classes if node.name == owner.__name__][-1:]
    elif isinstance(owner, ModuleType):
        bodies = [_parsed(text) for text in _texts(owner, functions)]
    else:
        return UNKNOWN
    values = [value for body in bodies for value in _given(body, key)]
    return _evaluated(values[-1]) if values else UNKNOWN


def is_as_written(value: Any, written: Any) -> bool:
    """Whether a value is still the one that the source gives."""
    if written is UNKNOWN:
        return False
    if written is EMPTY:
        return hasattr(value, "__len__") and len(value) == 0
    return type(value) is type(written) and repr(value) == repr(written)


def _texts(module: ModuleType, functions: Iterable[FunctionType]) -> list[str]:
    """The source of a module; of a notebook, its cells in the order in which they ran."""
    cells = getattr(module, "In", None)
    if isinstance(cells, list) and all(isinstance(cell, str) for cell in cells):
        return cells
    if getattr(module, "__file__", None):
        return [_source(module)]
    files = dict.fromkeys(f.__code__.co_filename for f in functions if f.__globals__ is vars(module))
    return ["".join(linecache.getlines(file)) for file in files]


def _source(thing: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(thing))
    except (OSError, TypeError, IndentationError):
        return ""


def _parsed(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except SyntaxError:  # a line of a notebook that is no Python
        return []


def _given(body: list[ast.stmt], key: str) -> list[ast.expr | None]:
    """What the statements assign to `key`, also inside of conditions; None for what is no plain assignment."""
    found: list[ast.expr | None] = []
    for statement in body:
        if any(isinstance(target, ast.Name) and target.id == key for target in _targets(statement)):
            found.append(statement.value)  # type: ignore[attr-defined]
        elif not isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            names = (n for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
            found += [None for name in names if name.id == key]
    return found


def _targets(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AnnAssign) else []


def _evaluated(value: ast.expr | None) -> Any:
    if value is None:
        return UNKNOWN
    if isinstance(value, ast.Call) and all(isinstance(a, ast.Name) for a in value.args) and not value.keywords:
        name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        made_of = len(value.args) if name != "defaultdict" else 0
        return EMPTY if name in _EMPTY and not made_of else UNKNOWN
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN
