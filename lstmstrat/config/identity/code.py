"""How functions, classes and modules are written into a hash."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import sys
from collections.abc import Iterator
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any

from lstmstrat.config.identity.bytecode import Names, instructions, names, shape
from lstmstrat.config.identity.own_modules import installed, own_module
from lstmstrat.config.identity.walk import UnidentifiedError, Walk, Writer, derived, library_name, named

# Of a class: where it stands, how it is called, and what Python keeps beside it.
_NO_CONTENT = {"__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "_abc_impl"}
_NO_CONTENT |= {"__firstlineno__", "__static_attributes__"}  # since Python 3.13
_NO_CONTENT |= {"__slotnames__"}  # there once an instance was pickled
# What pydantic makes of the other attributes, with memory addresses in it.
_NO_CONTENT |= {"__pydantic_core_schema__", "__pydantic_validator__", "__pydantic_serializer__"}
_OF_ANY_NAME = {"globals", "eval", "exec"}  # builtins after which any variable of the module may be used
_OF_ANY_ATTRIBUTE = {"getattr", "vars"} | _OF_ANY_NAME


def _code(walk: Walk, value: CodeType, where: str) -> None:
    walk.write("code")
    walk.each(shape(value), where)
    for operation, argument in instructions(value):
        walk.write(operation)
        walk.add(argument, where)


def _function(walk: Walk, value: FunctionType, where: str) -> None:
    """Of a function that an installed package made, such as a decorator's, only what it was given is written."""
    module, where = str(value.__globals__.get("__name__", "")), named(value)
    package = installed(module) if module in sys.modules else None
    walk.write("function", package, *((module, value.__code__.co_qualname) if package else ()))
    walk.each((value.__defaults__, value.__kwdefaults__, value.__closure__), where)
    walk.namespace(vars(value), where)
    if package is None:
        walk.add(value.__code__, where)
        _variables(walk, value.__globals__, names(value.__code__))


def _variables(walk: Walk, variables: dict[str, Any], used: Names) -> None:
    """What code finds by name when it runs: variables of its module, and the user's modules that it imports."""
    module, package = str(variables.get("__name__", "")), str(variables.get("__package__") or "")
    wanted = used.variables | ({*variables} if used.variables & _OF_ANY_NAME else set())
    attributes = None if used.variables & _OF_ANY_ATTRIBUTE else used.attributes | used.texts
    found = {name: variables[name] for name in wanted if name in variables and not name.startswith("__")}
    for name in sorted(found):
        walk.write("variable", name)
        _variable(walk, found[name], f"{module}.{name}", attributes)
    for imported in _imports(used, package):
        walk.write("import", imported.__name__)
        _variable(walk, imported, imported.__name__, attributes)


def _variable(walk: Walk, value: object, where: str, attributes: set[str] | None) -> None:
    """A value; of a user's module only the attributes that the code names, if these are known."""
    if attributes is not None and _is_own_module(value):
        _attributes(walk, value, attributes, ())
    else:
        walk.add(value, where)


def _attributes(walk: Walk, module: Any, attributes: set[str], above: tuple[object, ...]) -> None:
    for name in sorted(attributes & vars(module).keys()):
        value, where = vars(module)[name], f"{module.__name__}.{name}"
        walk.write("attribute", name)
        if not _is_own_module(value):
            walk.add(value, where)
        elif value not in above:
            _attributes(walk, value, attributes, (*above, module))


def _is_own_module(value: object) -> bool:
    return isinstance(value, ModuleType) and installed(value.__name__) is None


def _imports(used: Names, package: str) -> Iterator[ModuleType]:
    """The user's modules that code imports when it runs, or names as text."""
    wanted = used.imports | {text for text in used.texts if text in sys.modules}
    if {"import_module", "__import__"} & (used.attributes | used.variables):
        wanted |= {text for text in used.texts if text.replace(".", "").isidentifier()}
    for name in sorted(wanted):
        with contextlib.suppress(ImportError, ValueError):  # a relative name outside of a package
            module = own_module(importlib.util.resolve_name(name, package))
            if module is not None:
                yield module


def _module(walk: Walk, value: ModuleType, where: str) -> None:
    """A user's module that is handed around: whatever it holds may be used."""
    if not str(getattr(value, "__file__", None) or ".py").endswith((".py", ".pyc")):
        raise UnidentifiedError(f"{value.__name__}, a compiled module")
    walk.write("module")
    content = {name: held for name, held in vars(value).items() if not name.startswith("__")}
    walk.namespace(content, value.__name__)


def _method(walk: Walk, value: MethodType, where: str) -> None:
    walk.write("method")
    walk.each((value.__func__, value.__self__), where)


def _builtin(walk: Walk, value: BuiltinFunctionType, where: str) -> None:
    if _is_own_module(value.__self__):
        raise UnidentifiedError(f"{named(value)}, a function of a compiled module")
    walk.write("builtin", value.__qualname__)
    walk.add(value.__self__, where)


def _cell(walk: Walk, value: CellType, where: str) -> None:
    walk.write("cell")
    with contextlib.suppress(ValueError):  # still empty
        walk.add(value.cell_contents, f"a variable of a function around {where}")


def _class(walk: Walk, value: type[Any], where: str) -> None:
    """Its attributes and those of its bases, up to the installed classes."""
    walk.write("class")
    told = [getattr(value, name)() for name in derived(value)]
    walk.each(told, where)
    if told and installed(value.__module__):
        return
    walk.each((type(value), *value.__mro__[1:]), where)
    for base in value.__mro__[1:]:
        if library_name(base):
            walk.namespace(_replaced(base), named(base))
    walk.namespace({name: v for name, v in vars(value).items() if name not in _NO_CONTENT}, named(value))


def _replaced(base: type[Any]) -> dict[str, FunctionType]:
    """Functions of the user's that were put into an installed class."""
    functions = {name: v for name, v in vars(base).items() if isinstance(v, FunctionType)}
    return {name: f for name, f in functions.items() if installed(str(f.__globals__.get("__name__", ""))) is None}


def _property(walk: Walk, value: property, where: str) -> None:
    walk.write("property")
    walk.each((value.fget, value.fset, value.fdel), where)


def _static(walk: Walk, value: Any, where: str) -> None:
    walk.write(type(value).__name__)
    walk.add(value.__func__, where)


def _cached_property(walk: Walk, value: Any, where: str) -> None:
    walk.write("cached property")
    walk.add(value.func, where)


def _cached_function(walk: Walk, value: Any, where: str) -> None:
    """What the cache holds cannot be read."""
    walk.write("cached function")
    walk.each((value.__wrapped__, value.cache_parameters()), where)


def _slot(walk: Walk, value: Any, where: str) -> None:
    walk.write("slot", value.__name__)


TREES: dict[type, Writer] = {CodeType: _code}
WRITERS: tuple[tuple[type[Any], Writer], ...] = (
    (FunctionType, _function),
    (type, _class),
    (ModuleType, _module),
    (MethodType, _method),
    (BuiltinFunctionType, _builtin),
    (CellType, _cell),
    (property, _property),
    (staticmethod, _static),
    (classmethod, _static),
    (functools.cached_property, _cached_property),
    (functools._lru_cache_wrapper, _cached_function),
    (MemberDescriptorType, _slot),
    (GetSetDescriptorType, _slot),
)
