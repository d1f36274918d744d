"""Prices that cannot be true are found, wherever they are; what only looks wild is not."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from helpers.processor import processor_seconds
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import DataConfig, DataError, load_prices
from lstmstrat.arrays import Floats, Times
from lstmstrat.prices.bars import CLOSE, HIGH, LOW, OPEN, VOLUME
from lstmstrat.prices.check import check
from lstmstrat.prices.faults import LONG_RUN, Fault, find_faults

SESSIONS: Times = np.busday_offset("2003-01-02", np.arange(3270), roll="forward").astype("datetime64[ns]")


def walk(
    seed: int,
    n: int = 600,
    volatility: float = 0.015,
    degrees: int = 30,
    clusters: float = 0.0,
    inside: float = 0.5,
) -> Floats:
    """Bars (n, 5) of a random walk: t-distributed returns, of which a share `inside` comes after the open."""
    rng = np.random.default_rng(seed)
    unit = rng.standard_t(degrees, n) / np.sqrt(degrees / (degrees - 2))
    if clusters:
        logs, shocks = 0.0, rng.normal(0.0, clusters * np.sqrt(1 - 0.98**2), n)
        states = np.empty(n)
        for k in range(n):
            states[k] = logs = 0.98 * logs + shocks[k]
        unit *= np.exp(states - clusters**2)
    returns = volatility * unit
    returns[0] = 0.0
    close = 100.0 * np.exp(np.cumsum(returns))
    before = np.concatenate([close[:1], close[:-1]])
    opened = before * (close / before) ** (1.0 - inside) * np.exp(rng.normal(0.0, 0.2 * volatility, n))
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0.0, 0.4 * volatility, n)))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0.0, 0.4 * volatility, n)))
    volume = np.round(1e6 * np.exp(rng.normal(0.0, 0.4, n)))
    return np.stack([opened, high, low, close, volume], axis=1)


def found(bars: Floats, times: Times = SESSIONS) -> tuple[Fault, ...]:
    frame = pd.DataFrame(bars, pd.DatetimeIndex(times[: len(bars)]), ["open", "high", "low", "close", "volume"])
    check(frame, "the test")  # what comes here is well-formed
    return find_faults(times[: len(bars)], bars)


def one(bars: Floats, bar: int) -> Fault:
    """The finding at a bar, the only one that voids an edge."""
    voiding = [fault for fault in found(bars) if fault.voids]
    assert [fault.bar for fault in voiding] == [bar], [str(fault) for fault in voiding]
    assert voiding[0].day == str(SESSIONS[bar])[:10]
    return voiding[0]


@pytest.mark.parametrize("factor", [0.01, 100.0, 1000.0])
@pytest.mark.parametrize("step", [2, 3, 4])
def test_bars_in_another_unit_are_found_however_often_they_come(step: int, factor: float) -> None:
    """Where every other bar is 100 times too large, a move of 100 is the usual one."""
    bars = walk(1)
    bars[::step, :VOLUME] *= factor
    assert {fault.kind for fault in found(bars) if fault.voids} <= {"bar", "unit"}
    assert sum(fault.voids for fault in found(bars)) >= 600 // step - 2


SEEDS, PLACES = st.integers(0, 10_000), st.integers(0, 599)


@settings(deadline=None)
@given(
    seed=SEEDS,
    at=st.integers(1, 599),
    ratio=st.sampled_from([2, 3, 4, 5, 7, 10, 20, 50, 100]),
    shares=st.booleans(),
)
def test_a_split_that_is_left_in_is_found(seed: int, at: int, ratio: int, shares: bool) -> None:
    """1% a day; with or without the shares that the volume counts. Ten times at the first bar is the first bar."""
    at = max(at, 2) if ratio in (10, 100) else at
    bars = walk(seed, volatility=0.01)
    bars[at:, :VOLUME] /= ratio
    bars[at:, VOLUME] *= ratio if shares else 1
    fault = one(bars, at)
    assert f"{ratio}:1 split" in fault.text or (ratio in (10, 100) and fault.kind == "bar"), fault
    assert fault.size == pytest.approx(bars[at, CLOSE] / bars[at - 1, CLOSE]) or fault.kind == "bar"


@settings(deadline=None)
@given(seed=SEEDS, at=st.integers(1, 599), ratio=st.sampled_from([2, 4, 10, 25, 190]))
def test_a_reverse_split_that_is_left_in_is_found(seed: int, at: int, ratio: int) -> None:
    """1:190 is Yahoo's of yfinance#2002."""
    at = max(at, 2) if ratio == 10 else at
    bars = walk(seed, volatility=0.01)
    bars[at:, :VOLUME] *= ratio
    fault = one(bars, at)
    assert fault.size == pytest.approx(ratio, rel=0.1) or fault.kind == "bar"
    assert ratio > 10 or ratio == 10 or f"1:{ratio} reverse split not taken out" in fault.text


