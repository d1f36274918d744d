"""The value `Prices`, its one check, the one adjustment, and the bundled prices."""

from __future__ import annotations

import dataclasses
import datetime as dt
import gzip
import shutil
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmstrat.config.data import DataConfig
from lstmstrat.errors import DataError
from lstmstrat.prices import Prices, bundled, load
from lstmstrat.prices.adjust import adjusted, split_ratio
from lstmstrat.prices.bars import COLUMNS
from lstmstrat.prices.check import ADJUSTED_CLOSE, check

DAYS = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"])


def bars(**columns: list[float]) -> pd.DataFrame:
    """Three sound bars, with some columns replaced."""
    sound = {"open": [10.0] * 3, "high": [12.0] * 3, "low": [9.0] * 3, "close": [11.0] * 3, "volume": [100.0] * 3}
    return pd.DataFrame(sound | columns, index=DAYS)


def prices(frame: pd.DataFrame) -> Prices:
    return Prices("ABC", "csv", frame, ())


@pytest.fixture(scope="module")
def aapl() -> Prices:
    return load(DataConfig(symbol="AAPL"))


# --- the value ---------------------------------------------------------------------------------------------


def test_times_and_bars_are_what_the_frame_holds() -> None:
    value = prices(bars())
    assert value.times.dtype == np.dtype("datetime64[ns]")
    assert list(value.times.astype("datetime64[D]").astype(str)) == ["2024-01-02", "2024-01-03", "2024-01-04"]
    assert value.bars.shape == (3, 5)
    assert value.bars.flags.c_contiguous
    assert value.bars[0].tolist() == [10.0, 12.0, 9.0, 11.0, 100.0]


def test_bars_are_a_copy_that_nobody_can_write_to() -> None:
    value = prices(bars())
    for array in (value.bars, value.times):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = array[0]
    value.bars.copy()[:] = 0.0
    value.frame.iloc[0] = 0.0
    assert value.bars[0, 0] == 10.0


def test_sha256_is_the_same_for_the_same_bars_at_any_resolution_of_the_index() -> None:
    frame = bars()
    assert prices(frame).sha256 == prices(bars()).sha256
    assert prices(frame.set_axis(DAYS.as_unit("ns"))).sha256 == prices(frame.set_axis(DAYS.as_unit("s"))).sha256


@pytest.mark.parametrize("column", COLUMNS)
def test_sha256_changes_with_the_last_bit_of_any_value(column: str) -> None:
    frame = bars()
    frame.loc[DAYS[1], column] = np.nextafter(frame.loc[DAYS[1], column], np.inf)
    assert prices(frame).sha256 != prices(bars()).sha256


def test_sha256_changes_with_a_date() -> None:
    moved = bars().set_axis([*DAYS[:2], pd.Timestamp("2024-01-05")])
    assert prices(moved).sha256 != prices(bars()).sha256


def test_prices_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        prices(bars()).symbol = "XYZ"  # type: ignore[misc]


