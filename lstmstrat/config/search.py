"""Whether there is something at ``module:attribute``, from the files alone: nothing is imported for it.

Here stand the sentences on what is not there; `plugins`, which imports, says the same ones.
"""

from __future__ import annotations

import ast
import os
import pkgutil
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from itertools import accumulate, islice
from pathlib import Path
from types import ModuleType

from lstmstrat.errors import did_you_mean

# A module in which one of these words stands may have attributes and submodules that its text does not show.
_HIDING = {"*", "__getattr__", "__dict__", "__path__", "exec", "globals", "locals", "modules", "setattr", "vars"}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_KINDS: dict[type[ast.AST], str] = {ast.ClassDef: "Class", ast.FunctionDef: "function"}


_FOLDERS: ContextVar[tuple[str, ...]] = ContextVar("lstmstrat_folders", default=())  # only inside `searched`


@contextmanager
def searched(folders: Iterable[str]) -> Iterator[None]:
    """In the block, modules are looked for in `folders` first."""
    token = _FOLDERS.set(tuple(folders))
    try:
        yield
    finally:
        _FOLDERS.reset(token)


def folders() -> list[str]:
    """Where modules are looked for before all that is on the path: those of `searched`, the current directory."""
    return list(dict.fromkeys([*_FOLDERS.get(), str(Path.cwd())]))


def folders_of(config: Path) -> list[str]:
    """The folders of a config: its own, and the nearest one above it with a pyproject.toml or a .git."""
    own = config.absolute().parent
    roots = (folder for folder in (own, *own.parents) if any((folder / mark).exists() for mark in _MARKS))
    return list(dict.fromkeys(str(folder) for folder in (own, *islice(roots, 1))))


_MARKS = ("pyproject.toml", ".git")


def other_file(module: ModuleType) -> str:
    """A sentence if one of `folders` has a file of this name, and the module was loaded from another one."""
    if module.__name__.partition(".")[0] == __name__.partition(".")[0]:
        return ""  # in a checkout of this package, after `pip install .`, there are two
    spec = PathFinder.find_spec(module.__name__, folders())
    here, there = getattr(module, "__file__", None), spec and spec.origin
    if not here or not there or os.path.realpath(here) == os.path.realpath(there):
        return ""
    return (
        f"{module.__name__} was loaded from {here}, and {there} has the same name; give one of them another name, "
        "or run the two apart"
    )


def malformed(path: str, kind: str, example: str) -> str:
    """The sentence on a path that is not ``module:attribute``."""
    return f"{path!r} is not module:{kind}; expected such as {example}"


def no_module(name: str, inside: Iterable[str]) -> str:
    """The sentence on a module that does not exist; `inside` are the folders of its package, if it is in one."""
    package, dot, _ = name.rpartition(".")
    searched_in = list(inside) if package else folders()
    neighbours = pkgutil.iter_modules(searched_in)
    hint = did_you_mean(name, [f"{package}{dot}{module.name}" for module in neighbours])
    looked = f" (looked in {', '.join(_short(folder) for folder in searched_in)})" if _FOLDERS.get() else ""
    return f"there is no module {name}{hint}{looked}"


def no_attribute(path: str, names: Iterable[str]) -> str:
    """The sentence on a module that lacks the attribute; `names` are what may be meant."""
    module, _, attribute = path.partition(":")
    return f"{path!r}: {module} has no {attribute}{did_you_mean(attribute, names)}"


def missing(path: str, kind: str, example: str) -> str:
    """A sentence if there is surely nothing at `path`; '' if there is, or if only the import can tell.

    The parameters are those of `plugins.load_attribute`, and modules are looked for in the same folders.

    Examples
    --------
    >>> missing("statistics:maen", "function", "my_features:momentum")[:62]
    "'statistics:maen': statistics has no maen; did you mean 'mean'"
    >>> missing("statistics:mean", "function", "my_features:momentum")
    ''
    """
    module, _, attribute = path.partition(":")
    if not module or not attribute:
        return malformed(path, kind, example)
    try:
        return _missing(path, kind)
    except Exception:  # a file that cannot be read, or an import hook that fails: the import will meet it again
        return ""


def _short(folder: str) -> str:
    return "the current directory" if Path(folder) == Path.cwd() else folder


def _missing(path: str, kind: str) -> str:
    module, _, attribute = path.partition(":")
    inside, names = [*folders(), *sys.path], dict[str, str]()
    for name in accumulate(module.split("."), "{}.{}".format):  # the packages first
        spec = _spec(name, inside)
        if spec is None:
            return no_module(name, inside)
        found = _names(spec)
        if found is None:
            return ""
        names, inside = found, list(spec.submodule_search_locations or [])
    known = {*names, *getattr(sys.modules.get(module), "__dict__", {})}
    if attribute in known or attribute.startswith("__") or _spec(f"{module}.{attribute}", inside):
        return ""
    return no_attribute(path, [name for name, what in names.items() if what == kind and name[0] != "_"])


def _spec(name: str, folders: Sequence[str]) -> ModuleSpec | None:
    """What import would find; one without a loader for a module in memory that does not say where it is from."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__spec__", None) or ModuleSpec(name, None)
    package, _, own = name.rpartition(".")
    if package:  # by its last name alone: for a whole one `PathFinder` needs the package in memory
        return PathFinder.find_spec(own, folders)
    found = (finder.find_spec(own, folders if finder is PathFinder else None) for finder in sys.meta_path)
    return next((spec for spec in found if spec), None)


def _names(spec: ModuleSpec) -> dict[str, str] | None:
    """What the text of a module binds, with its kind where that is known; None if the text does not tell all."""
    if spec.origin is None and spec.submodule_search_locations is not None:
        return {}  # a folder without __init__.py
    if type(spec.loader) is not SourceFileLoader or not spec.origin:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as on an invalid escape, of which the import warns
        tree = ast.parse(Path(spec.origin).read_bytes())
    words = {getattr(node, field, None) for node in ast.walk(tree) for field in ("id", "attr", "name")}
    return None if words & _HIDING else {name: kind for node in _outside(tree) for name, kind in _bound(node)}


def _outside(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes that are in no body of a function or class, and every ``global``."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Global))
    nodes: list[ast.AST] = [tree]
    for node in nodes:
        yield node
        inner = node.body if isinstance(node, _SCOPES) else []
        nodes += [child for child in ast.iter_child_nodes(node) if child not in inner]


def _bound(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that a node binds, also where it does so in one branch only."""
    if isinstance(node, ast.Global):
        yield from ((name, "") for name in node.names)
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0], ""
    elif not isinstance(node, (ast.Name, ast.Attribute)) or isinstance(node.ctx, ast.Store):
        names = (getattr(node, field, None) for field in ("id", "attr", "name", "rest"))
        yield from ((name, _KINDS.get(type(node), "")) for name in names if name)
