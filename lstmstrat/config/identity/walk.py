"""The way through the objects: each is written into a hash once, and in an order that every process repeats."""

from __future__ import annotations

import hashlib
import re
import struct
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from lstmstrat.config.identity.own_modules import installed, own_module

Writer = Callable[["Walk", Any, str], None]

MOST_VALUES = 200_000  # a second; beyond it the code holds a data set and is no rule
_ATOMS = {type(None), type(Ellipsis), type(NotImplemented), bool, int, float, complex, str, bytes}
_PLUGIN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")  # "my_features:momentum", in a parameter or in code


class UnidentifiedError(Exception):
    """A value has no content that can be read; the message names it."""


class Walk:
    """Writes objects into a hash. An object that was there before is written as its number, so cycles end.

    Parameters
    ----------
    trees
        Writers of types whose values hold no reference to themselves; they are written whole each time, because
        whether two equal ones are the same object depends on the compiler.
    writers
        Pairs of a type and its writer; the first that fits is taken.
    instance
        Writer of anything else, and of the attributes of a subclass.
    """

    def __init__(
        self, trees: Mapping[type, Writer], writers: Sequence[tuple[type[Any], Writer]], instance: Writer
    ):
        self._trees, self._writers, self._instance = trees, writers, instance
        self._hash = hashlib.sha256()
        self._seen: dict[int, int] = {}  # number of each object, by its id
        self._alive: list[object] = []  # Python gives the id of a dead object to the next one

    def hexdigest(self) -> str:
        """The hash of all that was written."""
        return self._hash.hexdigest()

    def write(self, *parts: object) -> None:
        """Write bytes or the text of anything else, each with its length: no two sequences look alike."""
        for part in parts:
            data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
            self._hash.update(struct.pack("<q", len(data)) + data)

    def add(self, value: object, where: str) -> None:
        """Write a value; `where` names it in a sentence.

        Raises
        ------
        UnidentifiedError
            It holds something that has no content.
        """
        if type(value) in _ATOMS:
            self._atom(value)
        elif type(value) in self._trees:
            self._count(value, where)
            self._trees[type(value)](self, value, where)
        elif id(value) in self._seen:
            self.write("again", self._seen[id(value)])
        else:
            self._seen[id(value)] = len(self._seen)
            self._count(value, where)
            self._object(value, where)

    def each(self, values: Iterable[object], where: str) -> None:
        """Write values in their order, and how many there are."""
        values = list(values)
        self.write(len(values))
        for value in values:
            self.add(value, where)

    def unordered(self, values: Iterable[object], where: str) -> None:
        """Write values that have no order: each is hashed for itself, and the hashes are sorted."""
        own_hash, own_seen, hashes = self._hash, self._seen, []
        for value in values:
            self._hash = hashlib.sha256()
            self._seen = own_seen if type(value) in _ATOMS else dict(own_seen)  # an atom is never seen
            self.add(value, where)
            hashes.append(self._hash.digest())
        self._hash, self._seen = own_hash, own_seen
        self.write(len(hashes), *sorted(hashes))

    def namespace(self, values: Mapping[str, object], where: str) -> None:
        """Write named values in the order of their names: where a line stands in a file says nothing."""
        self.write(len(values))
        for name in sorted(values):
            self.write(name)
            self.add(values[name], f"{where}.{name}")

    def _count(self, value: object, where: str) -> None:
        self._alive.append(value)
        if len(self._alive) > MOST_VALUES:
            raise UnidentifiedError(f"{where}, which leads to more than {MOST_VALUES:,} values")

    def _atom(self, value: object) -> None:
        data = struct.pack("<d", value) if isinstance(value, float) else value
        self.write(type(value).__name__, data)
        if isinstance(value, str) and _PLUGIN.fullmatch(value):
            module, _, name = value.partition(":")
            plugin = getattr(own_module(module), name, None)
            if plugin is not None:
                self.add(plugin, f"{module}.{name}")

    def _object(self, value: object, where: str) -> None:
        name = library_name(value)
        if name:
            self.write("installed", name)
            return
        for kind, writer in self._writers:
            if isinstance(value, kind):
                writer(self, value, where)
                if type(value) is kind or kind in (type, ModuleType):
                    return
                break  # an instance of a subclass, which may have attributes too
        self._instance(self, value, where)


def named(value: object) -> str:
    """Where an object was defined, or what kind of object it is."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str):
        return f"{module}.{name}"
    return f"a {type(value).__qualname__}"


def library_name(value: object) -> str:
    """Package, version and name of what an installed module holds under that very name; "" for anything else.

    A class that Backtrader derives from the params or lines of a user's class is not meant, although a module of
    Backtrader's holds it.
    """
    if isinstance(value, ModuleType):
        package = installed(value.__name__)
        return f"{package} {value.__name__}" if package else ""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module not in sys.modules:
        return ""
    package = installed(module)
    if package is None or derived(value) or _at(sys.modules[module], name) is not value:
        return ""
    return f"{package} {module}:{name}"


def derived(value: object) -> list[str]:
    """The names of the methods that tell params or lines, for a class that Backtrader derives from them."""
    names = ("_getpairs", "_getlines", "_getlinesextra")
    return [name for name in names if isinstance(value, type) and hasattr(value, name)]


def _at(module: ModuleType, path: str) -> object:
    found: object = module
    for part in path.split("."):
        found = getattr(found, part, None)
    return found