# --- the check ---------------------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"close": [11.0, NAN, 11.0]}, r"2024-01-03: close is nan, expected a finite number"),
        ({"high": [12.0, 12.0, INF]}, r"2024-01-04: high is inf, expected a finite number"),
        ({"open": [0.0, 10.0, 10.0]}, r"2024-01-02: open is 0, expected a price above 0"),
        ({"low": [9.0, -9.0, -9.0]}, r"2024-01-03: low is -9, expected a price above 0 \(2 such rows\)"),
        ({"volume": [1.0, -5.0, 1.0]}, r"2024-01-03: volume is -5, expected 0 or more"),
        ({"volume": [1.0, 1.0, NAN]}, r"2024-01-04: volume is nan, expected a finite number"),
        ({"high": [12.0, 8.0, 12.0]}, r"2024-01-03: high 8 is below low 9"),
        ({"close": [11.0, 12.5, 11.0]}, r"2024-01-03: high 12 is below open 10 or close 12.5"),
        ({"open": [8.5, 10.0, 10.0]}, r"2024-01-02: low 9 is above open 8.5 or close 11"),
    ],
)
def test_a_broken_value_is_named_with_its_row(columns: dict[str, list[float]], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        prices(bars(**columns))
    assert "Correct these rows of the frame, or drop them" in str(caught.value)  # no word of a file or a config


def test_a_row_without_prices_is_one_fault_and_not_five() -> None:
    gap = [10.0, NAN, 10.0]
    with pytest.raises(DataError, match="2024-01-03: open, high, low and close are all empty") as caught:
        prices(bars(open=gap, high=gap, low=gap, close=gap, volume=[1.0, NAN, 1.0]))
    assert str(caught.value).count("2024-01-03") == 1


def test_every_kind_of_fault_is_reported_at_once() -> None:
    broken = bars(open=[NAN, 10.0, 10.0], low=[9.0, 0.0, 9.0], volume=[1.0, 1.0, -1.0]).set_axis(DAYS[[0, 2, 2]])
    with pytest.raises(DataError) as caught:
        prices(broken)
    for fault in ("open is nan", "low is 0", "volume is -1", "given twice"):
        assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (DAYS[::-1], r"the newest row, 2024-01-04, comes first.*\[::-1\]"),
        (DAYS[[1, 0, 2]], "2024-01-02: stands after 2024-01-03; sort by date"),
        (DAYS[[0, 1, 1]], "2024-01-03: given twice; keep one row of each date"),
        (DAYS.tz_localize("UTC"), "without a time zone"),
        (pd.RangeIndex(3), "expected an index of dates"),
        (pd.DatetimeIndex([DAYS[0], pd.NaT, DAYS[2]]), "row 2 has no date"),
    ],
)
def test_the_index_must_be_ascending_dates(index: pd.Index, message: str) -> None:
    with pytest.raises(DataError, match=message):
        prices(bars().set_axis(index))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (bars()[["open", "high", "low", "close"]], "expected the columns open, high, low, close, volume; found"),
        (bars()[["high", "open", "low", "close", "volume"]], "expected the columns"),
        (bars().assign(**{ADJUSTED_CLOSE: 11.0}), "pass adjusted bars"),
        (bars().astype({"volume": "int64"}), "expected float64 columns"),
        (bars().iloc[:1], "expected at least 2 bars, found 1"),
    ],
)
def test_the_layout_is_fixed(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        prices(frame)


def test_rounding_of_float32_passes_and_a_tick_does_not() -> None:
    # A close that was the high, adjusted in float32: product and quotient each round by up to 6e-8 of the value.
    prices(bars(high=[11.0 * (1 - 2e-7)] * 3))
    with pytest.raises(DataError, match="is below open 10 or close 11"):
        prices(bars(high=[11.0 - 0.0001] * 3))  # a hundredth of a cent


# --- the adjustment ----------------------------------------------------------------------------------------


def test_factor_scales_the_four_prices_and_a_split_the_volume_before_it() -> None:
    # By hand: 2:1 on the second day, no dividend. Adj Close of the first day is half its close.
    raw = bars(open=[20.0, 10.0, 10.0], high=[24.0, 12.0, 12.0], low=[18.0, 9.0, 9.0], close=[22.0, 11.0, 11.0])
    whole = adjusted(raw.assign(**{ADJUSTED_CLOSE: [11.0, 11.0, 11.0]}))
    assert whole.iloc[0].tolist() == [10.0, 12.0, 9.0, 11.0, 200.0]
    assert whole.iloc[1:].equals(raw.iloc[1:])


def test_a_dividend_leaves_the_volume_alone() -> None:
    whole = adjusted(bars().assign(**{ADJUSTED_CLOSE: [9.9, 11.0, 11.0]}))  # a tenth of the price paid out
    assert whole["open"].tolist() == pytest.approx([9.0, 10.0, 10.0], rel=1e-12)
    assert whole["volume"].tolist() == [100.0, 100.0, 100.0]


@pytest.mark.parametrize(
    ("jump", "ratio"),
    [
        (2.0, 2.0),  # 2:1
        (1.5, 1.5),  # 3:2
        (7.0 * 1.005, 7.0),  # 7:1 with a dividend of half a percent on the day
        (0.1, 0.1),  # reverse split, 1:10
        (1.25, 1.25),  # 5:4
        (1.11245, 1.0),  # Microsoft's special dividend of 3 dollars on a share of 29.97, November 2004
        (1.2, 1.0),  # below the smallest split taken for one
        (1.42, 1.0),  # near no ratio of small numbers: 4:3 is 6 % away, 3:2 is 5 %
        (1.0, 1.0),
    ],
)
def test_split_ratio(jump: float, ratio: float) -> None:
    assert split_ratio(jump) == pytest.approx(ratio, rel=1e-12)


positive = st.floats(0.01, 1e5)


@st.composite
def sound_bars(draw: st.DrawFn) -> pd.DataFrame:
    quotes = draw(st.lists(st.tuples(positive, positive, positive, positive), min_size=2, max_size=12))
    rows = [(a, max(a, b, c, d), min(a, b, c, d), b) for a, b, c, d in quotes]
    frame = pd.DataFrame(rows, columns=list(COLUMNS[:4]), index=pd.date_range("2024-01-01", periods=len(rows)))
    return frame.assign(volume=draw(st.lists(st.floats(0, 1e9), min_size=len(rows), max_size=len(rows))))


@given(sound_bars(), st.data())
def test_adjusted_bars_still_pass_the_check(raw: pd.DataFrame, data: st.DataObject) -> None:
    adj = data.draw(st.lists(positive, min_size=len(raw), max_size=len(raw)))
    whole = prices(adjusted(raw.assign(**{ADJUSTED_CLOSE: adj})))  # the constructor checks them
    np.testing.assert_allclose(whole.frame["close"], adj, rtol=1e-12)


@given(sound_bars(), st.floats(0.01, 10.0))
def test_without_a_change_of_the_factor_returns_and_volume_are_unchanged(raw: pd.DataFrame, factor: float) -> None:
    whole = adjusted(raw.assign(**{ADJUSTED_CLOSE: raw["close"] * factor}))
    for name in COLUMNS[:4]:
        before, after = np.diff(np.log(raw[name])), np.diff(np.log(whole[name]))
        np.testing.assert_allclose(after, before, rtol=0, atol=1e-12)
    assert whole["volume"].equals(raw["volume"])


# --- bundled -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "total", "returns"),
    # Totals of Adj Close as computed from the file's own column, first day to last, in an earlier study.
    [("AAPL", 12.409, 3269), ("MSFT", -0.183, 3269), ("IBM", 1.379, 3269), ("GOOG", 7.035, 2147)],
)
def test_bundled_totals(symbol: str, total: float, returns: int) -> None:
    close = load(DataConfig(symbol=symbol)).frame["close"]
    assert close.iloc[-1] / close.iloc[0] - 1.0 == pytest.approx(total, abs=0.0005)
    assert len(close) == returns + 1


