"""Whether there is something at ``module:attribute``, from the files alone: nothing is imported for it.

Here stand the sentences on what is not there; `plugins`, which imports, says the same ones.
"""

from __future__ import annotations

import ast
import pkgutil
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from itertools import accumulate
from pathlib import Path

from lstmstrat.errors import did_you_mean

# A module in which one of these words stands may have attributes and submodules that its text does not show.
_HIDING = {"*", "__getattr__", "__dict__", "__path__", "exec", "globals", "locals", "modules", "setattr", "vars"}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_KINDS: dict[type[ast.AST], str] = {ast.ClassDef: "Class", ast.FunctionDef: "function"}


def malformed(path: str, kind: str, example: str) -> str:
    """The sentence on a path that is not ``module:attribute``."""
    return f"{path!r} is not module:{kind}; expected such as {example}"


def no_module(name: str, folders: Iterable[str]) -> str:
    """The sentence on a module that does not exist; `folders` are those of its package, if it is in one."""
    package, dot, _ = name.rpartition(".")
    neighbours = pkgutil.iter_modules(folders if package else [str(Path.cwd())])
    hint = did_you_mean(name, [f"{package}{dot}{module.name}" for module in neighbours])
    return f"there is no module {name}{hint}"


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


def _missing(path: str, kind: str) -> str:
    module, _, attribute = path.partition(":")
    folders, names = [str(Path.cwd()), *sys.path], dict[str, str]()
    for name in accumulate(module.split("."), "{}.{}".format):  # the packages first
        spec = _spec(name, folders)
        if spec is None:
            return no_module(name, folders)
        found = _names(spec)
        if found is None:
            return ""
        names, folders = found, list(spec.submodule_search_locations or [])
    inside = {*names, *getattr(sys.modules.get(module), "__dict__", {})}
    if attribute in inside or attribute.startswith("__") or _spec(f"{module}.{attribute}", folders):
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
