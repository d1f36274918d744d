"""An asset is known again by its returns, whatever was done to its name, its bars and its clock."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lstmstrat import DataConfig, load_prices
from lstmstrat.prices.levels import (
    MANY,
    MIN_COMMON,
    SAME,
    Levels,
    _best_correlation,
    _clipped,
    _common_returns,
    _correlation,
    same_asset,
    same_moves,
)

CLOSES = {s: load_prices(DataConfig(symbol=s)).frame["close"] for s in ("AAPL", "MSFT", "IBM", "GOOG")}
AAPL = CLOSES["AAPL"]
RNG = np.random.default_rng(0)


def levels(close: pd.Series) -> Levels:
    return Levels.of(close.index.to_numpy().astype("datetime64[ns]"), close.to_numpy())


def moved(close: pd.Series, by: str) -> pd.Series:
    return pd.Series(close.to_numpy(), close.index + pd.Timedelta(by))


def leveraged(close: pd.Series, times: float, fee: float = 0.0001) -> pd.Series:
    """A fund that earns `times` the return of each day, less a fee."""
    return (1.0 + times * close.pct_change().fillna(0.0) - fee).cumprod()


def holed(close: pd.Series) -> pd.Series:
    return close[np.random.default_rng(len(close)).random(len(close)) > 0.1]


def ticked(close: pd.Series, factor: float) -> pd.Series:
    wrong = close.copy()
    wrong.iloc[[700, 1500, 2400]] *= factor
    return wrong


def split(close: pd.Series) -> pd.Series:
    """Not adjusted for a split of 7 to 1."""
    return close * np.where(close.index < "2008-01-01", 7.0, 1.0)


def noisy(close: pd.Series, share: float) -> pd.Series:
    """Returns with noise whose deviation is a share of theirs."""
    returns = np.log(close).diff().fillna(0.0)
    return np.exp(
        (returns + share * returns.std() * np.random.default_rng(1).standard_normal(len(close))).cumsum()
    )


def jittered(close: pd.Series, deviation: float) -> pd.Series:
    """Each close a little off, as at another minute of the day."""
    return close * np.exp(deviation * np.random.default_rng(2).standard_normal(len(close)))


def signs(close: pd.Series) -> pd.Series:
    """Each day up or down by 1%."""
    return np.exp(0.01 * np.sign(close.diff().fillna(0.0)).cumsum())


def begun(close: pd.Series, rule: str) -> pd.Series:
    """Bars that are named by the day on which they begin, as Yahoo names weeks and months."""
    bars = close.to_period(rule).groupby(level=0).last()
    return pd.Series(bars.to_numpy(), bars.index.start_time)


ONE_ASSET: dict[str, Callable[[], tuple[pd.Series, pd.Series]]] = {
    "itself": lambda: (AAPL, AAPL),
    "a start a day later": lambda: (AAPL, AAPL.iloc[1:]),
    "the later half": lambda: (AAPL, AAPL.iloc[len(AAPL) // 2 :]),
    "halves that overlap by a month": lambda: (AAPL.iloc[:1500], AAPL.iloc[1475:]),
    "another currency unit": lambda: (AAPL, 100.0 * AAPL),
    "rounded to cents": lambda: (AAPL, AAPL.round(2)),
    "a day earlier": lambda: (AAPL, moved(AAPL, "-1D")),
    "a day later": lambda: (AAPL, moved(AAPL, "1D")),
    "stamped at the close": lambda: (AAPL, moved(AAPL, "16h")),
    "stamped in another zone": lambda: (moved(AAPL, "16h"), moved(AAPL, "29h")),
    "the inverse": lambda: (AAPL, 1.0 / AAPL),
    "an inverse fund": lambda: (AAPL, leveraged(AAPL, -1.0)),
    "a fund of three times": lambda: (AAPL, leveraged(AAPL.loc["2001":], 3.0)),  # no fund outlived 2000-09-29
    "bad ticks": lambda: (AAPL, ticked(AAPL, 100.0)),
    "bad ticks in both": lambda: (ticked(AAPL.iloc[3:], 0.1), ticked(AAPL, 100.0)),
    "not adjusted for a split": lambda: (AAPL, split(AAPL)),
    "days missing in both": lambda: (holed(AAPL), holed(AAPL.iloc[5:])),
    "every second day": lambda: (AAPL, AAPL.iloc[::2]),
    "weeks": lambda: (AAPL, AAPL.resample("W-FRI").last()),
    "weeks named by Sunday": lambda: (AAPL, AAPL.resample("W").last()),
    "weeks named by Monday": lambda: (AAPL, begun(AAPL, "W-SUN")),
    "weeks, the two ways": lambda: (begun(AAPL, "W-SUN"), AAPL.resample("W-FRI").last()),
    "noise of 0.35 deviations": lambda: (AAPL, noisy(AAPL, 0.35)),
    "closes 1.5% off": lambda: (AAPL, jittered(AAPL, 0.015)),
    "the signs alone": lambda: (AAPL, signs(AAPL)),
    "signs of two years": lambda: (AAPL.iloc[:500], signs(AAPL)),
    "months": lambda: (AAPL, AAPL.resample("ME").last()),
    "months named by their begin": lambda: (AAPL, begun(AAPL, "M")),
    "months, the two ways": lambda: (begun(AAPL, "M"), AAPL.resample("ME").last()),
}


@pytest.mark.parametrize("case", ONE_ASSET)
def test_one_asset_is_one_asset(case: str) -> None:
    one, other = (levels(close.dropna()) for close in ONE_ASSET[case]())
    assert same_asset(one, other) is True
    assert same_asset(other, one) is True


def renamed(close: pd.Series, dates: pd.DatetimeIndex) -> pd.Series:
    return pd.Series(close.to_numpy(), dates[: len(close)])


MOVED: dict[str, Callable[[pd.Series], pd.Series]] = {
    "two weeks later": lambda close: moved(close, "14D"),
    "364 days earlier": lambda close: moved(close, "-364D"),
    "twenty years earlier": lambda close: moved(close, "-7305D"),
    "each day, without weekends": lambda close: renamed(close, pd.date_range("1990-01-01", periods=5000)),
    "a bar a month": lambda close: renamed(close, pd.date_range("1800-01-01", periods=4000, freq="30D")),
    "a bar an hour": lambda close: renamed(close, pd.date_range("2020-01-01", periods=5000, freq="h")),
    "the inverse, years later": lambda close: moved(1.0 / close, "1000D"),
    "with noise, years later": lambda close: moved(noisy(close, 0.35), "1000D"),
    "the signs, years later": lambda close: moved(signs(close), "1000D"),
    "a part of it": lambda close: moved(close.iloc[700 : 700 + MANY + 1], "1000D"),
}


@pytest.mark.parametrize("case", MOVED)
def test_one_asset_at_other_dates_is_known_by_its_moves(case: str) -> None:
    one, other = levels(AAPL), levels(MOVED[case](AAPL))
    assert not same_asset(one, other)
    assert same_moves(one, other)
    assert same_moves(other, one)


def test_other_shares_and_too_few_bars_do_not_move_alike() -> None:
    for name, close in CLOSES.items():
        found = [other for other in CLOSES if same_moves(levels(close), levels(CLOSES[other]))]
        assert found == [name]
    for flat in (1.0 + 0.0 * AAPL, pd.Series(np.exp(1e-4 * np.arange(len(AAPL))), AAPL.index)):
        assert not same_moves(levels(flat), levels(AAPL))
    assert not same_moves(levels(AAPL), levels(AAPL.iloc[:MANY]))


def test_the_best_correlation_is_the_largest_of_all_places() -> None:
    """By numpy, place by place; the means are those of the whole series."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=400), rng.normal(size=300)
    x[40:310] += 0.7 * y[20:290]
    a, b, found = x - x.mean(), y - y.mean(), list[float]()
    for place in range(-len(y) + MANY, len(x) - MANY + 1):
        u, v = a[max(place, 0) : len(y) + place], b[max(-place, 0) : len(x) - place]
        found.append(abs(u @ v) / np.sqrt((u @ u) * (v @ v)))
    assert _best_correlation(x, y) == pytest.approx(max(found), rel=1e-9)


