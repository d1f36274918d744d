"""Features and training labels of a universe are worked again from the bars, and what is planted is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import lstmstrat
from lstmstrat import Config, Ledger, Session, Store
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting.panel import samples
from lstmstrat.forecasting.panel.forward import PanelForward
from lstmstrat.forecasting.panel.samples import Bars, LabelMaker, sample_labels
from lstmstrat.forecasting.schedule import Fold
from lstmstrat.prices.bars import CLOSE
from lstmstrat.prices.panel import Panel
from lstmstrat.results.assessment import FAILED, NOT_RUN, PASSED
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.study.panel.checks import run_checks
from lstmstrat.study.panel.inputs import check_features, check_labels
from lstmstrat.study.panel.run import prepare_panel
from lstmstrat.study.panel.simulate import simulate_panel

SYMBOLS = ["AMD", "CVX", "GE", "HD", "IBM", "KO", "LOW", "MSFT"]


def config(**forecast: object) -> Config:
    values = {"model": "ridge", "pool": "all", "relation": "rank", "train_size": 120, "refit_every": 60}
    return Config(
        data={"universe": SYMBOLS, "start": "2008-03-03", "end": "2009-06-30"},
        forecast={**values, "least_assets": 4, **forecast},
        portfolio={"rule": "top", "long": 2, "short": 2},
    )


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(Store(None), 1, ledger=Ledger(None))


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Eight stocks; GE has holidays of its own, IBM a halt of a week, KO ends early and HD begins late."""
    _, whole = prepare_panel(config())
    bars = whole.bars.copy()
    bars[5::17, 2] = np.nan
    bars[150:155, 4] = np.nan
    bars[240:, 5] = np.nan
    bars[:100, 3] = np.nan
    groups = dict.fromkeys(SYMBOLS[:4], "one") | dict.fromkeys(SYMBOLS[4:], "other")
    return replace(whole, bars=bars, universe=replace(whole.universe, groups=groups))


def run_of(panel: Panel, session: Session, labels: LabelMaker = sample_labels, **forecast: object) -> PanelRun:
    prepared, _ = prepare_panel(config(**forecast))
    return simulate_panel(prepared, panel, session, labels=labels)


@pytest.mark.parametrize(
    "forecast",
    [
        {},
        {"relation": "demean", "horizon": 3},
        {"relation": "above_median", "target": "close"},
        {"relation": "none", "pool": "none"},
        {"pool": "group", "mode": "expanding", "horizon": 2},
        {"pool": "none", "refit_every": 1, "train_size": 200},
    ],
    ids=str,
)
def test_what_is_right_passes_on_uneven_calendars(
    panel: Panel, session: Session, forecast: dict[str, object]
) -> None:
    run = run_of(panel, session, **forecast)
    for check in (check_features(run), check_labels(run)):
        assert check.status == PASSED, check.detail
    assert any(np.isfinite(of.labels[-1]).any() for of in run.forecasts.drawn_labels)  # at the cutoff too


def test_both_are_among_the_checks_of_a_run(panel: Panel, session: Session) -> None:
    found = {check.name: check for check in run_checks(run_of(panel, session), session)}
    assert found["features"].detail.startswith("unmoved by later bars in ")
    assert found["training labels"].detail.endswith(" are what the bars before the fit say")


def test_what_is_kept_for_the_checks_does_not_depend_on_the_chunks(panel: Panel, session: Session) -> None:
    whole = run_of(panel, session).forecasts
    walk = PanelForward(whole.config, panel.symbols, panel.universe.groups, session)
    for begin in range(0, len(panel.times), 37):
        piece = slice(begin, begin + 37)
        walk.advance(panel.times[piece], panel.bars[piece], panel.members[piece])
    cut = walk.forecasts
    assert whole.drawn_rows is not None
    assert cut.drawn_rows is not None
    assert np.array_equal(cut.drawn_rows.rows, whole.drawn_rows.rows, equal_nan=True)
    assert len(cut.drawn_labels) == len(whole.drawn_labels) == len(whole.folds)
    for one, other in zip(cut.drawn_labels, whole.drawn_labels, strict=True):
        assert np.array_equal(one.labels, other.labels, equal_nan=True)