@pytest.mark.parametrize(
    ("day", "before", "after"),
    # Adj Close, read off the file: the raw close went from 101.25 to 55.63 and from 88.99 to 44.86.
    [("2000-06-21", 3.2530090467797, 3.5746151757502), ("2005-02-28", 5.7182276557615, 5.7651352430039)],
)
def test_the_splits_of_aapl_are_no_move(aapl: Prices, day: str, before: float, after: float) -> None:
    closes = aapl.frame["close"][:day].iloc[-2:]
    assert closes.tolist() == pytest.approx([before, after], rel=1e-12)
    # Open over the close before, by hand: 50.5 * 2 / 101.25 = 0.99753; 44.68 * 2 / 88.99 = 1.00416.
    gap = aapl.frame["open"][day] / closes.iloc[0]
    assert gap == pytest.approx({"2000-06-21": 101.0 / 101.25, "2005-02-28": 89.36 / 88.99}[day], rel=1e-9)


def test_the_fall_of_aapl_in_september_2000_stays(aapl: Prices) -> None:
    closes = aapl.frame["close"]["2000-09-28":"2000-09-29"]
    assert closes.iloc[1] / closes.iloc[0] == pytest.approx(25.75 / 53.5, rel=1e-9)  # raw closes: -51.9 %
    assert aapl.frame["volume"]["2000-09-29"] == 2 * 132_529_300  # one split, of 2005, still to come


@pytest.mark.parametrize(
    ("day", "volume"),
    # Another vendor's split-adjusted volume (an export of 2013, which knows the same two splits).
    [
        ("2000-03-01", 38_478_000),
        ("2000-06-20", 17_922_000),
        ("2000-06-21", 17_500_000),
        ("2000-06-22", 16_706_200),
        ("2005-02-25", 32_696_800),
        ("2005-02-28", 23_271_800),
        ("2005-03-01", 16_721_000),
    ],
)
def test_the_splits_of_aapl_are_no_jump_of_volume(aapl: Prices, day: str, volume: float) -> None:
    assert aapl.frame["volume"][day] == pytest.approx(volume, rel=0.001)


def test_bundled_prices_say_what_they_are(aapl: Prices) -> None:
    (notice,) = aapl.notices
    assert "bundled" in notice
    assert "not Yahoo" in notice
    assert "49353a01773d1731587912c1ed19228606b1b889814c14e78d4e927d69f5612c" in notice  # PROVENANCE.json