@settings(deadline=None)
@given(seed=SEEDS, at=st.integers(1, 599), ratio=st.sampled_from(["3:2", "5:3", "7:4"]))
def test_three_for_two_is_found_where_a_day_moves_by_less_than_a_percent(seed: int, at: int, ratio: str) -> None:
    bars = walk(seed, volatility=0.008)
    bars[at:, :VOLUME] /= int(ratio[0]) / int(ratio[2])
    assert " split not taken out" in one(bars, at).text


@settings(deadline=None)
@given(seed=SEEDS, at=PLACES, length=st.integers(1, 400), power=st.sampled_from([-3, -2, -1, 1, 2, 3]))
def test_another_unit_is_found_for_one_bar_a_stretch_or_for_good(
    seed: int, at: int, length: int, power: int
) -> None:
    """Pence and pounds (yfinance#280), single bars times 100 (yfinance#1106); 3% a day."""
    bars = walk(seed, volatility=0.03)
    bars[at : at + length, :VOLUME] *= 10.0**power
    changes = [bar for bar in (at, at + length) if 0 < bar < 600]
    first = [at] if at and (len(changes) < 2 or length >= 1) else [at, *changes]
    voiding = [fault for fault in found(bars) if fault.voids]
    assert len(voiding) == min(len(changes), 1)
    if voiding:
        assert voiding[0].bar in first
        assert abs(np.log10(voiding[0].size)) == pytest.approx(abs(power), abs=0.1)


@settings(deadline=None)
@given(seed=SEEDS, at=PLACES, factor=st.sampled_from([0.001, 0.01, 0.1, 10.0, 100.0, 1000.0]))
def test_one_bar_off_by_a_power_of_ten_can_be_left_out(seed: int, at: int, factor: float) -> None:
    bars = walk(seed, volatility=0.03)
    bars[at, :VOLUME] *= factor
    fault = one(bars, at)
    assert (fault.kind, fault.single) == ("bar", True)
    assert not [f for f in find_faults(np.delete(SESSIONS[:600], at), np.delete(bars, at, 0)) if f.voids]


def test_wrong_bars_on_every_other_day_are_told_from_the_right_ones_between() -> None:
    bars = walk(10)
    bars[[200, 202, 204, 300], :VOLUME] *= 100.0
    assert [fault.bar for fault in found(bars)] == [200, 202, 204, 300]


def test_many_wrong_bars_do_not_hide_each_other() -> None:
    bars, rows = walk(11, 2000, 0.02), np.arange(20, 1980, 40)
    bars[rows, :VOLUME] *= 10.0
    bars[1000:, :VOLUME] /= 4.0
    assert [fault.bar for fault in found(bars) if fault.kind == "bar"] == rows.tolist()
    assert [fault.bar for fault in found(bars) if fault.kind == "split"] == [1000]


@settings(deadline=None)
@given(
    seed=SEEDS,
    at=PLACES,
    column=st.sampled_from([OPEN, HIGH, LOW, CLOSE]),
    factor=st.sampled_from([0.01, 0.1, 0.4, 2.5, 10.0, 100.0]),
)
def test_one_price_of_a_bar_is_found(seed: int, at: int, column: int, factor: float) -> None:
    """An open at a tenth of its price, a high ten times too high; the range of the bar follows it."""
    bars = walk(seed, volatility=0.015)
    factor = max(factor, 1.0) if column == HIGH else min(factor, 1.0) if column == LOW else factor
    if factor == 1.0 or (column == CLOSE and at in (0, 599) and 0.1 < factor < 10.0):
        return  # the first or last close off by a factor of 2.5 may be another share
    bars[at, column] *= factor
    bars[at, HIGH], bars[at, LOW] = bars[at, :VOLUME].max(), bars[at, :VOLUME].min()
    fault = one(bars, at)
    assert fault.single
    name = ["open", "high", "low", "close"][column]
    assert name in fault.text or "bar" in fault.text


