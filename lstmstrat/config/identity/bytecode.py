"""What a code object does, without where it stands: no file name, no line numbers, no docstring."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType

_CACHE = dis.opmap["CACHE"]  # room that the interpreter keeps behind an instruction
_FLAGS = 0x3FF  # arguments, generators and coroutines; a flag above tells of a docstring or of a __future__
_GLOBALS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL", "DELETE_GLOBAL"}
# The lowest bits of the argument of these are flags; the others are the position of the name.
_FLAG_BITS = {"LOAD_GLOBAL": 1, "LOAD_SUPER_ATTR": 2, "LOAD_ATTR": 1 if sys.version_info >= (3, 12) else 0}
_PLACES = {"__doc__", "__firstlineno__", "__static_attributes__"}  # what a class body stores beside its content

Instruction = tuple[int, object]  # number of the operation, argument


@dataclass(frozen=True)
class Names:
    """What a code object, with the functions inside it, looks up by name when it runs."""

    variables: set[str] = field(default_factory=set)  # of its module, or builtin
    attributes: set[str] = field(default_factory=set)  # of whatever object
    imports: set[str] = field(default_factory=set)  # modules, or their attributes; with leading dots if relative
    texts: set[str] = field(default_factory=set)  # constants that may name something, as in getattr


def instructions(code: CodeType) -> Iterator[Instruction]:
    """The instructions. A constant and (name, flags) stand for themselves, in place of their positions in a list.

    These positions move with a docstring.
    """
    before: Instruction | None = None
    for operation, argument in _decoded(code):
        if dis.opname[operation] == "STORE_NAME" and argument in [(name, 0) for name in _PLACES]:
            before = None  # the constant that would be stored
            continue
        if before is not None:
            yield before
        before = operation, argument
    if before is not None:
        yield before


def _decoded(code: CodeType) -> Iterator[Instruction]:
    prefix, raw = 0, code.co_code
    for operation, low in zip(raw[::2], raw[1::2], strict=True):
        if operation == _CACHE:
            continue
        argument = prefix | low
        if operation == dis.EXTENDED_ARG:
            prefix = argument << 8
            continue
        prefix = 0
        if operation in dis.hasconst:
            yield operation, code.co_consts[argument]
        elif operation in dis.hasname:
            bits = _FLAG_BITS.get(dis.opname[operation], 0)
            yield operation, (code.co_names[argument >> bits], argument & (1 << bits) - 1)
        else:
            yield operation, argument


def shape(code: CodeType) -> tuple[object, ...]:
    """What else decides on the behaviour: arguments, variables, flags, and where exceptions are caught."""
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _FLAGS
    return (*counts, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_exceptiontable)


def same(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects do the same."""
    return _comparable(one) == _comparable(other)


def _comparable(value: object) -> object:
    """A constant so that equal ones compare as equal, and 1, 1.0 and True do not."""
    if isinstance(value, CodeType):
        steps = tuple((operation, _comparable(argument)) for operation, argument in instructions(value))
        return shape(value), steps
    if isinstance(value, tuple):
        return tuple(_comparable(item) for item in value)
    if isinstance(value, frozenset):
        return frozenset(_comparable(item) for item in value)
    return type(value), repr(value)


def names(code: CodeType) -> Names:
    """What `code`, and every function inside it, looks up by name."""
    found = Names()
    _collect(code, found)
    return found


def _collect(code: CodeType, found: Names) -> None:
    constants: list[object] = []
    for operation, argument in instructions(code):
        if operation in dis.hasconst:
            constants.append(argument)
            if isinstance(argument, CodeType):
                _collect(argument, found)
            elif isinstance(argument, str):
                found.texts.add(argument)
        elif operation in dis.hasname and isinstance(argument, tuple):
            name = argument[0]
            if dis.opname[operation] in _GLOBALS:
                found.variables.add(name)
            elif dis.opname[operation] == "IMPORT_NAME":
                found.imports.update(_imported(name, *constants[-2:]))
            found.attributes.add(name)


def _imported(name: str, level: object, items: object) -> Iterator[str]:
    """What an import statement may import: a module, and what is taken from it, which may be modules too."""
    base = "." * level + name if isinstance(level, int) else name
    yield base
    for item in items if isinstance(items, tuple) else ():
        yield f"{base}{'' if base.endswith('.') else '.'}{item}"
