"""Apostrophes and spaces in numbers: thousands, or 32nds of a bond, or both, which is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.vendors import DAYS, assert_bars, csv, lines, made_up

from lstmstrat import load_prices
from lstmstrat.errors import DataError
from lstmstrat.prices.numbers import in_32nds

HEADING = "Date,Open,High,Low,Close,Volume"
MIDDLE = made_up(DAYS.index, start=990.0, digits=0)  # some below 1,000 and some above
LARGE = made_up(DAYS.index, start=45_000.0, digits=0)


def parted(price: float, by: str) -> str:
    return f"{price:,.0f}".replace(",", by)


def text_of(bars: object, by: str) -> str:
    rows = lines(bars, "{t:%Y-%m-%d};{o:,.0f};{h:,.0f};{l:,.0f};{c:,.0f};{v}", HEADING.replace(",", ";"))
    return re.sub(r"(?<=\d),(?=\d)", by, rows)


def ticks(price: float, dash: str) -> str:
    """A price in 32nds and their quarters, as the Chicago exchanges write it: 99'262 is 99 + 26.25/32."""
    quarters = round(price * 128)
    whole, rest = divmod(quarters, 128)
    return f"{whole}{dash}{rest // 4:02d}{'0257'[rest % 4]}"


BONDS = made_up(DAYS.index, start=99.0)
BONDS = BONDS.assign(**{name: (BONDS[name] * 128).round() / 128 for name in ("open", "high", "low", "close")})


def bonds(dash: str) -> str:
    rows = [
        f"{t:%Y-%m-%d},{ticks(o, dash)},{ticks(h, dash)},{ticks(low, dash)},{ticks(c, dash)},{v:.0f}"
        for t, o, h, low, c, v in BONDS.itertuples()
    ]
    return "\n".join([HEADING, *rows, ""])


def as_decimals(text: str) -> str:
    """What the message says: each price as decimals, by the table of the exchange."""
    part = {"0": 0.0, "2": 0.25, "5": 0.5, "7": 0.75}
    return re.sub(r"(?<=,)(\d+)['’-](\d\d)(\d)", lambda m: str(int(m[1]) + (int(m[2]) + part[m[3]]) / 32), text)


@pytest.mark.parametrize("by", ["'", "’", " ", "\u00a0", "\u202f"])
def test_thousands_in_groups_of_three(tmp_path: Path, by: str) -> None:
    for bars in (MIDDLE, LARGE):
        assert_bars(csv(tmp_path, text_of(bars, by)), bars)


@pytest.mark.parametrize("dash", ["'", "’"])
def test_32nds_are_refused_and_each_cure_works(tmp_path: Path, dash: str) -> None:
    text = bonds(dash)
    with pytest.raises(DataError, match="which is two numbers") as caught:
        csv(tmp_path, text)
    first = text.splitlines()[1].split(",")[1]
    assert f"write the prices as decimals, here {float(BONDS['open'].iloc[0])}" in str(caught.value)
    assert_bars(csv(tmp_path, as_decimals(text)), BONDS)
    thousands = csv(tmp_path, text, decimal=".")
    assert thousands.frame["open"].iloc[0] == float(first.replace(dash, ""))


def test_32nds_beside_whole_prices_are_refused(tmp_path: Path) -> None:
    """99 alone stands for 99'000: as thousands it would be a thousandth of its neighbours."""
    text = bonds("'").replace("'000", "")
    assert re.search(r",\d+,", text)
    with pytest.raises(DataError, match="which is two numbers"):
        csv(tmp_path, text)


@pytest.mark.parametrize(
    ("cell", "value"),
    [("99'26", 99.8125), ("99-262", 99.8203125), ("110'16+", 110.515625), ("99'31", 99.96875), ("0'01", 0.03125)],
)
def test_what_can_only_be_32nds_is_said_as_a_number(tmp_path: Path, cell: str, value: float) -> None:
    """By hand: 26/32 = 0.8125, 26.25/32 = 0.8203125, 16.5/32 = 0.515625, 31/32 = 0.96875, 1/32 = 0.03125."""
    assert in_32nds(cell) == value
    text = lines(DAYS, "{t:%Y-%m-%d}," + ",".join([cell] * 4) + ",{v}", HEADING)
    with pytest.raises(DataError, match="price in 32nds") as caught:
        csv(tmp_path, text)
    assert f"write the prices as decimals, here {value}" in str(caught.value)
    assert csv(tmp_path, text.replace(cell, str(value))).frame["close"].eq(value).all()


