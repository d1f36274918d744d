"""What makes two trials, replicas, audits or statistics the same: a hash of all that goes into them."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lstmstrat.config import Config
from lstmstrat.loading import load_module

if TYPE_CHECKING:
    from lstmstrat.prices import Prices

NOT_OF_A_TRIAL = {"device"}  # settings of the forecast that change no decision worth counting
NOT_OF_AN_AUDIT = {"device", "seed", "members", "hidden_size", "layers", "dropout", "epochs", "patience"}
"""What an audit sets for itself, or what no leak depends on."""


def of_trial(config: Config, class_path: str, params: dict[str, Any]) -> str:
    """A strategy with its parameters, the forecast, costs and dates, and the sources of what is the user's own.

    An edited strategy or feature is another trial; the same run again is not.
    """
    return _hash(_trial(config, class_path, params, NOT_OF_A_TRIAL))


def of_replica(config: Config, prices: Prices, kind: str, number: int) -> str:
    """All strategies of a config, these prices, this release; `kind` and `number` say what is done with them."""
    return _hash([kind, number, config.report.periods_per_year, _run(config, prices, NOT_OF_A_TRIAL)])


def of_audit(config: Config, prices: Prices) -> str:
    """The same for its look-ahead audit, whatever the size of the networks."""
    return _hash(["audit", _run(config, prices, NOT_OF_AN_AUDIT)])


def _run(config: Config, prices: Prices, left_out: set[str]) -> list[Any]:
    strategies = [[s.label, _trial(config, s.class_, dict(s.params), left_out)] for s in config.strategies]
    return [strategies, prices.sha256, _release()]


def _trial(config: Config, class_path: str, params: dict[str, Any], left_out: set[str]) -> dict[str, Any]:
    forecast = config.forecast
    asked = (*forecast.features, *forecast.peer_features, forecast.refit_when or "")
    return {
        "data": config.data.model_dump(mode="json"),
        "forecast": forecast.model_dump(mode="json", exclude=left_out),
        "broker": config.broker.model_dump(mode="json"),
        "strategy": [class_path, params, _source(class_path)],
        "own": [_source(name) for name in asked if ":" in name],
    }


def of_statistic(kind: str, *arrays: npt.NDArray[np.float64]) -> str:
    """A statistic of numbers."""
    digest = hashlib.sha256(f"{kind} {_release()}".encode())
    for array in arrays:
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@cache
def _release() -> str:
    """Changes with any source of the package."""
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def _source(path: str) -> str:
    """Hash of the file that ``module:attribute`` stands in, and of the user's own that it imports.

    "" where it is not at hand, as with a compiled module.
    """
    found: dict[str, str] = {}
    _read(load_module(path.partition(":")[0]), found)
    return _hash(sorted(found.items())) if found else ""


def _read(module: ModuleType, found: dict[str, str]) -> None:
    """The sources of `module` and of what it imports from below the current directory, by name of the module."""
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError):
        return
    found[module.__name__] = source
    for node in ast.walk(ast.parse(source)):
        for name in _imported(node, module.__package__ or ""):
            other = sys.modules.get(name)
            if other is not None and name not in found and _is_own(other):
                _read(other, found)


def _imported(node: ast.AST, package: str) -> list[str]:
    """The modules that an import statement may name."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    base = ".".join([*parents, *([node.module] if node.module else [])])
    return [base, *(f"{base}.{alias.name}" for alias in node.names)]


def _is_own(module: ModuleType) -> bool:
    """Whether it lies below the current directory, and is neither this package nor a library installed there."""
    path = Path(getattr(module, "__file__", None) or "/").resolve()
    library = {"site-packages", "dist-packages"} & set(path.parts) or module.__name__.split(".")[0] == "lstmstrat"
    return path.is_relative_to(Path.cwd().resolve()) and not library


def _hash(what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()
