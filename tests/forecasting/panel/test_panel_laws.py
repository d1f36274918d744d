"""The laws of a panel: chunks, order of the assets, non-members, later bars, labels known too late."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import ConfigError, ForecastConfig, Session, Store, WalkForward
from lstmstrat.arrays import Bools, Floats, Times
from lstmstrat.forecasting.panel.forward import PanelForward
from lstmstrat.forecasting.panel.samples import NEVER, Bars, PanelFold, Part, panel_fold, sample_labels
from lstmstrat.forecasting.schedule import Fold
from lstmstrat.forecasting.training_set import TrainingSet

SESSIONS, ASSETS = 150, 6
SYMBOLS = ("BB", "AA", "FF", "CC", "EE", "DD")
GROUPS = {"AA": "x", "BB": "y", "CC": "x", "DD": "y", "EE": "x", "FF": "y"}


def panel(seed: int, assets: int = ASSETS, sessions: int = SESSIONS) -> tuple[Times, Floats, Bools]:
    """Random walks with holes in each calendar, and members that come and go."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (sessions, assets)), axis=0))
    opened = close * np.exp(rng.normal(0.0, 0.005, close.shape))
    high, low = np.maximum(close, opened) * 1.01, np.minimum(close, opened) * 0.99
    bars = np.stack([opened, high, low, close, rng.integers(1_000, 9_000, close.shape).astype(float)], axis=2)
    bars[rng.random(close.shape) < 0.03] = np.nan  # holidays, halts
    spans = np.arange(sessions)[:, None]
    members = (spans >= rng.integers(0, 40, assets)) & (spans < rng.integers(100, 2 * sessions, assets))
    return np.datetime64("2020-01-01") + np.arange(sessions), bars, members


def config(**changes: object) -> ForecastConfig:
    return ForecastConfig(
        **{
            "model": "ridge",
            "features": ("return_1", "return_5", "range"),
            "lookback": 5,
            "loss_steps": 5,
            "train_size": 40,
            "refit_every": 15,
            "least_assets": 3,
            "pool": "all",
            "relation": "rank",
            "hidden_size": 4,
            "members": 2,
            "epochs": 2,
            **changes,
        }
    )


CONFIGS = {
    "rank, all": config(),
    "demean, all": config(relation="demean", mode="rolling"),
    "above_median, group": config(relation="above_median", pool="group"),
    "none, all": config(relation="none", horizon=3),
    "rank, none": config(pool="none", target="close", refit_every="month"),
    "lstm": config(model="lstm", pool="group"),
    "lstm, validation": config(model="lstm", val_size=0.3, epochs=4, patience=1),
}


def walk(settings: ForecastConfig, symbols: tuple[str, ...] = SYMBOLS) -> PanelForward:
    return PanelForward(settings, symbols, {s: GROUPS.get(s, "x") for s in symbols}, Session(Store(None), 1))


def forecasts(settings: ForecastConfig, times: Times, bars: Floats, members: Bools) -> Floats:
    return walk(settings).advance(times, bars, members)


@pytest.mark.parametrize("name", CONFIGS)
def test_there_are_forecasts_and_only_of_members(name: str) -> None:
    times, bars, members = panel(1)
    found = forecasts(CONFIGS[name], times, bars, members)
    has_bar = np.isfinite(bars).any(axis=2)
    assert np.isfinite(found[60:][(members & has_bar)[60:]]).mean() > 0.6
    assert np.isnan(found[~(members & has_bar)]).all()


@pytest.mark.parametrize("name", CONFIGS)
@settings(max_examples=6)
@given(cuts=st.lists(st.integers(0, SESSIONS), max_size=6), seed=st.integers(0, 3))
def test_chunk_law_of_panels(name: str, cuts: list[int], seed: int) -> None:
    times, bars, members = panel(seed)
    at_once, by_parts = walk(CONFIGS[name]), walk(CONFIGS[name])
    whole = at_once.advance(times, bars, members)
    ends = [0, *sorted(cuts), SESSIONS]
    parts = [by_parts.advance(times[a:b], bars[a:b], members[a:b]) for a, b in pairwise(ends)]
    assert np.array_equal(np.concatenate(parts), whole, equal_nan=True)
    assert by_parts.missing == at_once.missing


