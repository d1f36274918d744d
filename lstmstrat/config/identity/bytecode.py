"""What a code object does, without where it stands: no file name, no line numbers, no docstring."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType

_CACHE = dis.opmap["CACHE"]  # room that the interpreter keeps behind an instruction
_FLAGS = 0x3FF  # arguments, generators and coroutines; a flag above tells of a docstring or of a __future__
_GLOBALS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL", "DELETE_GLOBAL")


@dataclass(frozen=True)
class Names:
    """What a code object, with the functions inside it, looks up by name when it runs."""

    variables: set[str] = field(default_factory=set)  # of its module, or builtin
    attributes: set[str] = field(default_factory=set)  # of whatever object
    imports: set[tuple[str, int]] = field(default_factory=set)  # module and level of a relative import
    texts: set[str] = field(default_factory=set)  # constants that may name something, as in getattr


def instructions(code: CodeType) -> Iterator[tuple[int, object]]:
    """The instructions: number of the operation and its argument. A constant stands for itself.

    The place of a constant in ``co_consts`` moves with a docstring, so it says nothing.
    """
    prefix, raw = 0, code.co_code
    for operation, low in zip(raw[::2], raw[1::2], strict=True):
        if operation == _CACHE:
            continue
        argument = prefix | low
        prefix = argument << 8 if operation == dis.EXTENDED_ARG else 0
        if not prefix:
            yield operation, code.co_consts[argument] if operation in dis.hasconst else argument


def shape(code: CodeType) -> tuple[object, ...]:
    """What else decides on the behaviour: arguments, names, flags, and where exceptions are caught."""
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _FLAGS
    variables = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return (*counts, *variables, code.co_exceptiontable)


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
        name = dis.opname[operation]
        if name in _GLOBALS and isinstance(argument, int):
            found.variables.add(code.co_names[argument >> 1 if name == "LOAD_GLOBAL" else argument])
        elif name == "IMPORT_NAME" and isinstance(argument, int):
            level = constants[-2]  # the two constants before are the level and the list of names
            found.imports.add((code.co_names[argument], level if isinstance(level, int) else 0))
    found.attributes.update(code.co_names)
