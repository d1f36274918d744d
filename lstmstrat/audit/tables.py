"""Tables that a user's code carries with it: values with dates, or long rows of numbers.

Such a table may have been made from the very bars that are being traded, and no change of the bars shows it. It
can be in a parameter, an attribute of the class, a variable of a module, a closure, or in the code itself.
"""

from __future__ import annotations

import dis
import itertools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType, ModuleType
from typing import Any

from lstmstrat.audit.contents import MOST_LONG_BITS, dates_said, described, is_number, long_bits, numbers_said
from lstmstrat.audit.user_code import of_user

DEPTH = 4  # how deep objects inside of objects are looked at
MEMBERS = 1000  # members of a container or an object that are looked at, at most

SET_BY_BACKTRADER = {"lines", "params", "plotinfo", "plotlines", "alias", "linealias"}
EVERYTHING = {"globals", "vars", "__globals__", "modules", "import_module", "__import__"}
"""Names with which code can reach any variable of its module, so all of them are looked at."""
UNSEEN_WAYS = {
    **dict.fromkeys(("environ", "environb", "getenv"), "the environment"),
    **dict.fromkeys(("get_objects", "get_referrers", "get_referents"), "all objects of the process"),
    **dict.fromkeys(("_getframe", "currentframe", "_current_frames", "f_back"), "the code that called it"),
}
"""Names with which code reaches what no change of bars can show, and what that is."""
BEHIND_THE_FEED = {"dataname", "_dataname"}
"""Attributes of a feed that hold the table behind it, with all its later bars."""
_READERS = re.compile(r"(?i)read|scan|open|connect|load|sql|file|dataset|memory_map")
_MODEL_READERS = re.compile(r"(?i)load|open|Booster$|InferenceSession")
READ_UNSEEN = {
    **dict.fromkeys(
        ("polars", "duckdb", "h5py", "tables", "netCDF4", "xarray", "zarr", "lmdb", "pyarrow"), _READERS
    ),
    **dict.fromkeys(
        ("xgboost", "lightgbm", "catboost", "onnxruntime", "tensorflow", "safetensors"), _MODEL_READERS
    ),
    "pandas": re.compile(r"read_(hdf|parquet|orc|feather)|HDFStore"),
}
"""Packages that open files without telling Python, and the names in them that do."""