@pytest.mark.parametrize(("symbol", "message"), [("aapl", "did you mean 'AAPL'"), ("ZZZ", "known: AAPL, GOOG")])
def test_unknown_bundled_symbol(symbol: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load(DataConfig(symbol=symbol))
    assert "source: yahoo" in str(caught.value)


def test_who_changes_bundled_bars_changes_them_for_nobody_else() -> None:
    kept = bundled.read("MSFT")[0].copy()
    mine, _ = bundled.read("MSFT")
    mine["close"] = 0.0
    mine.iloc[0, 0] = -1.0
    pd.testing.assert_frame_equal(bundled.read("MSFT")[0], kept)


def test_a_changed_bundled_file_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bundled"
    shutil.copytree(str(bundled.FOLDER), folder)
    file = folder / "GOOG_2000_2013.csv.gz"
    text = gzip.decompress(file.read_bytes())
    file.write_bytes(gzip.compress(text.replace(b"100.335", b"100.336", 1)))
    with pytest.raises(DataError, match=r"bundled GOOG: the file was changed: sha256 .* reinstall"):
        bundled.read("GOOG", folder)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(DataError, match="bundled GOOG: cannot read the file"):
        bundled.read("GOOG", folder)


# --- start and end -----------------------------------------------------------------------------------------


def test_start_and_end_are_both_included() -> None:
    frame = load(DataConfig(start=dt.date(2005, 1, 3), end=dt.date(2005, 1, 7))).frame
    assert [str(day.date()) for day in frame.index] == [f"2005-01-0{d}" for d in (3, 4, 5, 6, 7)]


def test_start_and_end_may_be_holidays_inside_the_data() -> None:
    frame = load(DataConfig(start=dt.date(2005, 1, 1), end=dt.date(2005, 1, 9))).frame  # Saturday, Sunday
    assert (str(frame.index[0].date()), str(frame.index[-1].date())) == ("2005-01-03", "2005-01-07")


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (
            {"start": dt.date(2000, 1, 1)},
            "start: 2000-01-01 .* from 2000-03-01 to 2013-03-01; write start: 2000-03-01",
        ),
        ({"end": dt.date(2013, 3, 2)}, "end: 2013-03-02 .* from 2000-03-01 to 2013-03-01; write end: 2013-03-01"),
        ({"start": dt.date(2020, 1, 1)}, "start: 2020-01-01 is outside the data"),
        ({"start": dt.date(2005, 1, 7), "end": dt.date(2005, 1, 9)}, "expected at least 2 bars, found 1"),
    ],
)
def test_dates_outside_the_data_name_the_range_there_is(cut: dict[str, dt.date], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(DataConfig(**cut))


def test_a_cut_changes_no_price_in_it(aapl: Prices) -> None:
    part = load(DataConfig(start=dt.date(2003, 1, 2), end=dt.date(2004, 12, 31))).frame
    same = aapl.frame.loc[part.index]
    assert part[["open", "high", "low", "close"]].equals(same[["open", "high", "low", "close"]])
    assert (same["volume"] / part["volume"]).unique().tolist() == [2.0]  # shares of its own last bar


def test_offline_forbids_yahoo() -> None:
    with pytest.raises(DataError, match="--offline forbids source: yahoo") as caught:
        load(DataConfig(source="yahoo"), offline=True)
    assert "source: bundled" in str(caught.value)


def test_offline_allows_bundled(aapl: Prices) -> None:
    assert load(DataConfig(), offline=True).sha256 == aapl.sha256


def test_one_fault_of_four_prices_is_one_line() -> None:
    """Negative prices, as of futures in April 2020, were seven lines: two were highs below lows."""
    index = pd.bdate_range("2020-04-01", periods=4)
    frame = pd.DataFrame({"open": 1.0, "high": 3.0, "low": 0.5, "close": 2.0, "volume": 9.0}, index)
    frame.iloc[1:3, :4] = [-4.0, -3.0, -5.0, -4.5]
    with pytest.raises(DataError) as caught:
        check(frame, "CL")
    assert str(caught.value).splitlines()[1:-1] == [
        "  2020-04-02: open, high, low and close are -4, -3, -5 and -4.5, expected prices above 0 (2 such rows)"
    ]
    frame.iloc[2, :4] = [1.0, 3.0, -0.5, 2.0]
    with pytest.raises(DataError, match=r"2020-04-03: low is -0\.5, expected a price above 0") as caught:
        check(frame.drop(index[1]), "CL")
    assert len(str(caught.value).splitlines()) == 3


def test_a_nan_that_says_so_is_a_sentence_and_no_warning() -> None:
    """Random bytes of a Parquet file may be a signalling NaN, which warns whenever it is used."""
    index = pd.bdate_range("2020-04-01", periods=4)
    frame = pd.DataFrame({"open": 1.0, "high": 3.0, "low": 0.5, "close": 2.0, "volume": 9.0}, index)
    open_ = frame["open"].to_numpy().copy()
    open_.view(np.uint64)[2] = 0x7FF0000000000001
    frame["open"] = open_
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match="2020-04-03: open is nan, expected a finite number"):
            check(frame, "X")
