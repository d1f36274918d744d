"""The two kinds of run, on one asset and over a universe, by what is done with many of them.

A `Kind` is begun once for all of them, and holds what they share: the prices, and equal accounts and forecasts.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from lstmstrat.config.schema import Config
from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.forecasting.session import Session
from lstmstrat.prices import Prices
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import Check
from lstmstrat.results.base_run import BaseRun
from lstmstrat.results.run import Run
from lstmstrat.study import fingerprint
from lstmstrat.study.checks import run_checks
from lstmstrat.study.extras import Extras, extras
from lstmstrat.study.prepare import Loaded, prepare
from lstmstrat.study.proof import OF_ONE, Proof
from lstmstrat.study.simulate import simulate_all
from lstmstrat.study.stages import Stages

Data = TypeVar("Data")
R = TypeVar("R", bound=BaseRun)


@dataclass(frozen=True, eq=False)
class Worked(Generic[R]):
    """A run with its extras and its checks, before it is judged."""

    run: R
    extras: Extras
    checks: list[Check]
    rank_ic: float | None = None  # of the scores of a universe
    break_even_bp: float | None = None


class Kind(ABC, Generic[Data, R]):
    """How a config becomes a run, and what of the run is kept until it is judged.

    Attributes
    ----------
    proof
        The look-ahead audits of such runs.
    """

    proof: Proof[R]

    def __init__(self) -> None:
        self._accounts, self._forecasts = dict[tuple[str, ...], Account](), dict[str, Forecasts]()

    @abstractmethod
    def prepare(self, config: Config, offline: bool, refresh: bool, prices: Prices | None) -> tuple[Config, Data]:
        """The config as the run uses it, and its prices, which equal ``data:`` sections share."""

    @abstractmethod
    def symbol(self, config: Config, data: Data) -> str:
        """What the asset, or the universe, is called."""

    @abstractmethod
    def shared(self, config: Config) -> str:
        """What the forecasts depend on, where runs that share them should follow each other; else always equal."""

    @abstractmethod
    def work(self, config: Config, data: Data, session: Session, stages: Stages) -> Worked[R]:
        """Run a config that is prepared."""

    @abstractmethod
    def slim(self, run: R) -> R:
        """The run without what no judgement reads: the checks have read it, and there may be many runs.

        Equal forecasts and equal accounts are kept once, also those of different runs: a key may change one
        strategy and leave the others and the benchmark as they are.
        """

    def _account(self, account: Account) -> Account:
        """An account without its orders as placed, its fills and its targets."""
        forecasts = None if account.forecasts is None else self._once(account.forecasts)
        names = account.name, account.class_path, repr(account.params)
        key = (*names, str(id(forecasts)), fingerprint.of_account(account))
        if key not in self._accounts:
            self._accounts[key] = replace(
                account, placed=(), fills=(), targets=account.targets.iloc[:0], forecasts=forecasts
            )
        return self._accounts[key]

    def _once(self, found: Forecasts) -> Forecasts:
        """Equal forecasts as one value."""
        parts = [found.times, found.forecast, found.spread, found.fold]
        key = hashlib.sha256(b"".join([repr(found.config).encode(), *(part.tobytes() for part in parts)]))
        return self._forecasts.setdefault(key.hexdigest(), found)


class OneAsset(Kind[Prices, Run]):
    """Runs on one asset."""

    proof = OF_ONE

    def __init__(self) -> None:
        super().__init__()
        self._loaded = Loaded()

    def prepare(
        self, config: Config, offline: bool, refresh: bool, prices: Prices | None
    ) -> tuple[Config, Prices]:
        """See `prepare.prepare`."""
        return prepare(config, offline, refresh, prices, self._loaded)

    def symbol(self, config: Config, data: Prices) -> str:
        """That of the prices."""
        return data.symbol

    def shared(self, config: Config) -> str:
        """Always equal: models are fitted once wherever they are needed, and nothing else takes long."""
        return ""

    def work(self, config: Config, data: Prices, session: Session, stages: Stages) -> Worked[Run]:
        """Run, extras and checks."""
        run = simulate_all(config, data, session, stages)
        return Worked(run, extras(run, session, stages), run_checks(run, session))

    def slim(self, run: Run) -> Run:
        """See `Kind.slim`."""
        accounts = tuple(self._account(account) for account in run.strategies)
        return replace(
            run, benchmark=self._account(run.benchmark), strategies=accounts, forecasts=self._once(run.forecasts)
        )


class Kinds:
    """Both kinds, each begun when the first config of it comes."""

    def __init__(self) -> None:
        self._begun = dict[bool, Kind[Any, Any]]()

    def of(self, config: Config) -> Kind[Any, Any]:
        """That of a config."""
        many = config.data.universe is not None
        if many not in self._begun:
            self._begun[many] = self._universe() if many else OneAsset()
        return self._begun[many]

    @staticmethod
    def _universe() -> Kind[Any, Any]:
        from lstmstrat.study.panel.kind import Universe

        return Universe()