@pytest.mark.parametrize("name", CONFIGS)
@settings(max_examples=4)
@given(order=st.permutations(range(ASSETS)))
def test_the_order_of_the_assets_changes_nothing(name: str, order: list[int]) -> None:
    times, bars, members = panel(2)
    whole = forecasts(CONFIGS[name], times, bars, members)
    symbols = tuple(SYMBOLS[k] for k in order)
    other = walk(CONFIGS[name], symbols).advance(times, bars[:, order], members[:, order])
    assert np.array_equal(other, whole[:, order], equal_nan=True)


@pytest.mark.parametrize("name", CONFIGS)
def test_assets_that_are_no_members_change_nothing(name: str) -> None:
    times, bars, members = panel(3)
    whole = forecasts(CONFIGS[name], times, bars, members)
    _, others, _ = panel(4)
    symbols = ("A0", *SYMBOLS, "C1", "ZZ")
    wider = np.concatenate([others[:, :1], bars, others[:, 1:3]], axis=1)
    none = np.zeros((SESSIONS, 1), dtype=bool)
    found = walk(CONFIGS[name], symbols).advance(times, wider, np.hstack([none, members, none, none]))
    assert np.array_equal(found[:, 1:-2], whole, equal_nan=True)


@pytest.mark.parametrize("name", CONFIGS)
@settings(max_examples=6)
@given(cut=st.integers(45, SESSIONS - 1), seed=st.integers(0, 3))
def test_poison_in_all_assets_after_a_session_changes_nothing_before_it(name: str, cut: int, seed: int) -> None:
    times, bars, members = panel(seed)
    poisoned, left = bars.copy(), members.copy()
    poisoned[cut + 1 :] = np.random.default_rng(seed).uniform(1.0, 1e6, poisoned[cut + 1 :].shape)
    left[cut + 1 :] = ~left[cut + 1 :]
    whole = forecasts(CONFIGS[name], times, bars, members)
    assert np.array_equal(
        forecasts(CONFIGS[name], times, poisoned, left)[: cut + 1], whole[: cut + 1], equal_nan=True
    )


@pytest.mark.parametrize("model", ["ridge", "lstm"])
def test_one_asset_alone_is_forecast_as_by_a_walk_forward(model: str) -> None:
    times, bars, _ = panel(5, assets=1)
    there = np.isfinite(bars[:, 0]).any(axis=1)
    times, bars = times[there], bars[there]
    alone = config(model=model, pool="none", relation="none", calibration="none")
    one = WalkForward(alone, Session(Store(None), 1)).advance(times, bars[:, 0])
    many = walk(alone, ("AA",)).advance(times, bars, np.ones((len(times), 1), dtype=bool))
    assert np.array_equal(many[:, 0], one[:, :3], equal_nan=True)


def test_a_fold_that_learns_from_a_label_known_too_late_cannot_be_built() -> None:
    fold = Fold(1, first=0, cutoff=2, fitted_at=5, purge=2)
    part = Part("AA", np.zeros((3, 1)), np.array([0.1, 0.2, np.nan]), np.array([2, 4, NEVER]), np.arange(3))
    assert PanelFold(fold, (part,)).parts == (part,)
    for known in ([2, 5, NEVER], [2, NEVER, NEVER]):
        with pytest.raises(ValueError, match="a label of AA is known at session"):
            PanelFold(fold, (replace(part, known=np.array(known)),))


def made(symbol: str, sessions: list[int], close: list[float]) -> Bars:
    bars = np.repeat(np.array(close)[:, None], 5, axis=1)
    return Bars(symbol, np.array(sessions), bars, np.array(close)[:, None])