@settings(deadline=None)
@given(seed=SEEDS, at=st.integers(1, 598), factor=st.floats(1.5, 8.0), down=st.booleans())
def test_a_change_that_the_next_bar_undoes_is_found(seed: int, at: int, factor: float, down: bool) -> None:
    bars = walk(seed, volatility=0.015)
    bars[at, :VOLUME] *= 1.0 / factor if down else factor
    assert one(bars, at).single


@settings(deadline=None)
@given(seed=SEEDS, at=st.integers(30, 570), level=st.sampled_from([0.02, 0.13, 7.7, 37.0]))
def test_two_shares_in_one_file_are_found(seed: int, at: int, level: float) -> None:
    bars = np.concatenate([walk(seed)[:at], walk(seed + 1)[at:]])
    level *= bars[at - 1, CLOSE] / bars[at, CLOSE]
    bars[at:, :VOLUME] *= level
    bars[at:, VOLUME] *= 17.0
    assert one(bars, at).kind in ("jump", "split")


@settings(deadline=None)
@given(seed=SEEDS, at=st.integers(20, 560), length=st.integers(LONG_RUN, 39))
def test_a_run_of_equal_closes_is_found(seed: int, at: int, length: int) -> None:
    bars = walk(seed)
    bars[at + 1 : at + 1 + length, :VOLUME] = bars[at, CLOSE]
    fault = one(bars, at)
    assert (fault.kind, fault.size) == ("flat", length + 1)
    assert f"{length + 1} equal closes" in fault.text


def test_a_short_run_is_worth_reading_and_voids_nothing() -> None:
    bars = walk(0)
    bars[101:105, :VOLUME] = bars[100, CLOSE]
    (fault,) = found(bars)
    assert (fault.bar, fault.kind, fault.size, fault.voids) == (100, "flat", 5.0, False)


def test_equal_closes_of_a_coarse_tick_are_no_finding() -> None:
    """At a price of 2 and a tick of 0.05 every third close is equal to the one before; five in a row are usual."""
    bars = walk(1, 3000, volatility=0.01)
    bars[:, CLOSE] = np.round(bars[:, CLOSE] / 50.0 / 0.05) * 0.05 * 50.0
    bars[:, HIGH] = bars[:, :VOLUME].max(axis=1)
    bars[:, LOW] = bars[:, :VOLUME].min(axis=1)
    assert np.mean(np.diff(bars[:, CLOSE]) == 0.0) > 0.3
    assert found(bars) == ()


@settings(deadline=None)
@given(seed=SEEDS, at=st.integers(10, 590), length=st.integers(10, 900))
def test_a_hole_is_found(seed: int, at: int, length: int) -> None:
    bars, times = walk(seed), np.concatenate([SESSIONS[:at], SESSIONS[at + length : 600 + length]])
    (fault,) = (fault for fault in found(bars, times) if fault.voids)
    assert (fault.bar, fault.kind) == (at, "hole")
    assert fault.size == pytest.approx(length, abs=0.05 * length + 1)
    assert f"no bar from {str(times[at - 1])[:10]} to {str(times[at])[:10]}" in fault.text


def test_a_last_date_years_after_the_one_before_is_a_hole() -> None:
    bars, times = walk(2), SESSIONS[:600].copy()
    times[-1] += np.timedelta64(18 * 365, "D")
    (fault,) = found(bars, times)
    assert (fault.bar, fault.kind) == (599, "hole")


def test_a_jump_over_a_hole_of_years_is_the_hole_alone() -> None:
    bars, times = walk(3), np.concatenate([SESSIONS[:300], SESSIONS[2300:2600]])
    bars[300:, :VOLUME] *= 4.0
    assert [fault.kind for fault in found(bars, times)] == ["hole"]


def test_sessions_missing_at_random_are_found() -> None:
    rows = np.sort(np.random.default_rng(4).choice(1200, 600, replace=False))
    (fault,) = found(walk(4), SESSIONS[rows])
    assert (fault.kind, fault.voids) == ("thin", True)
    assert "% of the trading days have a bar" in fault.text


def test_bars_without_volume_are_worth_reading_in_a_feed_that_has_volume() -> None:
    bars = walk(5)
    bars[[50, 60, 70, 80, 90], VOLUME] = 0.0
    (fault,) = found(bars)
    assert (fault.bar, fault.kind, fault.size, fault.voids) == (50, "volume", 5.0, False)
    bars[:, VOLUME] = 0.0
    assert found(bars) == ()


