"""What speaks for and against a strategy, worked from whole runs; and whether the verdict can be trusted."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.command import PLAIN, TINY, command, summary, tiny, written
from helpers.parallel import Cores, with_fewer_resamples
from scipy import stats

from lstmstrat import Config, LSTMForecast, Session, Store
from lstmstrat.audit.finding import AuditResult, Finding
from lstmstrat.commands.audit import _keep
from lstmstrat.config.validation import validated
from lstmstrat.evaluation import verdict as rule
from lstmstrat.evaluation.bootstrap import NO_DIFFERENCE
from lstmstrat.evaluation.many_trials import probabilistic_sharpe
from lstmstrat.evaluation.metrics import returns, sharpe
from lstmstrat.evaluation.timing import BAND, SHUFFLES, UNKNOWN
from lstmstrat.evaluation.verdict import NO_VERDICT, SUPPORTED, UNDECIDED, Evidence
from lstmstrat.prices import Prices, load
from lstmstrat.prices.bars import OPEN
from lstmstrat.results import tables
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import (
    AUDIT,
    FAILED,
    VOIDING,
    Check,
    EquityFan,
    PlaceboFacts,
    StrategyAssessment,
    Trials,
)
from lstmstrat.results.run import Run
from lstmstrat.study import fingerprint, replicas, resampled
from lstmstrat.study import judge as judgement
from lstmstrat.study.audits import AuditRecord
from lstmstrat.study.extras import Extras
from lstmstrat.study.prepare import load_config, prepare
from lstmstrat.study.simulate import simulate_all

ONE = Trials(1, None, True, 0, None)
FOUND_NOTHING = AuditRecord(0, "No difference in 12 comparisons at 3 cuts.", "2026-11-26")


def ran(prices: Prices | None = None, **sections: Any) -> Run:
    """On `prices`, or those that the config names."""
    config = validated(Config, tiny(**sections), "")
    with Session(Store(None), jobs=2) as session:
        return simulate_all(config, prices or load(config.data), session)


def judged(
    run: Run, trials: Trials = ONE, checks: tuple[Check, ...] = (), extras: Extras | None = None
) -> dict[str, StrategyAssessment]:
    """Each strategy, by name; the look-ahead audit of all of them has passed."""
    audits = {account.name: FOUND_NOTHING for account in run.strategies}
    return {
        one.name: one for one in judgement.assess(run, trials, checks, extras or Extras(), audits, Store(None))
    }


@pytest.fixture(scope="module")
def run() -> Run:
    return ran(forecast=PLAIN)


@pytest.fixture
def evidence(monkeypatch: pytest.MonkeyPatch) -> list[Evidence]:
    """What the rule was asked about, in the order of the strategies."""
    seen: list[Evidence] = []

    def kept(of: Evidence) -> rule.Verdict:
        seen.append(of)
        return rule.verdict(of)

    monkeypatch.setattr(judgement, "verdict", kept)
    return seen


def test_at_its_break_even_cost_a_strategy_ends_with_buy_and_hold() -> None:
    """The crossover, run again through the broker at the cost that was found to the first order."""
    falling = {"symbol": "MSFT", "start": "2000-03-01", "end": "2003-06-30"}
    cross = TINY["strategies"][1:]
    one = ran(data=falling, strategies=cross)
    cost = judged(one)["cross"].versus_benchmark.break_even_cost
    assert 0.002 < cost < 0.02
    again = ran(data=falling, strategies=cross, broker={"commission": cost - 0.0005, "slippage": 0.0005})
    leads = [r.strategies[0].equity.iloc[-1] / r.benchmark.equity.iloc[-1] - 1.0 for r in (one, again)]
    assert leads[0] > 0.3
    assert abs(leads[1]) < 0.01 * leads[0]


def test_the_matched_hold_is_a_part_of_buy_and_hold(run: Run) -> None:
    for account in run.strategies:
        found = judged(run)[account.name].luck.exposure_matched
        assert found.exposure == pytest.approx(account.exposure.mean())
        part = found.exposure * returns(run.benchmark.equity)
        assert found.total_return == pytest.approx(math.expm1(np.log1p(part).sum()))


def test_positions_on_the_grid_of_opens_earn_what_the_broker_says() -> None:
    """Without costs, and with all in or out, the two are the same from the first open to the last."""
    free = ran(broker={"commission": 0.0, "slippage": 0.0})
    opens = free.prices.bars[-len(free.benchmark.equity) :, OPEN]
    for account in free.strategies:
        found = free.positions(account)
        assert found is not None
        wealth = float(np.prod(1.0 + found.held * found.asset))
        value, exposure = account.equity.to_numpy(), account.exposure.to_numpy()
        shares = exposure * value / free.prices.frame["close"].loc[account.equity.index].to_numpy()
        cash = value * (1.0 - exposure)
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
    run = ran(strategies=[{"class": "test_judge:Stopped"}])
    assert len(run.strategies[0].trades) > 3
    found = judged(run)["stopped"]
    assert found.luck.placebo == PlaceboFacts(**dataclasses.asdict(UNKNOWN), shuffles=SHUFFLES, band=BAND)
    assert found.versus_benchmark.delay_cost is None


def test_without_a_ledger_nothing_is_deflated_and_no_edge_supported(run: Run, evidence: list[Evidence]) -> None:
    found = judged(run, Trials(2, 0.0252, False, 0, None))["cross"]
    luck = found.luck
    assert (luck.deflated_sharpe, luck.deflated_lead, luck.deflated_timing) == (None, None, None)
    assert luck.published_deflated_sharpe is None
    assert "a deflated Sharpe ratio above 0.95 (undefined)" in found.versus_benchmark.missing
    assert "a deflated lead above 0.95 (undefined)" in found.versus_benchmark.missing
    known = judged(run, Trials(2, 0.0252, True, 0, None))["cross"].luck
    assert known.deflated_sharpe is not None
    assert known.deflated_lead is not None
    assert known.deflated_timing == pytest.approx(stats.norm.cdf(known.placebo.score) ** 2)
    asked = [
        (of.deflated_sharpe, of.deflated_lead, of.deflated_timing) for of in evidence[1::2]
    ]  # of the crossover
    assert asked == [(None, None, None), (known.deflated_sharpe, known.deflated_lead, known.deflated_timing)]


@pytest.mark.parametrize(
    ("bars", "periods", "deviation", "claimed"),
    [("D", 365, 0.5, None), ("h", 24 * 365, 2.5, None), ("D", 365, 0.5, 10_000)],
)
def test_annual_ratios_deflate_the_returns_of_a_bar(
    bars: str, periods: int, deviation: float, claimed: int | None
) -> None:
    """By hand: among 10 trials, the best without skill is 1.574 deviations of their annual ratios above 0.

    1.574 = 0.4228 z(1 - 1/10) + 0.5772 z(1 - 1/(10 e)); a bar has that over the root of the bars a year. Hours
    were deflated by ratios of days read as those of hours. What a config calls a year lowers no hurdle.
    """
    daily = asset(1, 0.3, bars=2000)
    frame = daily.frame.set_axis(pd.date_range("2010-01-01", periods=len(daily.frame), freq=bars))
    run = ran(
        Prices("X", "csv", frame, ()),
        forecast=FORECAST,
        strategies=STRATEGIES[:1],
        broker=CHEAP,
        report={"periods_per_year": claimed},
    )
    best = 0.42278434 * stats.norm.ppf(0.9) + 0.57721566 * stats.norm.ppf(1.0 - 0.1 / math.e)
    assert best == pytest.approx(1.574, abs=1e-3)
    (found,) = judged(run, Trials(10, deviation**2, True, 0, None)).values()
    expected = probabilistic_sharpe(run.strategies[0].returns, deviation * best / math.sqrt(periods))
    assert expected == pytest.approx(0.98, abs=0.015)  # neither 0 nor 1
    assert found.luck.published_deflated_sharpe == pytest.approx(expected, abs=1e-6)


class OnAnAverage(bt.Strategy):
    """Forecasts the average of five closes, so the first four bars are not handed to its walk-forward."""

    def __init__(self) -> None:
        self.model = LSTMForecast(
            bt.ind.SMA(self.data.close, period=5),
            **{**TINY["forecast"], "target": "close", "features": ("return_1",), "refit_every": 20},
        )


def test_a_forecast_that_begins_later_is_set_beside_its_own_bars() -> None:
    asked = {"features": ["return_1", "return_5"], "target": "open", "refit_every": 20}
    late = ran(forecast=asked, strategies=[{"class": "test_judge:OnAnAverage"}])
    walk = late.forecasts
    assert late.before(walk) == 4
    frame = tables.forecasts(late)
    day = walk.times[200]
    assert frame.loc[day, "forecast"] == walk.forecast[200]
    at = late.dates.get_loc(day)
    assert late.traded.forecast[at] == walk.forecast[200]
    closes = late.prices.frame["close"]
    place = closes.index.get_loc(day)
    assert late.traded.realised[at] == pytest.approx(math.log(closes.iloc[place + 1] / closes.iloc[place]))
    fold = walk.folds[1].fold
    assert frame.loc[walk.times[fold.fitted_at], "cutoff"] == walk.times[fold.cutoff]


def test_the_best_fold_is_one_of_the_folds_in_use(run: Run) -> None:
    """By pandas: log return differences, grouped by the fold whose forecast was known the bar before."""
    ahead = np.log1p(returns(run.strategies[0].equity)) - np.log1p(returns(run.benchmark.equity))
    assert ahead.sum() > 0.0
    assert run.strategies[0].forecasts is not None
    folds = run.strategies[0].forecasts.fold[-len(run.benchmark.equity) : -1]
    by_fold = ahead.groupby(folds).sum()
    found = {name: one.versus_benchmark.best_fold_share for name, one in judged(run).items()}
    assert found["long_flat"] == pytest.approx(by_fold.max() / ahead.sum())
    assert found["cross"] is None  # it has no forecast


def test_p_values_are_adjusted_for_the_strategies_of_the_run(evidence: list[Evidence]) -> None:
    """Two crossovers: the p-value of each is that of a run with it alone, times two."""
    cross = TINY["strategies"][1]
    pair = [cross, {**cross, "name": "slower", "params": {"fast": 10, "slow": 20}}]
    one, other = (found.versus_benchmark for found in judged(ran(strategies=pair)).values())
    for versus in (one, other):
        assert versus.p_adjusted == pytest.approx(min(1.0, 2 * versus.p_value))
        assert (versus.p_adjusted < 0.05) == (versus.sharpe_low > 0.0 or versus.sharpe_high < 0.0)
    assert [of.sharpe.p_value for of in evidence] == [one.p_value, other.p_value]
    assert [of.p_adjusted for of in evidence] == [one.p_adjusted, other.p_adjusted]
    (alone,) = (found.versus_benchmark for found in judged(ran(strategies=pair[:1])).values())
    assert (alone.p_value, alone.p_adjusted) == (one.p_value, one.p_value)
    assert alone.sharpe_high - alone.sharpe_low < one.sharpe_high - one.sharpe_low


def test_a_strategy_that_is_seldom_out_has_no_interval_and_is_not_distinguishable(run: Run) -> None:
    """It differs from buy-and-hold on 26 of 202 bars."""
    base, out, _ = run.returns
    assert 0 < (np.abs(out - base) > 1e-7).sum() < 30
    found = judged(run)["long_flat"].versus_benchmark
    assert (found.sharpe_low, found.sharpe_high, found.p_value, found.p_adjusted) == (None, None, None, None)
    assert found.sharpe is not None
    assert found.verdict == UNDECIDED


def test_a_share_dearer_than_the_account_leaves_no_verdict() -> None:
    """An account of 0.5 and whole shares: a hold that buys nothing is no measure of anything."""
    poor = ran(broker={"cash": 0.5, "fractional": False})
    assert poor.benchmark.traded.sum() == 0.0
    found = judged(poor)
    assert {one.versus_benchmark.verdict for one in found.values()} == {NO_VERDICT}
    assert all("a holding that bought something" in one.versus_benchmark.missing for one in found.values())
    whole = ran(broker={"fractional": False})
    assert NO_VERDICT not in {one.versus_benchmark.verdict for one in judged(whole).values()}


def test_a_failed_check_voids_the_edges_that_it_concerns(run: Run, evidence: list[Evidence]) -> None:
    for name in VOIDING:
        judged(run, checks=(Check(name, FAILED, "why"),))
    assert [of.faults for of in evidence] == [(f"{name}: why",) for name in VOIDING for _ in run.strategies]
    evidence.clear()
    judged(run, checks=(Check(VOIDING[0], FAILED, "why", "cross"), Check("orders", FAILED, "")))
    assert [of.faults for of in evidence] == [(), (f"{VOIDING[0]}: why",)]
    evidence.clear()
    judged(run, checks=(Check(VOIDING[0], FAILED, "why", "buy_and_hold"),))  # what all are compared with
    assert [of.faults for of in evidence] == [(f"{VOIDING[0]}: why",)] * 2


def test_only_an_audit_that_passed_is_a_proof(run: Run, evidence: list[Evidence]) -> None:
    leak = dataclasses.replace(FOUND_NOTHING, exit_code=1, sentence="1 probe of 12 failed.")
    judgement.assess(run, ONE, (), Extras(), {"long_flat": leak}, Store(None))
    judgement.assess(run, ONE, (), Extras(), {"long_flat": FOUND_NOTHING}, Store(None))
    reasons = ["1 probe of 12 failed (of 2026-11-26)", judgement.NOT_AUDITED, "", judgement.NOT_AUDITED]
    assert [of.audit for of in evidence] == reasons


def test_seeds_and_worlds_reach_the_verdict(run: Run, evidence: list[Evidence]) -> None:
    seeds, worlds = (
        replicas.judged_seeds((0.1, -0.1), 0, EquityFan(2, (), (), (), ())),
        replicas.judged_worlds(0.1, (0.0, 0.2, 0.3), 0),
    )
    found = judged(run, extras=Extras(seeds={"long_flat": seeds}, worlds={"long_flat": worlds}))
    assert [(of.seeds_above, of.worlds) for of in evidence] == [(0.5, 0.75), (None, None)]
    assert (found["long_flat"].luck.seeds, found["long_flat"].luck.worlds) == (seeds, worlds)
    assert (found["cross"].luck.seeds, found["cross"].luck.worlds) == (None, None)
    short = {"80% of seeds above (0.500)", "more than null worlds have (p 0.750)"}
    assert short <= set(found["long_flat"].versus_benchmark.missing)
    assert not any("seeds" in one or "null" in one for one in found["cross"].versus_benchmark.missing)


RESAMPLES = (
    "sharpe_difference",
    "cagr_difference",
    "drawdown_differences",
    "placebo",
    "superior_predictive_ability",
)


def all_of(run: Run, store: Store) -> tuple[object, ...]:
    audits = {account.name: FOUND_NOTHING for account in run.strategies}
    strategies, folds = judgement.assess(run, ONE, (), Extras(), audits, store), tables.folds(run)
    return strategies, judgement.verdicts(run, strategies, store), judgement.skill(run, folds, store)


def test_what_takes_resamples_is_worked_out_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another process too, which has nothing but the file."""
    first = all_of(run, Store(tmp_path / "cache.sqlite"))
    for name in RESAMPLES:
        monkeypatch.setattr(resampled, name, lambda *a: pytest.fail("made again"))
    monkeypatch.setattr(judgement, "skill_tests", lambda *a: pytest.fail("made again"))
    assert all_of(run, Store(tmp_path / "cache.sqlite")) == first


