"""The keys of stored results: a hash of everything that a trial, replica, audit or statistic depends on."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.config.plugins import load_module
from lstmstrat.config.schema import Config
from lstmstrat.prices import Prices

NO_DECISION = {"device"}  # settings of the forecast that do not make another trial
NUMBERS = ("evaluation", "config", "prices", "forecasting", "results", "trading", "study")
"""The parts whose code affects the numbers; report and commands only show them."""


def of_trial(config: Config, class_path: str, params: dict[str, Any]) -> str:
    """The key of a trial: a strategy with its parameters, the forecast, costs, dates, and the user's own code.

    With an edited strategy, feature or model it is another trial; a repeated run is the same trial.
    """
    return _hash(_trial_values(config, class_path, params))


def of_replica(config: Config, prices: Prices, label: str) -> str:
    """The key of a replica: all strategies of the config, the prices of the run, the code, and its `label`."""
    return _hash([label, config.report.periods_per_year, _run_values(config, prices), code_version(NUMBERS)])


def of_audit(config: Config, prices: Prices) -> str:
    """The key of a look-ahead audit; `audits` puts defaults where no leak depends on a setting of `config`."""
    return _hash(["audit", _run_values(config, prices), code_version((*NUMBERS, "audit"))])


def of_statistic(kind: str, *arrays: Floats) -> str:
    """The key of a statistic of `arrays`."""
    digest = hashlib.sha256(f"{kind} {code_version(('evaluation',))}".encode())
    for array in arrays:
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _run_values(config: Config, prices: Prices) -> list[Any]:
    strategies = [[s.label, _trial_values(config, s.class_, dict(s.params))] for s in config.strategies]
    return [strategies, prices.sha256]


def _trial_values(config: Config, class_path: str, params: dict[str, Any]) -> dict[str, Any]:
    forecast = config.forecast
    plugins = (*forecast.features, *forecast.peer_features, forecast.refit_when or "", forecast.model)
    return {
        "data": config.data.model_dump(mode="json"),
        "forecast": forecast.model_dump(mode="json", exclude=NO_DECISION),
        "broker": config.broker.model_dump(mode="json"),
        "strategy": [class_path, params, _source(class_path)],
        "own": [_source(name) for name in plugins if ":" in name],
    }


@cache
def code_version(parts: tuple[str, ...]) -> str:
    """A hash of the source of these parts of the package and of the modules that all parts share."""
    package = Path(__file__).parents[1]
    folders = [path for part in parts for path in (package / part).rglob("*.py")]
    sources = sorted([package / "arrays.py", package / "errors.py", *folders])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def _source(path: str) -> str:
    """Hash of the source of the module in ``module:attribute``, and of the user's modules that it imports.

    "" if there is no source, as for a compiled module.
    """
    sources: dict[str, str] = {}
    _read(load_module(path.partition(":")[0]), sources)
    return _hash(sorted(sources.items())) if sources else ""


def _read(module: ModuleType, sources: dict[str, str]) -> None:
    """Add the source of `module`, and of what it imports from below the current directory, to `sources`."""
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError):
        return
    sources[module.__name__] = source
    for node in ast.walk(ast.parse(source)):
        for name in _imported_modules(node, module.__package__ or ""):
            other = sys.modules.get(name)
            if other is not None and name not in sources and _is_own(other):
                _read(other, sources)


def _imported_modules(node: ast.AST, package: str) -> list[str]:
    """The names in an import statement that may be modules."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    base = ".".join([*parents, *([node.module] if node.module else [])])
    return [base, *(f"{base}.{alias.name}" for alias in node.names)]


def _is_own(module: ModuleType) -> bool:
    """Whether a module is the user's: below the current directory, and not this package or a library there."""
    path = Path(getattr(module, "__file__", None) or "/").resolve()
    library = {"site-packages", "dist-packages"} & set(path.parts) or module.__name__.split(".")[0] == "lstmstrat"
    return path.is_relative_to(Path.cwd().resolve()) and not library


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
