"""What speaks for and against a strategy, worked from whole runs; and whether the verdict can be trusted."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
import linecache
import math
import sys
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from runs import TINY, command, summary, tiny, written

from lstmstrat import Config, LSTMForecast, Store, Trainer, evidence, identity
from lstmstrat.audit.__main__ import _remember
from lstmstrat.audit.finding import AuditResult, Finding
from lstmstrat.backtest import load_config, prepare
from lstmstrat.checks import AUDIT, FAILED, PASSED, VOIDING, Check
from lstmstrat.config import validated
from lstmstrat.evidence import judge
from lstmstrat.features import OPEN
from lstmstrat.inference.timing import UNKNOWN
from lstmstrat.inference.verdict import SUPPORTED, UNDECIDED
from lstmstrat.ledger import Tried
from lstmstrat.metrics import returns, sharpe
from lstmstrat.on_request import OnRequest
from lstmstrat.pipeline import Runs, simulate_all
from lstmstrat.prices import Prices, load
from lstmstrat.replicas import Seeds, Worlds
from lstmstrat.result import forecast_frame

ONE = Tried(1, None, True)


def ran(prices: Prices | None = None, **sections: Any) -> Runs:
    """On `prices`, or those that the config names."""
    config = validated(Config, tiny(**sections), "")
    with Trainer(Store(None), jobs=2).active() as trainer:
        return simulate_all(config, prices or load(config.data), trainer)


def judged(runs: Runs, tried: Tried = ONE, checks: tuple[Check, ...] = (), asked: OnRequest | None = None) -> Any:
    return judge(runs, Store(None), tried, checks, asked or OnRequest())


@pytest.fixture(scope="module")
def runs() -> Runs:
    return ran()


def test_at_its_break_even_cost_a_strategy_ends_with_buy_and_hold() -> None:
    """The crossover, run again through the broker at the cost that was found to the first order."""
    falling = {"symbol": "MSFT", "start": "2000-03-01", "end": "2003-06-30"}
    cross = TINY["strategies"][1:]
    one = ran(data=falling, strategies=cross)
    cost = judged(one).by_strategy["cross"].break_even_cost
    assert 0.002 < cost < 0.02
    again = ran(data=falling, strategies=cross, broker={"commission": cost - 0.0005, "slippage": 0.0005})
    leads = [r.strategies[0].equity.iloc[-1] / r.benchmark.equity.iloc[-1] - 1.0 for r in (one, again)]
    assert leads[0] > 0.3
    assert abs(leads[1]) < 0.01 * leads[0]


def test_the_matched_hold_is_a_part_of_buy_and_hold(runs: Runs) -> None:
    for run in runs.strategies:
        found = judged(runs).by_strategy[run.name].exposure_matched
        assert found.exposure == pytest.approx(run.exposure.mean())
        part = found.exposure * returns(runs.benchmark.equity)
        assert found.total_return == pytest.approx(math.expm1(np.log1p(part).sum()))


def test_positions_on_the_grid_of_opens_earn_what_the_broker_says() -> None:
    """Without costs, and with all in or out, the two are the same from the first open to the last."""
    free = ran(broker={"commission": 0.0, "slippage": 0.0})
    opens = free.prices.bars[-len(free.benchmark.equity) :, OPEN]
    for run in free.strategies:
        found = evidence._positions(free, run)
        assert found is not None
        wealth = float(np.prod(1.0 + found.held * found.asset))
        shares = (run.exposure * run.equity / free.prices.frame["close"].loc[run.equity.index]).to_numpy()
        cash = run.equity.to_numpy() * (1.0 - run.exposure.to_numpy())
        at_last_open = cash[-2] + shares[-2] * opens[-1]  # before what is done there
        assert wealth == pytest.approx(at_last_open / 100_000.0, rel=1e-9)


class Stopped(bt.Strategy):
    """In at an open, out at a stop inside a bar, a hundredth below the last close."""

    stop_order = None

    def next(self) -> None:
        if self.stop_order:
            self.cancel(self.stop_order)
        if not self.position:
            self.buy(size=10)
        self.stop_order = self.sell(size=10, exectype=bt.Order.Stop, price=self.data.close[0] * 0.99)


def test_timing_of_what_trades_inside_bars_is_not_known() -> None:
    """What was held until the stop is not what is held at the close: such a strategy would look well timed."""
    runs = ran(strategies=[{"class": "test_evidence:Stopped"}])
    assert len(runs.strategies[0].trades) > 3
    found = judged(runs).by_strategy["stopped"]
    assert (found.evidence.placebo, found.delay_cost) == (UNKNOWN, None)


def test_without_a_ledger_nothing_is_deflated_and_no_edge_supported(runs: Runs) -> None:
    found = judged(runs, Tried(2, 1e-4, False)).by_strategy["cross"].evidence
    assert (found.deflated_sharpe, found.deflated_lead) == (None, None)
    known = judged(runs, Tried(2, 1e-4, True)).by_strategy["cross"].evidence
    assert known.deflated_sharpe is not None
    assert known.deflated_lead is not None


class OnAnAverage(bt.Strategy):
    """Forecasts the average of five closes, so the first four bars are not handed to its walk-forward."""

    def __init__(self) -> None:
        self.model = LSTMForecast(
            bt.ind.SMA(self.data.close, period=5),
            **{**TINY["forecast"], "target": "close", "features": ("return_1",), "refit_every": 20},
        )


def test_a_forecast_that_begins_later_is_set_beside_its_own_bars() -> None:
    asked = {"features": ["return_1", "return_5"], "target": "open", "refit_every": 20}
    late = ran(forecast=asked, strategies=[{"class": "test_evidence:OnAnAverage"}])
    assert late.unseen == 4
    forecast, realised, _ = late.traded_forecasts
    walk = late.walk.forecasts
    frame = forecast_frame(late)
    day = walk.times[200]
    assert frame.loc[day, "forecast"] == walk.forecast[200]
    at = late.benchmark.equity.index.get_loc(day)
    assert forecast[at] == walk.forecast[200]
    closes = late.prices.frame["close"]
    place = closes.index.get_loc(day)
    assert realised[at] == pytest.approx(math.log(closes.iloc[place + 1] / closes.iloc[place]))
    fold = late.walk.folds[1].fold
    assert frame.loc[walk.times[fold.fitted_at], "cutoff"] == walk.times[fold.cutoff]


def test_the_best_fold_is_one_of_the_folds_in_use(runs: Runs) -> None:
    """By pandas: log return differences, grouped by the fold whose forecast was known the bar before."""
    ahead = np.log1p(returns(runs.strategies[0].equity)) - np.log1p(returns(runs.benchmark.equity))
    assert ahead.sum() > 0.0
    folds = runs.strategies[0].walk_forward.forecasts.fold[-len(runs.benchmark.equity) : -1]
    by_fold = ahead.groupby(folds).sum()
    assert judged(runs).by_strategy["long_flat"].best_fold_share == pytest.approx(by_fold.max() / ahead.sum())
    assert judged(runs).by_strategy["cross"].best_fold_share is None  # it has no forecast


def test_p_values_are_adjusted_for_the_strategies_of_the_run(runs: Runs) -> None:
    one, other = (found.evidence for found in judged(runs).by_strategy.values())
    smaller, larger = sorted([one.sharpe.p_value, other.sharpe.p_value])
    assert sorted([one.p_adjusted, other.p_adjusted]) == pytest.approx(
        [min(1.0, 2 * smaller), max(larger, min(1.0, 2 * smaller))]
    )


def test_a_failed_check_of_look_ahead_leaves_nothing_sound(runs: Runs) -> None:
    for name in VOIDING:
        found = judged(runs, checks=(Check(name, FAILED, ""),)).by_strategy["cross"]
        assert not found.evidence.sound
        assert "no failed check of look-ahead or of the benchmark" in found.verdict.missing
    assert (
        judged(runs, checks=(Check(AUDIT, PASSED, ""), Check("orders", FAILED, "")))
        .by_strategy["cross"]
        .evidence.sound
    )


def test_seeds_and_worlds_reach_the_verdict(runs: Runs) -> None:
    asked = OnRequest(seeds={"long_flat": Seeds((0.1, -0.1))}, worlds={"long_flat": Worlds(0.1, (0.0, 0.2, 0.3))})
    found = judged(runs, asked=asked).by_strategy
    assert (found["long_flat"].evidence.seeds_above, found["long_flat"].evidence.worlds) == (0.5, 0.75)
    assert (found["cross"].evidence.seeds_above, found["cross"].evidence.worlds) == (None, None)


def test_heavy_statistics_are_kept_in_the_store(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(None)
    first = judge(runs, store, ONE, (), OnRequest())
    monkeypatch.setattr("lstmstrat.evidence.superior_predictive_ability", lambda *a: pytest.fail("made again"))
    monkeypatch.setattr("lstmstrat.evidence.skill_tests", lambda *a: pytest.fail("made again"))
    assert judge(runs, store, ONE, (), OnRequest()) == first


def test_an_audit_is_remembered_until_something_changes(tmp_path: Path) -> None:
    """What `python -m lstmstrat.audit` leaves in the user's store, by hand: an audit of its own takes a minute."""
    path, cache = written(tmp_path, TINY), tmp_path / "cache.sqlite"  # $LSTMSTRAT_CACHE
    config, prices, _ = prepare(load_config(path))
    key = identity.of_audit(config, prices)

    def status(*options: object) -> tuple[str, str]:
        out = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        told = command(path, "--out", out, "--quiet", "--set", "report.html=false", *options)
        assert told.code == 0, told.err
        (found,) = (check for check in summary(out)["checks"] if check["name"] == AUDIT)
        return found["status"], found["detail"]

    assert status()[0] == "not run"
    _remember(cache, key, AuditResult((failing(),), ()))
    assert status()[0] == "failed"
    for elsewhere in ("--no-cache",), ("--cache", tmp_path / "other.sqlite"):  # no way round it
        assert status(*elsewhere)[0] == "failed"
    assert status("--seed", 5, "--set", "forecast.members=1")[0] == "failed"  # no leak depends on these
    assert status("--set", "forecast.lookback=6")[0] == "not run"
    assert status("--set", "data.end=2006-03-01")[0] == "not run"
    _remember(cache, key, AuditResult((dataclasses.replace(failing(), status="passed"),), ()))  # it was mended
    assert status() == (
        "passed",
        f"No difference in 12 comparisons at 0 cuts. (of {dt.datetime.now(dt.UTC):%Y-%m-%d})",
    )