@pytest.mark.parametrize("name", RESAMPLES)
def test_it_is_worked_out_again_where_a_number_behind_it_is_another(
    run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last bit of one close; bars a year, where they annualise; the number of strategies, in a level."""
    store, made, work = Store(None), list[str](), getattr(resampled, name)
    monkeypatch.setattr(resampled, name, lambda *arguments: made.append(name) or work(*arguments))

    def again(other: Run) -> int:
        all_of(other, store)
        found = len(made)
        made.clear()
        return found

    assert again(run) > 0
    assert again(run) == 0
    closes = run.strategies[0].equity.copy()
    closes.iloc[-1] = math.nextafter(closes.iloc[-1], math.inf)
    moved = dataclasses.replace(run.strategies[0], equity=closes)
    bit = dataclasses.replace(run, strategies=(moved, *run.strategies[1:]))
    assert (again(bit) > 0) == (name != "placebo")  # which reads holdings
    report = run.config.report.model_copy(update={"periods_per_year": 100})
    year = dataclasses.replace(run, config=run.config.model_copy(update={"report": report}))
    assert (again(year) > 0) == (name in ("sharpe_difference", "placebo"))
    dates = run.dates[:-1].append(run.dates[-1:] + pd.Timedelta(days=30))  # growth goes by them
    late = [on_dates(account, dates) for account in run.accounts]
    longer = dataclasses.replace(run, benchmark=late[0], strategies=tuple(late[1:]))
    assert (again(longer) > 0) == (name == "cagr_difference")
    fewer = dataclasses.replace(run, strategies=run.strategies[:1])
    per_run = ("sharpe_difference", "drawdown_differences", "superior_predictive_ability")
    assert (again(fewer) > 0) == (name in per_run)


def on_dates(account: Account, dates: pd.DatetimeIndex) -> Account:
    series = {name: getattr(account, name).set_axis(dates) for name in ("equity", "exposure", "targets", "traded")}
    return dataclasses.replace(account, **series)


def test_what_is_undefined_stays_so_in_the_store(run: Run, tmp_path: Path) -> None:
    """An account that copies buy-and-hold has no interval, no p-value and no placebo."""
    copy = dataclasses.replace(run.benchmark, name="copy", forecasts=None)
    same = dataclasses.replace(run, strategies=(copy,), code={"copy": run.code["long_flat"]})
    found = [resampled.Resampled(Store(tmp_path / "cache.sqlite"), same) for _ in range(2)]
    returns = copy.returns
    values = [(one.sharpe(returns), one.growth(returns), one.drawdowns, one.best) for one in found]
    assert values == [(NO_DIFFERENCE, NO_DIFFERENCE, [NO_DIFFERENCE], None)] * 2


def test_an_audit_is_remembered_until_something_changes(tmp_path: Path) -> None:
    """What `lstmstrat audit` leaves in the user's store, by hand: an audit of its own takes a minute."""
    path, cache = written(tmp_path, TINY), tmp_path / "cache.sqlite"  # $LSTMSTRAT_CACHE
    config, prices = prepare(load_config(path))
    code = {s.label: fingerprint.of_code(config, s) for s in config.strategies}

    def keep(*findings: Finding) -> None:
        _keep(Store(cache), config, prices, code, AuditResult(findings, ()))

    def status(*options: object) -> tuple[str, str]:
        out = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        told = command(path, "--out", out, "--quiet", "--set", "report.html=false", *options)
        assert told.code == 0, told.err
        (found,) = (check for check in summary(out)["checks"] if check["name"] == AUDIT)
        return found["status"], found["detail"]

    assert status()[0] == "not run"
    keep(failing())
    assert status()[0] == "failed"
    for elsewhere in ("--no-cache",), ("--cache", tmp_path / "other.sqlite"):  # no way round it
        assert status(*elsewhere)[0] == "failed"
    assert status("--seed", 5, "--set", "forecast.members=1")[0] == "failed"  # no leak depends on these
    assert status("--set", "forecast.lookback=6")[0] == "not run"
    assert status("--set", "data.end=2006-03-01")[0] == "not run"
    mended = dataclasses.replace(failing(), status="passed")
    keep(mended)
    sentence = f"No difference in 12 comparisons at 0 cuts (of {dt.datetime.now(dt.UTC):%Y-%m-%d})"
    assert status() == (
        "not run",
        "cross: made where all else holds, or by lstmstrat audit CONFIG",
    )
    keep(dataclasses.replace(mended, subject="cross"))
    assert status() == ("passed", f"long_flat: {sentence}; cross: {sentence}")
    keep(mended, dataclasses.replace(failing(), subject="forecast"))  # which both strategies were given
    assert status()[0] == "failed"


def failing() -> Finding:
    return Finding("P2 suffix", "long_flat", "failed", 12, (), "it moved")


# --- the verdict: noise is noise, an edge is an edge ---

FORECAST = {
    **PLAIN,
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


def asset(seed: int, phi: float, drift: float = 0.0, bars: int = 1250) -> Prices:
    """Returns from open to open that follow the one before by `phi`, with fat tails and volatility in clusters.

    A bar opens where the one before closed; what it did says `phi` of what the next will do.
    """
    rng = np.random.default_rng(seed)
    calm = 0.01 * np.exp(0.2 * np.convolve(rng.standard_normal(bars + 40), 0.9 ** np.arange(40), "valid")[:bars])
    shock, move = calm * rng.standard_t(6, bars) / math.sqrt(1.5), np.zeros(bars)
    for t in range(1, bars):
        move[t] = drift + phi * (move[t - 1] - drift) + shock[t]
    close = 100.0 * np.exp(np.cumsum(move))
    opened = np.concatenate([[100.0], close[:-1]])
    wick = np.exp(np.abs(rng.normal(0.0, 0.002, (2, bars))))
    columns = {
        "open": opened,
        "high": np.maximum(opened, close) * wick[0],
        "low": np.minimum(opened, close) / wick[1],
        "close": close,
        "volume": rng.integers(1000, 9000, bars).astype(float),
    }
    return Prices("X", "csv", pd.DataFrame(columns, pd.bdate_range("2010-01-04", periods=bars)), ())


def verdicts(of: dict[str, Any]) -> list[str]:
    """Of both strategies on an asset, with nothing tried before."""
    run = ran(asset(**of), forecast=FORECAST, strategies=STRATEGIES, broker=CHEAP)
    ratios = [sharpe(returns(account.equity), 252) or 0.0 for account in run.strategies]
    found = judged(run, Trials(len(ratios), float(np.var(ratios, ddof=1)), True, 0, None))
    return [one.versus_benchmark.verdict for one in found.values()]


def quick_verdicts(of: dict[str, Any]) -> list[str]:
    return with_fewer_resamples(verdicts, of)


def test_noise_comes_out_as_noise(cores: Cores) -> None:
    """40 random walks, half of them rising by a tenth of a percent a bar: an edge on two of them at most."""
    walks = [{"seed": 100 + k, "phi": 0.0, "drift": 0.001 * (k % 2), "bars": 800} for k in range(40)]
    found = cores.map(quick_verdicts, walks)
    assert sum(SUPPORTED in of for of in found) <= 2
    assert sum(set(of) == {UNDECIDED} for of in found) >= 30  # some pay their costs for nothing


def test_a_signal_that_is_worth_finding_is_found(cores: Cores) -> None:
    """A return follows three tenths of the one before: known, its sign alone earns about 0.3 sqrt(2 / pi) = 0.24
    deviations a bar, an annual Sharpe ratio of nearly 4. At least 80 % of 20 assets.
    """
    found = cores.map(quick_verdicts, [{"seed": 200 + k, "phi": 0.3} for k in range(20)])
    assert sum(SUPPORTED in of for of in found) >= 16


def test_what_is_beyond_any_number_is_undefined_and_no_end_of_the_run(tmp_path: Path) -> None:
    """Closes of 1 and a million in turn: a constant exposure, rebalanced at each close, earns more than 1e308."""
    closes = np.where(np.arange(330) % 2 == 0, 1.0, 1e6)
    rows = dict.fromkeys(("open", "high", "low", "close"), closes) | {"volume": np.full(330, 1e3)}
    pd.DataFrame(rows, pd.bdate_range("2015-01-01", periods=330, name="date")).to_csv(tmp_path / "x.csv")
    data = {"source": "csv", "path": str(tmp_path / "x.csv"), "start": None, "end": None}
    path = written(tmp_path, tiny(data=data, forecast={"model": "ridge"}))
    assert command(path, "--out", tmp_path / "out").code == 0
    matched = [strategy["luck"]["exposure_matched"] for strategy in summary(tmp_path / "out")["strategies"]]
    assert None in [one["total_return"] for one in matched]
