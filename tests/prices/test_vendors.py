"""The files that vendors give run as downloaded. The layouts are theirs, the numbers are made up.

Second origin of every expected bar: the frame that the text was written from, by Python's own formats.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from helpers.vendors import COLUMNS, CRYPTO, DAYS, HOURS, assert_bars, csv, lines, made_up, parquet

from lstmstrat.errors import DataError
from lstmstrat.prices import Prices

NEWEST_FIRST = "the newest row comes first in the table: its order is turned round"
OTHER = made_up(pd.DatetimeIndex(DAYS.index), start=41.0)


FULL = HOURS.set_axis(HOURS.index - pd.Timedelta(minutes=30))
MONTHS = made_up(pd.date_range("2000-01-01", periods=40, freq="MS"))


def without_volume(bars: pd.DataFrame) -> pd.DataFrame:
    return bars.assign(volume=0.0)


# --- Yahoo ---------------------------------------------------------------------------------------------------


def yahoo_frame(tickers: dict[str, pd.DataFrame], first: str = "Price") -> pd.DataFrame:
    """As `yf.download` gives it: columns of (price, ticker), or with group_by="ticker" the other way round."""
    names = dict(zip(COLUMNS, ["Open", "High", "Low", "Close", "Volume"], strict=True))
    frame = pd.concat({t: bars.rename(columns=names) for t, bars in tickers.items()}, axis="columns", sort=False)
    frame.columns.names = ["Ticker", "Price"]
    frame.index.name = "Date"
    return frame if first == "Ticker" else frame.swaplevel(axis="columns").sort_index(axis="columns")


@pytest.mark.parametrize("first", ["Price", "Ticker"])
def test_yahoo_download_of_one_ticker(tmp_path: Path, first: str) -> None:
    frame = yahoo_frame({"AAPL": DAYS}, first)
    assert frame.to_csv().count("AAPL") == 5  # three rows of heading
    for prices in (
        csv(tmp_path, frame.to_csv(), symbol="AAPL"),
        parquet(tmp_path, frame, symbol="AAPL"),
        Prices.from_frame(frame, "AAPL"),
    ):
        assert_bars(prices, DAYS)


@pytest.mark.parametrize("first", ["Price", "Ticker"])
def test_yahoo_download_of_two_tickers_takes_the_one_asked_for(tmp_path: Path, first: str) -> None:
    frame = yahoo_frame({"AAPL": DAYS, "MSFT": OTHER}, first)
    for symbol, bars in (("AAPL", DAYS), ("msft", OTHER)):
        assert_bars(csv(tmp_path, frame.to_csv(), symbol=symbol), bars)
        assert_bars(parquet(tmp_path, frame, symbol=symbol), bars)
        assert_bars(Prices.from_frame(frame, symbol), bars)
    with pytest.raises(DataError, match=r"has 2 symbols and none is 'prices': 'AAPL', 'MSFT'; write data.symbol"):
        csv(tmp_path, frame.to_csv())


def test_yahoo_download_of_other_programs_has_tuples_as_text(tmp_path: Path) -> None:
    frame = yahoo_frame({"AAPL": DAYS, "MSFT": OTHER})
    frame.columns = [str(name) for name in frame.columns]  # type: ignore[assignment]
    assert_bars(parquet(tmp_path, frame.reset_index(), symbol="MSFT"), OTHER)


def test_yahoo_download_of_older_versions_names_no_levels(tmp_path: Path) -> None:
    frame = yahoo_frame({"AAPL": DAYS, "MSFT": OTHER})
    frame.columns.names = [None, None]
    assert frame.to_csv().splitlines()[2].startswith("Date,,")
    assert_bars(csv(tmp_path, frame.to_csv(), symbol="MSFT"), OTHER)


@pytest.mark.parametrize("adjusted", [True, False])
def test_yahoo_history_of_a_ticker(tmp_path: Path, adjusted: bool) -> None:
    names = dict(zip(COLUMNS, ["Open", "High", "Low", "Close", "Volume"], strict=True))
    frame = DAYS.rename(columns=names).assign(Dividends=0.0, **{"Stock Splits": 0.0})
    if not adjusted:
        frame.insert(4, "Adj Close", frame["Close"])
    frame.index = DAYS.index.tz_localize("America/New_York").rename("Date")
    for prices in (csv(tmp_path, frame.to_csv()), parquet(tmp_path, frame), Prices.from_frame(frame, "X")):
        assert_bars(prices, DAYS)


def test_yahoo_page(tmp_path: Path) -> None:
    """The table of the page: stars in the heading, thousands, a dividend in a row of its own, newest first."""
    form = '"{t:%b %d, %Y}","{o:,.2f}","{h:,.2f}","{l:,.2f}","{c:,.2f}","{c:,.2f}","{v:,}"'
    rows = lines(DAYS[::-1], form, "Date,Open,High,Low,Close*,Adj Close**,Volume").splitlines()
    rows.insert(5, '"Feb 20, 2015","0.24 Dividend",,,,,')
    rows.append("*Close price adjusted for splits.**Adjusted close price adjusted for both dividends and splits.")
    prices = csv(tmp_path, "\n".join(rows))
    assert_bars(prices, DAYS)
    assert prices.notices == (
        "rows without prices left out: 1 (first: 2015-02-20)",
        "lines that are no bars left out: 1 "
        "(first: '*Close price adjusted for splits.**Adjusted close price a...')",
        NEWEST_FIRST,
    )


# --- other sites ---------------------------------------------------------------------------------------------


def german(bars: pd.DataFrame) -> str:
    """Semicolons, 31.01.2015, decimal commas and points between thousands."""
    text = lines(
        bars, "{t:%d/%m/%Y};{o:,.2f};{h:,.2f};{l:,.2f};{c:,.2f};{v:,}", "Datum;Open;High;Low;Close;Volume"
    )
    return text.translate(str.maketrans(".,/", ",.."))


ISO = "{t:%Y-%m-%d},{o},{h},{l},{c},{v}"
SITES: dict[str, tuple[str, pd.DataFrame]] = {
    "stooq": (lines(DAYS, ISO, "Date,Open,High,Low,Close,Volume", "\r\n"), DAYS),
    "stooq, a currency": (
        lines(DAYS, "{t:%Y-%m-%d},{o},{h},{l},{c}", "Date,Open,High,Low,Close"),
        without_volume(DAYS),
    ),
    "stooq, bulk, daily": (
        lines(
            DAYS,
            "AAPL.US,D,{t:%Y%m%d},000000,{o},{h},{l},{c},{v},0",
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
        ),
        DAYS,
    ),
    "stooq, bulk, hourly": (
        lines(
            HOURS,
            "AAPL.US,60,{t:%Y%m%d},{t:%H%M%S},{o},{h},{l},{c},{v},0",
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
        ),
        HOURS,
    ),
    "metastock": (
        lines(
            DAYS,
            "KGHM,{t:%Y%m%d},{o},{h},{l},{c},{v}",
            "<TICKER>,<DTYYYYMMDD>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>",
        ),
        DAYS,
    ),
    "nasdaq": (
        lines(
            DAYS[::-1],
            "{t:%m/%d/%Y},${c:.2f},{v},${o:.2f},${h:.2f},${l:.2f}",
            "Date,Close/Last,Volume,Open,High,Low",
        ),
        DAYS,
    ),
    "alpha vantage, csv": (lines(DAYS[::-1], ISO, "timestamp,open,high,low,close,volume"), DAYS),
    "alpha vantage, frame": (
        lines(DAYS[::-1], ISO, "date,1. open,2. high,3. low,4. close,5. volume"),
        DAYS,
    ),
    "alpha vantage, adjusted": (
        lines(
            DAYS[::-1],
            "{t:%Y-%m-%d},{o},{h},{l},{c},{c},{v},0.0000,1.0",
            "timestamp,1. open,2. high,3. low,4. close,5. adjusted close,6. volume,7. dividend amount,"
            "8. split coefficient",
        ),
        DAYS,
    ),
    "tradingview, epoch": (
        lines(HOURS, "{s},{o},{h},{l},{c},{v}", "time,open,high,low,close,Volume"),
        HOURS,
    ),
    "tradingview, iso": (
        lines(
            HOURS,
            "{t:%Y-%m-%dT%H:%M:%S}-05:00,{o},{h},{l},{c},{v},1",
            "time,open,high,low,close,Volume,Volume MA",
        ),
        HOURS,
    ),
    "investing.com": (
        lines(
            DAYS[::-1],
            '"{t:%m/%d/%Y}","{c:,.2f}","{o:,.2f}","{h:,.2f}","{l:,.2f}","{v}","0.10%"',
            '\ufeff"Date","Price","Open","High","Low","Vol.","Change %"',
        ),
        DAYS,
    ),
    "investing.com, other dates": (
        lines(
            DAYS[::-1],
            '"{t:%b %d, %Y}","{c:,.2f}","{o:,.2f}","{h:,.2f}","{l:,.2f}","-","0.10%"',
            '"Date","Price","Open","High","Low","Vol.","Change %"',
        ),
        without_volume(DAYS),
    ),
    "metatrader 4": (lines(HOURS, "{t:%Y.%m.%d},{t:%H:%M},{o},{h},{l},{c},{v}"), HOURS),
    "metatrader 5, daily": (
        lines(
            DAYS,
            "{t:%Y.%m.%d}\t{o}\t{h}\t{l}\t{c}\t{v}\t0\t1",
            "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
        ),
        DAYS,
    ),
    "metatrader 5, a share with volume": (
        lines(
            HOURS,
            "{t:%Y.%m.%d}\t{t:%H:%M:%S}\t{o}\t{h}\t{l}\t{c}\t77\t{v}\t1",
            "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
        ),
        HOURS,
    ),
    "histdata": (lines(HOURS, "{t:%Y%m%d %H%M%S};{o};{h};{l};{c};0"), without_volume(HOURS)),
    "backtrader, Date and Time": (
        lines(
            HOURS,
            "{t:%m/%d/%Y},{t:%H:%M},{o},{h},{l},{c},{v},0",
            "Date,Time,Open,High,Low,Close,Volume,OpenInterest",
        ),
        HOURS,
    ),
    "backtrader, heading too short": (
        lines(
            HOURS,
            "{t:%Y-%m-%d},{t:%H:%M:%S},{o},{h},{l},{c},{v},0",
            "Date,Open,High,Low,Close,Volume,OpenInterest",
        ),
        HOURS,
    ),
    "backtesting.py": (lines(DAYS, ISO, ",Open,High,Low,Close,Volume"), DAYS),
    "backtesting.py, hourly": (
        lines(HOURS, "{t:%Y-%m-%d %H:%M:%S},{o},{h},{l},{c},{v}", ",Open,High,Low,Close,Volume"),
        HOURS,
    ),
    "quandl": (
        lines(
            DAYS,
            "{t:%Y-%m-%d},{o},{h},{l},{c},{v},0.0,1.0,{o},{h},{l},{c},{v}",
            "Date,Open,High,Low,Close,Volume,Ex-Dividend,Split Ratio,"
            "Adj. Open,Adj. High,Adj. Low,Adj. Close,Adj. Volume",
        ),
        DAYS,
    ),
    "eodhd": (
        lines(DAYS, "{t:%Y-%m-%d},{o},{h},{l},{c},{c},{v}", "Date,Open,High,Low,Close,Adjusted_close,Volume"),
        DAYS,
    ),
    "tiingo": (
        lines(
            DAYS,
            "{t:%Y-%m-%d},{c},{h},{l},{o},{v},{c},{h},{l},{o},{v},0.0,1.0",
            "date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,splitFactor",
        ),
        DAYS,
    ),
    "dukascopy": (
        lines(HOURS, "{t:%d.%m.%Y %H:%M:%S}.000,{o},{h},{l},{c},{v}", "Gmt time,Open,High,Low,Close,Volume"),
        HOURS,
    ),
    "dukascopy, local": (
        lines(
            HOURS,
            "{t:%d.%m.%Y %H:%M:%S}.000 GMT+0100,{o},{h},{l},{c},{v}",
            "Local time,Open,High,Low,Close,Volume",
        ),
        HOURS,
    ),
    "nse": (
        lines(
            DAYS,
            '"{t:%d-%b-%Y}","EQ","{o:,.2f}","{h:,.2f}","{l:,.2f}","1.00","1.00","{c:,.2f}","1.00","{v:,}"',
            '"Date ","series ","OPEN ","HIGH ","LOW ","PREV. CLOSE ","ltp ","close ","vwap ","VOLUME "',
        ),
        DAYS,
    ),
    "quantmod": (
        lines(
            DAYS,
            '"{t:%Y-%m-%d}",{o},{h},{l},{c},{v},{c}',
            '"","AAPL.Open","AAPL.High","AAPL.Low","AAPL.Close","AAPL.Volume","AAPL.Adjusted"',
        ),
        DAYS,
    ),
    "of a German bank": (german(DAYS), DAYS),
    "heading given again": (
        lines(DAYS.iloc[:7], ISO, "Date,Open,High,Low,Close,Volume")
        + lines(DAYS.iloc[7:], ISO, "Date,Open,High,Low,Close,Volume"),
        DAYS,
    ),
    "in French": (lines(DAYS, ISO, "Date,Ouverture,+ Haut,+ Bas,Cl\u00f4ture,Volume"), DAYS),
    "investing.com, German": (
        lines(
            DAYS,
            '"{t:%d.%m.%Y}","{c}","{o}","{h}","{l}","-","0"',
            "Datum,Zuletzt,Er\u00f6ffn.,Hoch,Tief,Vol.,+/- %",
        ),
        without_volume(DAYS),
    ),
    "investing.com, French": (
        lines(DAYS, "{t:%d/%m/%Y},{c},{o},{h},{l},-,0", "Date,Dernier,Ouv.,Plus Haut,Plus Bas,Vol.,Variation %"),
        without_volume(DAYS),
    ),
    "investing.com, months": (
        lines(MONTHS[::-1], "{t:%b %y},{c},{o},{h},{l},{v},0", "Date,Price,Open,High,Low,Vol.,Change %"),
        MONTHS,
    ),
    "euronext": (
        lines(
            DAYS,
            "{t:%d/%m/%Y};{o};{h};{l};{c};{c};{v};12;1000.5",
            "Date;Open;High;Low;Last;Close;Number of Shares;Number of Trades;Turnover",
        ),
        DAYS,
    ),
    "in Spanish": (lines(DAYS, ISO, "Fecha,Apertura,M\u00e1ximo,M\u00ednimo,Cierre,Volumen"), DAYS),
    "an hour in a column of its own": (
        lines(FULL, "{t:%Y-%m-%d},{t:%H},{o},{h},{l},{c},{v}", "Date,Hour,Open,High,Low,Close,Volume"),
        FULL,
    ),
    "times without colons": (
        lines(HOURS, "{t:%Y%m%d},{t:%H%M},{o},{h},{l},{c},{v}", "Date,Time,Open,High,Low,Close,Volume").replace(
            ",0930", ",930"
        ),
        HOURS,
    ),
    "interactive brokers": (
        lines(HOURS, "{t:%Y%m%d %H:%M:%S} US/Eastern,{o},{h},{l},{c},{v}", "date,open,high,low,close,volume"),
        HOURS,
    ),
    "basic form of ISO 8601": (
        lines(HOURS, "{t:%Y%m%dT%H%M%S}Z,{o},{h},{l},{c},{v}", "date,open,high,low,close,volume"),
        HOURS,
    ),
    "months": (lines(MONTHS, "{t:%b %Y},{o},{h},{l},{c},{v}", "Date,Open,High,Low,Close,Volume"), MONTHS),
    "postgres": (
        lines(HOURS, "{t:%Y-%m-%d %H:%M:%S}+00,{o},{h},{l},{c},{v}", "ts,open,high,low,close,volume"),
        HOURS,
    ),
    "polygon": (lines(HOURS, "{v},1.5,{o},{c},{h},{l},{s}000,9", "v,vw,o,c,h,l,t,n"), HOURS),
}  # fmt: skip


@pytest.mark.parametrize("vendor", SITES)
def test_a_file_as_downloaded(tmp_path: Path, vendor: str) -> None:
    text, expected = SITES[vendor]
    assert_bars(csv(tmp_path, text), expected)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    """MetaTrader 5 writes UTF-16, Excel a byte order mark, older programs of Windows their code page."""
    text = lines(
        DAYS, "{t:%Y.%m.%d}\t{o}\t{h}\t{l}\t{c}\t{v}\t\u20ac", "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<VOL>\tIn"
    )
    assert_bars(csv(tmp_path, text.encode(encoding)), DAYS)


KLINE = "{o},{h},{l},{c},{v},{s}999,1.5,7,0.5,0.7,0"
KLINES = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,"
    "ignore"
)


@pytest.mark.parametrize("heading", ["", KLINES])
@pytest.mark.parametrize("time", ["{s}000", "{us}"])  # milliseconds; microseconds since 2025
@pytest.mark.parametrize("bars", [CRYPTO, HOURS], ids=["daily", "hourly"])
def test_binance(tmp_path: Path, heading: str, time: str, bars: pd.DataFrame) -> None:
    prices = csv(tmp_path, lines(bars, f"{time},{KLINE}", heading))
    assert_bars(prices, bars)
    assert any("the columns are those of Binance" in notice for notice in prices.notices) == (heading == "")


def test_crypto_data_download(tmp_path: Path) -> None:
    """Its address above the heading, the newest first, two volumes: of these only the user knows which."""
    text = "https://www.CryptoDataDownload.com\n" + lines(
        CRYPTO[::-1],
        "{s}000,{t:%Y-%m-%d %H:%M:%S},BTC/USDT,{o},{h},{l},{c},{v},1.5",
        "unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT",
    )
    with pytest.raises(DataError, match=r"more than one column is called volume: 'Volume BTC', 'Volume USDT'"):
        csv(tmp_path, text)
    prices = csv(tmp_path, text, "BTCUSDT.csv", columns={"volume": "Volume BTC"})
    assert_bars(prices, CRYPTO)
    assert prices.symbol == "BTCUSDT"
    assert prices.notices[:2] == (
        "a line above the heading left out: 'https://www.CryptoDataDownload.com'",
        "the table calls BTCUSDT 'BTC/USDT'",
    )


def test_the_hours_of_crypto_data_download(tmp_path: Path) -> None:
    """Its files until 2020: 2019-04-16 12-AM is midnight, no date without a time of day."""
    bars = made_up(pd.date_range("2019-04-14 20:00", periods=60, freq="h"))
    text = "https://www.CryptoDataDownload.com\n" + lines(
        bars[::-1],
        "{t:%Y-%m-%d %I-%p},BTCUSD,{o},{h},{l},{c},{v},1.5",
        "Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USD",
    )
    assert "\n2019-04-16 12-AM," in text
    assert_bars(csv(tmp_path, text, "BTCUSD.csv", columns={"volume": "Volume BTC"}), bars)


# --- one file, many tickers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("heading", ["Name", "Symbol", "tic", "Ticker"])
def test_many_tickers_in_one_column(tmp_path: Path, heading: str) -> None:
    parts = [bars.assign(**{heading: name}) for name, bars in (("AAL", DAYS), ("NA", OTHER))]  # NA is a bank
    frame = pd.concat(parts).rename_axis("date").reset_index()
    for symbol, bars in (("AAL", DAYS), ("na", OTHER)):
        assert_bars(csv(tmp_path, frame.to_csv(index=False), symbol=symbol), bars)
        assert_bars(parquet(tmp_path, frame, symbol=symbol), bars)
        assert_bars(parquet(tmp_path, frame.set_index(["date", heading]), symbol=symbol), bars)
        assert_bars(Prices.from_frame(frame, symbol), bars)
    with pytest.raises(
        DataError, match=r"has 2 symbols and none is 'prices': 'AAL', 'NA'; write data.symbol: \"AAL\""
    ):
        csv(tmp_path, frame.to_csv(index=False))


def test_frames_joined_by_ticker_have_a_level_without_name(tmp_path: Path) -> None:
    frame = pd.concat({"AAL": DAYS.rename_axis("Date"), "MSFT": OTHER.rename_axis("Date")})
    assert_bars(Prices.from_frame(frame, "MSFT"), OTHER)
    assert_bars(csv(tmp_path, frame.to_csv(), symbol="MSFT"), OTHER)
    assert_bars(parquet(tmp_path, frame, symbol="AAL"), DAYS)


# --- clocks --------------------------------------------------------------------------------------------------

BACK = made_up(pd.date_range("2017-11-04", periods=60, freq="h", tz="America/New_York"))  # put back on the 5th
UTC = BACK.set_axis(BACK.index.tz_convert("UTC").tz_localize(None))


@pytest.mark.parametrize("order", [1, -1])
def test_an_hour_that_comes_twice_is_told_by_its_offset(tmp_path: Path, order: int) -> None:
    bars = BACK[::order]
    texts = [lines(bars, "{t},{o},{h},{l},{c},{v}", "Date,Open,High,Low,Close,Volume")]
    texts.append(texts[0].replace("-04:00,", "-04,").replace("-05:00,", "-05,"))
    for prices in (
        *(csv(tmp_path, text) for text in texts),
        parquet(tmp_path, bars),
        Prices.from_frame(bars, "X"),
    ):
        assert_bars(prices, UTC)
        assert "the clocks were put back within the data: 2017-11-05 01:00:00 is there twice" in " ".join(
            prices.notices
        )


@pytest.mark.parametrize("order", [1, -1])
def test_an_hour_that_comes_twice_without_offset_needs_the_zone(tmp_path: Path, order: int) -> None:
    text = lines(BACK[::order], "{t:%Y-%m-%d %H:%M},{o},{h},{l},{c},{v}", "Date,Open,High,Low,Close,Volume")
    with pytest.raises(
        DataError, match=r'2017-11-05 01:00:00: given twice.* write data.time_zone: "America/New_York"'
    ):
        csv(tmp_path, text)
    assert_bars(csv(tmp_path, text, time_zone="America/New_York"), UTC)


def test_winter_and_summer_of_an_exchange_that_closes_at_night_keep_its_clock(tmp_path: Path) -> None:
    bars = made_up(pd.DatetimeIndex([f"2017-11-{d:02} {h:02}:30" for d in (2, 3, 6, 7) for h in range(9, 16)]))
    zoned = bars.set_axis(bars.index.tz_localize("America/New_York"))
    text = lines(zoned, "{t},{o},{h},{l},{c},{v}", "Date,Open,High,Low,Close,Volume")
    assert {"-04:00", "-05:00"} <= {line[19:25] for line in text.splitlines()}
    assert_bars(csv(tmp_path, text), bars)
    assert_bars(Prices.from_frame(zoned, "X"), bars)


def test_each_column_has_the_decimal_sign_that_it_shows(tmp_path: Path) -> None:
    """Rates with decimal commas beside a volume with a point: 0,994 is no 994, and 1,005 no 1005."""
    rates = made_up(DAYS.index, start=1.0, digits=3)
    assert rates["low"].min() < 1.0 < rates["high"].max()
    form = "{t:%Y-%m-%d};{o:.3f};{h:.3f};{l:.3f};{c:.3f};{v}"
    text = lines(rates, form, "Date;Open;High;Low;Close;Volume").replace(".", ",")
    text = re.sub(r"(\d)$", r"\1.25", text, flags=re.MULTILINE)
    assert_bars(csv(tmp_path, text), rates.assign(volume=rates["volume"] + 0.25))


@pytest.mark.parametrize(
    "name",
    [
        "調整後終値",
        "复权收盘价",
        "Slotkoers gecorrigeerd",
        "Justerad kurs",
        "수정종가",
        "TR Close",
        "Total Return",
    ],
)
def test_an_adjusted_close_in_any_language_is_used_or_refused_by_name(tmp_path: Path, name: str) -> None:
    text = lines(DAYS, "{t:%Y-%m-%d},{o},{h},{l},{c},{v},{c}", f"Date,Open,High,Low,Close,Volume,{name}")
    with pytest.raises(DataError, match=f"the column '{name}' looks like an adjusted price"):
        csv(tmp_path, text)
    assert_bars(csv(tmp_path, text, columns={"adj close": name}), DAYS)
    assert_bars(csv(tmp_path, text, columns={"adj close": None}), DAYS)


MIDNIGHTS = {
    "Asia/Tokyo": "Asia/Tokyo",
    "Asia/Hong_Kong": "Asia/Shanghai",
    "Asia/Kolkata": "Asia/Kolkata",
    "Europe/London": "Europe/London",
    "Australia/Sydney": "Australia/Sydney",
    "Pacific/Auckland": "Pacific/Auckland",
}  # where the exchange is, and what the message names, in which the same bars have the same dates


@pytest.mark.parametrize("zone", MIDNIGHTS)
@pytest.mark.parametrize("seconds", [True, False])
def test_bars_of_utc_that_are_dated_a_day_early_need_the_zone(tmp_path: Path, zone: str, seconds: bool) -> None:
    """A day in Tokyo begins at 15:00 UTC of the day before: as a peer it would show the close of tomorrow."""
    bars = made_up(pd.bdate_range("2015-01-02", periods=300))
    zoned = bars.set_axis(bars.index.tz_localize(zone).tz_convert("UTC"))
    cell = "{s}" if seconds else "{t}"
    text = lines(zoned, f"{cell},{{o}},{{h}},{{l}},{{c}},{{v}}", "time,open,high,low,close,volume")
    with pytest.raises(DataError, match=f'write data.time_zone: "{MIDNIGHTS[zone]}", or where the exchange is'):
        csv(tmp_path, text)
    assert_bars(csv(tmp_path, text, time_zone=MIDNIGHTS[zone]), bars)
    as_utc = csv(tmp_path, text, time_zone="UTC").frame.index
    assert as_utc.tolist() == zoned.index.tz_localize(None).normalize().tolist()
    with pytest.raises(DataError, match=f"pass time_zone='{MIDNIGHTS[zone]}'"):
        Prices.from_frame(zoned, "X")


def test_bars_of_the_opening_in_sydney_need_the_zone(tmp_path: Path) -> None:
    opened = (DAYS.index + pd.Timedelta(hours=10)).tz_localize("Australia/Sydney")
    text = lines(DAYS.set_axis(opened), "{s},{o},{h},{l},{c},{v}", "time,open,high,low,close,volume")
    with pytest.raises(
        DataError, match="the bars are stamped 23:00 UTC, and by the dates of UTC the market trades on"
    ):
        csv(tmp_path, text)
    assert_bars(csv(tmp_path, text, time_zone="Australia/Sydney"), DAYS)


@pytest.mark.parametrize("hour", [0, 15, 16.5, 21])
def test_bars_of_utc_with_the_right_dates_need_no_zone(tmp_path: Path, hour: float) -> None:
    """Closes of New York and London in UTC, and a market that never closes."""
    for index in (DAYS.index, pd.date_range("2015-01-02", periods=40)):
        bars = made_up(index)
        zoned = bars.set_axis((index + pd.Timedelta(hours=hour)).tz_localize("UTC"))
        assert_bars(Prices.from_frame(zoned, "X"), bars)


# --- three doors, one set of rules -----------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", SITES)
def test_what_is_read_from_text_is_read_from_parquet_and_from_a_frame(tmp_path: Path, vendor: str) -> None:
    """The table as pandas itself reads it, with numbers where pandas finds numbers."""
    text, expected = SITES[vendor]
    if vendor in ("metatrader 4", "histdata", "backtrader, heading too short"):
        pytest.skip("a frame has a heading")
    path = tmp_path / "prices.csv"
    path.write_text(text, encoding="utf-8")
    frame = pd.read_csv(path, sep=None, engine="python", encoding="utf-8-sig")
    assert_bars(Prices.from_frame(frame, "X"), expected)
    assert_bars(parquet(tmp_path, frame), expected)


def test_a_time_of_day_as_parquet_and_frames_have_it(tmp_path: Path) -> None:
    frame = HOURS.assign(Date=HOURS.index.date, Time=HOURS.index.time).reset_index(drop=True)
    assert_bars(Prices.from_frame(frame, "X"), HOURS)
    assert_bars(parquet(tmp_path, frame), HOURS)


def test_a_frame_is_left_as_it_was() -> None:
    frame = yahoo_frame({"AAPL": DAYS})[::-1]
    before = frame.copy(deep=True)
    Prices.from_frame(frame, "AAPL")
    pd.testing.assert_frame_equal(frame, before)


def test_binance_files_of_two_years_joined(tmp_path: Path) -> None:
    """Milliseconds until the end of 2024, microseconds from then on."""
    bars = made_up(pd.date_range("2024-12-15", periods=40))
    before = bars.index < pd.Timestamp("2025-01-01")
    rows = lines(bars[before], f"{{s}}000,{KLINE}") + lines(bars[~before], f"{{us}},{KLINE}")
    assert_bars(csv(tmp_path, rows), bars)
    assert_bars(csv(tmp_path, "\n".join(rows.splitlines()[::-1])), bars)


def test_pence_among_pounds_are_no_numbers(tmp_path: Path) -> None:
    """Taken off as a sign they would make a bar a hundred times as high."""
    text = lines(DAYS, "{t:%Y-%m-%d},{o} GBP,{h} GBP,{l} GBP,{c} GBP,{v}", "Date,Open,High,Low,Close,Volume")
    assert_bars(csv(tmp_path, text), DAYS)
    row = text.splitlines()[5]
    with pytest.raises(DataError, match=r"row 5, 2015-01-08: open is '[\d.]+ GBp', expected a number"):
        csv(tmp_path, text.replace(row, row.replace("GBP", "GBp")))


@pytest.mark.parametrize(
    "cell", ["10 1", "1 0 1", "1 01", "100 00", "1.0.1", "1,0,1", "1,00", "--1", "1-1", "1e", "0x10"]
)
def test_what_is_no_number_is_not_made_one(tmp_path: Path, cell: str) -> None:
    rows = lines(DAYS, ISO, "Date,Open,High,Low,Close,Volume").splitlines()
    rows[5] = f'2015-01-08,"{cell}",101.0,99.0,100.0,1'
    with pytest.raises(DataError, match="row 5, 2015-01-08: open is "):
        csv(tmp_path, "\n".join(rows))


def test_another_library_s_frame_is_told_how_to_come() -> None:
    class DataFrame:
        def to_pandas(self) -> pd.DataFrame:
            return DAYS

    with pytest.raises(
        DataError, match=r"DataFrame given, expected a DataFrame of pandas; pass frame.to_pandas\(\)"
    ):
        Prices.from_frame(DataFrame(), "X")  # type: ignore[arg-type]