def failing() -> Finding:
    return Finding("P2 suffix", "long_flat", "failed", 12, (), "it moved")


def test_what_a_strategy_imports_is_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper beside it, also one that a helper imports; but no library."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "pack").mkdir()
    texts = {
        "pack/__init__.py": "SOME = 1\n",
        "pack/rule.py": "from . import limits\nimport pack.names\nfrom lstmstrat import ExposureStrategy\n",
        "pack/limits.py": "import numpy\nLIMIT = 1\n",
        "pack/names.py": "NAME = 'a'\n",
        "unrelated.py": "",
    }

    def key(**changed: str) -> str:
        for name, text in {**texts, **{f"pack/{k}.py": v for k, v in changed.items()}}.items():
            (tmp_path / name).write_text(text)
        for name in [name for name in sys.modules if name.split(".")[0] == "pack"]:
            monkeypatch.delitem(sys.modules, name)
        linecache.clearcache()
        importlib.invalidate_caches()
        return identity._source("pack.rule:Rule")

    assert key() == key()
    assert len({key(), key(limits="import numpy\nLIMIT = 22\n"), key(names="NAME = 'bb'\n")}) == 3
    key()
    found: dict[str, str] = {}
    identity._read(sys.modules["pack.rule"], found)
    assert sorted(found) == ["pack", "pack.limits", "pack.names", "pack.rule"]