def test_a_label_that_is_late_by_a_session_makes_its_day_late_and_a_later_one_takes_no_part() -> None:
    """By hand: horizon 1, target close, so that a label is known one session later; fitted at session 5."""
    e = np.exp
    assets = [
        made("AA", [0, 1, 2, 3, 4, 5], [1.0, e(0.1), e(0.3), e(0.6), e(1.0), 1.0]),  # 0.1, 0.2, 0.3, 0.4
        made("BB", [0, 1, 2, 3, 4, 5], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),  # 0 each time
        made("CC", [0, 1, 3, 4, 5], [1.0, e(-0.1), e(-0.4), e(-0.8), 1.0]),  # -0.1, -0.3 late by one, -0.4
        made("DD", [0, 3, 4, 5], [1.0, 2.0, 2.0, 2.0]),  # log 2 late by two sessions, 0, 0
    ]
    settings = config(target="close", least_assets=2, train_size=10, lookback=5, loss_steps=5)
    members = np.ones((6, 4), dtype=bool)
    found, known = sample_labels(assets, members, Fold(1, 0, 3, 5, 1), settings)
    nan = np.nan
    expected = [
        [0.5, 0.0, -0.5, nan],  # DD's comes two sessions late
        [0.5, 0.0, -0.5, nan],  # CC's is known at session 3
        [0.5, -0.5, nan, nan],
        [0.5, 1 / 6 - 1 / 6, -0.5, 0.0],  # BB and DD share the ranks 2 and 3 of 4
    ]
    assert np.allclose(found, expected, equal_nan=True)
    assert known.max(axis=1).tolist() == [2, 3, 3, 4]
    # One session earlier the day 2 cannot be learned from: that DD and CC are no part of it is not known yet,
    # and day 1 neither, whose label of CC is known at session 3, the fit.
    found, known = sample_labels(assets, members, Fold(1, 0, 1, 3, 1), settings)
    assert np.allclose(found, [expected[0], [nan] * 4], equal_nan=True)


def test_labels_are_those_of_the_members_of_the_day() -> None:
    _, bars, members = panel(6)
    there = np.isfinite(bars).any(axis=2)
    assets = [
        Bars(f"A{n}", np.flatnonzero(there[:, n]), bars[there[:, n], n], np.zeros((int(there[:, n].sum()), 1)))
        for n in range(ASSETS)
    ]
    found, _ = sample_labels(assets, members, Fold(1, 0, 90, 100, 2), config(least_assets=2))
    assert np.isnan(found[~(members & there)[:91]]).all()
    means = np.nanmean(found[np.isfinite(found).sum(axis=1) > 1], axis=1)
    assert np.allclose(means, 0.0)  # ranks are centred on those that take part


def test_no_window_reaches_from_one_asset_into_the_next() -> None:
    assets = [made(s, list(range(30)), list(np.linspace(1.0 + k, 2.0 + k, 30))) for k, s in enumerate("AB")]
    fold = Fold(1, 0, 20, 25, 2)
    settings = config(least_assets=2)
    found, known = sample_labels(assets, np.ones((30, 2), dtype=bool), fold, settings)
    pooled = panel_fold(assets, found, known, fold, 5, [0, 1]).training_set(5, loss_steps=4)
    inputs, targets = pooled.windows()
    assert pooled.rows.shape == (21 + 4 + 21, 1)
    assert len(targets) == 2 * 17
    assert (np.ptp(inputs, axis=(1, 2)) < 0.5).all()  # rows of A lie in 1..2, those of B in 2..3


@given(seed=st.integers(0, 20), validation=st.integers(1, 40))
def test_what_is_held_out_of_a_pool_is_newer_than_all_that_is_known_in_training(
    seed: int, validation: int
) -> None:
    """Rows carry asset and session, so that a sample says which it is; the calendars have holes."""
    rng = np.random.default_rng(seed)
    sessions = [np.flatnonzero(rng.random(60) < 0.9).tolist() for _ in range(4)]
    assets = [
        Bars(s, np.array(of), rng.uniform(1.0, 2.0, (len(of), 5)), np.array(of)[:, None] + 100.0 * k)
        for k, (s, of) in enumerate(zip("ABCD", sessions, strict=True))
    ]
    fold, of = Fold(1, 5, 50, 55, 2), config(relation="none")
    found, known = sample_labels(assets, np.ones((60, 4), dtype=bool), fold, of)
    parts = panel_fold(assets, found, known, fold, 5, range(4))
    whole, split = (parts.training_set(5, 4, held_out) for held_out in (0, validation))
    end, begin = split.split(0.5)
    asset, session = np.divmod(split.rows[:, 0][split.usable], 100.0)
    place = np.flatnonzero(split.usable)
    first = fold.cutoff + 1 - validation
    assert (session[place >= begin] >= first).all()
    known_at = known[session.astype(int) - fold.first, asset.astype(int)]
    assert (known_at[place < end] < first).all()
    of_whole, of_split = samples(whole), samples(split)
    assert len(of_split) == len(set(of_split))  # none stands in both parts
    assert set(of_split) <= set(of_whole)
    dropped = [divmod(int(row[0]), 100) for row in set(of_whole) - set(of_split)]
    assert all(s < first <= known[s - fold.first, k] for k, s in dropped)


