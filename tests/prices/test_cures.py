"""Every cure that a message gives is carried out, on the file that provoked it, and leads to the right bars."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.vendors import DAYS, HOURS, assert_bars, csv, lines, made_up, parquet

from lstmstrat.config.data import DataConfig
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError, DataError
from lstmstrat.prices import Prices, load
from lstmstrat.prices.check import LONGER_BARS

SETTING = re.compile(r"data\.(\w+): (\{[^}]*\}|\"[^\"]*\"|[^\s,;]+)")
HEADING = "Date,Open,High,Low,Close,Volume"
ISO = "{t:%Y-%m-%d},{o},{h},{l},{c},{v}"
FEW = DAYS[DAYS.index.day <= 12]  # no day that cannot be a month
SWAPPED = FEW.set_axis(pd.DatetimeIndex([f"{t:%Y-%d-%m}" for t in FEW.index])).sort_index()
ROUND = made_up(pd.DatetimeIndex(DAYS.index), start=5_000.0, digits=0)
THOUSANDTH = ROUND.assign(**{name: ROUND[name] / 1000.0 for name in ("open", "high", "low", "close")})
SPLIT = DAYS * np.where(np.arange(40)[:, None] < 20, 1.0, [[0.25, 0.25, 0.25, 0.25, 1.0]])
YEARS = made_up(pd.date_range("1980-01-01", periods=40, freq="YS"))
NIGHT = made_up(pd.date_range("2017-11-04 04:00", periods=60, freq="h"))  # UTC; New York puts its clocks back


def cures(message: str) -> list[dict[str, Any]]:
    """The settings that a message names, each to be tried by itself."""
    return [{key: yaml.safe_load(value)} for key, value in SETTING.findall(message)]


def local(bars: pd.DataFrame) -> pd.DataFrame:
    return bars.set_axis(bars.index.tz_localize("UTC").tz_convert("America/New_York"))


# The text, and the bars after each of the cures that its message gives.
AMBIGUOUS: dict[str, tuple[str, list[pd.DataFrame]]] = {
    "two volumes": (lines(DAYS, f"{ISO},7", "Date,Open,High,Low,Close,Volume BTC,Volume USDT"), [DAYS]),
    "shares beside their value": (
        lines(DAYS, "{t:%Y-%m-%d};{o};{h};{l};{c};{v};99.5", "Datum;Erster;Hoch;Tief;Schlusskurs;Stuecke;Volumen"),
        [DAYS],
    ),
    "their number after the value": (
        lines(DAYS, "{t:%Y-%m-%d},{o},{h},{l},{c},7,{v}", "Date,Open,High,Low,Close,Volume,Quantity"),
        [DAYS.assign(volume=7.0)],
    ),
    "two columns of one name": (lines(DAYS, f"{ISO},7", f"{HEADING},Volume"), [DAYS]),
    "01/02/2015": (lines(FEW, "{t:%d/%m/%Y},{o},{h},{l},{c},{v}", HEADING), [FEW, SWAPPED]),
    "01/02/2015 16:00:00": (
        lines(FEW, "{t:%m/%d/%Y} 16:00:00,{o},{h},{l},{c},{v}", HEADING),
        [SWAPPED, FEW],
    ),
    "01.02.15 4:00 PM": (
        lines(FEW, "{t:%d.%m.%y} 4:00 PM,{o},{h},{l},{c},{v}", HEADING),
        [FEW, SWAPPED],
    ),
    "1,234": (
        lines(ROUND, "{t:%Y-%m-%d};{o:,.0f};{h:,.0f};{l:,.0f};{c:,.0f};{v}", HEADING.replace(",", ";")),
        [ROUND, THOUSANDTH],
    ),
    "an adjusted close that is not understood": (
        DAYS.rename_axis("Date").assign(**{"Adj Klose": DAYS["close"] / 4.0}).to_csv(),
        [DAYS * [0.25, 0.25, 0.25, 0.25, 1.0], DAYS],
    ),
    "no heading": (lines(DAYS, ISO), [DAYS]),
    "a name too few": (lines(DAYS, f"{ISO},7,7", HEADING), [DAYS]),
    "misspelt": (lines(DAYS, ISO, "Date,Open,Hihg,Low,Closed,Volume"), [DAYS]),
    "two misspelt and one of no likeness": (
        lines(DAYS, ISO, "Date,Opn,Hihg,Low,Fin,Volume"),
        [DAYS],
    ),
    "an adjusted close alone": (
        lines(DAYS, ISO, "Date,Open,High,Low,Close (adj.),Volume"),
        [DAYS],
    ),
    "closes alone": (
        lines(DAYS, "{t:%Y-%m-%d},{c},{v}", "Date,Close,Volume"),
        [DAYS.assign(open=DAYS["close"], high=DAYS["close"], low=DAYS["close"])],
    ),
    "years": (
        lines(YEARS, "{t:%Y},{o},{h},{l},{c},{v}", HEADING),
        [YEARS],
    ),
    "several symbols": (
        lines(DAYS, f"{ISO},A", f"{HEADING},Symbol") + lines(DAYS * 2.0, f"{ISO},B"),
        [DAYS],
    ),
    "one symbol under two names": (
        lines(DAYS.iloc[:30], f"{ISO},FB", f"{HEADING},Symbol") + lines(DAYS.iloc[30:], f"{ISO},META"),
        [DAYS.iloc[:30], DAYS],
    ),
    "days of Excel": (lines(DAYS, "{d},{o},{h},{l},{c},{v}", HEADING), [DAYS]),
    "clocks put back": (
        lines(local(NIGHT), "{t:%Y-%m-%d %H:%M},{o},{h},{l},{c},{v}", HEADING),
        [NIGHT],
    ),
    "a split that is still there": (
        lines(SPLIT.iloc[:20], f"{ISO},1", f"{HEADING},Split Ratio") + lines(SPLIT.iloc[20:], f"{ISO},4"),
        [SPLIT],
    ),
    "volume on some days": (
        lines(DAYS.iloc[:30], ISO, HEADING) + lines(DAYS.iloc[30:], "{t:%Y-%m-%d},{o},{h},{l},{c},"),
        [DAYS.assign(volume=0.0)],
    ),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_the_settings_that_a_message_names(tmp_path: Path, name: str) -> None:
    text, expected = AMBIGUOUS[name]
    with pytest.raises(DataError) as caught:
        csv(tmp_path, text)
    found = cures(str(caught.value))
    assert len(found) >= len(expected) > 0
    for cure, bars in zip(found, expected, strict=False):
        assert_bars(csv(tmp_path, text, **cure), bars)


def test_what_the_message_says_of_a_frame_are_arguments() -> None:
    frame = FEW.set_axis(FEW.index.strftime("%d/%m/%Y")).rename_axis("Date")
    with pytest.raises(DataError, match="pass date_format='%d/%m/%Y'") as caught:
        Prices.from_frame(frame, "X")
    assert "data." not in str(caught.value)
    assert "file" not in str(caught.value)
    assert_bars(Prices.from_frame(frame, "X", date_format="%d/%m/%Y"), FEW)


def test_a_column_that_tells_rows_of_one_date_apart_is_named(tmp_path: Path) -> None:
    """NSE lists a share in several series, an exchange a future in several expiries."""
    text = lines(DAYS, f"{ISO},EQ", f"{HEADING},Series") + lines(DAYS.iloc[:9] * 2.0, f"{ISO},BE")
    with pytest.raises(DataError, match="2015-01-02: given twice, with different values") as caught:
        csv(tmp_path, text)
    column, symbol = cures(str(caught.value))
    assert_bars(csv(tmp_path, text, **column, **symbol), DAYS)


def test_two_rows_of_one_date_are_named_by_their_place(tmp_path: Path) -> None:
    rows = lines(DAYS, ISO, HEADING).splitlines()
    rows.insert(9, rows[9] + "1")
    with pytest.raises(
        DataError, match=r"given twice, with different values; keep one of the rows \d+ and \d+"
    ) as caught:
        csv(tmp_path, "\n".join(rows))
    wrong, _ = map(int, re.findall(r"rows (\d+) and (\d+)", str(caught.value))[0])
    del rows[wrong]  # the heading is row 0
    assert_bars(csv(tmp_path, "\n".join(rows)), DAYS)


def test_a_row_that_is_too_long_is_named_by_its_place(tmp_path: Path) -> None:
    rows = lines(DAYS.iloc[[*range(40)] * 2], ISO, HEADING).splitlines()
    rows[70] += ",9,9"
    with pytest.raises(DataError, match=r"row 70 has more cells than the heading, which has 6; mend this row"):
        csv(tmp_path, "\n".join(rows))
    rows[70] = rows[70].removesuffix(",9,9")
    assert_bars(csv(tmp_path, "\n".join(rows)), DAYS)


@pytest.mark.parametrize(("key", "date"), [("start", "2014-01-01"), ("end", "2016-01-01")])
def test_a_date_outside_the_file(tmp_path: Path, key: str, date: str) -> None:
    with pytest.raises(
        DataError, match=rf"prices.csv: {key}: {date} is outside the data, .* write {key}: "
    ) as caught:
        csv(tmp_path, lines(DAYS, ISO, HEADING), **{key: dt.date.fromisoformat(date)})
    (right,) = re.findall(rf"write {key}: (\S+),", str(caught.value))
    assert_bars(csv(tmp_path, lines(DAYS, ISO, HEADING), **{key: dt.date.fromisoformat(right)}), DAYS)


# --- files that are no text ------------------------------------------------------------------------------------


def test_a_file_of_the_other_kind(tmp_path: Path) -> None:
    DAYS.to_parquet(tmp_path / "prices")
    with pytest.raises(DataError, match="a Parquet file; write source: parquet"):
        load(DataConfig(source="csv", path=str(tmp_path / "prices")))
    assert_bars(load(DataConfig(source="parquet", path=str(tmp_path / "prices"))), DAYS)
    (tmp_path / "prices").write_text(lines(DAYS, ISO, HEADING))
    with pytest.raises(DataError, match="not a Parquet file; if it is a table of text, write source: csv"):
        load(DataConfig(source="parquet", path=str(tmp_path / "prices")))
    assert_bars(load(DataConfig(source="csv", path=str(tmp_path / "prices"))), DAYS)


@pytest.mark.parametrize("orient", ["records", "columns"])
def test_json_is_converted_as_the_message_says(tmp_path: Path, orient: Any) -> None:
    path = tmp_path / "prices.csv"
    DAYS.rename_axis("date").reset_index().to_json(path, orient=orient, date_format="iso")
    with pytest.raises(DataError, match="not a table, but JSON") as caught:
        load(DataConfig(source="csv", path=str(path)))
    (command,) = re.findall(r"pandas(\.read_json\(path\)\.to_csv\(.*?\))", str(caught.value))
    assert command == '.read_json(path).to_csv("prices.csv", index=False)'
    pd.read_json(path).to_csv(tmp_path / "prices.csv", index=False)
    assert_bars(load(DataConfig(source="csv", path=str(path))), DAYS)


def test_an_archive_of_one_file_is_opened_and_one_of_several_is_named(tmp_path: Path) -> None:
    path, text = tmp_path / "prices.zip", lines(DAYS, ISO, HEADING)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data/AAPL.csv", text)
        archive.writestr("__MACOSX/data/._AAPL.csv", b"\x00")
    assert_bars(load(DataConfig(source="csv", path=str(path))), DAYS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("data/MSFT.csv", text)
    with pytest.raises(
        DataError, match=r"a zip of 2 files, expected one; unpack it: 'data/AAPL.csv', 'data/MSFT.csv'"
    ):
        load(DataConfig(source="csv", path=str(path)))
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    assert_bars(load(DataConfig(source="csv", path=str(tmp_path / "data" / "AAPL.csv"))), DAYS)


def workbook(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (workbook, "a workbook; in the program that made it: File, Save As, CSV"),
        (lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1"), "a workbook"),
        (lambda path: path.write_text("\n <!DOCTYPE html><html>Sign in"), "a web page, often the page of a login"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid x"), "git lfs pull"),
        (lambda path: path.write_bytes(b"%PDF-1.7 ..."), "a PDF document"),
        (lambda path: path.write_bytes(b"\x1f\x8b\x08broken"), "cannot be unpacked"),
        (lambda path: path.write_bytes(b"PK\x03\x04broken"), "a zip archive that is broken"),
        (lambda path: path.write_text("  \n\n"), "an empty file"),
        (lambda path: path.mkdir(), "is a folder; write the path of a file in it"),
    ],
)
@pytest.mark.parametrize("source", ["csv"])
def test_what_is_no_table_is_called_by_its_name(
    tmp_path: Path, make: Callable[[Path], Any], message: str, source: str
) -> None:
    make(tmp_path / "prices.csv")
    with pytest.raises(DataError, match=rf"prices\.csv.*{re.escape(message)}"):
        load(DataConfig(source=source, path=str(tmp_path / "prices.csv")))


# --- the config ------------------------------------------------------------------------------------------------


def mistakes(**data: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        validated(DataConfig, data, "c.yaml:")
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"source": "csv", "path": "https://x.org/a.csv"},
            "path is an address; download the file, and write path:",
        ),
        (
            {"source": "csv", "path": DAYS},
            "a frame, expected the name of a file; write it to one with frame.to_csv",
        ),
        ({"columns": {"volume": "V"}}, "columns is only for source: csv or parquet, not bundled; remove it"),
        (
            {"source": "csv", "path": "x", "columns": {"opne": "O"}},
            "'opne' is no role of a column; did you mean 'open'",
        ),
        (
            {"source": "csv", "path": "x", "columns": {"open": None}},
            "open: null, but there are no bars without it",
        ),
        (
            {"source": "csv", "path": "x", "columns": {"open": 1.5}},
            "open: expected a heading, the number of a column",
        ),
        (
            {"source": "csv", "path": "x", "time_zone": "Londn"},
            "no such time zone; expected a name such as Europe/Lon",
        ),
        ({"source": "csv", "path": "x", "time_zone": ""}, "no such time zone"),
        ({"source": "csv", "path": "x", "decimal": ";"}, "expected '.' or ','"),
    ],
)
def test_a_key_that_says_nothing_sensible(data: dict[str, Any], message: str) -> None:
    assert message in mistakes(**data)
    assert len(mistakes(**data)) < 500


def test_a_form_of_dates_that_is_none_is_said(tmp_path: Path) -> None:
    for form in ("%Q", "%Y-%m-%d%Y"):
        with pytest.raises(DataError, match=f'data.date_format: "{form}"'):
            csv(tmp_path, lines(DAYS, ISO, HEADING), date_format=form)


def test_a_column_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path) -> None:
    text = lines(DAYS, ISO, "when,Open,High,Low,Close,Volume")
    with pytest.raises(
        DataError, match=r'data.columns: \{date: "wen"\}: there is no such column; did you mean \'when\''
    ):
        csv(tmp_path, text, columns={"date": "wen"})
    assert_bars(csv(tmp_path, text, columns={"date": "when"}), DAYS)
    assert_bars(csv(tmp_path, text, columns={"date": 1}), DAYS)


@pytest.mark.parametrize(
    ("path", "symbol"),
    [
        ("a/EURUSD.csv", "EURUSD"),
        ("BRK.B.csv.gz", "BRK.B"),
        ("btc.PARQUET", "btc"),
        ("plain", "plain"),
        (".csv", ".csv"),
    ],
)
def test_a_file_without_a_symbol_is_called_by_its_name(path: str, symbol: str) -> None:
    assert DataConfig(source="csv", path=path).symbol == symbol
    assert DataConfig(source="parquet", path=Path(path)).symbol == symbol  # type: ignore[arg-type]
    assert DataConfig(source="csv", path=path, symbol="MINE").symbol == "MINE"
    assert DataConfig().symbol == "AAPL"


def test_hourly_bars_of_a_frame_with_a_zone(tmp_path: Path) -> None:
    zoned = HOURS.set_axis(HOURS.index.tz_localize("America/New_York").tz_convert("UTC"))
    assert_bars(Prices.from_frame(zoned, "X", time_zone="America/New_York"), HOURS)
    assert_bars(parquet(tmp_path, zoned, time_zone="America/New_York"), HOURS)


def test_bars_within_a_millisecond_become_longer_bars_as_the_message_says(tmp_path: Path) -> None:
    """The clock of Backtrader cannot tell them apart. By hand: three bars in one second, two in the next."""
    ticks = made_up(
        pd.DatetimeIndex(["2017-01-02 09:30:00.1", "2017-01-02 09:30:00.1001", "2017-01-02 09:30:00.9"])
    )
    ticks = pd.concat([ticks, ticks.iloc[:2].set_axis(ticks.index[:2] + pd.Timedelta(seconds=1))])
    text = lines(ticks, "{t},{o},{h},{l},{c},{v}", "date,open,high,low,close,volume")
    with pytest.raises(
        DataError, match=r"09:30:00.100100: less than a millisecond after .* \(2 such rows\)"
    ) as caught:
        csv(tmp_path, text)
    assert LONGER_BARS in str(caught.value)
    frame = pd.read_csv(tmp_path / "prices.csv", index_col="date", parse_dates=True)
    longer = eval(LONGER_BARS, {"frame": frame})
    o, h, low, c, v = (ticks[name].to_numpy() for name in ticks)
    assert longer.to_numpy().tolist() == [
        [o[0], h[:3].max(), low[:3].min(), c[2], v[:3].sum()],
        [o[3], h[3:].max(), low[3:].min(), c[4], v[3:].sum()],
    ]
    assert Prices.from_frame(longer, "X").bars.tolist() == longer.to_numpy().tolist()


def test_a_close_that_alone_is_adjusted_is_said_to_be(tmp_path: Path) -> None:
    """FinRL's layout: deleting the rows, all of them, would be no cure."""
    text = DAYS.assign(close=DAYS["close"] / 2.0).rename_axis("date").to_csv()
    with pytest.raises(
        DataError, match="close is adjusted for splits and dividends and open, high and low are not"
    ):
        csv(tmp_path, text)
    both = DAYS.assign(**{"Adj Close": DAYS["close"] / 2.0}).rename_axis("date").to_csv()
    assert csv(tmp_path, both).bars[:, 3].tolist() == (DAYS["close"] / 2.0).tolist()


