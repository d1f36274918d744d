"""A fresh copy of a user's class, which remembers nothing of earlier runs.

A strategy may keep values outside of Cerebro: in a global of its module, in an attribute of its class, in the
cache of a function. A second run in the same process can then depend on the bars of the first one. The cache probe
therefore executes the source of the strategy's module again, under another name, and compares a run of this copy
with a run of the original class.

Three points make this more than an import:

- Backtrader looks up the module of a class in `sys.modules`, so the copy must be there while it is used.
- Backtrader stores the classes of indicators and strategies, and those of their lines and parameters, by name, in
  its own dictionaries and modules. A second class of the same name would replace the first one for the rest of the
  process, and pickling the user's strategy, or a later `optstrategy`, would find the wrong class. All entries are
  therefore restored.
- Parameters that are classes of the same module (such as an indicator class) must come from the copy too.

The modules that the user's module imports are not executed again. A class that is defined in ``__main__`` or in a
function cannot be copied; the probe then says so.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import backtrader as bt

from lstmstrat.audit.trace import Subject


class NoModuleError(Exception):
    """The module of the class cannot be executed again."""


_NUMBER = itertools.count()


@contextmanager
def fresh(subject: Subject) -> Iterator[Subject]:
    """The subject with its class taken from a fresh copy of its module, which has another name."""
    module = sys.modules.get(subject.cls.__module__)
    path = getattr(module, "__file__", None)
    if module is None or path is None or module.__name__ == "__main__" or "<locals>" in subject.cls.__qualname__:
        raise NoModuleError("it is not defined at the top of a module that can be imported")
    name = f"{module.__name__}__audited_{next(_NUMBER)}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise NoModuleError(f"{path} cannot be loaded")
    module_copy = importlib.util.module_from_spec(spec)
    sys.modules[name] = module_copy  # Backtrader looks the modules of its classes up there
    namespaces = _backtrader_namespaces()
    try:
        try:
            spec.loader.exec_module(module_copy)
        except Exception as error:
            raise NoModuleError(f"{type(error).__name__}: {error}") from error
        yield subject.with_fields(
            cls=_attribute(module_copy, subject.cls.__qualname__),
            params=_params_from(subject, module, module_copy),
        )
    finally:
        del sys.modules[name]
        for namespace, before in namespaces:
            for new_key in [key for key in namespace if key not in before]:
                del namespace[new_key]
            namespace.update(before)


def _backtrader_namespaces() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The dictionaries in which Backtrader stores classes by name, each with a copy of its present content.

    Backtrader puts the classes of an indicator's lines and parameters into its modules; pickle finds them there.
    """
    namespaces = [vars(module) for name, module in list(sys.modules.items()) if name.split(".")[0] == "backtrader"]
    namespaces += [type(bt.Indicator)._indcol, type(bt.Strategy)._indcol]
    return [(namespace, dict(namespace)) for namespace in namespaces]


def _attribute(module: ModuleType, qualname: str) -> Any:
    value: Any = module
    for part in qualname.split("."):
        value = getattr(value, part, None)
    if value is None:
        raise NoModuleError(f"a second import of {module.__file__} has no {qualname}")
    return value


def _params_from(subject: Subject, module: ModuleType, module_copy: ModuleType) -> dict[str, Any]:
    """The parameters of the subject, in which classes of its module are replaced by those of the copy."""
    return {
        name: _attribute(module_copy, value.__qualname__)
        if isinstance(value, type) and value.__module__ == module.__name__
        else value
        for name, value in subject.params.items()
    }
