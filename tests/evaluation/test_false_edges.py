"""A small version of benchmarks/verdicts.py: false edges, power, and that its shortcuts change nothing."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from lstmstrat import BuyAndHold, ExposureStrategy, Prices, Session, Store
from lstmstrat.config.schema import BrokerConfig
from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.results.account import Account
from lstmstrat.trading.simulation import simulate

FOLDER = Path(__file__).parents[2] / "benchmarks"


NAMES = ("verdicts", "judged", "simple_rules", "worlds", "grids")


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    """The modules of the benchmark, which import each other by their plain names; one thread for products."""
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.syspath_prepend(str(FOLDER))
        yield SimpleNamespace(**{name: __import__(name) for name in NAMES})
        for name in NAMES:
            del sys.modules[name]


class Told(ExposureStrategy):
    """Trades a list of targets."""

    params = (("targets", ()),)

    def target_exposure(self) -> float:
        return float(self.p.targets[len(self.data) - 1])


def by_backtrader(bench: Any, world: Any, target: np.ndarray | None, costs: Any) -> Account:
    """The account of `target` (n,), or of buy-and-hold, by the package's own simulation."""
    closes = world.closes
    opens = np.concatenate([closes[:1], closes[:-1]])
    bars = {"open": opens, "high": np.maximum(opens, closes), "low": np.minimum(opens, closes), "close": closes}
    frame = pd.DataFrame(bars | {"volume": 1e6}, pd.bdate_range("2010-01-04", periods=len(closes)))
    cls, params = (BuyAndHold, {}) if target is None else (Told, {"targets": tuple(target)})
    broker = BrokerConfig(commission=costs.commission, slippage=costs.slippage)
    prices = Prices("X", "csv", frame, ())
    with Session(Store(None)) as session:
        return simulate(prices, cls, params, broker, session=session, start=bench.simple_rules.WARM_UP, name="x")


@pytest.mark.parametrize("kind", ["GARCH, heavy tails", "falling 25% a year"])
def test_accounts_are_those_of_backtrader(bench: Any, kind: str) -> None:
    """Long or flat, long or short, and in parts: equity, exposure and the bars with a fill."""
    rules, first = bench.simple_rules, bench.simple_rules.WARM_UP
    world = bench.worlds.NULL[kind](np.random.default_rng(1), 400)
    targets = rules.targets(world.closes, np.random.default_rng(2))
    names = ["reversal 1", "momentum 5, short", "volatility 21"]
    for costs in (rules.TWO_BASIS_POINTS, rules.DEFAULT):
        traded = np.column_stack([targets[name] for name in names])[first:]
        fast = bench.judged.sample(traded, world.closes[first:], world.periods, costs)
        for k, target in enumerate([None, *(targets[name] for name in names)]):
            account = by_backtrader(bench, world, target, costs)
            assert fast.accounts.equity[:, k] == pytest.approx(account.equity.to_numpy(), rel=1e-9)
            assert fast.accounts.exposure[:, k] == pytest.approx(account.exposure.to_numpy(), abs=1e-9)
            assert (fast.accounts.filled[1:, k] == (account.traded.to_numpy()[1:] > 0.0)).all()


def test_two_hundred_rules_that_differ_and_see_no_later_bar(bench: Any) -> None:
    rules = bench.simple_rules
    closes = bench.worlds.gaussian(np.random.default_rng(3), 1700).closes
    full = rules.targets(closes, np.random.default_rng(4))
    cut = rules.targets(closes[:900], np.random.default_rng(4))
    assert len(full) == 200
    assert set(rules.SIX) <= set(full)
    assert len({target.tobytes() for target in full.values()}) == 200
    for name in full:
        if "coin" not in name:  # the coins are flipped for all bars at once
            assert (full[name][:900] == cut[name]).all(), name


def test_the_screen_changes_no_verdict(bench: Any) -> None:
    """Where a mean is planted, so that all words come up: each rule judged in full, and with the screen before."""
    rng = np.random.default_rng(5)
    planted = bench.worlds.autoregressive(rng, 1199, 0.06)
    rules = list(bench.simple_rules.targets(planted.world.closes, rng).values())
    traded = np.column_stack([np.append(planted.known, 0.0) > 0.0, *rules[::12]])[200:]
    sample = bench.judged.sample(traded, planted.world.closes[200:], 252, bench.simple_rules.TWO_BASIS_POINTS)
    said = []
    for rule in range(1, traded.shape[1] + 1):
        trials = [1, 2, 3, 4, rule]
        case = sample.case(rule, [rule], trials)
        if case.evidence.sharpe.difference is not None:
            assert bench.judged.lead_score(sample.returns[rule], sample.returns[0]) == pytest.approx(case.lead)
        said.append(bench.verdicts.edges([case]))
        assert not said[-1] or sample.passes_screen(rule, trials)
    assert set(bench.verdicts.RULES) in said
    assert set() in said


def test_holm_in_the_benchmark_decides_as_that_of_statsmodels(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from statsmodels.stats.multitest import multipletests

    monkeypatch.setattr(gc, "collect", lambda: 0)  # multipletests calls it each time: seconds in all
    rng, run, rejected = np.random.default_rng(6), [1, 2, 3, 4], set()
    sample = bench.judged.sample(np.ones((60, 4)), np.ones(60), 252, bench.simple_rules.DEFAULT)
    for _ in range(100):
        p_values = rng.uniform(0.0, 0.06, 4)
        sample.differences.update(
            {rule: Difference(1.0, 0.0, 2.0, p) for rule, p in zip(run, p_values, strict=True)}
        )
        expected = multipletests(p_values, method="holm")[0]
        assert [sample._holm(rule, run) < 0.05 for rule in run] == list(expected)
        rejected.add(int(expected.sum()))
    assert rejected == {0, 1, 2, 3, 4}


def test_the_best_of_two_hundred_is_no_edge_and_a_forecaster_who_knows_is(bench: Any) -> None:
    """A world of each kind: at a rate of 1 % two false edges of seven come up in 0.2 % of cases. And a forecaster
    who knows an AR(1) with an R2 of 5 %: found in nearly all worlds of the large version.
    """
    false_edges, found_edges, now = bench.verdicts.false_edges, bench.verdicts.found_edges, bench.verdicts.NOW
    assert sum(false_edges(kind, "2 bp", 1000)["best of 200", now] for kind in bench.worlds.NULL) <= 1
    assert found_edges("AR(1)", 0.05, "2 bp", 1000)["long/flat", 1, now] == 1
