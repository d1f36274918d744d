"""Is the file of a user's module still the one that was imported? Python imports a file once in a process.

A file that was edited afterwards shows one rule while another one runs. What was imported is known from the first
look at a module, and before that from the bytecode that Python keeps beside the file.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader, SourcelessFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from weakref import WeakKeyDictionary

from lstmstrat.config.identity.bytecode import names, same
from lstmstrat.config.identity.own_modules import installed


@dataclass(frozen=True)
class _Look:
    """The file of a module as it was imported."""

    spec: ModuleSpec  # of the import; importlib.reload makes another one
    modified: tuple[int, int]  # time in nanoseconds, size
    code: CodeType
    imports: tuple[str, ...]  # what it may import


_LOOKS: WeakKeyDictionary[ModuleType, _Look] = WeakKeyDictionary()  # a module lives as long as its process


def changed_since_import(module: ModuleType) -> list[str]:
    """One sentence for each file that is not what was imported: of a user's module and of those that it uses.

    A comment, a docstring or a line that moved is no change. A later look at a file asks for its time and size.
    """
    sentences, waiting, known = list[str](), [module], {module.__name__}
    for module in waiting:
        look, sentence = _look(module)
        sentences += [sentence] if sentence else []
        for used in _used(module, look):
            if used.__name__ not in known and installed(used.__name__) is None:
                known.add(used.__name__)
                waiting.append(used)
    return sentences


def _look(module: ModuleType) -> tuple[_Look | None, str]:
    """How the file was imported, None if there is none; and what is wrong with it now, "" for nothing."""
    look = _LOOKS.get(module)
    spec = module.__spec__ or (look.spec if look else None)  # None after a reload that failed
    if spec is None or spec.origin is None or type(spec.loader) is not SourceFileLoader:
        return None, ""
    try:
        status = os.stat(spec.origin)
        modified = status.st_mtime_ns, status.st_size
        if look is not None and look.spec is spec and look.modified == modified:
            return look, ""
        code = spec.loader.source_to_code(Path(spec.origin).read_bytes(), spec.origin)
    except (OSError, SyntaxError, ValueError):  # deleted, or half written
        return look, "" if look is None else _changed(module)
    bytecode, stands_for_it = _bytecode(spec, status)
    first = look is None or look.spec is not spec
    imported = bytecode if first else look.code if look else None
    if imported is not None and not same(imported, code):
        return look, _saved_twice(spec) if first and stands_for_it else _changed(module)
    _LOOKS[module] = look = _Look(spec, modified, code, _imports(code, module.__package__ or ""))
    return look, ""


def _bytecode(spec: ModuleSpec, status: os.stat_result) -> tuple[CodeType | None, bool]:
    """The code that Python keeps of a file, and whether Python takes it for the file as it is now.

    None if it may be older than the import, because Python could not write it.
    """
    try:
        path = Path(spec.cached or "")
        header = path.read_bytes()[:16]
        code = SourcelessFileLoader(spec.name, str(path)).get_code(spec.name)
    except (OSError, ImportError, EOFError, ValueError):
        return None, False
    flags, seconds, size = (int.from_bytes(header[i : i + 4], "little") for i in (4, 8, 12))
    now = int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF
    stands_for_it = flags != 0 or (seconds, size) == now  # a flag: found by a hash, in place of the time
    written = not sys.dont_write_bytecode and os.access(path.parent, os.W_OK)
    return code if stands_for_it or written else None, stands_for_it


def _changed(module: ModuleType) -> str:
    name = module.__name__
    return (
        f"{getattr(module, '__file__', name)} was changed after it was imported, and the old code would run; "
        f"restart Python (in a notebook: the kernel), or call importlib.reload for {name}, then for its importers"
    )


def _saved_twice(spec: ModuleSpec) -> str:
    return (
        f"{spec.origin} was saved twice within a second, and Python runs what it keeps of the first version; "
        f"save it once more, or delete {spec.cached}"
    )


def _imports(code: CodeType, package: str) -> tuple[str, ...]:
    found = set()
    for name in names(code).imports:
        with contextlib.suppress(ImportError, ValueError):  # a relative import outside of a package
            found.add(importlib.util.resolve_name(name, package))
    return tuple(sorted(found))


def _used(module: ModuleType, look: _Look | None) -> Iterator[ModuleType]:
    """The modules that a module imports; for a notebook, which has no file, those that it holds parts of."""
    if look is not None:
        used = [sys.modules.get(name) for name in look.imports]
    else:
        used = [v if isinstance(v, ModuleType) else _home(v) for v in [*vars(module).values()]]
    yield from (other for other in used if other is not None)


def _home(value: object) -> ModuleType | None:
    name = getattr(value, "__module__", None)
    return sys.modules.get(name) if isinstance(name, str) else None