def test_a_crash_with_volume_is_none_and_the_same_fall_without_it_is() -> None:
    """A share that halves on one day; with twenty times the usual volume it is news."""
    bars = walk(6, 1000, volatility=0.01)
    bars[500:, :VOLUME] *= 0.5
    assert one(bars, 500).kind == "split"
    bars[500, VOLUME] = 2e7
    assert found(bars) == ()


@pytest.mark.parametrize("symbol", ["AAPL", "GOOG", "IBM", "MSFT"])
def test_the_bundled_shares_have_no_finding(symbol: str) -> None:
    """AAPL fell by 51.9% on 2000-09-29, and 2008-09-29 and 2010-05-06 are in all four."""
    assert load_prices(DataConfig(symbol=symbol)).faults == ()


# Rows of the daily US shares published as 'Huge Stock Market Dataset' (CC0): date, open, high, low, close.
# Those that are not well-formed (a low above the close) are refused by the check, by their date.
VENDOR_ROWS = [
    ("2007-01-16", 45.35, 45.383, 44.723, 4.4956),
    ("2010-08-17", 9.1248, 9.1248, 0.9029, 9.097),
    ("2010-05-27", 51.75, 5.3498, 51.213, 53.425),
    ("2010-11-24", 5.3498, 54.685, 5.3498, 54.559),
    ("2010-09-16", 90.616, 90.843, 89.844, 0.8997),
    ("2011-06-14", 10.797, 108.88, 107.68, 108.84),
    ("2012-10-08", 3.5557, 36.748, 3.5557, 36.224),
    ("2012-09-27", 3.5557, 3.5557, 35.208, 35.332),
    ("2008-03-28", 18.106, 1.8301, 17.523, 17.596),
    ("2009-02-05", 16.274, 53.58, 16.071, 16.663),
    ("2011-06-16", 14.0, 68.2, 13.9, 14.0),
]


@pytest.mark.parametrize("row", VENDOR_ROWS, ids=lambda row: row[0])
def test_rows_of_a_vendor_are_found_or_refused(row: tuple[str, float, float, float, float]) -> None:
    date, *values = row
    at = int(np.searchsorted(SESSIONS, np.datetime64(date)))
    bars = walk(7, 3270)
    bars[:, :VOLUME] *= np.sort(values)[2] / bars[at, CLOSE]
    bars[at, :VOLUME] = values
    assert str(SESSIONS[at])[:10] == date
    frame = pd.DataFrame(bars, pd.DatetimeIndex(SESSIONS), ["open", "high", "low", "close", "volume"])
    faults = {fault.day for fault in find_faults(SESSIONS, bars) if fault.voids and fault.single}
    if values[1] < values[2] or not values[2] <= values[3] <= values[1] or not values[2] <= values[0] <= values[1]:
        with pytest.raises(DataError, match=date):
            check(frame, "the test")
    else:
        assert faults == {date}


def test_clean_walks_with_fat_tails_and_clusters_are_seldom_suspected() -> None:
    """A t of 3 degrees, 0.5% to 4% a day, clusters of volatility, the move before the open, after it, or both.

    Of 2,000 such walks of 3,000 bars 32 were suspected, 1.6%, and 29 of these move by 2% a day or more: they have
    moves of a factor of 2 in a bar. Of 120 walks with that rate more than 8 are suspected in 0.01% of cases.
    """
    rng = np.random.default_rng(0)
    suspected = 0
    for k in range(120):
        bars = walk(k, 3000, rng.uniform(0.005, 0.04), degrees=3, clusters=0.5, inside=(0.0, 0.5, 1.0)[k % 3])
        suspected += any(fault.voids for fault in found(bars))
    assert suspected <= 8


def test_a_walk_of_ordinary_tails_is_never_suspected() -> None:
    assert not [k for k in range(60) if found(walk(k, 2000, 0.02, degrees=8, inside=(k % 3) / 2))]


def test_it_is_quick() -> None:
    """5 ms for 13 years of days, 100 ms for 100,000 minutes; here with room for a busy machine."""
    minutes = np.datetime64("2015-01-01", "ns") + np.arange(100_000) * np.timedelta64(60, "s")
    for bars, times, limit in ((walk(0, 3270), SESSIONS, 0.025), (walk(0, 100_000, 0.001), minutes, 0.5)):
        assert processor_seconds(partial(find_faults, times, bars), tries=5) < limit


