from __future__ import annotations

import math
import re
import sys
import types

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import ConfigError, ForecastConfig
from lstmstrat.config.forecast import DEFAULT_FEATURES
from lstmstrat.config.names import FAMILIES, FEATURES
from lstmstrat.config.names import KNOWN_FEATURES as KNOWN
from lstmstrat.forecasting.features import _PLAIN, _WINDOWED, feature, feature_set
from lstmstrat.forecasting.targets import labels
from lstmstrat.prices.bars import COLUMNS

# Six bars, Thursday 2020-01-30 to Thursday 2020-02-06; open, high, low, close, volume.
TIMES = np.array(
    ["2020-01-30", "2020-01-31", "2020-02-03", "2020-02-04", "2020-02-05", "2020-02-06"], dtype="datetime64[ns]"
)
BARS = np.array(
    [
        [10.0, 12.0, 9.0, 11.0, 99.0],
        [11.0, 11.0, 10.0, 10.0, 199.0],
        [10.0, 14.0, 10.0, 13.0, 0.0],
        [13.0, 13.0, 13.0, 13.0, 399.0],
        [12.0, 16.0, 12.0, 15.0, 99.0],
        [15.0, 20.0, 15.0, 20.0, 99.0],
    ]
)
NAMES = (
    "return_1",
    "return_3",
    "volatility_1",
    "volatility_4",
    "distance_1",
    "distance_5",
    "volume_ratio_1",
    "volume_ratio_5",
    "difference_1",
    "difference_4",
    "change_1",
    "change_4",
    "range",
    "gap",
    "body",
    "close_location",
    "volume_change",
    "day_of_week",
    "month_of_year",
)