class Tables:
    """The tables that can be reached from code, each in words; `looked_at` counts the objects.

    Examples
    --------
    >>> found = Tables()
    >>> found.look_at_values("parameter", {"period": 20, "labels": {f"2004-01-{d:02}": 1 for d in range(1, 31)}})
    >>> found.found
    ['parameter labels has 30 dates, 2004-01-01 to 2004-01-30']
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self.looked_at = 0
        self.cached: list[Callable[[], None]] = []  # `cache_clear` of functions that keep results
        self._seen: set[int] = set()
        self._long: dict[Any, float] = {}  # the bits of each long number
        self._kept: list[Any] = []  # so that no `id` in `_seen` is used twice

    def look_at_code(self, root: Any) -> None:
        """Look at a class, a function or a module of the user's, and at what it refers to."""
        if self._is_new(root):
            if isinstance(root, type):
                self._class(root)
            else:
                self._function(root)

    def look_at_values(self, where: str, values: Mapping[str, Any], depth: int = 0) -> None:
        """Look at named values; `where` says whose they are."""
        for name, value in itertools.islice(values.items(), MEMBERS):
            self._value(f"{where} {name}", value, depth)

    def _is_new(self, thing: Any) -> bool:
        if id(thing) in self._seen:
            return False
        self._seen.add(id(thing))
        self._kept.append(thing)
        self.looked_at += 1
        return True

    def _class(self, cls: type[Any]) -> None:
        for base in cls.__mro__:
            if not of_user(base):
                continue
            reads_it = any("__doc__" in _names(f.__code__) for f in vars(base).values() if hasattr(f, "__code__"))
            for name, value in list(vars(base).items()):
                if name in SET_BY_BACKTRADER or (name.startswith("__") and not (name == "__doc__" and reads_it)):
                    self._function(value)
                else:
                    self._value(f"class {base.__name__} has {name}, which", value)
        params = getattr(cls, "params", None)
        if params is not None and hasattr(params, "_getdefaults"):
            self.look_at_values(f"class {cls.__name__}: parameter", dict(params._getitems()))

    def _function(self, thing: Any) -> None:
        function = getattr(thing, "__func__", None) or getattr(thing, "__wrapped__", None) or thing
        if hasattr(thing, "cache_clear"):
            self.cached.append(thing.cache_clear)
        code = getattr(function, "__code__", None)
        if not isinstance(code, CodeType) or not of_user(function):
            return
        where = f"function {function.__qualname__}"
        for cell, name in zip(function.__closure__ or (), code.co_freevars, strict=False):
            self._value(f"{where} uses {name}, which", _content(cell))
        self.look_at_values(f"{where}: default", dict(_defaults(function)))
        constants = _constants(code)
        self._constants(where, constants)
        self._globals(where, function.__globals__, code, {c for c in constants if isinstance(c, str)})

    def _constants(self, where: str, constants: list[Any]) -> None:
        """The constants of one function, alone and together: a long chain of conditions is a table as well."""
        for constant in constants:
            if said := described(constant):
                self._note(f"{where} {said}")
                return
        flat = [
            part
            for constant in constants
            for part in (constant if isinstance(constant, (tuple, frozenset)) else [constant])
        ]
        self._count_long(where, flat)
        if said := dates_said(flat) or numbers_said([x for x in flat if is_number(x)]):
            self._note(f"{where} {said}")

    def _globals(self, where: str, variables: dict[str, Any], code: CodeType, texts: set[str]) -> None:
        names, used = _names(code), _variables(code)
        module = variables.get("__name__", "")
        for name in sorted(names & UNSEEN_WAYS.keys()):
            self._note(f"{where} reaches {UNSEEN_WAYS[name]} ({name})")
        if names & BEHIND_THE_FEED:
            self._note(f"{where} reaches the table behind its feed ({', '.join(sorted(names & BEHIND_THE_FEED))})")
        for name in sorted(variables.keys() if names & EVERYTHING else used & variables.keys()):
            value = variables[name]
            if isinstance(value, ModuleType):
                self._module(where, value, names | texts)
            elif not name.startswith("__"):
                self._value(f"module {module} has {name}, which", value)
            self._reader(where, name, value)
        for name in names & READ_UNSEEN.keys():  # imported inside the function
            self._module(where, sys.modules.get(name), names | texts)

    def _module(self, where: str, module: ModuleType | None, names: set[str]) -> None:
        if module is None:
            return
        package = module.__name__.partition(".")[0]
        if package in READ_UNSEEN:
            readers = [n for n in sorted(names) if READ_UNSEEN[package].match(n) and hasattr(module, n)]
            if readers:
                self._note(f"{where} uses {package}.{readers[0]}, which reads files unseen")
        elif of_user(module):
            for name in sorted(names & vars(module).keys()):
                self._value(f"module {module.__name__} has {name}, which", vars(module)[name])

    def _reader(self, where: str, name: str, value: Any) -> None:
        package = str(getattr(value, "__module__", "") or "").partition(".")[0]
        pattern = READ_UNSEEN.get(package)
        if pattern is not None and callable(value) and pattern.match(getattr(value, "__name__", name)):
            self._note(f"{where} uses {package}.{name}, which reads files unseen")

    def _value(self, where: str, value: Any, depth: int = 0) -> None:
        self._count_long(where.removesuffix(", which"), [value])
        if value is None or isinstance(value, (bool, float)) or not self._is_new(value):
            return
        if said := described(value):
            self._note(f"{where} {said}")
        elif isinstance(value, type) and of_user(value):
            self._class(value)
        elif isinstance(value, property):
            for part in (value.fget, value.fset):
                self._value(where, part)
        elif hasattr(value, "__code__") or hasattr(value, "__func__") or hasattr(value, "__wrapped__"):
            self._function(value)
        elif depth < DEPTH and not isinstance(value, (str, bytes, int, type, ModuleType)):
            for part in _members(value):
                self._value(where, part, depth + 1)
            if of_user(type(value)):
                self._value(where, type(value))

    def _count_long(self, where: str, values: Iterable[Any]) -> None:
        """A table may be spread over many attributes or functions, a long number in each."""
        before = sum(self._long.values())
        self._long |= {value: bits for value in values if (bits := long_bits(value))}
        if before <= MOST_LONG_BITS < sum(self._long.values()):
            self._note(f"{where} and others have {len(self._long)} long numbers together")

    def _note(self, said: str) -> None:
        if said not in self.found:
            self.found.append(said)


def _members(value: Any) -> Iterator[Any]:
    """The parts of a container or of an object, at most `MEMBERS`."""
    if type(value).__module__.partition(".")[0] == "backtrader":
        return
    if isinstance(value, Mapping):
        parts: Iterable[Any] = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = value
    else:
        parts = [*getattr(value, "__dict__", {}).values()]
        parts += [getattr(value, name, None) for name in getattr(type(value), "__slots__", ()) or ()]
    yield from itertools.islice(parts, MEMBERS)


def _defaults(function: Any) -> Iterator[tuple[str, Any]]:
    """The default values of a function, with their positions or names."""
    for k, value in enumerate(function.__defaults__ or ()):
        yield str(k + 1), value
    yield from (function.__kwdefaults__ or {}).items()


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not set yet
        return None


def _names(code: CodeType) -> set[str]:
    return {*code.co_names, *(name for inner in _inner(code) for name in _names(inner))}


def _variables(code: CodeType) -> set[str]:
    """The names of the variables of its module that code reads."""
    own = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return {*own, *(name for inner in _inner(code) for name in _variables(inner))}


def _constants(code: CodeType) -> list[Any]:
    own = [c for c in code.co_consts if not isinstance(c, CodeType) and c is not None]
    return own + [c for inner in _inner(code) for c in _constants(inner)]


def _inner(code: CodeType) -> list[CodeType]:
    return [c for c in code.co_consts if isinstance(c, CodeType)]