def samples(training: TrainingSet) -> list[tuple[float, ...]]:
    """The newest row of each sample, with its label."""
    return [tuple(row) for row in np.column_stack([training.rows, training.labels])[training.usable]]


@pytest.mark.parametrize("model", ["ridge", "always_up", "last_sign"])
def test_a_model_that_holds_nothing_out_learns_from_the_whole_fold_whatever_val_size_is(model: str) -> None:
    times, bars, members = panel(10)
    of = config(model=model, relation="none")
    other = of.model_copy(update={"val_size": 0.3})
    assert np.array_equal(*(forecasts(one, times, bars, members) for one in (of, other)), equal_nan=True)


def test_a_pool_of_one_asset_holds_out_what_a_walk_forward_does() -> None:
    rows, labels = np.arange(40.0)[:, None], np.arange(40.0)
    alone = TrainingSet(rows, labels, lookback=5, purge=2)
    fold = Fold(1, first=0, cutoff=39, fitted_at=42, purge=2)
    pooled = PanelFold(fold, (Part("AA", rows, labels, np.arange(40) + 2, np.arange(40)),)).training_set(5, 4, 8)
    for training in (alone, pooled):
        end, begin = training.split(0.2)
        assert training.labels[:end][training.usable[:end]].tolist() == [*range(4, 30)]
        assert training.labels[begin:][training.usable[begin:]].tolist() == [*range(32, 40)]