@pytest.mark.parametrize("start", ["1999-01-04", "1972-01-03", "2015-01-02"])
@pytest.mark.parametrize("form", ["%y%m%d", "%d%m%Y", "%m%d%Y", "%Y%j", "s", "ms", "excel"])
def test_the_form_that_is_offered_for_dates_in_digits_reads_them(tmp_path: Path, form: str, start: str) -> None:
    """Seconds of 1999 have nine digits, and were called days of Excel; 04012015 is no form with slashes."""
    bars = made_up(pd.bdate_range(start, periods=40))
    day = {"s": "{s}", "ms": "{s}000", "excel": "{d}"}.get(form, f"{{t:{form}}}")
    text = lines(bars, f"{day},{{o}},{{h}},{{l}},{{c}},{{v}}", HEADING)
    try:
        prices = csv(tmp_path, text)
    except DataError as error:
        (offered,) = re.findall(r'write data.date_format: "([^"]+)"', str(error))
        assert offered == form
        prices = csv(tmp_path, text, date_format=offered)
    assert_bars(prices, bars)


@pytest.mark.parametrize("ratio", [1.25, 4 / 3, 1.5, 2.0, 0.5])
def test_a_split_beside_prices_that_have_it_is_found(tmp_path: Path, ratio: float) -> None:
    bars = made_up(pd.bdate_range("2015-01-02", periods=40))
    text = lines(bars, ISO.replace("{v}", "{v},0"), HEADING + ",Splits").splitlines()
    text[21] = text[21].removesuffix(",0") + f",{ratio}"
    assert_bars(csv(tmp_path, "\n".join(text)), bars)  # it is taken out already
    raw = bars.copy()
    raw.loc[raw.index[:20], ["open", "high", "low", "close"]] *= ratio
    text = lines(raw, ISO.replace("{v}", "{v},0"), HEADING + ",Splits").splitlines()
    text[21] = text[21].removesuffix(",0") + f",{ratio}"
    with pytest.raises(DataError, match=f"has a split of {ratio:g}, which is still in the prices"):
        csv(tmp_path, "\n".join(text))


