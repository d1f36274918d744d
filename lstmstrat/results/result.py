"""`Result`: a finished run, as numbers; `report.result.Result` shows them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from lstmstrat.config.schema import Config
from lstmstrat.errors import StrategyError, as_path, did_you_mean
from lstmstrat.evaluation.metrics import returns
from lstmstrat.results import exports
from lstmstrat.results.assessment import Assessment
from lstmstrat.results.panel.holdings import holdings

HOLDING: Final = "buy_and_hold"  # the account of the benchmark


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """The numbers of a finished run; `lstmstrat.Result`, which is one, shows them and says what each is."""

    config: Config
    assessment: Assessment
    equity: pd.DataFrame  # account value
    exposure: pd.DataFrame  # position value / account value
    forecasts: pd.DataFrame  # forecast, spread, distance, fold, cutoff; also price with ``target: close``
    folds: pd.DataFrame  # dates, samples, training losses, correlation with the realised returns
    orders: pd.DataFrame
    trades: pd.DataFrame
    prices: pd.DataFrame  # open, high, low, close, volume as traded

    @property
    def summary(self) -> dict[str, Any]:
        """The content of summary.json."""
        return self.assessment.to_dict()

    @property
    def metrics(self) -> pd.DataFrame:
        """One row for each account, buy_and_hold first; columns are the fields of `Performance`."""
        found = self.assessment
        rows = {HOLDING: found.benchmark, **{one.name: one.metrics for one in found.strategies}}
        frame = pd.DataFrame([vars(row) for row in rows.values()], index=pd.Index(rows, name="account"))
        whole = {"trades", "orders_rejected"}
        return frame.astype({name: int if name in whole else float for name in frame.columns})

    @property
    def returns(self) -> pd.DataFrame:
        """Simple returns from close to close, one column for each account; (n - 1, accounts)."""
        return self.equity.apply(returns)

    def to_quantstats(self, strategy: str | None = None) -> tuple[pd.Series, pd.Series]:
        """The simple returns of a strategy and of holding, as QuantStats takes them.

        ``quantstats.reports.html(*result.to_quantstats(), output="tearsheet.html")``. Of bars that are not daily,
        tell it how many make a year: ``periods_per_year=``.

        Raises
        ------
        StrategyError
            There is no such account.
        """
        name, table = self._account(strategy), self.returns
        return table[name].rename(name), table[HOLDING].rename(self.assessment.data.symbol)

    def positions(self, strategy: str | None = None) -> pd.DataFrame:
        """The value of the position and of the cash at each close, as pyfolio takes them; (n, 2).

        Of a universe there is a column for each asset; (n, N + 1).

        Raises
        ------
        StrategyError
            There is no such account.
        """
        name = self._account(strategy)
        if self.assessment.universe is not None:
            held = holdings(self._orders(name), self.prices)
            return exports.positions_of_many(self.equity[name], held)
        return exports.positions(self.equity[name], self.exposure[name], self.assessment.data.symbol)

    def transactions(self, strategy: str | None = None) -> pd.DataFrame:
        """Every order that was executed, as pyfolio takes it: signed shares, price and symbol, by time.

        Raises
        ------
        StrategyError
            There is no such account.
        """
        name = self._account(strategy)
        return exports.transactions(self._orders(name), self.assessment.data.symbol)

    def to_tradingview(self, strategy: str | None = None, path: str | Path | None = None) -> pd.DataFrame:
        """The trades in the columns of the CSV file that TradingView exports; `path` is where to write one.

        Raises
        ------
        StrategyError
            There is no such account, or it is one of a universe: TradingView's list is of one asset.
        ConfigError
            The file cannot be written.
        """
        name = self._account(strategy)
        if self.assessment.universe is not None:
            raise StrategyError(
                f"{name} trades {self.assessment.universe.assets} assets, and a list of TradingView is of one; "
                "type result.transactions() for its orders, or result.trades for its round trips"
            )
        table = exports.tradingview(
            self.trades[self.trades["strategy"] == name],
            self.prices,
            self.config.broker.cash,
            self.assessment.data.currency,
        )
        if path is not None:
            exports.write_csv(table, as_path(path, "the name of a file, such as trades.csv"))
        return table

    def _orders(self, account: str) -> pd.DataFrame:
        return self.orders[self.orders["strategy"] == account]

    def _account(self, name: str | None) -> str:
        """The account of that name; None is the first strategy of the config."""
        if name is None:
            return self.assessment.strategies[0].name
        known = list(self.equity.columns)
        if name not in known:
            hint = did_you_mean(str(name), known)
            raise StrategyError(
                f"{name!r:.60} given, which is no account of this run ({HOLDING} is holding the asset){hint}"
            )
        return name