@pytest.mark.parametrize(
    ("cell", "value"), [("99 5/8", 99.625), ("99-1/2", 99.5), ("7/16", 0.4375), ("110 31/32", 110.96875)]
)
def test_prices_in_fractions_are_said_as_numbers_and_the_cure_works(
    tmp_path: Path, cell: str, value: float
) -> None:
    """As American exchanges wrote them up to 2001. By hand: 5/8 = 0.625, 7/16 = 0.4375, 31/32 = 0.96875."""
    text = lines(DAYS, "{t:%Y-%m-%d}," + ",".join([cell] * 4) + ",{v}", HEADING)
    with pytest.raises(DataError, match=f"price in fractions, write the prices as decimals, here {value}"):
        csv(tmp_path, text)
    assert csv(tmp_path, text.replace(cell, str(value))).frame["close"].eq(value).all()


@pytest.mark.parametrize(
    "cell", ["12345'678", "1'2345", "1'23", "0'123", "1'234 567", "1234 567", "'123", "1''234"]
)
def test_groups_that_are_not_of_three_are_no_number(tmp_path: Path, cell: str) -> None:
    text = lines(DAYS, "{t:%Y-%m-%d}," + ",".join([cell] * 4) + ",{v}", HEADING)
    with pytest.raises(DataError, match="expected a number"):
        csv(tmp_path, text)


def test_a_volume_may_have_any_thousands(tmp_path: Path) -> None:
    text = lines(DAYS, "{t:%Y-%m-%d},{o},{h},{l},{c},1'002", HEADING)
    assert_bars(csv(tmp_path, text), DAYS.assign(volume=1002.0))


@pytest.mark.parametrize("currency", ["", "€ "])
@pytest.mark.parametrize("volume", ["{v}", "1.234.567", "12K"])
def test_points_that_part_thousands_beside_prices_below_1000(tmp_path: Path, currency: str, volume: str) -> None:
    """998;1.002 as a European spreadsheet writes whole prices that cross 1,000."""
    form = f"{{t:%Y-%m-%d}};{currency}{{o:,.0f}};{currency}{{h:,.0f}};{currency}{{l:,.0f}};{currency}{{c:,.0f}};"
    rows = lines(MIDDLE, f"{form}{volume}", HEADING.replace(",", ";"))
    text = re.sub(r"(?<=\d),(?=\d)", ".", rows)
    assert re.search(r";\D*998;|;\D*99\d;", text)
    if volume != "1.234.567":  # which shows what the point is
        with pytest.raises(DataError, match=r"which is two numbers; if the point parts thousands") as caught:
            csv(tmp_path, text)
        assert 'write data.decimal: ","; if it is the decimal sign, write data.decimal: "."' in str(caught.value)
        with pytest.raises(DataError, match="high 1 is below low 9"):  # so it is: it was no decimal sign
            csv(tmp_path, text, decimal=".")
    prices = csv(tmp_path, text, decimal=",")
    assert prices.frame["close"].tolist() == MIDDLE["close"].tolist()


@pytest.mark.parametrize("late", [False, True])
def test_one_price_of_two_decimals_shows_what_the_point_is(tmp_path: Path, late: bool) -> None:
    """The same prices, and a last row of 12.50 or a first one: 998 and 1.002 are both as they are written."""
    whole = ["998;1002;990;998"] * 29 + ["1.002;1.002;0.998;1.002"]
    rows = [*whole, "12.50;12.50;12.50;12.50"] if late else ["12.50;12.50;12.50;12.50", *whole]
    days = pd.bdate_range("2015-01-02", periods=len(rows))
    text = "\n".join(f"{day:%Y-%m-%d};{row};5" for day, row in zip(days, rows, strict=True))
    prices = csv(tmp_path, f"{HEADING.replace(',', ';')}\n{text}\n")
    assert prices.frame["high"].tolist() == [float(row.split(";")[1]) for row in rows]


@pytest.mark.parametrize("at", [0, 29])
def test_a_price_in_doubt_is_named_wherever_it_stands(tmp_path: Path, at: int) -> None:
    rows = ["998;998;990;998"] * 30
    rows[at] = "1.002;1.002;1.002;1.002"
    days = pd.bdate_range("2015-01-02", periods=len(rows))
    text = "\n".join(f"{day:%Y-%m-%d};{row};5" for day, row in zip(days, rows, strict=True))
    with pytest.raises(DataError, match="which is two numbers; if the point parts thousands"):
        csv(tmp_path, f"{HEADING.replace(',', ';')}\n{text}\n")


