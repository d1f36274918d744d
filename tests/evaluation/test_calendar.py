"""Bars a year and holes, from the times of bars alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmstrat.evaluation import metrics
from lstmstrat.evaluation.calendar import AGREEMENT, CONVENTIONS, Calendar, is_a_year, years
from lstmstrat.evaluation.metrics import periods_per_year


def days(start: str, count: int, weekdays: str) -> pd.DatetimeIndex:
    """`count` days on the weekdays 0 (Monday) to 6."""
    every = pd.date_range(start, periods=2 * count + 7)
    return every[every.day_of_week.isin([int(d) for d in weekdays])][:count]


def intraday(dates: pd.DatetimeIndex, bars: int, minutes: int) -> pd.DatetimeIndex:
    """`bars` bars of `minutes` minutes on each date, from midnight."""
    offsets = pd.to_timedelta(np.arange(bars) * minutes, unit="min")
    return pd.DatetimeIndex([date + offset for date in dates for offset in offsets])


def euro_dollar(start: str, end: str) -> pd.DatetimeIndex:
    """Hours from Sunday 22:00 to Friday 22:00."""
    hours = pd.date_range(start, end, freq="h")
    day, hour = hours.day_of_week, hours.hour
    return hours[~((day == 5) | ((day == 4) & (hour >= 22)) | ((day == 6) & (hour < 22)))]


def cut(index: pd.DatetimeIndex, first: int, last: int) -> pd.DatetimeIndex:
    """`index` without the bars from `first` to `last` - 1."""
    return index[:first].append(index[last:])


WEEKDAYS = days("2010-01-01", 2600, "01234")


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (days("2020-01-01", 400, "01234"), 252),
        (days("2020-01-01", 400, "01234") + pd.Timedelta("16:00:00"), 252),
        (days("2020-01-01", 400, "0123456"), 365),
        (days("2020-01-01", 7, "0123456"), 365),
        (days("2020-01-01", 400, "60123"), 252),  # Sunday to Thursday, as in the Gulf
        (days("2020-01-01", 400, "56012"), 252),  # Saturday to Wednesday, as in Tehran
        (days("2020-01-01", 400, "01234").union(days("2020-01-04", 3, "56")), 252),  # rare weekend sessions
        (days("2020-01-03", 2, "0"), 52),
        (pd.date_range("2020-01-03", periods=60, freq="7D"), 52),
        (pd.date_range("2020-01-31", periods=36, freq="ME"), 12),
        (pd.date_range("2020-03-31", periods=12, freq="QE"), 4),
        (pd.date_range("2015-12-31", periods=6, freq="YE"), 1),
        (intraday(days("2020-01-01", 30, "01234"), 7, 60), 7 * 252),
        (intraday(days("2020-01-01", 30, "01234"), 7, 60)[3:-2], 7 * 252),  # cut inside the first and last day
        (intraday(days("2020-01-01", 30, "0123456"), 24, 60), 24 * 365),
        (intraday(days("2020-01-01", 30, "0123456"), 288, 5), 288 * 365),
        (intraday(days("2020-01-01", 30, "01234"), 13, 30), 13 * 252),
        (intraday(days("2020-01-01", 30, "01234"), 390, 1), 390 * 252),
        (intraday(days("2020-01-01", 300, "01234"), 35, 11), 35 * 252),  # 11 minutes do not divide a week
        (intraday(days("2020-01-01", 1, "01234"), 390, 1), 390 * 252),  # one day: nothing to count
        (pd.date_range("2017-04-19", periods=5000, freq="4h"), 6 * 365),
        (euro_dollar("2017-04-19", "2018-02-07"), 24 * 252),  # 120 hours a week, 6,261 a year, are within 5 %
    ],
)
def test_a_convention_that_agrees_with_the_count_is_taken(index: pd.DatetimeIndex, expected: int) -> None:
    assert periods_per_year(index) == expected


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (days("2015-01-01", 1000, "601234"), 6 / 7 * 365.25),  # 313: euro/dollar with its Sunday bar
        (pd.date_range("2015-01-01", periods=1000, freq="2D"), 365.25 / 2),
        (pd.date_range("2015-01-01", periods=700, freq="3D"), 365.25 / 3),
        (pd.date_range("2015-01-01", periods=700, freq="4D"), 365.25 / 4),
        (pd.date_range("2015-01-01", periods=300, freq="14D"), 365.25 / 14),
        (WEEKDAYS[::2], 365.25 / 7 * 2.5),  # every other session
        (intraday(days("2015-01-01", 200, "012345"), 24, 60), 24 * 6 / 7 * 365.25),
    ],
)
def test_what_no_convention_fits_is_counted(index: pd.DatetimeIndex, expected: float) -> None:
    assert periods_per_year(index) == pytest.approx(expected, rel=0.01)


def test_half_of_all_sessions_missing_at_random_is_counted_and_seen() -> None:
    index = WEEKDAYS[np.sort(np.random.default_rng(0).choice(2600, 1300, replace=False))]
    calendar = Calendar(index.to_numpy())
    assert calendar.bars_a_year == pytest.approx(365.25 / 7 * 2.5, rel=0.02)
    assert calendar.full == pytest.approx(0.5, abs=0.02)
    assert not calendar.holes


@pytest.mark.parametrize(
    ("index", "expected", "before"),
    [
        (cut(WEEKDAYS, 400, 1180), 252, [399]),  # three years: 800 bars in 6.06 years are 132 a year
        (cut(WEEKDAYS, 2000, 2010), 252, [1999]),  # ten sessions
        (cut(WEEKDAYS, 2000, 2005), 252, []),  # a long holiday
        (WEEKDAYS[:400].append(pd.DatetimeIndex(["2030-01-01"])), 252, [399]),  # a last date 18 years late
        (cut(pd.date_range("2017-01-01", periods=5000, freq="h"), 2000, 2030), 8760, [1999]),
        (cut(pd.date_range("2017-01-01", periods=5000, freq="h"), 2000, 2012), 8760, []),
        (cut(pd.date_range("2010-01-01", periods=400, freq="7D"), 100, 110), 52, [99]),
        (cut(pd.date_range("2010-01-31", periods=100, freq="ME"), 50, 54), 12, [49]),
        (cut(pd.date_range("2015-01-01", periods=700, freq="3D"), 300, 310), 365.25 / 3, [299]),
        (cut(cut(WEEKDAYS, 1500, 1600), 500, 530), 252, [499, 1469]),
    ],
)
def test_a_hole_is_found_and_not_counted(index: pd.DatetimeIndex, expected: float, before: list[int]) -> None:
    calendar = Calendar(index.to_numpy())
    assert [hole.first for hole in calendar.holes] == before
    assert calendar.bars_a_year == pytest.approx(expected, rel=0.01)


def test_the_calendar_of_the_bundled_shares_has_no_hole(aapl: pd.DatetimeIndex) -> None:
    """New York was closed for four sessions in September 2001: 3,270 sessions in 13.0 years are 251.5 a year."""
    calendar = Calendar(aapl.to_numpy())
    assert (calendar.bars_a_year, calendar.holes, calendar.irregular) == (252.0, (), False)
    assert calendar.counted == pytest.approx(3269 / (4748 / 365.25), rel=0.002)
    assert calendar.full > 0.95


@pytest.fixture(scope="module")
def aapl() -> pd.DatetimeIndex:
    from lstmstrat import DataConfig, load_prices

    return pd.DatetimeIndex(load_prices(DataConfig()).frame.index)


def test_a_month_with_many_holidays_is_no_finding() -> None:
    """Christmas of 2019 in Frankfurt: 25 sessions on 30 weekdays."""
    closed = pd.to_datetime(["2019-12-24", "2019-12-25", "2019-12-26", "2019-12-31", "2020-01-01"])
    calendar = Calendar(pd.bdate_range("2019-12-02", "2020-01-10").drop(closed).to_numpy())
    assert (calendar.full, calendar.holes) == (1.0, ())


def test_one_bar_has_no_frequency() -> None:
    with pytest.raises(ValueError, match="1 bar has no frequency"):
        periods_per_year(pd.DatetimeIndex(["2020-01-01"]))


def test_ticks_of_one_second_have_a_number() -> None:
    ticks = np.datetime64("2020-01-02T09:30", "ns") + np.arange(100) * np.timedelta64(137, "us")
    assert Calendar(ticks).bars_a_year == 100 * 252
    assert Calendar(ticks).holes == ()


SPACING = st.one_of(
    st.integers(1, 29).map(lambda d: pd.Timedelta(days=d)),
    st.sampled_from([1, 2, 3, 4, 6, 8, 12]).map(lambda h: pd.Timedelta(hours=h)),
)


@given(
    step=SPACING,
    weekdays=st.sets(st.integers(0, 6), min_size=4),
    start=st.integers(0, 3000),
    hole=st.one_of(st.none(), st.tuples(st.floats(0.2, 0.8), st.integers(60, 3000))),
)
def test_growth_is_by_the_dates_and_bars_are_counted_outside_of_holes(
    step: pd.Timedelta, weekdays: set[int], start: int, hole: tuple[float, int] | None
) -> None:
    """Bars of any spacing, on any days of the week if they are short, with a hole of two months to eight years."""
    count = max(150, int(pd.Timedelta(days=500) / step))
    first = pd.Timestamp("2000-01-01") + pd.Timedelta(days=start)
    index = pd.date_range(first, periods=count, freq=step)
    daily = step <= pd.Timedelta(days=1)
    index = index[index.day_of_week.isin(weekdays)] if daily else index
    share = len(weekdays) / 7 if daily else 1.0
    if hole:
        at = int(hole[0] * len(index))
        days_lost = max(hole[1], 12 * step.days)
        index = index[:at].append(index[at:] + pd.Timedelta(days=days_lost // 7 * 7))

    expected = share * pd.Timedelta(days=365.25) / step
    calendar = Calendar(index.to_numpy())
    assert len(calendar.holes) == (hole is not None)
    assert calendar.bars_a_year == pytest.approx(expected, rel=AGREEMENT + 0.01)
    if calendar.bars_a_year not in CONVENTIONS:
        assert calendar.bars_a_year == pytest.approx(expected, rel=AGREEMENT)

    equity = pd.Series(np.linspace(1.0, 2.0, len(index)), index=index)
    span = (index[-1] - index[0]) / pd.Timedelta(days=365.25)
    assert years(index.to_numpy()) == pytest.approx(span, rel=1e-9)
    assert metrics.cagr(equity) == (pytest.approx(2.0 ** (1 / span) - 1.0, rel=1e-9) if is_a_year(span) else None)


@pytest.mark.parametrize("rule", ["MS", "ME", "BMS", "BME", "W-MON", "W-FRI"])
def test_two_missing_weeks_or_months_are_a_hole_and_one_is_none(rule: str) -> None:
    """Two months of February and April or so are 1.81 to 2.03 of the usual month beside the one that is due."""
    index = pd.date_range("2001-01-01", periods=240, freq=rule)
    for at in range(1, 238):
        two = Calendar(np.delete(index.to_numpy(), [at, at + 1]))
        assert [hole.first for hole in two.holes] == [at - 1]
        assert not Calendar(np.delete(index.to_numpy(), at)).holes


def intraday(hours: int, minutes: int, start: str, sessions: int) -> pd.DatetimeIndex:
    """Bars of some minutes from 09:30 on, on weekdays."""
    days = pd.bdate_range(start, periods=sessions)
    offsets = pd.to_timedelta(np.arange(0, hours * 60, minutes) + 570, unit="min")
    return pd.DatetimeIndex((days.to_numpy()[:, None] + offsets.to_numpy()).ravel())


DAILY = pd.bdate_range("2020-07-27", periods=200)  # to 2021-04-30
OTHERS = {
    "hourly": intraday(7, 60, "2021-05-03", 60),
    "of half an hour": intraday(7, 30, "2021-05-03", 20),
    "weekly": pd.date_range("2021-05-07", periods=60, freq="7D"),
    "monthly": pd.date_range("2021-05-31", periods=25, freq="ME"),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("turned", [False, True])
def test_a_change_of_the_spacing_is_found_at_its_bar(name: str, turned: bool) -> None:
    """200 daily bars, then others; or the other way round, a mirror of it."""
    times = DAILY.append(OTHERS[name]).to_numpy()
    (change,) = Calendar(times.min() + (times.max() - times[::-1]) if turned else times).changes
    first = len(OTHERS[name]) if turned else 200
    assert abs(change.first - first) <= 1  # the gap between is of neither kind
    assert (change.before > change.after) == ((name in ("weekly", "monthly")) == turned)


def test_a_stretch_of_other_bars_changes_twice() -> None:
    times = DAILY.append([OTHERS["hourly"], pd.bdate_range("2021-08-02", periods=200)]).to_numpy()
    assert [change.first for change in Calendar(times).changes] == [200, 619]  # 420 hours; the last gap is a night


@pytest.mark.parametrize("hours", [2, 3, 4, 7, 24])
@pytest.mark.parametrize("seed", range(5))
def test_sessions_weekends_and_lost_bars_change_no_spacing(hours: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = intraday(hours, 60, "2021-05-03", 300)
    kept = index[rng.random(len(index)) > 0.05]
    assert Calendar(kept.to_numpy()).changes == ()
    days = DAILY[rng.random(200) > rng.choice([0.05, 0.3, 0.5])]
    assert Calendar(days.to_numpy()).changes == ()
    trades = np.datetime64("2021-05-03", "s") + np.cumsum(rng.exponential(300.0, 2000)).astype("timedelta64[s]")
    assert Calendar(trades).changes == ()