# --- a row that cannot be a bar ---------------------------------------------------------------------------------


def wrong(*places: int) -> pd.DataFrame:
    """The bars with a high a tick below the close at some places."""
    bars = DAYS.copy()
    bars.iloc[list(places), 1] = bars["close"].iloc[list(places)] - 0.01
    return bars


@pytest.mark.parametrize(
    ("places", "kept"),
    [((0,), slice(1, None)), ((0, 1, 2), slice(3, None)), ((39,), slice(39)), ((0, 38, 39), slice(1, 38))],
)
def test_rows_at_an_end_of_the_file_are_left_out_as_the_message_says(
    tmp_path: Path, places: tuple[int, ...], kept: slice
) -> None:
    with pytest.raises(DataError, match=r"or leave them out: write .* under data:") as caught:
        csv(tmp_path, csv_of(wrong(*places)))
    found = dict(re.findall(r"(start|end): (\d{4}-\d\d-\d\d)", str(caught.value)))
    dates = {key: dt.date.fromisoformat(day) for key, day in found.items()}
    assert_bars(csv(tmp_path, csv_of(wrong(*places)), **dates), DAYS.iloc[kept])


@pytest.mark.parametrize("places", [(7,), (0, 7), (7, 39)])
@pytest.mark.parametrize("faults", ["report", "drop"])
def test_a_row_in_the_middle_is_to_be_corrected_or_deleted(
    tmp_path: Path, places: tuple[int, ...], faults: str
) -> None:
    """No start: or end: leaves it out, and `faults: drop` is for bars that are well-formed."""
    with pytest.raises(DataError, match=r"Correct or delete these rows in the file$") as caught:
        csv(tmp_path, csv_of(wrong(*places)), faults=faults)
    assert not re.search("start:|end:|drop", str(caught.value))
    assert_bars(csv(tmp_path, csv_of(DAYS)), DAYS)
    rest = DAYS.drop(DAYS.index[list(places)])
    assert_bars(csv(tmp_path, csv_of(rest)), rest)


