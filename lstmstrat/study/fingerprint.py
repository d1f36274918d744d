"""The keys of stored results: a hash of what ran, in place of what it is called.

A key holds what the strategies of the run did (its accounts are never stored, so they are always known), the
identity of the code that did it (`lstmstrat.config.identity`), the settings, the prices and the versions of the
packages. Code without an identity has no key: nothing is stored for it.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lstmstrat.arrays import Bools, Floats
from lstmstrat.config.identity import Identity, identify
from lstmstrat.config.plugins import load_module, loaded
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.config.schema import Config, StrategyConfig
from lstmstrat.prices import Prices
from lstmstrat.results.account import ORDERS, TIME, Account
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.results.run import Run

NO_DECISION = {"device"}  # settings of the forecast that do not make another trial
NUMBERS = ("evaluation", "config", "prices", "forecasting", "results", "trading", "study")
"""The parts whose code affects the numbers; report and commands only show them."""
AUDITED = (*NUMBERS, "audit")  # and those that an audit is made of
PACKAGES = ("backtrader", "numba", "numpy", "pandas", "scikit-learn", "scipy")  # that numbers pass through
SOLVERS = ("cvxpy", "clarabel")  # and those of skfolio


def of_replica(run: Run, did: str, config: Config, label: str) -> str | None:
    """The key of a replica of `run` by `config`, which has some of its strategies; None without an identity.

    `did` is `of_run(run)`, and `label` says what is replaced: "seed 3", "null world 17".
    """
    codes = [run.code[strategy.label].sha256 for strategy in config.strategies]
    if None in codes:
        return None
    settings = [[strategy.label, _settings(config, strategy)] for strategy in config.strategies]
    ran = [did, run.prices.sha256, codes, _versions(NUMBERS)]
    return _hash(["replica", label, config.report.periods_per_year, settings, ran])


def of_panel_replica(run: PanelRun, label: str) -> str | None:
    """The key of a replica of a run over a universe; `label` says what is replaced. None without an identity."""
    return _of_panel(run, label, NUMBERS)


def of_panel_audit(run: PanelRun) -> str | None:
    """The key of the look-ahead audit of a run over a universe; None without an identity."""
    return _of_panel(run, "audit", AUDITED)


def _of_panel(run: PanelRun, label: str, parts: tuple[str, ...]) -> str | None:
    config = run.config
    code = identify(*loaded(config.own_code_of_universe), *_optimiser(config.portfolio)).sha256
    if code is None:
        return None
    settings = [
        config.forecast.model_dump(mode="json", exclude=NO_DECISION),
        config.broker.model_dump(mode="json"),
        None if config.portfolio is None else config.portfolio.model_dump(mode="json"),
    ]
    ran = [run.panel.sha256, dict(run.panel.universe.groups), code, _versions(parts)]
    return _hash([label, run.periods, settings, ran])


def _optimiser(rule: PortfolioConfig | None) -> list[object]:
    """The optimiser of a portfolio, and the libraries that the numbers of one of skfolio's pass through."""
    if rule is None or not rule.optimiser:
        return []
    solvers = [load_module(name) for name in SOLVERS if rule.optimiser not in rule.own_code]
    return [*loaded([rule.optimiser]), *solvers]


def of_audit(config: Config, prices: Prices, strategy: StrategyConfig, code: Identity) -> str | None:
    """The key of a look-ahead audit of one strategy; None if its code has no identity.

    `audits` puts defaults where no leak depends on a setting of `config`.
    """
    if code.sha256 is None:
        return None
    return _hash(["audit", _settings(config, strategy), code.sha256, prices.sha256, _versions(AUDITED)])


def of_run(run: Run) -> str:
    """What buy-and-hold and every strategy of a run did."""
    return _hash([of_account(account) for account in run.accounts])


def of_same(probe: str, account: Account) -> str:
    """The key of whether a run in which a strategy did this belongs to an audit with this probe."""
    return _hash(["same", probe, of_account(account)])


def of_account(account: Account) -> str:
    """What a strategy did: the value of its account at each close and all its orders, to the last bit."""
    orders = account.orders
    numbers = [name for name, kind in ORDERS.items() if kind is not object]
    words = [list(orders[name]) for name, kind in ORDERS.items() if kind is object]
    columns = [account.equity.index.to_numpy().astype(TIME), account.equity, *(orders[name] for name in numbers)]
    return _of_arrays(json.dumps(words), (np.asarray(column) for column in columns))


def of_statistic(kind: str, *arrays: Floats | Bools) -> str:
    """The key of a statistic of `arrays`."""
    return _of_arrays(f"{kind} {_versions(('evaluation',))}", arrays)


def of_code(config: Config, strategy: StrategyConfig) -> Identity:
    """The identity of the user's code behind a strategy: its class, and the features and models of the config."""
    return identify(*loaded((strategy.class_, *config.forecast.own_code)), dict(strategy.params))


def not_identified(code: Identity) -> str:
    """Why nothing is kept of a strategy, for a sentence about it."""
    return f"its code holds {code.unidentified}, which nothing tells from another one"


def _settings(config: Config, strategy: StrategyConfig) -> list[Any]:
    forecast = config.forecast.model_dump(mode="json", exclude=NO_DECISION)
    return [forecast, config.broker.model_dump(mode="json"), dict(strategy.params)]


@cache
def code_version(parts: tuple[str, ...]) -> str:
    """A hash of the source of these parts of the package and of the modules that all parts share."""
    package = Path(__file__).parents[1]
    folders = [path for part in parts for path in (package / part).rglob("*.py")]
    sources = sorted([package / "arrays.py", package / "errors.py", *folders])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


@cache
def _versions(parts: tuple[str, ...]) -> tuple[str, ...]:
    return (code_version(parts), platform.python_version(), *(version(package) for package in PACKAGES))


def _of_arrays(text: str, arrays: Iterable[np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for array in arrays:
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
