"""Cures that made worse bars of a file than none: each is another now, and works."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from helpers.vendors import DAYS, assert_bars, csv, lines, made_up

from lstmstrat.config.data import ExtraConfig
from lstmstrat.errors import DataError
from lstmstrat.prices.extra import read_column
from lstmstrat.prices.prices import Prices

HEADING = "date,open,high,low,close,volume"
PRICES = "{o},{h},{l},{c},{v}"
OTHER_COUNTS = {
    "days since 1970": pd.Timestamp("1970-01-01"),
    "days of MATLAB": pd.Timestamp("2000-01-01") - pd.Timedelta(days=730486),
}  # 730486 is the 1st of January 2000 there


def message(folder: Path, text: str) -> str:
    with pytest.raises(DataError) as caught:
        csv(folder, text)
    return str(caught.value)


@pytest.mark.parametrize("origin", OTHER_COUNTS.values(), ids=list(OTHER_COUNTS))
def test_a_count_of_days_that_nothing_reads_is_called_neither_seconds_nor_days_of_excel(
    tmp_path: Path, origin: pd.Timestamp
) -> None:
    """As seconds they were bars of January 1970, a second apart, and as days of Excel of 1944, on Sundays too."""
    counted = DAYS.set_axis([str((day - origin).days) for day in DAYS.index]).rename_axis("date")
    told = message(tmp_path, counted.to_csv())
    assert "a number that may be that of the row" in told
    assert "write all dates so" in told
    assert "date_format" not in told
    dated = DAYS.rename_axis("date").to_csv()  # what the cure makes of it
    assert_bars(csv(tmp_path, dated), DAYS)


def test_where_all_prices_are_adjusted_each_is_named(tmp_path: Path) -> None:
    """The close that was offered was adjVolume."""
    heading = "date,adjOpen,adjHigh,adjLow,adjClose,adjVolume"
    text = lines(DAYS, f"{{t:%Y-%m-%d}},{PRICES}", heading)
    assert (
        'if all prices are adjusted like it, write data.columns: {open: "adjOpen", high: "adjHigh", '
        'low: "adjLow", volume: "adjVolume", close: "adjClose", adj close: null}'
    ) in message(tmp_path, text)
    columns = {"open": "adjOpen", "high": "adjHigh", "low": "adjLow", "volume": "adjVolume", "close": "adjClose"}
    assert_bars(csv(tmp_path, text, columns={**columns, "adj close": None}), DAYS)


def test_ticks_of_less_than_a_second_become_bars_of_a_millisecond(tmp_path: Path) -> None:
    """Bars of a second were a single one. By hand: 229 times 137 microseconds end in the 32nd millisecond."""
    ticks = made_up(pd.date_range("2017-01-02 09:30", periods=230, freq="137us"))
    told = message(tmp_path, ticks.rename_axis("date").to_csv())
    (cure,) = re.findall(r"(frame\.resample.*dropna\(\))", told)
    bars = Prices.from_frame(eval(cure, {"frame": ticks}), "X").bars
    assert len(bars) == 32
    assert bars[0].tolist() == [
        ticks["open"].iloc[0], ticks["high"].iloc[:8].max(), ticks["low"].iloc[:8].min(), ticks["close"].iloc[7],
        ticks["volume"].iloc[:8].sum(),
    ]  # fmt: skip


def test_rows_of_a_month_in_another_language_are_not_to_be_deleted(tmp_path: Path) -> None:
    """Every March would have gone."""
    days = made_up(pd.bdate_range("2015-01-02", periods=80))
    text = lines(days, f"{{t:%d-%b-%Y}},{PRICES}", HEADING)
    told = message(tmp_path, text.replace("Mar", "Mär"))
    assert "write it so" in told
    assert "delete" not in told
    assert_bars(csv(tmp_path, text), days)


# --- tables that are wrong in most rows: to delete them would leave nothing


def test_high_and_low_with_each_others_names_are_told_to_be_renamed(tmp_path: Path) -> None:
    swapped = DAYS.rename(columns={"high": "low", "low": "high"}).rename_axis("date").to_csv()
    told = message(tmp_path, swapped)
    assert "write columns: {high: low, low: high} under data:" in told
    assert "delete" not in told
    assert_bars(csv(tmp_path, swapped, columns={"high": "low", "low": "high"}), DAYS)


def test_a_rate_below_zero_is_told_to_be_an_input(tmp_path: Path) -> None:
    rate = DAYS.assign(**{name: DAYS[name] - 1e4 for name in ("open", "high", "low", "close")})
    told = message(tmp_path, rate.rename_axis("date").to_csv())
    assert "as an entry of data.extra with the feature column:NAME" in told
    assert "delete" not in told
    path = tmp_path / "rate.csv"
    rate.rename_axis("date").to_csv(path)
    cured = read_column(ExtraConfig(name="rate", path=str(path), column="close"))
    assert cured.values.tolist() == rate["close"].tolist()
