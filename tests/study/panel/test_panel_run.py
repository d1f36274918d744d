"""A run over a universe: its accounts, its checks, its trials and its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

import lstmstrat
from lstmstrat import Config, ConfigError, Ledger, Result, Session, Store
from lstmstrat.prices.bars import CLOSE, OPEN
from lstmstrat.report.figures.trades import turned_over
from lstmstrat.results.assessment import FAILED, PASSED
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.results.result import HOLDING
from lstmstrat.study.ledger import read_trials
from lstmstrat.study.panel.checks import check_books, check_cuts, check_forecasts, check_hold, check_prices
from lstmstrat.study.panel.run import prepare_panel, run_panel
from lstmstrat.study.panel.simulate import simulate_panel

SYMBOLS = ["AMD", "CVX", "GE", "HD", "IBM", "KO", "LOW", "MSFT", "NE", "PEP", "TGT", "WMT", "XOM"]
STRATEGIES = [{"class": "strategies.long_flat:LongFlat"}]


def config(**changes: object) -> Config:
    values = {
        "data": {"universe": SYMBOLS, "start": "2007-06-01", "end": "2009-12-31"},
        "forecast": {
            "model": "ridge",
            "pool": "all",
            "relation": "rank",
            "train_size": 250,
            "refit_every": 100,
            "least_assets": 5,
        },
        "portfolio": {"rule": "top", "long": 3, "short": 3},
    }
    return Config(**{**values, **changes})


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(Store(None), 1, ledger=Ledger(None))


@pytest.fixture(scope="module")
def run(session: Session) -> PanelRun:
    return simulate_panel(*prepare_panel(config()), session)


@pytest.fixture(scope="module")
def result(run: PanelRun, session: Session) -> Result:
    return run_panel(run.config, run.panel, session)


class Idle:
    """A rule that holds nothing."""

    def weights(self, scores: np.ndarray, held: np.ndarray, closes: np.ndarray) -> np.ndarray:
        return np.zeros(len(scores))


def test_a_portfolio_that_never_orders_has_a_report(session: Session, tmp_path: Path) -> None:
    """It ended in a traceback: the round trips of no order."""
    idle = config(portfolio={"rule": f"{__name__}:Idle"})
    found = run_panel(*prepare_panel(idle), session)
    (strategy,) = found.assessment.strategies
    assert strategy.metrics.final_value == idle.broker.cash
    assert (found.trades["strategy"] == "Idle").sum() == 0
    assert "Idle" in found.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert lstmstrat.load_run(found.save(tmp_path / "run")).assessment == found.assessment


@pytest.mark.parametrize("name", ["date", "buy_and_hold"])
def test_a_portfolio_may_not_be_called_as_a_column_that_there_is(name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' is the .*; give the portfolio another name"):
        config(portfolio={"rule": "top", "long": 3, "short": 3, "name": name})


def test_the_window_begins_at_the_first_fold_and_the_hold_is_in_all_members(run: PanelRun) -> None:
    assert run.dates[0] == run.panel.times[run.forecasts.folds[0].fitted_at]
    assert run.benchmark.equity.iloc[0] == run.config.broker.cash
    assert run.benchmark.exposure.iloc[1:].mean() == pytest.approx(1.0, abs=0.001)  # less what is in quarantine
    assert abs(run.strategies[0].exposure).max() < 0.2  # as much long as short, but for a day's moves
    assert 1.9 < run.gross[1:].mean() < 2.1


def test_the_hold_without_costs_earns_the_mean_return_of_the_members(session: Session) -> None:
    """By hand: equal weights at each open earn the mean return to the close, and theirs to the next open."""
    found = config(broker={"commission": 0.0, "slippage": 0.0})
    run = simulate_panel(*prepare_panel(found), session)
    opens, closes = run.panel.bars[run.window, :, OPEN], run.panel.bars[run.window, :, CLOSE]
    assert run.panel.members[run.window][39:46].all()  # before the quarantine of LOW, from 2009-02-05 on
    equity = run.benchmark.equity.to_numpy()
    for t in range(40, 45):
        weights = closes[t] / opens[t] / (closes[t] / opens[t]).sum()  # at the close, equal at the open
        overnight = weights @ (opens[t + 1] / closes[t])
        today = (closes[t + 1] / opens[t + 1]).mean()
        assert equity[t + 1] == pytest.approx(equity[t] * overnight * today, rel=1e-9)


def test_the_books_and_the_cuts_are_checked_and_a_false_account_is_found(run: PanelRun, session: Session) -> None:
    assert check_books(run).status == PASSED
    assert check_cuts(run, session).status == PASSED
    (account,) = run.strategies
    paid_in = replace(account, equity=account.equity + 100.0 * (np.arange(len(account.equity)) > 50))
    check = check_books(replace(run, strategies=(paid_in,)))
    assert check.status == FAILED
    assert "its orders make it" in check.detail
    orders = account.orders.copy()
    orders.loc[7, "price"] *= 0.999  # better than the open
    check = check_books(replace(run, strategies=(replace(account, orders=orders),)))
    assert check.status == FAILED
    assert "is right" in check.detail
    forecasts = replace(run.forecasts, forecast=np.roll(run.forecasts.forecast, -1, axis=0))  # those of tomorrow
    assert check_cuts(replace(run, forecasts=forecasts), session).status == FAILED


def test_a_hold_of_unequal_parts_is_found(run: PanelRun) -> None:
    assert check_hold(run).status == PASSED
    orders = run.benchmark.orders.copy()
    orders.loc[orders["asset"] == "KO", "size"] *= 1.01
    check = check_hold(replace(run, benchmark=replace(run.benchmark, orders=orders)))
    assert check.status == FAILED
    assert "of the account apart" in check.detail


def test_what_a_portfolio_leaves_alone_does_not_change_what_holding_is(run: PanelRun, session: Session) -> None:
    seldom = config(portfolio={"rule": "top", "long": 3, "short": 3, "band": 0.01})
    other = simulate_panel(*prepare_panel(seldom), session)
    assert check_hold(other).status == PASSED
    assert other.benchmark.equity.equals(run.benchmark.equity)
    assert len(other.strategies[0].orders) < len(run.strategies[0].orders)


def test_a_hold_of_whole_shares_is_as_equal_as_shares_allow(session: Session) -> None:
    whole = simulate_panel(*prepare_panel(config(broker={"fractional": False})), session)
    assert check_hold(whole).status == PASSED


def test_the_rank_correlation_is_that_of_scipy(run: PanelRun, result: Result) -> None:
    panel = result.assessment.panel
    assert panel is not None
    values = []
    for t in range(len(run.panel.times))[run.window]:
        both = run.panel.members[t] & np.isfinite(run.forecasts.forecast[t]) & np.isfinite(run.realised[t])
        if both.sum() >= 5:
            values.append(spearmanr(run.forecasts.forecast[t, both], run.realised[t, both]).statistic)
    assert panel.rank_ic == pytest.approx(np.mean(values), abs=1e-12)
    assert panel.skill.ic.sessions == len(values)


def test_a_universe_says_what_became_of_its_assets(run: PanelRun, result: Result) -> None:
    universe = result.assessment.universe
    assert universe is not None
    assert universe.assets == 13
    assert [stay.symbol for stay in universe.quarantines] == ["LOW"]
    of_the_hold = run.benchmark.orders
    assert of_the_hold.loc[of_the_hold["reason"] == "quarantined", "asset"].tolist() == ["LOW"]
    assert universe.ended == 0


class Always:
    """A tenth of the account in each of the first assets."""

    def __init__(self, assets: int = 3):
        self.assets = assets

    def weights(self, scores: np.ndarray, held: np.ndarray, closes: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(scores) & (np.arange(len(scores)) < self.assets), 0.1, 0.0)


def test_a_rule_of_ones_own_is_traded_and_named(session: Session) -> None:
    own = config(portfolio={"rule": f"{__name__}:Always", "params": {"assets": 2}, "gross": 1.0})
    run = simulate_panel(*prepare_panel(own), session)
    (account,) = run.strategies
    assert account.name == "always"
    assert account.class_path == f"{__name__}:Always"
    assert account.params == {"rule": f"{__name__}:Always", "params": {"assets": 2}, "gross": 1.0, "band": 0.0}
    assert set(account.orders["asset"]) == {"AMD", "CVX"}
    assert run.gross[1:].max() < 0.25
    wrong = config(portfolio={"rule": f"{__name__}:Alwais"})
    with pytest.raises(ConfigError, match="did you mean 'Always'"):
        prepare_panel(wrong)


def test_an_asset_that_is_left_out_is_missing_in_what_the_data_covers(result: Result, session: Session) -> None:
    with_a_stranger = config(data={"universe": [*SYMBOLS, "NOBODY"], "start": "2007-06-01", "end": "2009-12-31"})
    found = run_panel(*prepare_panel(with_a_stranger), session).assessment.universe
    full = result.assessment.universe
    assert found is not None
    assert (found.index, found.index_coverage) == ("", ())
    assert full is not None
    assert list(found.left_out) == ["NOBODY"]
    assert [one.year for one in found.coverage] == [2008, 2009]
    assert full.coverage[0].share == pytest.approx(1.0)
    assert found.coverage[0].share == pytest.approx(13 / 14)
    assert full.coverage[1].share < 1.0  # LOW is in quarantine for 60 sessions


def test_the_share_of_the_index_is_told_by_year(session: Session) -> None:
    """Of the 252 days of 2009 LOW is in quarantine for 60, and NE is no member for the last 193."""
    of = config(data={"universe": SYMBOLS, "index": "sp500", "start": "2007-06-01", "end": "2009-12-31"})
    found = run_panel(*prepare_panel(of), session).assessment.universe
    assert found is not None
    assert found.index == "sp500"
    assert [one.year for one in found.index_coverage] == [2008, 2009]
    assert found.index_coverage[0].share == pytest.approx(13 / 497, rel=0.01)
    assert found.index_coverage[1].covered == pytest.approx(13 - 60 / 252 - 193 / 252)
    assert {497.0 <= one.members <= 499.0 for one in found.index_coverage} == {True}


def test_features_and_training_labels_are_checked(result: Result) -> None:
    found = {check.name: check.status for check in result.assessment.checks}
    for name in ("features", "training labels"):
        assert found[name] == "passed"


def test_of_a_model_without_random_numbers_no_other_seed_is_asked_for(result: Result) -> None:
    """It said that --seeds would run what no seed can change."""
    (seeds,) = (check for check in result.assessment.checks if check.name == "seeds")
    assert (seeds.status, seeds.detail) == ("not run", "no seed changes a forecast of the model ridge")


def test_the_chart_of_costs_knows_that_holding_a_universe_trades(run: PanelRun, result: Result) -> None:
    assert turned_over(result, "top") == pytest.approx(run.strategies[0].turned_over)
    assert turned_over(result, HOLDING) == pytest.approx(run.benchmark.turned_over, rel=0.1)


def test_no_edge_of_a_portfolio_is_supported_without_an_audit(result: Result) -> None:
    (strategy,) = result.assessment.strategies
    assert strategy.versus_benchmark.verdict != "edge supported"
    audit = next(check for check in result.assessment.checks if check.name == "look-ahead audit")
    assert audit.status == "not run"


def test_the_run_is_a_trial_on_the_universe_whatever_it_is_called(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    with Session(Store(None), 1, ledger=ledger) as session:
        lstmstrat.run(config(), session=session)
        again = lstmstrat.run(
            config(data={**config().data.model_dump(exclude={"symbol"}), "symbol": "other"}), session=session
        )
        other = lstmstrat.run(config(portfolio={"rule": "top", "long": 2, "short": 2}), session=session)
    assert again.assessment.trials.count == 1
    assert other.assessment.trials.count == 2
    assert {trial.strategy for trial in read_trials(ledger)} == {"top"}
    assert read_trials(ledger)[0].settings["relation"] == "rank"


def test_a_run_of_a_universe_is_read_back_as_it_was(result: Result, tmp_path: Path) -> None:
    plain = Result.of(replace(result, config=result.config.model_copy(update={"report": {"html": False}})))
    from lstmstrat.results import run_folder

    again = run_folder.read(run_folder.write(result, tmp_path / "run", None))
    assert again.assessment == plain.assessment
    for name in ("equity", "exposure", "forecasts", "prices", "folds", "orders", "trades"):
        one, other = getattr(again, name), getattr(result, name)
        assert one.reset_index().equals(other.reset_index()), name


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"strategies": STRATEGIES}, "a universe has portfolio: instead"),
        ({"data": {"symbol": "AAPL"}, "portfolio": None}, "expected at least one in the list"),
        (
            {"data": {}, "strategies": STRATEGIES},
            "portfolio: it needs data.universe",
        ),
        (
            {"data": {}, "portfolio": None, "strategies": STRATEGIES},
            "forecast.pool needs data.universe",
        ),
        ({"portfolio": {"gross": 3.0}}, "there is no leverage"),
        ({"data": {"universe": SYMBOLS, "faults": "report"}}, "write quarantine or refuse"),
        ({"portfolio": {"rule": "top", "long": 2.5}}, "which counts assets"),
    ],
)
def test_what_does_not_go_together_is_refused_with_a_cure(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        config(**changes)


def test_too_few_sessions_are_refused() -> None:
    with pytest.raises(lstmstrat.DataError, match="to trade needs"):
        prepare_panel(config(data={"universe": SYMBOLS, "start": "2009-06-01", "end": "2009-12-31"}))


def test_seeds_and_worlds_are_run_kept_and_judged(tmp_path: Path) -> None:
    found = config(
        forecast={
            **config().forecast.model_dump(
                include={"pool", "relation", "train_size", "refit_every", "least_assets"}
            ),
            "hidden_size": 4,
            "members": 1,
            "epochs": 1,
        },
        report={"seeds": 3, "worlds": 20},
    )
    few = found.model_copy(update={"report": found.report.model_copy(update={"worlds": 2})})  # enough for the path
    with Session(Store(tmp_path / "cache.sqlite"), 1, ledger=Ledger(None)) as session:
        first = lstmstrat.run(few, session=session)
        again = lstmstrat.run(few, session=session)
    (strategy,), (same,) = first.assessment.strategies, again.assessment.strategies
    assert strategy.luck.seeds is not None
    assert strategy.luck.worlds is not None
    assert len(strategy.luck.seeds.differences) == 3
    assert len(set(strategy.luck.seeds.differences)) == 3
    assert len(strategy.luck.worlds.differences) == 2
    assert strategy.luck == same.luck
    checks = {check.name: check.status for check in first.assessment.checks}
    assert (checks["seeds"], checks["null worlds"], checks["ladder"]) == ("ran", "ran", "not run")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"forecast": {"relation": "rank", "train_size": 250, "least_assets": 50}}, "no session has more than 13"),
        ({"portfolio": {"rule": "top", "long": 2, "short": 2, "neutral": "group"}}, "'AMD' has no group"),
    ],
)
def test_what_a_universe_does_not_have_is_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        prepare_panel(config(**changes))


def test_the_prices_of_one_asset_are_not_those_of_a_universe() -> None:
    with pytest.raises(ConfigError, match=r"lstmstrat\.load_panel reads them"):
        lstmstrat.load_prices({"universe": SYMBOLS})


def test_an_asset_that_is_listed_late_does_not_end_a_run(run: PanelRun, session: Session) -> None:
    bars = run.panel.bars.copy()
    bars[: run.window.start + 200, 3] = np.nan  # HD has no bar before
    late = simulate_panel(run.config, replace(run.panel, bars=bars), session)
    assert check_cuts(late, session).status == PASSED
    assert np.isnan(late.forecasts.forecast[: run.window.start + 200, 3]).all()
    assert np.isfinite(late.forecasts.forecast[-1, 3])


def test_what_an_asset_earns_over_a_hole_in_which_nobody_holds_it_is_no_outcome(run: PanelRun) -> None:
    """HD has no bar for twelve days: an order at the close before would be filled after them, or two bars before
    the hole, sold after them."""
    begin, bars = run.window.start + 50, run.panel.bars.copy()
    bars[begin : begin + 12, 3] = np.nan
    with_hole = replace(run, panel=replace(run.panel, bars=bars))
    before, after = (one.realised[begin - 4 : begin + 14, 3] for one in (run, with_hole))
    assert np.isfinite(before).all()
    assert np.isnan(after).tolist() == [False] * 2 + [True] * 14 + [False] * 2
    bars[begin : begin + 2, 3] = run.panel.bars[begin : begin + 2, 3]  # ten days: it only rests
    rests = replace(run, panel=replace(run.panel, bars=bars)).realised[begin - 4 : begin + 14, 3]
    assert np.isnan(rests).tolist() == [False] * 6 + [True] * 10 + [False] * 2


def test_a_price_that_moved_for_good_voids_what_was_saved_from_it(run: PanelRun) -> None:
    (stay,) = run.panel.quarantines
    assert check_prices(run).status == PASSED
    moved = replace(run.panel, quarantines=(replace(stay, single=False),))
    check = check_prices(replace(run, panel=moved))
    assert check.status == FAILED
    assert "write data.accepted: [2009-02-05]" in check.detail


def test_without_a_forecast_nothing_was_tested(run: PanelRun) -> None:
    assert check_forecasts(run).status == PASSED
    none = replace(run.forecasts, forecast=np.full_like(run.forecasts.forecast, np.nan))
    assert check_forecasts(replace(run, forecasts=none)).status == FAILED
