"""What the numbers of a process depend on: its versions, its threads and the files of the user's modules."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lstmstrat.config.plugins import changed_files, load_module
from lstmstrat.config.search import folders
from lstmstrat.errors import ConfigError
from lstmstrat.study.fingerprint import NUMBERS, PACKAGES, code_version
from lstmstrat.version import __version__

COMPILERS = ("llvmlite", "torch")  # beside numba: what turns the source of a model into instructions


@cache
def versions() -> dict[str, str]:
    """What must be equal in two processes, so that they come to the same numbers, by name."""
    ours = f"{__version__} (source {code_version(NUMBERS)[:12]})"
    packages = {name: _version(name) for name in (*PACKAGES, *COMPILERS)}
    return {"lstmstrat": ours, "python": platform.python_version(), **packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """What differs between two `versions`, for a sentence; "" if nothing does.

    >>> difference({"numba": "0.61", "numpy": "2.1"}, {"numba": "0.60", "numpy": "2.1"})
    'numba 0.60, here 0.61'
    """
    names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    return ", ".join(f"{name} {there.get(name, 'none')}, here {here.get(name, 'none')}" for name in names)


def own_folders() -> tuple[str, ...]:
    """Where this process finds modules of the user's: its path without Python and the installed packages."""
    installed = {os.path.realpath(path) for path in sysconfig.get_paths().values()}
    cwd = str(Path.cwd())
    found = [*folders(), *(path or cwd for path in sys.path)]
    own = [path for path in found if os.path.realpath(path) not in installed and Path(path).is_dir()]
    return tuple(dict.fromkeys(path for path in own if "lib-dynload" not in path))


def adopt(paths: Iterable[str]) -> None:
    """Searches these folders too from now on, where they are on this machine and known for nothing else."""
    sys.path += [path for path in paths if path not in sys.path and Path(path).is_dir()]


def file_hashes(modules: Iterable[str]) -> dict[str, str]:
    """A hash of the file of each of the user's modules, "" for one without a file.

    Raises
    ------
    ConfigError
        A file was changed after it was imported, so that its hash is not that of the code that runs.
    ImportError
        There is no such module; the message says what is near.
    """
    files = {name: getattr(load_module(name), "__file__", None) for name in modules}
    if changed := changed_files(f"{name}:" for name in files):
        raise ConfigError("\n  ".join(changed))
    return {
        name: hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else "" for name, path in files.items()
    }