def hourly(days: int, hours: range) -> pd.Series:
    """A random walk at these hours of every day, or of every business day if there is a night."""
    dates = pd.date_range("2020-01-01", periods=days, freq="D" if len(hours) == 24 else "B")
    index = pd.DatetimeIndex([date + pd.Timedelta(hours=h) for date in dates for h in hours])
    return pd.Series(100.0 * np.exp(0.004 * RNG.standard_normal(len(index)).cumsum()), index)


@pytest.mark.parametrize("zone", [-10, -5, 0, 1, 9, 13])
@pytest.mark.parametrize("hours", [range(10, 17), range(24)], ids=["a session", "around the clock"])
def test_hours_are_known_again_in_another_time_zone_and_in_daily_bars(hours: range, zone: int) -> None:
    close = hourly(200, hours)
    elsewhere, days = moved(close, f"{zone}h"), close.resample("D").last().dropna()
    assert same_asset(levels(close), levels(elsewhere)) is True
    assert same_asset(levels(elsewhere), levels(days)) is True
    assert same_asset(levels(moved(close.resample("4h").last().dropna(), f"{zone}h")), levels(days)) is True
    assert same_asset(levels(elsewhere), levels(hourly(200, hours))) is False


@pytest.mark.parametrize("rule", ["D", "W", "ME"])
def test_other_shares_are_other_assets(rule: str) -> None:
    found = {name: levels(close.resample(rule).last().dropna()) for name, close in CLOSES.items()}
    for name, one in found.items():
        assert [other for other in found if same_asset(one, found[other])] == [name]


