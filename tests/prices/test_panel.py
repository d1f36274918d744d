"""The bars of many assets: unequal calendars, quarantine, assets left out, the stocks of the package."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstmstrat import DataConfig
from lstmstrat.errors import ConfigError, DataError
from lstmstrat.prices import bundled
from lstmstrat.prices.panel import CLEAN
from lstmstrat.prices.panel_sources import load_panel


def files(folder: Path, symbols: str = "ABC", bars: int = 200) -> DataConfig:
    """A CSV file for each letter, random walks on business days; each begins ten days after the one before."""
    rng = np.random.default_rng(0)
    for k, symbol in enumerate(symbols):
        close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, bars)))
        frame = pd.DataFrame({"Open": close, "High": close * 1.01, "Low": close * 0.99, "Close": close})
        frame["Volume"] = 1_000.0
        frame.index = pd.bdate_range("2020-01-01", periods=bars, name="Date") + pd.offsets.BDay(10 * k)
        frame.to_csv(folder / f"{symbol}.csv")
    return DataConfig(universe=tuple(symbols), source="csv", path=str(folder / "{symbol}.csv"))


def change(folder: Path, symbol: str, bar: int, factor: float, last: int | None = None) -> None:
    """Multiplies the prices from a bar on, or up to another."""
    frame = pd.read_csv(folder / f"{symbol}.csv", index_col=0)
    frame.iloc[bar:last, :4] *= factor
    frame.to_csv(folder / f"{symbol}.csv")


def test_sessions_are_those_of_any_asset_and_others_have_no_bar(tmp_path: Path) -> None:
    panel = load_panel(files(tmp_path))
    assert panel.bars.shape == (220, 3, 5)
    has_bar = np.isfinite(panel.bars).all(axis=2)
    assert [(int(a.argmax()), int(a.sum())) for a in has_bar.T] == [(0, 200), (10, 200), (20, 200)]
    assert np.array_equal(panel.members, has_bar)


def test_dates_cut_the_panel_and_an_asset_without_a_bar_there_is_no_part_of_it(tmp_path: Path) -> None:
    data = files(tmp_path).model_copy(update={"end": pd.Timestamp("2020-01-15").date()})
    panel = load_panel(data)
    assert panel.symbols == ("A", "B")
    assert panel.left_out == {"C": "it has no bar from start to end"}
    assert str(panel.times[-1])[:10] == "2020-01-15"


def test_a_split_left_in_puts_one_asset_into_quarantine_and_the_others_go_on(tmp_path: Path) -> None:
    data = files(tmp_path)
    change(tmp_path, "B", 100, 0.25)
    panel = load_panel(data)
    (stay,) = panel.quarantines
    assert (stay.symbol, stay.bars) == ("B", CLEAN)
    assert "4:1 split not taken out" in stay.text
    first = 110  # the bar of B, which begins ten sessions later
    unused = np.isnan(panel.bars[:, 1, 3]) & np.isfinite(panel.bars[:, 1, 4])
    assert np.array_equal(np.flatnonzero(unused), np.arange(first, first + CLEAN))
    assert not panel.members[first : first + CLEAN, 1].any()
    assert panel.members[first + CLEAN, 1]


def test_another_finding_during_a_quarantine_makes_it_longer(tmp_path: Path) -> None:
    data = files(tmp_path)
    change(tmp_path, "A", 50, 100.0, 51)
    change(tmp_path, "A", 90, 100.0, 91)
    (stay,) = load_panel(data).quarantines
    assert stay.bars == 40 + CLEAN


def test_a_row_that_no_bar_can_have_is_left_out_and_the_asset_is_in_quarantine_after_it(tmp_path: Path) -> None:
    data = files(tmp_path)
    frame = pd.read_csv(tmp_path / "A.csv", index_col=0)
    frame.iloc[70, 3] *= 0.1  # a close below the low
    frame.to_csv(tmp_path / "A.csv")
    panel = load_panel(data)
    assert np.isnan(panel.bars[70, 0]).all()
    assert np.isnan(panel.bars[71 : 71 + CLEAN, 0, 3]).all()
    assert np.isfinite(panel.bars[71 + CLEAN, 0, 3])
    with pytest.raises(DataError, match="is above open"):
        load_panel(data.model_copy(update={"faults": "refuse"}))


def test_what_somebody_accepts_is_no_reason_for_quarantine(tmp_path: Path) -> None:
    data = files(tmp_path)
    change(tmp_path, "A", 100, 0.25)
    day = pd.Timestamp(load_panel(data).quarantines[0].first).date()
    assert not load_panel(data.model_copy(update={"accepted": (day,)})).quarantines


def test_an_asset_that_cannot_be_read_is_left_out_with_the_reason(tmp_path: Path) -> None:
    data = files(tmp_path)
    (tmp_path / "B.csv").unlink()
    panel = load_panel(data)
    assert panel.symbols == ("A", "C")
    assert "B.csv" in panel.left_out["B"]
    (tmp_path / "A.csv").unlink()
    with pytest.raises(DataError, match="needs two at least"):
        load_panel(data)


def test_the_stocks_of_the_package_are_those_that_were_published() -> None:
    facts = json.loads((bundled.FOLDER / "us_stocks.provenance.json").read_text(encoding="utf-8"))
    for name, expected in facts["sha256"].items():
        assert hashlib.sha256((bundled.FOLDER / name).read_bytes()).hexdigest() == expected


def test_of_the_stocks_of_the_package_those_with_a_known_fault_are_in_quarantine() -> None:
    """The bars of known_faults.csv, whose origin is PROVENANCE.json beside the data that the bundle was made of.

    AIG 2008-09-16 and F 2008-10-08 stand there too, as genuine but extreme prints.
    """
    panel = load_panel(DataConfig(universe="us_stocks"))
    assert panel.bars.shape == (3202, 120, 5)
    assert {stay.symbol: stay.first for stay in panel.quarantines} == {
        "AMAT": "2008-09-19",
        "AMGN": "2008-09-19",
        "BBY": "2008-09-19",
        "CMCSA": "2008-09-19",
        "COST": "2008-09-19",
        "CSCO": "2008-09-19",
        "LOW": "2009-02-05",
        "NUE": "2007-01-17",  # the close of the day before is a tenth
    }
    apple = panel.symbols.index("AAPL")
    assert panel.bars[0, apple].tolist() == [5.7411, 5.7564, 5.6461, 5.6975, 255345043.0]  # as published
    amd = panel.symbols.index("AMD")
    days = panel.times.astype("datetime64[D]")
    out = (days > np.datetime64("2013-09-23")) & (days < np.datetime64("2017-03-20"))
    assert not panel.members[out, amd].any()
    assert panel.members[~out, amd].all()


def hours(folder: Path, zones: dict[str, str]) -> DataConfig:
    """Hourly bars of each symbol from 10:00 to 15:00 on the clock of its offset, over ten days."""
    for symbol, offset in zones.items():
        times = pd.date_range("2020-01-06", periods=10, freq="B")
        stamps = [f"{day:%Y-%m-%d} {hour}:00:00{offset}" for day in times for hour in range(10, 16)]
        close = 50.0 + 0.1 * np.sin(np.arange(len(stamps)))
        frame = pd.DataFrame({"Open": close, "High": close + 1, "Low": close - 1, "Close": close, "Volume": 9.0})
        frame.index = pd.Index(stamps, name="Date")
        frame.to_csv(folder / f"{symbol}.csv")
    return DataConfig(universe=tuple(zones), source="csv", path=str(folder / "{symbol}.csv"))


def test_times_of_day_must_be_on_one_clock(tmp_path: Path) -> None:
    data = hours(tmp_path, {"NY": "-05:00", "TOKYO": "+09:00"})
    with pytest.raises(DataError, match=r"TOKYO may be on another clock than NY; write data\.time_zone"):
        load_panel(data)
    panel = load_panel(data.model_copy(update={"time_zone": "America/New_York"}))
    assert panel.bars.shape == (120, 2, 5)  # 10:00 in Tokyo is 20:00 of the day before in New York
    assert str(panel.times[0]) == "2020-01-05T20:00:00.000000000"
    assert load_panel(hours(tmp_path, {"NY": "-05:00", "BOSTON": "-05:00"})).bars.shape == (60, 2, 5)
    with pytest.raises(DataError, match="may be on another clock"):
        load_panel(hours(tmp_path, {"NY": "-05:00", "SAID": ""}))


def test_days_beside_hours_are_refused(tmp_path: Path) -> None:
    files(tmp_path, "A")
    data = hours(tmp_path, {"B": ""}).model_copy(update={"universe": ("A", "B")})
    with pytest.raises(DataError, match="B has times of day and A has dates"):
        load_panel(data)


def test_bars_of_another_length_and_weeks_of_other_days_are_refused(tmp_path: Path) -> None:
    """A week stamped by its Monday holds the Friday: beside days, or weeks stamped by Friday, it looks ahead."""
    data = files(tmp_path, "AB", bars=400)
    frame = pd.read_csv(tmp_path / "B.csv", index_col=0, parse_dates=True)
    how = {"Open": "first", "High": "max", "Low": "min", "Close": "last", "Volume": "sum"}
    frame.resample("W-MON", label="left", closed="left").agg(how).to_csv(tmp_path / "B.csv")
    with pytest.raises(DataError, match="the bars of B and A are not of one length"):
        load_panel(data)
    pd.read_csv(tmp_path / "A.csv", index_col=0, parse_dates=True).resample("W-FRI").agg(how).to_csv(
        tmp_path / "A.csv"
    )
    with pytest.raises(DataError, match="the bars of B and A have different dates"):
        load_panel(data)
    pd.read_csv(tmp_path / "B.csv", index_col=0).to_csv(tmp_path / "A.csv")
    assert load_panel(data).bars.shape[1] == 2


def test_a_holiday_of_its_exchange_is_no_reason_to_sell_an_asset(tmp_path: Path) -> None:
    data = files(tmp_path, "AB")
    frame = pd.read_csv(tmp_path / "A.csv", index_col=0)
    frame.drop(frame.index[[50, 51, 100]]).iloc[:150].to_csv(tmp_path / "A.csv")
    panel = load_panel(data)
    held, member = panel.tradable[:, 0], panel.members[:, 0]
    assert not member[[50, 51, 100]].any()
    assert held[:163].all()  # and for ten sessions after its last bar
    assert not held[163:].any()


def test_a_night_is_no_reason_to_sell_an_asset_beside_one_that_trades_all_day(tmp_path: Path) -> None:
    """18 hours of the other one lie between two days: more sessions than the days for which an asset may rest."""
    data = hours(tmp_path, {"SHARE": "+00:00", "COIN": "+00:00"}).model_copy(update={"time_zone": "UTC"})
    times = pd.date_range("2020-01-06 10:00", "2020-01-17 15:00", freq="h", tz="UTC")
    close = 50.0 + 0.1 * np.sin(np.arange(len(times)))
    frame = pd.DataFrame(
        {"Open": close, "High": close + 1, "Low": close - 1, "Close": close, "Volume": 9.0}, times
    )
    frame.rename_axis("Date").to_csv(tmp_path / "COIN.csv")
    panel = load_panel(data)
    assert len(panel.times) == len(times)
    assert panel.tradable.all()


def test_what_changed_its_price_for_good_is_no_single_bar(tmp_path: Path) -> None:
    data = files(tmp_path)
    change(tmp_path, "B", 100, 0.25)
    change(tmp_path, "A", 50, 100.0, 51)
    assert {stay.symbol: stay.single for stay in load_panel(data).quarantines} == {"A": True, "B": False}


def test_each_pair_is_looked_at_and_not_only_those_with_the_first(tmp_path: Path) -> None:
    """The first ends before the two others begin, and these two are on different clocks."""
    data = hours(tmp_path, {"A": "-05:00", "B": "-05:00", "C": "+09:00"})
    frame = pd.read_csv(tmp_path / "A.csv", index_col=0)
    frame.index = [stamp.replace("2020-", "2019-") for stamp in frame.index]
    frame.rename_axis("Date").to_csv(tmp_path / "A.csv")
    with pytest.raises(DataError, match="C may be on another clock than B"):
        load_panel(data)


def test_members_of_an_index_are_counted_with_and_without_prices_by_hand(tmp_path: Path) -> None:
    """A has bars from the 1st session on, B from the 11th; A leaves the index with 31 January, X has no prices."""
    lines = ["symbol,start,end", "A,,2020-01-31", "B,,", "X,,"]
    (tmp_path / "index.csv").write_text("\n".join(lines), encoding="utf-8")
    panel = load_panel(files(tmp_path).model_copy(update={"index": str(tmp_path / "index.csv")}))
    assert panel.index is not None
    assert panel.index.name == "index"
    members, here = panel.of_index(panel.index)
    days = panel.times.astype("datetime64[D]")
    january = days <= np.datetime64("2020-01-31")
    assert members.tolist() == np.where(january, 3, 2).tolist()
    assert here[:10].tolist() == [1] * 10  # A alone
    assert here[10 : january.sum()].tolist() == [2] * (january.sum() - 10)
    assert here[january.sum() :].tolist() == [1] * 187 + [0] * 10  # B alone, and at the end C


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (None, r"cannot be read .*expected a CSV file .*, or sp500"),
        ("ticker\nA\n", r"the heading is ticker; expected symbol"),
        ("symbol,start,end\nA,,\nA,2020-01-01,\n", "overlap"),
        ("symbol\na\nb\n", r"none of the 2 symbols of index is in the universe, such as 'a'; .*: 'A'"),
    ],
)
def test_an_index_that_is_none_is_refused_by_its_key(tmp_path: Path, lines: str | None, sentence: str) -> None:
    path = tmp_path / "index.csv"
    if lines is not None:
        path.write_text(lines, encoding="utf-8")
    with pytest.raises(DataError, match=sentence) as raised:
        load_panel(files(tmp_path).model_copy(update={"index": str(path)}))
    assert str(raised.value).startswith("data.index: ")
    assert str(raised.value).count("data.index") == 1


def test_the_stocks_of_the_package_are_a_quarter_of_their_index() -> None:
    """116 of its 499 members on 2009-12-18, counted by awk in the files of the package: start <= day <= end."""
    panel = load_panel(DataConfig(universe="us_stocks", index="sp500", start="2009-12-18", end="2009-12-21"))
    assert panel.index is not None
    members, here = panel.of_index(panel.index)
    assert (members[0], here[0]) == (499, 116)


def test_a_symbol_in_small_letters_is_offered_its_file_and_one_like_none_is_offered_none(tmp_path: Path) -> None:
    data = files(tmp_path)
    given = data.model_copy(update={"universe": ("a", "c", "spy")})
    with pytest.raises(DataError) as raised:
        load_panel(given)
    small, other, like_none = (line for line in str(raised.value).splitlines() if "no file" in line)
    assert small.endswith("did you mean 'A.csv'?")
    assert other.endswith("did you mean 'C.csv'?")
    assert "did you mean" not in like_none


@pytest.mark.parametrize("given", [{"symbol": "AAPL"}, {}, {"symbol": "KO", "source": "yahoo"}])
def test_without_a_universe_it_is_said_that_it_is_missing(given: dict[str, str]) -> None:
    with pytest.raises(
        ConfigError, match=r"data\.universe: it is missing.* write universe: us_stocks, a list"
    ) as said:
        load_panel(given)
    assert "None" not in str(said.value)
