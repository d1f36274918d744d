"""What makes two trials, replicas, audits or statistics the same: a hash of all that goes into them."""

from __future__ import annotations

import hashlib
import inspect
import json
from functools import cache
from pathlib import Path
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
        "data": config.data.model_dump(mode="json", include={"symbol", "start", "end", "interval"}),
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
    """Hash of the file that ``module:attribute`` stands in; "" where it is not at hand, as with a compiled one."""
    try:
        text = inspect.getsource(load_module(path.partition(":")[0]))
    except (OSError, TypeError):
        return ""
    return hashlib.sha256(text.encode()).hexdigest()


def _hash(what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()