def test_a_wrong_hour_of_the_first_day_is_no_reason_to_leave_the_day_out(tmp_path: Path) -> None:
    bars = HOURS.copy()
    bars.iloc[0, 1] = bars["low"].iloc[0] - 0.01
    with pytest.raises(DataError, match=r"Correct or delete these rows in the file$"):
        csv(tmp_path, csv_of(bars))


def test_the_rows_of_a_frame_have_no_config(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Correct these rows of the frame, or drop them$"):
        Prices.from_frame(wrong(0), "X")


def csv_of(bars: pd.DataFrame) -> str:
    return bars.rename_axis("date").to_csv()


@pytest.mark.parametrize("name", ["Dividends", "Capital Gains", "divCash", "Ex-Dividend"])
@pytest.mark.parametrize(("share", "form"), [(1 / 3, "{:.2f}"), (0.12, "{:.4f}"), (0.5, "${:.2f}")])
def test_a_special_dividend_beside_prices_that_have_it_is_found(
    tmp_path: Path, name: str, share: float, form: str
) -> None:
    """50 of a share at 150 is a loss of a third of the price, and of nothing to its holder."""
    paid = share * DAYS["close"].iloc[19]
    column = ["0"] * 20 + [form.format(paid)] + ["0"] * 19
    raw = DAYS.copy()
    raw.iloc[20:, :4] *= 1.0 - share
    text = raw.rename_axis("Date").assign(**{name: column}).to_csv()
    with pytest.raises(
        DataError, match=f"{DAYS.index[20]:%Y-%m-%d}: the column '{name}' has a payment of"
    ) as caught:
        csv(tmp_path, text)
    assert_bars(csv(tmp_path, text, columns={"adj_close": None}), raw)
    assert "data.columns: {adj close: null}" in str(caught.value)
    taken_out = csv(tmp_path, DAYS.rename_axis("Date").assign(**{name: column}).to_csv())
    assert_bars(taken_out, DAYS)
    assert taken_out.notices[0] == f"not used, because prices are taken as adjusted for them: {name!r}"


def test_a_small_dividend_is_told_and_no_fault(tmp_path: Path) -> None:
    """A dividend of 1 of 100 cannot be told from a move."""
    column = [1.0 if k == 20 else 0.0 for k in range(40)]
    prices = csv(tmp_path, DAYS.rename_axis("Date").assign(Dividends=column).to_csv())
    assert "not used, because prices are taken as adjusted for them: 'Dividends'" in prices.notices


WEEKS = made_up(pd.date_range("2014-06-02", periods=40, freq="7D"))
MONTHS = made_up(pd.date_range("2012-01-01", periods=40, freq="MS"))


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(
    ("bars", "live", "what"),
    [
        (DAYS, DAYS.index[-1] + pd.Timedelta(hours=16), "a day"),
        (DAYS, DAYS.index[20] + pd.Timedelta(hours=16), "a day"),
        (WEEKS, WEEKS.index[-1] + pd.Timedelta(days=3), "a week or a month"),
        (MONTHS, MONTHS.index[-1] + pd.Timedelta(days=15), "a week or a month"),
    ],
)
def test_a_second_row_of_a_running_day_or_week_is_named_by_its_place(
    tmp_path: Path, bars: pd.DataFrame, live: pd.Timestamp, what: str, newest_first: bool
) -> None:
    """Yahoo gives 16:00 of the running day beside its 00:00, and the last day beside a running week."""
    both = pd.concat([bars, bars.iloc[-1:].mul(1.01).set_axis([live])]).sort_index()
    both = both[::-1] if newest_first else both
    text = lines(both, "{t:%Y-%m-%d %H:%M:%S},{o},{h},{l},{c},{v}", HEADING).splitlines()
    with pytest.raises(DataError, match=rf"in a table of bars of {what}: .* delete row (\d+) below") as caught:
        csv(tmp_path, "\n".join(text))
    row = int(re.findall(r"delete row (\d+) below", str(caught.value))[0])
    assert f"{live:%Y-%m-%d}" in text.pop(row)
    assert_bars(csv(tmp_path, "\n".join(text)), bars)


@pytest.mark.parametrize("hour", [15, 18, 22])
@pytest.mark.parametrize("form", ["{t:%Y-%m-%d %H:%M}", "{t:%Y-%m-%dT%H:%M:%S}"])
def test_stamps_of_the_evening_before_are_dates_a_day_early(tmp_path: Path, hour: int, form: str) -> None:
    """A session that opens on Sunday at 18:00 is that of Monday; its close would be known a day too early."""
    evening = DAYS.set_axis(DAYS.index - pd.Timedelta(hours=24 - hour))
    with pytest.raises(DataError, match="the market trades on Sundays and not on Fridays") as caught:
        csv(tmp_path, lines(evening, f"{form},{{o}},{{h}},{{l}},{{c}},{{v}}", HEADING))
    (hours,) = re.findall(r"add (\d+) hours to each", str(caught.value))
    moved = evening.set_axis(evening.index + pd.Timedelta(hours=int(hours)))
    assert_bars(csv(tmp_path, lines(moved, f"{form},{{o}},{{h}},{{l}},{{c}},{{v}}", HEADING)), DAYS)
    kept = csv(tmp_path, lines(evening, f"{form},{{o}},{{h}},{{l}},{{c}},{{v}}", HEADING), time_zone="UTC")
    assert_bars(kept, DAYS.set_axis(DAYS.index - pd.Timedelta(days=1)))
    assert {"time_zone": "UTC"} in cures(str(caught.value))


@pytest.mark.parametrize(
    ("offset", "entry"),
    [("-05:00", {}), ("", {"time_zone": "America/New_York"}), ("Z", {"time_zone": "Etc/GMT+5"})],
)
def test_a_session_of_the_evening_before_is_no_date_on_a_known_clock_either(
    tmp_path: Path, offset: str, entry: dict[str, str]
) -> None:
    """Currencies: the session that opens on Sunday at 17:00 of New York is that of Monday."""
    evening = DAYS.set_axis(DAYS.index - pd.Timedelta(hours=7 if offset != "Z" else 2))
    form = "{t:%Y-%m-%d %H:%M}" + offset + ",{o},{h},{l},{c},{v}"
    with pytest.raises(DataError, match="the market trades on Sundays and not on Fridays") as caught:
        csv(tmp_path, lines(evening, form, HEADING), **entry)
    (hours,) = re.findall(r"add (\d+) hours to each", str(caught.value))
    moved = evening.set_axis(evening.index + pd.Timedelta(hours=int(hours)))
    assert_bars(csv(tmp_path, lines(moved, form, HEADING), **entry), DAYS)


def test_dates_without_a_time_that_begin_on_sundays_are_those_of_tel_aviv(tmp_path: Path) -> None:
    days = made_up(
        pd.DatetimeIndex([day for day in pd.date_range("2015-01-04", periods=56) if day.weekday() not in (4, 5)])
    )
    assert_bars(csv(tmp_path, lines(days, ISO, HEADING)), days)


def test_every_missing_column_is_in_the_setting_that_is_offered(tmp_path: Path) -> None:
    """Three rounds for three headings would be two too many."""
    text = lines(DAYS, f"{ISO},7", "Date,A,Hihg,Low,B,Volume,X")
    with pytest.raises(
        DataError, match="no column open, high, close; there are 'A', 'Hihg', 'B', 'X'; "
    ) as caught:
        csv(tmp_path, text)
    assert 'data.columns: {open: "HEADING", high: "Hihg", close: "HEADING"}' in str(caught.value)
    assert_bars(csv(tmp_path, text, columns={"open": "A", "high": "Hihg", "close": "B"}), DAYS)