def test_few_common_returns_tell_nothing() -> None:
    begin = AAPL.iloc[: 500 + MIN_COMMON]
    assert same_asset(levels(begin), levels(AAPL.iloc[499:])) is True  # 20 returns, and one day of room for a zone
    assert same_asset(levels(AAPL.iloc[:500]), levels(AAPL.iloc[490:])) is None
    assert same_asset(levels(AAPL.iloc[:500]), levels(AAPL.iloc[600:])) is None
    assert same_asset(levels(AAPL.iloc[:1]), levels(AAPL)) is None


def test_the_correlation_is_that_of_pandas_where_nothing_is_clipped() -> None:
    """Signs have one size, so no return is cut."""
    rng = np.random.default_rng(1)
    dates = pd.bdate_range("2010-01-01", periods=400)
    one, noise = rng.choice([-0.01, 0.01], 400), rng.choice([1.0, -1.0], 400, p=[0.9, 0.1])
    closes = [pd.Series(np.exp(np.cumsum(returns)), dates) for returns in (one, one * noise)]
    holes = closes[0].drop(dates[[50, 51, 200]])
    found = _correlation(*map(_clipped, next(_common_returns(levels(closes[1]), levels(closes[0]), 0))))
    logs = pd.concat([np.log(close) for close in closes], axis=1).diff().dropna()
    assert found == pytest.approx(abs(logs.corr().iloc[0, 1]), abs=1e-5)
    assert found < SAME
    joined = pd.concat([np.log(closes[1]), np.log(holes)], axis=1, join="inner").diff().dropna()
    returns = next(_common_returns(levels(holes), levels(closes[1]), 0))
    assert np.allclose(np.sort(returns, axis=0), np.sort(joined.to_numpy().T, axis=0), atol=1e-6)


def test_what_does_not_move_is_no_other_asset() -> None:
    flat = pd.Series(1.0, AAPL.index)
    assert same_asset(levels(flat), levels(AAPL)) is False
    assert (
        same_asset(levels(flat), levels(flat)) is False
    )  # nothing shows that it is; its symbol is a row of its own


def test_levels_come_back_from_text_to_the_bit_and_are_small() -> None:
    for close in (AAPL, hourly(300, range(24))):
        first = levels(close)
        again = Levels.from_text(first.to_text())
        assert np.array_equal(first.hours, again.hours)
        assert np.array_equal(first.closes, again.closes)
    assert len(levels(AAPL).to_text()) < 5 * len(AAPL)


@pytest.mark.parametrize("text", ["", "!", "QUFB", levels(AAPL).to_text()[:-8], "eJxjYGBgAAAABAAB"])
def test_text_that_is_no_levels_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Levels.from_text(text)


def test_a_few_new_days_are_covered_and_other_prices_are_not() -> None:
    known = levels(AAPL.iloc[:-20])
    assert known.covers(levels(AAPL))
    assert known.covers(levels(AAPL.iloc[3:-30]))
    assert known.covers(levels(3.0 * AAPL))
    assert not levels(AAPL.iloc[:-21]).covers(levels(AAPL))
    assert not known.covers(levels(AAPL.iloc[-50:]))  # 20 of 50 are new
    assert not known.covers(levels(ticked(AAPL, 1.01)))
    assert not known.covers(levels(CLOSES["IBM"]))
    hours = hourly(300, range(24))
    assert levels(hours.iloc[: -20 * 24]).covers(levels(hours))
    assert not levels(hours.iloc[: -21 * 24]).covers(levels(hours))


def test_levels_since_a_day_begin_with_that_day() -> None:
    found = levels(AAPL).since(np.datetime64("2008-01-02T16:00"))
    assert found.hours[0] == np.datetime64("2008-01-02").astype("datetime64[h]").astype(int)
    assert len(found.hours) == len(AAPL.loc["2008-01-02":])


def test_hours_must_ascend() -> None:
    with pytest.raises(ValueError, match="ascending hours"):
        Levels(np.array([24, 24]), np.zeros(2))
    with pytest.raises(ValueError, match="ascending hours"):
        Levels(np.array([24, 48]), np.zeros(3))
