"""Outside data with dates: read as prices are, joined by the time at which a row was known, never before."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import ConfigError, DataConfig, DataError, Prices, load_prices
from lstmstrat.config.data import PeerConfig
from lstmstrat.config.schema import Config
from lstmstrat.config.validation import validated
from lstmstrat.prices.outside import Stream

START = {"symbol": "IBM", "start": "2012-01-03"}
DAYS = load_prices(DataConfig.model_validate(START)).times


def loaded(folder: Path, text: str, own: dict[str, str] | None = None, **entry: Any) -> Prices:
    path = folder / "mood.csv"
    path.write_text(text, encoding="utf-8")
    return load_prices(
        DataConfig.model_validate({**(own or START), "extra": [{"name": "mood", "path": str(path), **entry}]})
    )


def of_days(folder: Path) -> dict[str, str]:
    """The same prices from a file of days, which does not say where their exchange is."""
    load_prices(DataConfig.model_validate(START)).frame.to_csv(folder / "IBM.csv")
    return {"source": "csv", "path": str(folder / "IBM.csv")}


def at(prices: Prices, day: str) -> float:
    return float(prices.outside.extra[0].at(np.array([day], dtype="datetime64[ns]"))[0, 0])


# By hand: 2012-01-05 is a Thursday. A row that is dated on the 5th was published some time on the 5th, so the bar
# of the 5th must not see it, and that of the 6th may.
@pytest.mark.parametrize(
    ("lag", "of_the_5th", "of_the_6th", "of_the_9th"),
    [
        ({}, 1.0, 2.0, 2.0),
        ({"lag": "0d"}, 2.0, 2.0, 2.0),
        ({"lag": "2d"}, 1.0, 1.0, 2.0),
        ({"lag": "24h"}, 1.0, 2.0, 2.0),
    ],
)
def test_a_row_with_a_date_is_known_on_the_day_after(
    tmp_path: Path, lag: dict[str, str], of_the_5th: float, of_the_6th: float, of_the_9th: float
) -> None:
    prices = loaded(tmp_path, "date,score\n2011-12-30,1\n2012-01-05,2\n", **lag)
    assert at(prices, "2012-01-05") == of_the_5th
    assert at(prices, "2012-01-06") == of_the_6th
    assert at(prices, "2012-01-09") == of_the_9th


def test_a_row_with_a_time_of_day_is_known_at_it(tmp_path: Path) -> None:
    text = "date,score\n2012-01-04 23:00,1\n2012-01-05 09:30,2\n"
    prices = loaded(tmp_path, text, of_days(tmp_path))  # neither clock is known
    assert at(prices, "2012-01-05") == 1.0  # the bar of a day has its date alone, which is its beginning
    assert at(prices, "2012-01-05 09:29:59") == 1.0
    assert at(prices, "2012-01-05 09:30") == 2.0


def test_times_on_an_unknown_clock_beside_prices_on_a_known_one_are_asked_about(tmp_path: Path) -> None:
    """Prices of New York; where those are turned to UTC, times of New York were taken as UTC, five hours early."""
    text = "date,score\n2012-01-04 23:00,1\n2012-01-05 09:30,2\n"
    with pytest.raises(DataError, match=r'on which clock its times are, .* write time_zone: "America/New_York"'):
        loaded(tmp_path, text)
    prices = loaded(tmp_path, text, time_zone="America/New_York")
    assert (at(prices, "2012-01-05 09:29"), at(prices, "2012-01-05 09:30")) == (1.0, 2.0)
    prices = loaded(tmp_path, text, time_zone="America/Los_Angeles")  # three hours behind New York
    assert (at(prices, "2012-01-05 12:29"), at(prices, "2012-01-05 12:30")) == (1.0, 2.0)


@pytest.mark.parametrize("midnight", ["05:00:00+00:00", "05:00:00Z", "00:00:00-05:00"])
def test_midnight_of_the_exchange_is_a_date_on_whatever_clock_it_is_written(tmp_path: Path, midnight: str) -> None:
    """New York is five hours behind UTC in January. A date is used from the next day on."""
    rows = "".join(f"2012-01-0{day} {midnight},{day}\n" for day in (3, 4, 5, 6))
    prices = loaded(tmp_path, f"date,score\n{rows}")
    assert [at(prices, f"2012-01-0{day}") for day in (4, 5, 6)] == [3.0, 4.0, 5.0]


def test_times_in_utc_need_the_clock_of_the_exchange(tmp_path: Path) -> None:
    """A file of days does not say it; of what is bundled it is known."""
    text = "time,score\n2012-01-04T23:00:00Z,1\n2012-01-05T14:30:00Z,2\n"
    own = of_days(tmp_path)
    with pytest.raises(
        DataError,
        match=r'write time_zone: "America/New_York", or where their exchange is, beside name: mood in data\.extra',
    ):
        loaded(tmp_path, text, own)
    of_file = loaded(tmp_path, text, own, time_zone="America/New_York")
    for prices in (of_file, loaded(tmp_path, text), loaded(tmp_path, text, time_zone="America/New_York")):
        assert at(prices, "2012-01-05 09:29") == 1.0  # five hours behind UTC in January
        assert at(prices, "2012-01-05 09:30") == 2.0


def test_percent_signs_are_named_and_without_them_the_values_are_read(tmp_path: Path) -> None:
    text = "date,score\n2011-12-30,0.1%\n2012-01-05,-2.5%\n"
    with pytest.raises(
        DataError, match=r"'0.1%', expected a number .*; write the numbers without %, all in percent"
    ):
        loaded(tmp_path, text)
    assert at(loaded(tmp_path, text.replace("%", "")), "2012-01-09") == -2.5


def test_rows_out_of_order_and_rows_given_twice(tmp_path: Path) -> None:
    prices = loaded(tmp_path, "date,score\n2012-01-05,2\n2012-01-03,1\n2012-01-05,2\n2012-01-04,\n2012-01-06,3\n")
    stream = prices.outside.extra[0]
    assert stream.values[:, 0].tolist() == [1.0, 2.0, 3.0]
    said = [text for text in prices.notices if text.startswith("mood: ")]
    assert any("rows given twice left out: 1 (first: 2012-01-05)" in text for text in said)
    assert any("rows are sorted by date" in text for text in said)
    assert any("rows without a value left out: 1" in text for text in said)


def test_two_values_of_one_time_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"2012-01-05: given twice, with different values; keep one of the rows 1 and 3"
    ):
        loaded(tmp_path, "date,score\n2012-01-05,2\n2012-01-06,1\n2012-01-05,3\n")


@pytest.mark.parametrize("heading", ["published", "realtime_start", "release date", "known"])
def test_of_two_columns_of_dates_one_is_to_be_named_and_the_cure_works(tmp_path: Path, heading: str) -> None:
    """The figure of the 2nd was published on the 5th: known on the 3rd it would be read a day or more ahead."""
    text = f"date,{heading},score\n2011-11-30,2011-12-30,1\n2012-01-02,2012-01-05,2\n"
    with pytest.raises(
        DataError, match=f"several columns of dates: 'date', '{heading}'; write .*date: \"{heading}\""
    ):
        loaded(tmp_path, text)
    prices = loaded(tmp_path, text, date=heading)
    assert (at(prices, "2012-01-04"), at(prices, "2012-01-05"), at(prices, "2012-01-06")) == (1.0, 1.0, 2.0)
    assert at(loaded(tmp_path, text, date="date"), "2012-01-03") == 2.0


def test_of_several_columns_one_is_to_be_named_and_the_cure_works(tmp_path: Path) -> None:
    text = "day,score,count\n2012-01-03,0.5,7\n2012-01-04,-0.5,8\n"
    with pytest.raises(
        DataError, match=r"2 columns of values: 'score', 'count'; write column: .score. beside name: mood"
    ):
        loaded(tmp_path, text)
    assert loaded(tmp_path, text, column="score").outside.extra[0].values[:, 0].tolist() == [0.5, -0.5]
    assert loaded(tmp_path, text.replace("score", "Mood")).outside.extra[0].values[:, 0].tolist() == [0.5, -0.5]


def test_a_column_of_words_is_no_column_of_values(tmp_path: Path) -> None:
    text = "date,ticker,score\n2012-01-03,IBM,0.5\n2012-01-04,IBM,-0.5\n"
    assert loaded(tmp_path, text).outside.extra[0].values[:, 0].tolist() == [0.5, -0.5]


def test_a_lag_beyond_all_dates_is_refused() -> None:
    one = {"name": "mood", "path": "mood.csv", "lag": "99999w"}
    assert "expected at most 520w" in config_mistakes({"extra": [one]})


SETTING = re.compile(r"\b([a-z_]+): (\{[^}]*\}|\"[^\"]*\"|[^\s,;]+)")


def cures(message: str, entry: str) -> list[dict[str, Any]]:
    """The settings that a message says to write beside ``name:`` of an entry, each to be tried by itself."""
    assert f" beside {entry}" in message
    parts = re.findall(rf"write (.*?) beside {re.escape(entry)}((?: or [a-z_]+: \S+)*)", message)
    assert parts
    return [{key: yaml.safe_load(value)} for part in parts for key, value in SETTING.findall(" ".join(part))]


MOOD = "name: mood in data.extra"

# The text, and the values after each of the cures that its message gives, tried by itself; as read by eye.
CURABLE: dict[str, tuple[str, list[list[float]]]] = {
    "a date in two ways": ("date,score\n03/01/2012,1\n04/01/2012,2\n", [[1.0, 2.0], [1.0, 2.0]]),
    "1,234": ("date;score\n2012-01-03;1,234\n2012-01-04;2,345\n", [[1234.0, 2345.0], [1.234, 2.345]]),
    "an offset": ("date,score\n2012-01-03T10:00Z,1\n2012-01-04T10:00Z,2\n", [[1.0, 2.0]]),
    "two columns": ("date,score,count\n2012-01-03,1,7\n2012-01-04,2,8\n", [[1.0, 2.0]]),
    "a year": ("date,score\n2011,1\n2012,2\n", [[1.0, 2.0]]),
}
TOGETHER = {  # cures that are given as one
    "no heading": "2012-01-03,1\n2012-01-04,2\n",
    "a row too long": "date,score\n2012-01-03,1,\n2012-01-04,2,x\n",
}


@pytest.mark.parametrize("name", CURABLE)
def test_each_cure_works_on_the_file_that_provoked_it(tmp_path: Path, name: str) -> None:
    text, expected = CURABLE[name]
    own = of_days(tmp_path)
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, text, own)
    found = cures(str(caught.value), MOOD)
    assert [
        loaded(tmp_path, text, own, **cure).outside.extra[0].values[:, 0].tolist() for cure in found
    ] == expected


@pytest.mark.parametrize("name", TOGETHER)
def test_cures_given_as_one_work_together(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, TOGETHER[name])
    cure = {key: value for one in cures(str(caught.value), MOOD) for key, value in one.items()}
    assert loaded(tmp_path, TOGETHER[name], **cure).outside.extra[0].values[:, 0].tolist() == [1.0, 2.0]


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, "date,score\n2012-01-03,good\n2012-01-04,1\n", column="scroe", date="dat")
    assert str(caught.value).startswith(f"{MOOD}: ")
    assert 'column: "scroe": there is no such column' in str(caught.value)
    assert 'date: "dat": there is no such column' in str(caught.value)
    with pytest.raises(DataError, match="row 1: the value is 'good', expected a number"):
        loaded(tmp_path, "date,score\n2012-01-03,good\n2012-01-04,1\n")


@pytest.mark.parametrize("entry", [{"decimal": ","}, {"decimal": "."}])
def test_a_comma_that_can_be_two_signs_is_refused_and_the_cure_works(
    tmp_path: Path, entry: dict[str, str]
) -> None:
    text = "date;score\n2012-01-03;1,234\n2012-01-04;2,345\n"
    with pytest.raises(DataError, match=r'write decimal: "\." beside name: mood in data\.extra'):
        loaded(tmp_path, text)
    expected = [1.234, 2.345] if entry["decimal"] == "," else [1234.0, 2345.0]
    assert loaded(tmp_path, text, **entry).outside.extra[0].values[:, 0].tolist() == expected


def test_an_old_value_is_said_with_its_age(tmp_path: Path) -> None:
    rows = "".join(f"2012-01-{day:02},{day}\n" for day in range(3, 28))
    prices = loaded(
        tmp_path, "date,score\n" + rows
    )  # the last row is known on 2012-01-28, the last bar 2013-03-01
    assert any(text == "mood: at 2013-03-01 its newest value is 398 days old; its rows are usually 1 day apart"
               for text in prices.notices)  # fmt: skip
    assert (np.datetime64("2013-03-01") - np.datetime64("2012-01-28")).astype(int) == 398


def test_a_file_that_begins_after_the_prices_is_refused_and_one_that_begins_late_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="its first row is known at 2014-01-02, and the last bar of the prices"):
        loaded(tmp_path, "date,score\n2014-01-01,1\n2014-01-02,1\n")
    prices = loaded(tmp_path, "date,score\n2012-01-09,1\n2013-02-28,1\n")
    assert "mood: no value before 2012-01-10: 5 of 291 bars" in prices.notices  # Jan 3 to 6, and 9


def test_parquet_is_read_by_the_same_rules(tmp_path: Path) -> None:
    frame = pd.DataFrame({"score": [1.0, 2.0]}, pd.DatetimeIndex(["2012-01-03", "2012-01-05"], name="date"))
    frame.to_parquet(tmp_path / "mood.parquet")
    entry = {"name": "mood", "path": str(tmp_path / "mood.parquet")}
    prices = load_prices(DataConfig.model_validate({**START, "extra": [entry]}))
    assert (at(prices, "2012-01-05"), at(prices, "2012-01-06")) == (1.0, 2.0)


def test_the_content_of_a_file_is_part_of_the_identity_of_the_prices(tmp_path: Path) -> None:
    text = "date,score\n2012-01-03,1\n2012-01-05,2\n"
    first = loaded(tmp_path, text)
    assert loaded(tmp_path, text).sha256 == first.sha256
    assert loaded(tmp_path, text.replace(",2\n", ",2.0000000001\n")).sha256 != first.sha256
    assert loaded(tmp_path, text, lag="2d").sha256 != first.sha256
    assert load_prices(DataConfig.model_validate(START)).sha256 != first.sha256


def test_a_longer_bar_of_a_peer_is_known_when_it_is_over(tmp_path: Path) -> None:
    frame = load_prices(DataConfig(symbol="MSFT")).frame
    weekly = frame.resample("W-MON", label="left", closed="left").agg(
        {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    )
    weekly.to_csv(tmp_path / "weekly.csv", index_label="date")
    peer = {"name": "msft", "source": "csv", "path": str(tmp_path / "weekly.csv")}
    stream = load_prices(DataConfig.model_validate({**START, "peers": [peer]})).outside.peers[0]
    for monday, known in zip(weekly.index.to_numpy()[:60], stream.known[:60], strict=True):
        assert known == monday + np.timedelta64(7, "D")
    given = load_prices(DataConfig.model_validate({**START, "peers": [{**peer, "lag": "0d"}]}))
    assert given.outside.peers[0].known[0] == weekly.index.to_numpy()[0]


TIMES = st.lists(st.integers(0, 400), min_size=1, max_size=40, unique=True).map(sorted)


@settings(max_examples=100, deadline=None)
@given(known=TIMES, asked=TIMES, cut=st.integers(0, 400))
def test_law_as_of_is_that_of_pandas_and_no_later_row_counts(known: list[int], asked: list[int], cut: int) -> None:
    hour = np.timedelta64(1, "h")
    begin = np.datetime64("2020-01-01", "ns")
    stream = Stream("x", begin + np.array(known) * hour, np.array(known, dtype=float)[:, None])
    times = begin + np.array(asked) * hour
    left, right = pd.DataFrame({"t": times}), pd.DataFrame({"t": stream.known, "v": stream.values[:, 0]})
    expected = pd.merge_asof(left, right, on="t")["v"].to_numpy()
    np.testing.assert_array_equal(stream.at(times)[:, 0], expected)
    last = begin + cut * hour
    early = times[times <= last]
    np.testing.assert_array_equal(stream.until(last).at(early), stream.at(early))


def config_mistakes(data: dict[str, Any], **forecast: Any) -> str:
    values = {"data": data, "forecast": forecast, "strategies": [{"class": "strategies.long_flat:LongFlat"}]}
    with pytest.raises(ConfigError) as caught:
        validated(Config, values, "c.yaml:")
    return str(caught.value)


def test_a_config_says_what_is_wrong_with_its_extras() -> None:
    one = {"name": "mood", "path": "mood.csv"}
    assert "data.extra: two of them are called 'mood'" in config_mistakes({"extra": [one, one]}).replace(".0", "")
    assert "data.extra.0.lga: unknown key; did you mean 'lag'?" in config_mistakes(
        {"extra": [{**one, "lga": "1d"}]}
    )
    assert "expected a number of weeks, days" in config_mistakes({"extra": [{**one, "lag": "1 day"}]})
    assert "data.extra.0.path: missing" in config_mistakes({"extra": [{"name": "mood"}]})
    assert "data.peers.0.symbl: unknown key; did you mean 'symbol'?" in config_mistakes(
        {"peers": [{"name": "x", "symbl": "IBM"}]}
    )
    assert "expected a letter, then letters" in config_mistakes({"extra": [{**one, "name": "mood.score"}]})
    assert "is of no peer; write it in features" in config_mistakes(
        {"extra": [one]}, peer_features=["column:mood"]
    )
    assert "there is no column 'rate'" in config_mistakes({"extra": [one]}, refit_when="column:rate")
    wrong = config_mistakes({"extra": [one]}, features=["column:moood"])
    assert "there is no column 'moood' in data.extra; did you mean 'mood'?" in wrong


# --- what a message says about an entry ------------------------------------------------------------------------


def test_a_cure_of_a_lag_works(tmp_path: Path) -> None:
    """A row a month is dated before it is published."""
    text = "date,score\n" + "".join(f"2012-{month:02}-01,{month}\n" for month in range(1, 13))
    (notice,) = (text for text in loaded(tmp_path, text).notices if "beside" in text)
    assert "write lag: 45d, or how much later, beside name: mood in data.extra" in notice
    later = loaded(tmp_path, text, lag="45d")
    assert at(later, "2012-02-15") == 1.0  # by hand: January 1st and 45 days
    assert np.isnan(at(later, "2012-02-14"))
    assert not any("beside" in text for text in later.notices)


PEER = "name: other in data.peers"


def peer(folder: Path, text: str, **entry: Any) -> Prices:
    path = folder / "other.csv"
    path.write_text(text, encoding="utf-8")
    one = {"name": "other", "source": "csv", "path": str(path), **entry}
    return load_prices(DataConfig.model_validate({**START, "peers": [one]}))


def test_cures_for_the_file_of_a_peer_work(tmp_path: Path) -> None:
    """By hand: close 1.5 and 1.75 on two days, which are May 1st and 2nd, or January 5th and February 5th."""
    rows = ["05/01/2012,1,2,1,1.5,10,70", "05/02/2012,1,2,1,1.75,20,80"]
    text = "\n".join(["Date,Open,High,Low,Close,Volume BTC,Volume USDT", *rows])
    with pytest.raises(DataError) as caught:
        peer(tmp_path, text)
    assert str(caught.value).startswith(f"{PEER}: {tmp_path / 'other.csv'}:")
    found = cures(str(caught.value), PEER)
    columns = next(cure for cure in found if "columns" in cure)
    times = []
    for cure in (cure for cure in found if "date_format" in cure):
        stream = peer(tmp_path, text, lag="0d", **columns, **cure).outside.peers[0]
        assert stream.values[:, 3].tolist() == [1.5, 1.75]
        times.append([str(time)[:10] for time in stream.known])
    assert sorted(times) == [["2012-01-05", "2012-02-05"], ["2012-05-01", "2012-05-02"]]


@pytest.mark.parametrize("key", ["extra", "peers"])
def test_a_file_that_is_not_there_is_named_with_its_entry(tmp_path: Path, key: str) -> None:
    (tmp_path / "moods.csv").write_text("date,open,high,low,close\n2012-01-04,1,2,1,1\n2012-01-05,1,2,1,1\n")
    entry = {"name": "mood", "path": str(tmp_path / "mood.csv"), "time_zone": "America/New_York"}
    entry |= {"source": "csv"} if key == "peers" else {}
    column = {"column": "close"} if key == "extra" else {}
    with pytest.raises(DataError) as caught:
        load_prices(DataConfig.model_validate({**START, key: [entry]}))
    assert str(caught.value) == (
        f"name: mood in data.{key}: no file {entry['path']} in {tmp_path}: correct its path; "
        "did you mean 'moods.csv'?"
    )
    mended = entry | {"path": str(tmp_path / "moods.csv")} | column
    assert load_prices(DataConfig.model_validate({**START, key: [mended]})).outside


def test_a_symbol_that_is_not_there_is_named_with_its_peer() -> None:
    with pytest.raises(DataError, match=r"^name: it in data\.peers: no bundled prices of 'MSTF'; did you mean"):
        load_prices(DataConfig.model_validate({**START, "peers": [{"name": "it", "symbol": "MSTF"}]}))


@pytest.mark.parametrize("source", ["bundled", "yahoo"])
def test_a_peer_without_symbol_is_refused(source: str) -> None:
    """It was AAPL, whatever its name."""
    said = "symbol is missing; write symbol: MSFT beside name: msft in data.peers"
    assert f"data.peers.0: {said}" in config_mistakes({"peers": [{"name": "msft", "source": source}]})
    assert PeerConfig(name="msft", source="csv", path="shares/MSFT.csv").symbol == "MSFT"


@pytest.mark.parametrize("heading", ["Ticker", "symbol", "Name"])
def test_a_file_of_two_symbols_is_refused_with_both_names(tmp_path: Path, heading: str) -> None:
    """On other days nothing is there twice, and the values of both would be those of one."""
    rows = [f"2012-01-{k:02},{'AAA' if k < 8 else 'BBB'},{k}" for k in range(3, 13)]
    text = "\n".join([f"date,{heading},score", *rows])
    with pytest.raises(DataError, match=rf"of 2 symbols by the column '{heading}': 'AAA', 'BBB'; make a file"):
        loaded(tmp_path, text)
    prices = loaded(tmp_path, "\n".join(line for line in text.splitlines() if "BBB" not in line))
    assert prices.outside.extra[0].values[:, 0].tolist() == [3.0, 4.0, 5.0, 6.0, 7.0]


def test_a_lag_that_is_offered_for_quarters_is_longer_than_a_quarter(tmp_path: Path) -> None:
    """45 days after its first day a quarter is half over, and nobody knows its number: a look into the future."""
    text = "date,score\n" + "".join(f"{2010 + k // 4}Q{k % 4 + 1},{k}\n" for k in range(12))
    (notice,) = (text for text in loaded(tmp_path, text).notices if "beside" in text)
    (lag,) = re.findall(r"write lag: (\d+)d", notice)
    assert int(lag) > 92  # by hand: July to September, the longest


@pytest.mark.parametrize(("true", "false"), [("True", "False"), ("TRUE", "FALSE"), ("true", "")])
def test_true_and_false_are_one_and_zero(tmp_path: Path, true: str, false: str) -> None:
    prices = loaded(tmp_path, f"date,score\n2012-01-03,{true}\n2012-01-05,{false}\n2012-01-10,{true}\n")
    assert at(prices, "2012-01-04") == 1.0
    assert at(prices, "2012-01-09") == (0.0 if false else 1.0)
    with pytest.raises(DataError, match="the value is 'True', expected a number"):
        loaded(tmp_path, "date,score\n2012-01-03,True\n2012-01-05,3\n")


def test_a_minus_sign_of_typesetters_is_read(tmp_path: Path) -> None:
    assert at(loaded(tmp_path, "date,score\n2012-01-03,\u22120.5\n2012-01-05,1\n"), "2012-01-04") == -0.5