# --- the verdict: noise is noise, an edge is an edge ---

BARS = 2000
FORECAST = {
    "features": ["return_1"],
    "scaler": "standard",
    "lookback": 5,
    "loss_steps": 5,
    "hidden_size": 8,
    "epochs": 12,
    "learning_rate": 0.01,
    "train_size": 500,
    "refit_every": 250,
    "members": 1,
    "device": "cpu",
}
STRATEGIES = [{"class": "strategies.long_flat:LongFlat"}, {"class": "strategies.long_short:LongShort"}]
CHEAP = {"commission": 0.0002, "slippage": 0.0}


def asset(seed: int, phi: float, drift: float = 0.0) -> Prices:
    """Returns from open to open that follow the one before by `phi`, with fat tails and volatility in clusters.

    A bar opens where the one before closed; what it did says `phi` of what the next will do.
    """
    rng = np.random.default_rng(seed)
    calm = 0.01 * np.exp(0.2 * np.convolve(rng.standard_normal(BARS + 40), 0.9 ** np.arange(40), "valid")[:BARS])
    shock, move = calm * rng.standard_t(6, BARS) / math.sqrt(1.5), np.zeros(BARS)
    for t in range(1, BARS):
        move[t] = drift + phi * (move[t - 1] - drift) + shock[t]
    close = 100.0 * np.exp(np.cumsum(move))
    opened = np.concatenate([[100.0], close[:-1]])
    wick = np.exp(np.abs(rng.normal(0.0, 0.002, (2, BARS))))
    bars = {
        "open": opened,
        "high": np.maximum(opened, close) * wick[0],
        "low": np.minimum(opened, close) / wick[1],
        "close": close,
        "volume": rng.integers(1000, 9000, BARS).astype(float),
    }
    return Prices("X", "csv", pd.DataFrame(bars, pd.bdate_range("2010-01-04", periods=BARS)), ())


def verdicts(prices: Prices) -> list[str]:
    """Of both strategies, with nothing tried before."""
    runs = ran(prices, forecast=FORECAST, strategies=STRATEGIES, broker=CHEAP)
    ratios = [sharpe(returns(run.equity), 1) or 0.0 for run in runs.strategies]
    found = judged(runs, Tried(len(ratios), float(np.var(ratios, ddof=1)), True))
    return [one.verdict.text for one in found.by_strategy.values()]


def test_noise_comes_out_as_noise() -> None:
    """40 random walks, half of them rising by a tenth of a percent a bar: an edge on two of them at most."""
    found = [verdicts(asset(100 + k, phi=0.0, drift=0.001 * (k % 2))) for k in range(40)]
    assert sum(SUPPORTED in of for of in found) <= 2
    assert sum(set(of) == {UNDECIDED} for of in found) >= 30  # some pay their costs for nothing


def test_a_signal_that_is_worth_finding_is_found() -> None:
    """A return follows three tenths of the one before: known, its sign alone earns about 0.3 sqrt(2 / pi) = 0.24
    deviations a bar, an annual Sharpe ratio of nearly 4. At least 80 % of 20 assets.
    """
    found = [verdicts(asset(200 + k, phi=0.3)) for k in range(20)]
    assert sum(SUPPORTED in of for of in found) >= 16