@pytest.mark.parametrize("start", [1.2, 25.0, 150.0])
def test_three_decimals_are_decimals(tmp_path: Path, start: float) -> None:
    """Also where some of them are left out, as in a file of a program that writes 1.25 and 2."""
    bars = made_up(DAYS.index, start=start, digits=3)
    bars.iloc[5, :4] = np.maximum(np.round(bars.iloc[5, :4] + np.array([0.0, 1.0, -0.9, 0.0])), 1.0)
    text = lines(bars, "{t:%Y-%m-%d},{o:g},{h:g},{l:g},{c:g},{v}", HEADING)
    assert_bars(csv(tmp_path, text), bars)


# --- a comma behind four digits, and a point in what is no price ---------------------------------------


def with_commas(bars: object) -> str:
    form = "{t:%Y-%m-%d};{o:.3f};{h:.3f};{l:.3f};{c:.3f};{v}"
    return lines(bars, form, HEADING.replace(",", ";")).replace(".", ",")


def test_a_comma_behind_four_digits_is_the_decimal_sign(tmp_path: Path) -> None:
    """1011,820 has no thousands in it, since these are groups of three; so 954,686 beside it has none either."""
    bars = made_up(DAYS.index, start=1040.0, digits=3)
    assert bars["close"].min() < 1000.0 < bars["close"].max()
    assert_bars(csv(tmp_path, with_commas(bars)), bars)
    with pytest.raises(DataError, match="which is two numbers"):  # where no cell shows it
        csv(tmp_path, with_commas(made_up(DAYS.index, start=500.0, digits=3)))


CROSSING = ["998", "1.002", "999", "1.010", "1.007"]


def volumes(cells: list[str], form: str = "{t:%Y-%m-%d};{o:.0f};{h:.0f};{l:.0f};{c:.0f};") -> str:
    rows = lines(LARGE, form, HEADING.replace(",", ";")).splitlines()
    return "\n".join([rows[0], *(f"{row}{cells[k % len(cells)]}" for k, row in enumerate(rows[1:]))])


def test_a_volume_in_points_is_asked_about_and_each_cure_works(tmp_path: Path) -> None:
    """998 and 1.002 shares, as a European spreadsheet writes them."""
    text = volumes(CROSSING)
    with pytest.raises(DataError, match=r"volume is '1\.002', which is two numbers; if the point parts") as caught:
        csv(tmp_path, text)
    comma, point = re.findall(r'data\.decimal: "(.)"', str(caught.value))
    whole = [float(cell.replace(".", "")) for cell in CROSSING] * 8
    assert csv(tmp_path, text, decimal=comma).frame["volume"].tolist() == whole
    assert csv(tmp_path, text, decimal=point).frame["volume"].tolist() == [float(cell) for cell in CROSSING] * 8


@pytest.mark.parametrize("cells", [["0.998", "1.002"], ["998.5", "1.002"], ["3.002", "12"], ["998", "1002", "0"]])
def test_a_volume_whose_point_is_clear_is_not(tmp_path: Path, cells: list[str]) -> None:
    expected = [float(cell) for cell in cells] * 40
    assert csv(tmp_path, volumes(cells)).frame["volume"].tolist() == expected[:40]


def test_prices_that_show_what_a_point_is_show_it_for_the_volume(tmp_path: Path) -> None:
    text = volumes(CROSSING, "{t:%Y-%m-%d};{o:.2f};{h:.2f};{l:.2f};{c:.2f};")
    assert csv(tmp_path, text).frame["volume"].tolist() == [float(cell) for cell in CROSSING] * 8


def test_a_value_in_points_is_asked_about_and_each_cure_works(tmp_path: Path) -> None:
    path = tmp_path / "mood.csv"
    path.write_text("date;mood\n" + "".join(f"2012-01-0{k + 3};{cell}\n" for k, cell in enumerate(CROSSING)))
    entry = {"name": "mood", "path": str(path)}
    data = {"symbol": "IBM", "start": "2012-01-03"}
    with pytest.raises(DataError, match=r"the value is '1\.002', which is two numbers; if the point") as caught:
        load_prices({**data, "extra": [entry]})
    comma, point = re.findall(r'decimal: "(.)" beside', str(caught.value))
    for sign, parted in ((comma, ""), (point, ".")):
        values = load_prices({**data, "extra": [{**entry, "decimal": sign}]}).outside.extra[0].values[:, 0]
        assert values.tolist() == [float(cell.replace(".", parted)) for cell in CROSSING]