def test_quiet_minutes_and_their_equal_closes_are_no_finding() -> None:
    """Equal closes of 13 minutes are a quiet quarter of an hour, of 13 days two weeks without a trade."""
    bars = walk(8)
    bars[300:312, :VOLUME] = bars[299, CLOSE]
    minutes = np.datetime64("2015-01-05T09:30", "ns") + np.arange(600) * np.timedelta64(60, "s")
    assert found(bars, minutes) == ()
    assert [fault.kind for fault in found(bars)] == ["flat"]


@pytest.mark.parametrize("step", ["1h", "4h", "7D"])
def test_bars_of_any_length_are_looked_at(step: str) -> None:
    bars, times = walk(9), pd.date_range("2010-01-04", periods=600, freq=step).to_numpy()
    assert found(bars, times) == ()
    bars[200:, :VOLUME] /= 4.0
    bars[400, :VOLUME] *= 100.0
    assert [(fault.bar, fault.kind) for fault in found(bars, times)] == [(200, "split"), (400, "bar")]


@settings(deadline=None)
@given(
    logs=st.lists(st.floats(-690.0, 690.0), min_size=2, max_size=80),
    volumes=st.sampled_from([0.0, 1.0, 1e300]),
    gaps=st.lists(st.sampled_from([1, 60, 3600, 86_400, 604_800, 315_576_000]), min_size=80, max_size=80),
)
def test_any_prices_have_finite_findings_in_a_sentence(logs: list[float], volumes: float, gaps: list[int]) -> None:
    """From 1e-300 to 1e300, and without a warning of numpy."""
    close = np.exp(np.array(logs))
    bars = np.stack([close, close, close, close, np.full(len(close), volumes)], axis=1)
    times = np.datetime64("1800-01-01", "s") + np.cumsum(gaps[: len(close)]).astype("timedelta64[s]")
    for fault in find_faults(times, bars):
        assert np.isfinite(fault.size)
        assert 0 <= fault.bar < len(bars)
        assert 10 < len(str(fault)) < 180  # the longest has a time of day and two closes such as 1.08446e+146
        assert type(fault.size) is float


def test_daily_bars_that_become_hourly_are_said_to() -> None:
    """Two downloads joined: the growth is right, and 629 bars a year are those of neither."""
    days = pd.bdate_range("2020-07-27", periods=200)
    hours = pd.date_range("2021-05-03 10:00", periods=6, freq="h")
    later = [hours + pd.Timedelta(days=int(k)) for k in np.flatnonzero(np.arange(60) % 7 < 5)]
    times = days.append(later).to_numpy()
    (fault,) = [fault for fault in found(walk(3, len(times)), times) if fault.voids]
    assert str(fault) == "2021-05-03T10:00:00: daily bars until then, hourly from then on"
    assert (fault.kind, fault.size) == ("spacing", 1 / 24)


@pytest.mark.parametrize(
    ("rule", "word"),
    [("5min", "5-minute"), ("4h", "4-hour"), ("7D", "weekly"), ("MS", "monthly"), ("QS", "92-day")],
)
def test_a_spacing_has_its_word(rule: str, word: str) -> None:
    times = pd.date_range("2020-01-01", periods=60, freq="D")
    times = times.append(pd.date_range("2020-03-01", periods=60, freq=rule)).to_numpy()
    text = next(fault.text for fault in found(walk(3, 120), times) if fault.kind == "spacing")
    assert text == f"daily bars until then, {word} from then on"


# --- days that are filled in -----------------------------------------------------------------------------------


def test_days_filled_with_the_day_before_are_found() -> None:
    """2003-01-02 is a Thursday: the weekends before 2003-01-31 are four, of two days each."""
    bars = pd.DataFrame(walk(5, 22), index=SESSIONS[:22])
    filled = bars.reindex(pd.date_range(bars.index[0], bars.index[-1])).ffill()
    (fault,) = [fault for fault in found(filled.to_numpy(), filled.index.to_numpy()) if fault.kind == "repeat"]
    assert (fault.day, fault.size, fault.voids) == ("2003-01-04", 8.0, True)
    assert "the first of 8 such bars" in fault.text


@pytest.mark.parametrize("of_bar", [{VOLUME: 0.0}, {OPEN: 5.0, HIGH: 5.0, LOW: 5.0, CLOSE: 5.0, VOLUME: 100.0}])
def test_days_that_may_be_equal_by_chance_are_no_repeats(of_bar: dict[int, float]) -> None:
    """Without trades, which is told already; and a price of one tick, with the smallest volume."""
    bars = walk(5)
    for column, value in of_bar.items():
        bars[99, column] = value
    bars[100] = bars[99]
    assert "repeat" not in {fault.kind for fault in found(bars)}
