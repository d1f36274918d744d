"""A user's own strategies, features and models, named ``module:attribute``."""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from lstmstrat.config.identity.sources import changed_since_import
from lstmstrat.config.search import folders, malformed, no_attribute, no_module, other_file
from lstmstrat.errors import ERRORS_OF_CODE, describe


def load_attribute(path: str, kind: str, example: str, fits: Callable[[object], bool]) -> Any:
    """The attribute at ``module:attribute``; `search.folders` are searched for the module first.

    Parameters
    ----------
    path
        ``module:attribute``.
    kind
        Word for the attribute in an error message: ``Class`` or ``function``.
    example
        A correct path, for an error message.
    fits
        Whether an attribute of the module may be suggested in place of a missing one.

    Raises
    ------
    ImportError
        The message says what is wrong, and suggests the nearest name.
    """
    name, _, attribute = path.partition(":")
    if not name or not attribute:
        raise ImportError(malformed(path, kind, example))
    module = load_module(name)
    if not hasattr(module, attribute):
        names = [n for n, value in vars(module).items() if not n.startswith("_") and fits(value)]
        raise ImportError(no_attribute(path, names))
    return getattr(module, attribute)


def loaded(paths: Iterable[str | type[Any]]) -> list[object]:
    """What is at each ``module:attribute`` of `paths`, all of which have been loaded before; a class is itself."""
    return [_loaded(path) if isinstance(path, str) else path for path in paths]


def _loaded(path: str) -> object:
    module, _, attribute = path.partition(":")
    return getattr(load_module(module), attribute)


def load_module(name: str) -> ModuleType:
    """The module called `name`; `search.folders` are searched first.

    Raises
    ------
    ImportError
        The message says that there is no such module and suggests the nearest name, or says what failed inside it.
    """
    try:
        with _folders_importable():
            module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _import_error(name, error) from error
        package = sys.modules.get(error.name.rpartition(".")[0])
        raise ImportError(no_module(error.name, getattr(package, "__path__", []))) from None
    except ERRORS_OF_CODE as error:
        raise _import_error(name, error) from error
    if other := other_file(sys.modules[name.partition(".")[0]]):
        raise ImportError(other)
    return module


def changed_files(paths: Iterable[str]) -> list[str]:
    """One sentence for each file that was changed after the import of a ``module:attribute`` that uses it.

    Modules that are not imported, because they cannot be, are left out.
    """
    names = {path.partition(":")[0] for path in paths if ":" in path}
    modules = [sys.modules[name] for name in sorted(names) if name in sys.modules]
    return list(dict.fromkeys(line for module in modules for line in changed_since_import(module)))


def _import_error(name: str, error: BaseException) -> ImportError:
    """The error of a module that exists but raises `error` when it is imported."""
    return ImportError(f"{name} cannot be imported: {describe(error)}")


_PATH_LOCK = threading.RLock()  # two threads at once would each restore the other's sys.path


@contextlib.contextmanager
def _folders_importable() -> Iterator[None]:
    with _PATH_LOCK:
        original = list(sys.path)
        sys.path[:0] = folders()
        try:
            yield
        finally:
            sys.path[:] = original
