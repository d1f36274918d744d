"""Users' own modules: strategies and features named ``module:attribute``."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from lstmstrat.errors import did_you_mean


def load_module(name: str) -> ModuleType:
    """The module called `name`, looked for in the current directory first.

    Raises
    ------
    ImportError
        A sentence for the user: there is none (with the nearest there is), or what went wrong inside it.
    """
    try:
        with _current_directory_importable():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _broken(name, error) from error
        raise ImportError(
            f"there is no module {error.name}{did_you_mean(error.name, _neighbours(error.name))}"
        ) from None
    except Exception as error:
        raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> ImportError:
    last = traceback.extract_tb(error.__traceback__)[-1]
    what = "".join(traceback.format_exception_only(error)).strip()
    where = "" if isinstance(error, SyntaxError) else f" ({last.filename}, line {last.lineno})"
    return ImportError(f"{name} cannot be imported: {what}{where}")


def _neighbours(name: str) -> list[str]:
    """Every module in the folder where `name` was looked for."""
    package, dot, _ = name.rpartition(".")
    folders = getattr(sys.modules.get(package), "__path__", []) if package else [str(Path.cwd())]
    return [f"{package}{dot}{module.name}" for module in pkgutil.iter_modules(folders)]


@contextlib.contextmanager
def _current_directory_importable() -> Iterator[None]:
    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    try:
        yield
    finally:
        sys.path[:] = before