# --- features that know the future


def tomorrow(bars: np.ndarray) -> np.ndarray:
    """The return of the next bar."""
    close = np.log(bars[:, CLOSE])
    return np.append(np.diff(close), 0.0)


def month(bars: np.ndarray) -> np.ndarray:
    """The mean of the bars so far, and of ten later ones."""
    return np.array([bars[: t + 10, CLOSE].mean() / bars[t, CLOSE] for t in range(len(bars))])


def counted(bars: np.ndarray) -> np.ndarray:
    """A file without dates, joined by position."""
    return np.random.default_rng(3).normal(size=len(bars))


def since_the_first(bars: np.ndarray) -> np.ndarray:
    """The close over the mean of all closes so far, which is no leak."""
    close = bars[:, CLOSE]
    return close / (np.nancumsum(close) / np.arange(1, len(close) + 1))


def of_twenty(bars: np.ndarray) -> np.ndarray:
    """The mean of 20 closes over the last one; numpy refuses fewer than 20 bars."""
    close = bars[:, CLOSE]
    means = np.lib.stride_tricks.sliding_window_view(close, 20).mean(axis=1)
    return np.concatenate([np.full(19, np.nan), means]) / close


def test_a_feature_that_needs_some_bars_is_not_asked_for_rows_that_no_window_has(
    panel: Panel, session: Session
) -> None:
    """It ended an honest run after its training."""
    check = check_features(run_of(panel, session, features=["return_1", f"{__name__}:of_twenty"]))
    assert check.status == PASSED, check.detail


def test_what_looked_at_nothing_has_not_passed(panel: Panel, session: Session) -> None:
    run = run_of(panel, session)
    rows = run.forecasts.drawn_rows
    assert rows is not None
    empty = replace(rows, rows=np.full_like(rows.rows, np.nan))
    labels = tuple(replace(of, labels=np.full_like(of.labels, np.nan)) for of in run.forecasts.drawn_labels)
    bare = replace(run.panel, bars=np.full_like(run.panel.bars, np.nan))
    of_nothing = replace(run, panel=bare, forecasts=replace(run.forecasts, drawn_rows=empty, drawn_labels=labels))
    for check in (check_features(of_nothing), check_labels(of_nothing)):
        assert check.status == NOT_RUN, check.detail


@pytest.mark.parametrize("leak", [tomorrow, month])
def test_a_feature_that_looks_ahead_is_found_with_its_asset_and_date(
    panel: Panel, session: Session, leak: Callable[..., Any]
) -> None:
    run = run_of(panel, session, features=["return_1", f"{__name__}:{leak.__name__}"])
    check = check_features(run)
    assert check.status == FAILED
    name, _, rest = check.detail.partition(" of ")
    assert name == f"{__name__}:{leak.__name__}"
    assert rest.split()[0] in SYMBOLS
    assert "looks ahead: at 2008-" in rest
    assert "and the run has used" in rest


def test_a_feature_by_position_fails_and_one_of_all_history_is_a_remark(panel: Panel, session: Session) -> None:
    check = check_features(run_of(panel, session, features=["return_1", f"{__name__}:counted"]))
    assert check.status == FAILED
    assert "goes by the position of a bar" in check.detail
    check = check_features(run_of(panel, session, features=["return_1", f"{__name__}:since_the_first"]))
    assert check.status == PASSED
    assert "depends on how much history is loaded" in check.detail


# --- labels that are not what the bars say


Wrong = Callable[[np.ndarray, np.ndarray, Fold], None]


def later(found: np.ndarray, known: np.ndarray, fold: Fold) -> None:
    """Each session has the labels of the one after it."""
    found[:-1] = found[1:].copy()
    known[:-1] = np.where(np.isfinite(found[:-1]), known[1:], -1)