def test_without_a_session_to_learn_from_or_to_hold_out_the_fold_is_not_fitted() -> None:
    fold = Fold(1, first=0, cutoff=9, fitted_at=12, purge=2)
    labels = np.full(10, np.nan)
    labels[6] = 0.1  # known at session 8
    parts = (Part("AA", np.zeros((10, 1)), labels, np.arange(10) + 2, np.arange(10)),)
    for validation, learned in ((3, 0), (2, 0), (1, 1)):
        training = PanelFold(fold, parts).training_set(2, 4, validation)
        assert (training.samples, training.held_out) == (learned, 0)
    times, bars, members = panel(9)
    members[:33] = False  # of the first fold only what is held out is left
    found = walk(config(model="lstm", val_size=0.2, train_size=36))
    assert np.isfinite(found.advance(times, bars, members)[-30:]).any()
    (first, *_) = found.folds[""]
    assert first is not None
    assert not first.members


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"warm_start": True, "model": "lstm"}, "warm_start: false"),
        ({"refit_when": "strategies.x:f"}, "refit_when is for one asset"),
    ],
)
def test_settings_of_one_asset_are_refused_with_a_cure(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        walk(config(**changes, train_size=80))


def test_symbols_and_groups_are_checked() -> None:
    with pytest.raises(ConfigError, match="'AA' stands there twice"):
        PanelForward(config(), ["AA", "AA"])
    with pytest.raises(ConfigError, match="'AA' has no group"):
        PanelForward(config(pool="group"), ["AA"])
    times, bars, members = panel(8)
    with pytest.raises(ValueError, match="not in order of time"):
        walk(config()).advance(times[::-1], bars, members)


def told(settings: ForecastConfig, members: Bools, caplog: pytest.LogCaptureFixture) -> list[str]:
    times, bars, _ = panel(1)
    caplog.clear()
    PanelForward(settings, SYMBOLS, session=Session(Store(None), 1)).advance(times, bars, members)
    return [line for line in caplog.messages if "learns nothing new" in line]


def test_a_fold_that_learns_nothing_new_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """By hand: session 99, the last one with members, is 2020-04-09."""
    members = np.repeat(np.arange(SESSIONS)[:, None] < 100, ASSETS, axis=1)
    (line,) = told(config(mode="rolling"), members, caplog)
    assert "no session after 2020-04-09 has a known return of 3 members; give a smaller least_assets, or" in line
    (line,) = told(config(mode="rolling", relation="none"), members, caplog)
    assert "no session after 2020-04-09 has a known return; begin or end where" in line
    (line,) = told(config(), members & False, caplog)
    assert "no session has a known return of 3 members; give a smaller" in line
    assert told(config(), members | True, caplog) == []
    members[:80] = False
    early, late = told(config(mode="rolling"), members, caplog)
    assert "no session has a known return" in early
    assert "no session after 2020-04-09 has a known return" in late


DAY = np.timedelta64(1, "D")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda t, b, m: (t, b[:, :3], m), r"bars: shape \(50, 3, 5\) given, expected \(d, N, 5\) = \(50, 6, 5\)"),
        (lambda t, b, m: (t, b[:, :, :4], m), r"bars: shape \(50, 6, 4\) given"),
        (lambda t, b, m: (t, b[:49], m), r"bars: shape \(49, 6, 5\) given"),
        (lambda t, b, m: (t, b[:, :, 3], m), r"bars: shape \(50, 6\) given"),
        (lambda t, b, m: (t, "close", m), "bars: no array of numbers open, high, low, close, volume: could not"),
        (lambda t, b, m: (t, b, m[:49]), r"members: shape \(49, 6\) given, expected \(d, N\) = \(50, 6\)"),
        (lambda t, b, m: (t, b, m.T), r"members: shape \(6, 50\) given"),
        (lambda t, b, m: (t, b, np.where(m, 0.5, 0.0)), "members: has values other than True and False"),
        (lambda t, b, m: (t, b, np.where(m, 1.0, np.nan)), "members: has values other than True and False"),
        (lambda t, b, m: (t - DAY, b, m), "not in order of time"),
        (lambda t, b, m: (np.append(t[:49], np.datetime64("NaT")), b, m), "a time that is missing"),
        (lambda t, b, m: (t[:, None], b, m), r"times: shape \(50, 1\) given; give \(d,\) datetime64"),
        (lambda t, b, m: (np.arange(50), b, m), "times: no dates: numbers"),
        (lambda t, b, m: (["soon"] * 50, b, m), "times: no dates: "),
    ],
)
def test_what_cannot_be_taken_is_refused_whole_and_a_corrected_call_goes_on(wrong: Any, sentence: str) -> None:
    times, bars, members = panel(8)
    walked = walk(config())
    first = walked.advance(times[:100], bars[:100], members[:100])
    new = times[100:], bars[100:], members[100:]
    with pytest.raises(ValueError, match=sentence):
        walked.advance(*wrong(*new))
    found = np.concatenate([first, walked.advance(*new)])
    assert np.array_equal(found, forecasts(config(), times, bars, members), equal_nan=True)


def test_lists_and_whole_numbers_are_taken_as_arrays_are() -> None:
    times, bars, members = panel(8)
    given: Any = [str(time) for time in times], bars.tolist(), members.astype(int).tolist()
    assert np.array_equal(forecasts(config(), *given), forecasts(config(), times, bars, members), equal_nan=True)


@pytest.mark.parametrize("pool", ["all", "group", "none"])
def test_an_input_without_a_value_anywhere_is_named_in_whatever_chunks(pool: str) -> None:
    times, bars, members = panel(8)
    bars[:, :, 4] = np.nan  # feeds without a volume
    settings = config(pool=pool, relation="none", features=("return_1", "volume_change"))
    at_once, by_parts = walk(settings), walk(settings)
    assert np.isnan(at_once.advance(times, bars, members)).all()
    for k in range(0, SESSIONS, 7):
        by_parts.advance(times[k : k + 7], bars[k : k + 7], members[k : k + 7])
    (reason,) = at_once.missing
    assert reason == (
        "the fold had too few samples: no asset has a value of volume_change; leave it out of features"
    )
    assert by_parts.missing == at_once.missing


def test_a_young_asset_is_no_reason_to_leave_a_feature_out() -> None:
    """It has 30 bars in its first fold, fewer than the feature needs."""
    times, bars, members = panel(8)
    bars[:40, 4] = np.nan
    walked = walk(config(pool="none", relation="none", features=("return_1", "return_21"), train_size=50))
    walked.advance(times, bars, members | True)
    assert not [reason for reason in walked.missing if "leave it out" in reason]