def random_bars(seed: int, n: int) -> np.ndarray:
    """A random walk whose bars have their close and open between low and high."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(0.02 * rng.standard_normal(n)))
    start = close * np.exp(0.01 * rng.standard_normal(n))
    high = np.maximum(start, close) * (1.0 + 0.01 * rng.random(n))
    low = np.minimum(start, close) * (1.0 - 0.01 * rng.random(n))
    return np.column_stack([start, high, low, close, np.round(1e6 * rng.random(n))])  # (n, 5)


def days(n: int) -> np.ndarray:
    return pd.bdate_range("2019-03-01", periods=n).to_numpy(dtype="datetime64[ns]")


def values(name: str, times: np.ndarray = TIMES, bars: np.ndarray = BARS) -> np.ndarray:
    return feature_set([name]).rows(times, bars, 0)


# By hand from the table above, at its last bar: close 20 after 15, 13, 13, 10, 11.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("return_1", math.log(20 / 15)),
        ("return_3", math.log(20 / 13)),
        ("volatility_2", math.sqrt((math.log(20 / 15) ** 2 + math.log(15 / 13) ** 2) / 2)),
        ("distance_4", math.log(20 / ((13 + 13 + 15 + 20) / 4))),
        # log(1 + volume) is log 100, and the mean is that of log 1, log 400, log 100, log 100
        ("volume_ratio_4", math.log(100) - (math.log(400) + 2 * math.log(100)) / 4),
        ("difference_3", 7.0),
        ("change_3", 7.0 / math.sqrt(5**2 + 2**2 + 0**2)),
        ("range", math.log(20 / 15)),
        ("gap", 0.0),  # open 15 at the close before
        ("body", math.log(20 / 15)),
        ("close_location", 1.0),  # close at the high
        ("volume_change", 0.0),
    ],
)
def test_last_bar_by_hand(name, expected):
    assert values(name)[-1, 0] == pytest.approx(expected, abs=1e-15)


def test_close_location_by_hand():
    # (close - low) / (high - low) is 2/3, 0, 3/4, none, 3/4, 1: doubled, less 1; a bar without range counts 0.
    np.testing.assert_allclose(values("close_location")[:, 0], [1 / 3, -1, 0.5, 0, 0.5, 1], atol=1e-15)


def test_calendar_by_hand():
    # Monday 2020-02-03 starts the circle of 7 days, January that of 12 months, and February is 30 degrees on.
    np.testing.assert_allclose(values("day_of_week")[2], [0.0, 1.0], atol=1e-15)
    np.testing.assert_allclose(values("month_of_year")[0], [0.0, 1.0], atol=1e-15)
    np.testing.assert_allclose(values("month_of_year")[5], [0.5, math.sqrt(0.75)], atol=1e-15)


def by_pandas(times: np.ndarray, bars: np.ndarray) -> dict[str, pd.Series | pd.DataFrame]:
    """The second origin: the same definitions in pandas."""
    f = pd.DataFrame(bars, columns=list(COLUMNS), index=pd.DatetimeIndex(times))
    change = np.log(f.close).diff()
    volume = np.log1p(f.volume)
    weekday, month = 2 * np.pi * f.index.day_of_week / 7, 2 * np.pi * (f.index.month - 1) / 12
    return {
        "return_1": change,
        "return_3": np.log(f.close / f.close.shift(3)),
        "volatility_1": change.abs(),
        "volatility_4": change.pow(2).rolling(4).mean().pow(0.5),
        "distance_1": f.close * 0.0,
        "distance_5": np.log(f.close / f.close.rolling(5).mean()),
        "volume_ratio_1": volume * 0.0,
        "volume_ratio_5": volume - volume.rolling(5).mean(),
        "difference_1": f.close.diff(),
        "difference_4": f.close - f.close.shift(4),
        "change_1": np.sign(f.close.diff()),
        "change_4": f.close.diff(4) / f.close.diff().pow(2).rolling(4).sum().pow(0.5),
        "range": np.log(f.high) - np.log(f.low),
        "gap": np.log(f.open) - np.log(f.close.shift(1)),
        "body": np.log(f.close) - np.log(f.open),
        "close_location": (2 * f.close - f.high - f.low) / (f.high - f.low),
        "volume_change": volume.diff(),
        "day_of_week": pd.DataFrame({"sin": np.sin(weekday), "cos": np.cos(weekday)}),
        "month_of_year": pd.DataFrame({"sin": np.sin(month), "cos": np.cos(month)}),
    }


@pytest.mark.parametrize("name", NAMES)
def test_equal_to_pandas(name):
    times, bars = days(300), random_bars(1, 300)
    expected = np.asarray(by_pandas(times, bars)[name]).reshape(300, -1)
    np.testing.assert_allclose(values(name, times, bars), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [*NAMES, *DEFAULT_FEATURES])
def test_warmup_is_the_number_of_leading_nan(name):
    n = 60
    complete = np.isfinite(values(name, days(n), random_bars(2, n))).all(axis=1)
    assert int(np.argmax(complete)) == feature(name).warmup
    assert complete[feature(name).warmup :].all()


def test_warmup_of_a_set_is_the_longest():
    assert feature_set(["range", "return_5", "distance_10"]).warmup == 9
    assert feature_set(["return_5", "gap"]).columns == {0, 3}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), n=st.integers(2, 60), data=st.data())
def test_law_later_bars_never_change_an_earlier_row(seed, n, data):
    t = data.draw(st.integers(1, n - 1))
    bars, times = random_bars(seed, n), days(n)
    changed = bars.copy()
    changed[t:] = random_bars(seed + 1, n - t)
    rows = feature_set(NAMES)
    before, after = rows.rows(times, bars, 0), rows.rows(times, changed, 0)
    assert before[:t].tobytes() == after[:t].tobytes()
    assert before[:t].tobytes() == rows.rows(times[:t], bars[:t], 0).tobytes()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), cuts=st.lists(st.integers(1, 17), min_size=1, max_size=12))
def test_chunk_law_any_cut_gives_the_same_rows(seed, cuts):
    n = sum(cuts)
    bars, times, rows = random_bars(seed, n), days(n), feature_set(NAMES)
    ends = np.cumsum(cuts)
    pieces = [rows.rows(times[:e], bars[:e], e - size) for e, size in zip(ends, cuts, strict=True)]
    assert np.concatenate(pieces).tobytes() == rows.rows(times, bars, 0).tobytes()


def test_chunk_law_one_bar_at_a_time_over_years():
    n = 600
    bars, times, rows = random_bars(3, n), days(n), feature_set((*NAMES, *DEFAULT_FEATURES))
    whole = rows.rows(times, bars, 0)
    for t in range(n):
        assert rows.rows(times[: t + 1], bars[: t + 1], t).tobytes() == whole[t : t + 1].tobytes()


@pytest.mark.parametrize("factor", [0.5, 7.3, 1e-4])
def test_no_feature_carries_a_price_level(factor):
    times, bars = days(80), random_bars(4, 80)
    scaled = bars * [factor, factor, factor, factor, 1.0]
    rows = feature_set([name for name in NAMES if not name.startswith("difference")])  # which are of no prices
    np.testing.assert_allclose(rows.rows(times, scaled, 0), rows.rows(times, bars, 0), atol=1e-10)
    moved = feature_set(["difference_4"])
    np.testing.assert_allclose(moved.rows(times, scaled, 0), factor * moved.rows(times, bars, 0), atol=1e-10)


def test_no_trades_and_no_range_give_finite_rows():
    # Thirty bars at one price without volume: nothing moves, so every value but the calendar's is 0.
    bars = np.column_stack([np.full((30, 4), 42.0), np.zeros(30)])
    rows = feature_set([name for name in NAMES if "_of_" not in name]).rows(days(30), bars, 0)
    assert (rows[5:] == 0.0).all()


@pytest.mark.parametrize("broken", [0.0, -1.0, math.nan, math.inf])
def test_a_broken_price_becomes_nan_and_heals(broken):
    times, bars = days(40), random_bars(5, 40)
    bars[20, 3] = broken
    rows = values("return_3", times, bars)[:, 0]
    assert np.flatnonzero(np.isnan(rows)).tolist() == [0, 1, 2, 20, 23]


# ---- a user's function -----------------------------------------------------------------------------------------


@pytest.fixture
def mine(monkeypatch):
    module = types.ModuleType("user_features")
    monkeypatch.setitem(sys.modules, "user_features", module)
    return module


def test_user_function_of_one_and_of_several_columns(mine):
    mine.spread = lambda bars: bars[:, 1] - bars[:, 2]
    mine.both = lambda bars: bars[:, [0, 3]]
    rows = feature_set(["user_features:spread", "user_features:both", "body"]).rows(TIMES, BARS, 4)
    body = [math.log(15 / 12), math.log(20 / 15)]
    np.testing.assert_allclose(rows, [[4, 12, 15, body[0]], [5, 15, 20, body[1]]])


@pytest.mark.parametrize("dtype", [float, int, object])
def test_what_is_masked_is_missing(mine, dtype):
    mine.masked = lambda bars: np.ma.masked_less(bars[:, 3].astype(dtype), 15.0)
    rows = feature_set(["user_features:masked"]).rows(TIMES, BARS, 0)[:, 0]
    assert np.array_equal(rows, np.where(BARS[:, 3] < 15.0, np.nan, BARS[:, 3]), equal_nan=True)


def test_user_function_sees_all_closed_bars_and_cannot_change_them(mine):
    seen = []

    def running(bars):
        seen.append(len(bars))
        total = np.cumsum(bars[:, 3])
        bars[:] = 0.0
        return total

    mine.running = running
    bars = BARS.copy()
    assert feature_set(["user_features:running"]).rows(TIMES, bars, 5).tolist() == [[82.0]]
    assert seen == [6]
    assert (bars == BARS).all()


@pytest.mark.parametrize(
    ("give", "shape"),
    [(lambda b: b[1:, 3], r"\(5,\)"), (lambda b: b[0, 0], r"\(\)"), (lambda b: b[None], r"\(1, 6, 5\)")],
)
def test_user_function_of_wrong_shape(mine, give, shape):
    mine.wrong = give
    with pytest.raises(ConfigError, match=rf"user_features:wrong' gave shape {shape} for 6 bars; expected \(6,\)"):
        feature_set(["user_features:wrong"]).rows(TIMES, BARS, 0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("give", "kind"),
    [
        (lambda b: np.fft.fft(b[:, 3]), "complex128"),
        (lambda b: [1.0, 2.0, 3.0, 4.0, 5.0, 6j], "complex128"),
        (lambda b: TIMES, r"datetime64\[\w+\]"),
        (lambda b: np.diff(TIMES, prepend=TIMES[:1]), r"timedelta64\[\w+\]"),
        (lambda b: ["up", "up", "up", "up", "up", "down"], "<U4"),
        (lambda b: b[:, 3].astype(str), r"<U\d+"),
    ],
)
def test_what_a_user_function_gives_that_is_no_number_is_refused(mine, give, kind):
    """Of a complex number the imaginary part was dropped, and a time was a number of nanoseconds."""
    mine.wrong = give
    said = rf"user_features:wrong' gave values of type {kind}; expected real numbers"
    with pytest.raises(ConfigError, match=said):
        feature_set(["user_features:wrong"]).rows(TIMES, BARS, 0)


@pytest.mark.parametrize("kind", [bool, np.int8, np.float32, object])
def test_numbers_of_any_type_are_numbers(mine, kind):
    mine.up = lambda b: np.array([True, False, True, True, False, False]).astype(kind)
    assert feature_set(["user_features:up"]).rows(TIMES, BARS, 0)[:, 0].tolist() == [1, 0, 1, 1, 0, 0]


def test_unknown_names_are_all_named_with_a_hint(mine):
    mine.momentum, mine.number = len, 3
    names = ["range", "rnage", "return_0", "user_features:momentun", "no_such_module:f", "user_features:number"]
    with pytest.raises(ConfigError) as caught:
        feature_set(names)
    lines = str(caught.value).splitlines()
    assert "unknown feature 'rnage'; did you mean 'range'?" in lines[0]
    assert "unknown feature 'return_0'; did you mean 'return_N'?" in lines[1]
    assert "user_features has no momentun; did you mean 'momentum'?" in lines[2]
    assert "there is no module no_such_module" in lines[3]
    assert "'user_features:number' is not a function" in lines[4]
    assert len(lines) == 5


# ---- targets ---------------------------------------------------------------------------------------------------


# By hand: opens 10 11 10 13 12 15, closes 11 10 13 13 15 20.
@pytest.mark.parametrize(
    ("target", "horizon", "ratios"),
    [
        ("open", 1, [10 / 11, 13 / 10, 12 / 13, 15 / 12]),
        ("open", 3, [12 / 11, 15 / 10]),
        ("open", 5, []),  # open[t+6] over open[t+1]: seven bars would be needed
        ("close", 1, [10 / 11, 13 / 10, 1, 15 / 13, 20 / 15]),
        ("close", 5, [20 / 11]),
        ("close", 7, []),
    ],
)
def test_targets_by_hand(target, horizon, ratios):
    expected = np.full(6, np.nan)
    expected[: len(ratios)] = np.log(ratios)
    np.testing.assert_allclose(labels(BARS, ForecastConfig(target=target, horizon=horizon)), expected, atol=1e-15)


@pytest.mark.parametrize(
    ("target", "horizon", "bars"), [("open", 1, 2), ("open", 5, 6), ("close", 1, 1), ("close", 5, 5)]
)
def test_purge(target, horizon, bars):
    # Law 6: horizon + 1 for `open`, horizon for `close`; the label of bar t is known from bar t + purge on.
    config = ForecastConfig(target=target, horizon=horizon)
    assert config.purge == bars
    known = np.isfinite(labels(random_bars(6, 30), config))
    assert np.flatnonzero(known)[-1] + bars == 29


def test_target_of_a_broken_price_is_nan():
    bars = BARS.copy()
    bars[3, 0] = 0.0
    known = np.isfinite(labels(bars, ForecastConfig()))
    assert known.tolist() == [True, False, False, True, False, False]


def test_every_feature_is_held_to_the_laws() -> None:
    """A new one is not forgotten in `NAMES`; a family is there with two of its windows."""
    assert ([*_PLAIN], [*_WINDOWED]) == ([*FEATURES], [*FAMILIES])
    families = [re.sub(r"_\d+$", "_N", name) for name in NAMES]
    assert set(families) == set(KNOWN)
    assert all(families.count(name) == 2 for name in KNOWN if name.endswith("_N"))