def another_asset(found: np.ndarray, known: np.ndarray, fold: Fold) -> None:
    found[:, [0, 1]] = found[:, [1, 0]]
    known[:, [0, 1]] = known[:, [1, 0]]


def half_a_rank(found: np.ndarray, known: np.ndarray, fold: Fold) -> None:
    found *= 0.5


def too_early(found: np.ndarray, known: np.ndarray, fold: Fold) -> None:
    """A label of KO that does not exist is said to be known."""
    if np.isnan(found[-1, 5]):
        found[-1, 5], known[-1, 5] = 0.25, fold.fitted_at - 1


def lost(found: np.ndarray, known: np.ndarray, fold: Fold) -> None:
    found[-1], known[-1] = np.nan, -1


def spoiled(wrong: Wrong) -> LabelMaker:
    def labels(
        assets: Sequence[Bars], members: np.ndarray, fold: Fold, settings: ForecastConfig
    ) -> tuple[np.ndarray, np.ndarray]:
        found, known = sample_labels(assets, members, fold, settings)
        wrong(found, known, fold)
        return found, known

    return labels


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (later, " is right"),
        (another_asset, " is right"),
        (half_a_rank, " is right"),
        (lost, "learned nothing of "),
    ],
)
def test_labels_that_the_bars_do_not_give_are_found(
    panel: Panel, session: Session, wrong: Wrong, said: str
) -> None:
    check = check_labels(run_of(panel, session, spoiled(wrong)))
    assert check.status == FAILED
    assert said in check.detail
    assert check.detail.startswith("fold ")
    assert any(f" of {symbol} at 200" in check.detail for symbol in SYMBOLS)


def test_a_label_that_nobody_knew_before_the_fit_is_found(panel: Panel, session: Session) -> None:
    """KO ends at the last session of a training set, whose day is then known no earlier than the fit."""
    fold = run_of(panel, session).forecasts.folds[0]
    bars = panel.bars.copy()
    bars[fold.cutoff + 1 :, 5] = np.nan
    ended = replace(panel, bars=bars)
    assert check_labels(run_of(ended, session)).status == PASSED
    check = check_labels(run_of(ended, session, spoiled(too_early)))
    days = panel.times.astype("datetime64[D]")
    learned = f"fold 1, fitted at {days[fold.fitted_at]}, learned 0.25 of KO at {days[fold.cutoff]}"
    assert check.detail == f"{learned}, which nobody knew before the fit"
    assert check.status == FAILED


@pytest.mark.parametrize("relation", ["none", "demean", "rank", "above_median"])
def test_a_label_shifted_by_one_bar_in_the_very_rule_is_found(
    panel: Panel, session: Session, monkeypatch: pytest.MonkeyPatch, relation: str
) -> None:
    """The rule of the labels gives the return of the bar before: no copy of it is in the check."""
    right = samples.labels
    monkeypatch.setattr(samples, "labels", lambda bars, settings: np.roll(right(bars, settings), 1))
    check = check_labels(run_of(panel, session, relation=relation))
    assert check.status == FAILED
    assert "is right" in check.detail or "learned nothing of" in check.detail


def test_forecasts_of_which_nothing_was_kept_are_not_said_to_be_checked(panel: Panel, session: Session) -> None:
    run = run_of(panel, session)
    bare = replace(run, forecasts=replace(run.forecasts, drawn_labels=(), drawn_rows=None))
    assert (check_features(bare).status, check_labels(bare).status) == (NOT_RUN, NOT_RUN)


def test_a_leak_of_ones_own_voids_the_edge_of_a_portfolio(session: Session) -> None:
    leak = config(features=["return_1", f"{__name__}:tomorrow"])
    result = lstmstrat.run(leak, session=session)
    (strategy,) = result.assessment.strategies
    failed = [check.name for check in result.assessment.checks if check.status == FAILED]
    assert "features" in failed
    assert strategy.versus_benchmark.verdict != "edge supported"
