"""The cells of the columns of prices to numbers: decimal sign, thousands, currency, K and M."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools, Floats
from lstmstrat.prices.bars import PRICES
from lstmstrat.prices.findings import Hints, shown

EMPTY = ("", "-", "--", "—", "–", ".", "na", "n/a", "#n/a", "nan", "nat", "null", "none", "<na>", "nil")
CODES = "usd|eur|gbp|gbx|jpy|chf|cad|aud|inr|cny|hkd|sek|nok|krw|brl|usdt|btc"
CURRENCY = re.compile(rf"[$€£¥₹₩₽₺₿฿]|(?i:(?<![a-z])(?:{CODES})(?![a-z]))")
UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12}
FORM = re.compile(r"([-+]?[\d.,]*\d[\d.,]*(?:e[-+]?\d+)?)(k|m|bn|b|t)?")
GROUPS = re.compile(r"[-+]?[1-9]\d{0,2}([\s'’])\d{3}(?:\1\d{3})*(?![\d\s'’])")  # 1 234 567, or 1'234'567
BOND = re.compile(r"(\d{1,3})['’-]([0-2]\d|3[01])([0257]|\+)?")  # 99'26, 99'262, 99-26+: 99 and 26/32, 26.25, 26.5
FRACTION = re.compile(r"(?:(\d{1,7}|\d{1,3}(?:,\d{3})+)[\s-]+)?(\d{1,3})/(2|4|8|16|32|64|128|256)")  # 99 5/8
EIGHTHS = {None: 0.0, "0": 0.0, "2": 0.25, "5": 0.5, "+": 0.5, "7": 0.75}  # of a 32nd
GROUPED = {  # by the decimal sign: numbers whose groups are right, 1,234.5 and as in India 12,34,567
    sign: re.compile(rf"[-+]?[1-9]\d{{0,2}}(?:{of}\d{{2,3}})*{of}\d{{3}}(?:{re.escape(sign)}\d*)?(?:e.*)?")
    for sign, of in ((".", ","), (",", r"\."))
}
SHOWS = {  # what cells show of the decimal sign; before thousands there are three digits at most
    ".": re.compile(r"\d{4}\.\d|\d\.(?:\d{1,2}|\d{4,})(?:[kmbt]|bn|e.*)?$|,\d{3}\.|,\d{3},|^0\.\d"),
    ",": re.compile(r"\d{4},\d|\d,(?:\d{1,2}|\d{4,})(?:[kmbt]|bn|e.*)?$|\.\d{3},|\.\d{3}\.|^0,\d"),
}
DOUBTFUL = re.compile(r"-?[1-9]\d{0,2},\d{3}[kmbt]?")
AT_THE_TOP = 20  # rows that are looked at before all others
FAR = 30.0  # times as much as the other prices: no thousands


@dataclass(frozen=True)
class Numbers:
    """The values of a column, and its cells that are neither a number nor empty."""

    values: Floats  # (n,), NaN where empty or wrong
    wrong: Bools  # (n,)


@dataclass(frozen=True)
class TwoReadings:
    """A cell that may be a thousand times as much: its column and its text."""

    name: str
    row: int
    text: str

    @property
    def bond(self) -> float | None:
        """The price in 32nds that it may be, as those of bonds are; None if it is a matter of the comma."""
        return in_32nds(self.text)


def in_32nds(text: str) -> float | None:
    """A price of a bond in 32nds as a number; None if the text has not the form of one.

    Examples
    --------
    >>> in_32nds("99'26"), in_32nds("99'262"), in_32nds("110-16+"), in_32nds("1'234")
    (99.8125, 99.8203125, 110.515625, None)
    """
    found = BOND.fullmatch(text)
    return None if found is None else int(found[1]) + (int(found[2]) + EIGHTHS[found[3]]) / 32.0


def in_fractions(text: str) -> float | None:
    """A price in fractions, as American exchanges wrote them up to 2001; None if the text has not the form of one.

    Examples
    --------
    >>> in_fractions("99 5/8"), in_fractions("99-1/2"), in_fractions("7/16"), in_fractions("1/3/2001")
    (99.625, 99.5, 0.4375, None)
    """
    found = FRACTION.fullmatch(text)
    if found is None or int(found[2]) >= int(found[3]):
        return None
    return int((found[1] or "0").replace(",", "")) + int(found[2]) / int(found[3])


def two_readings(what: str, doubt: TwoReadings, hints: Hints) -> str:
    """The sentence on a cell of `what` that is two numbers."""
    point, comma = hints.write("decimal", "."), hints.write("decimal", ",")
    if doubt.bond is not None:
        rest = f"if the apostrophe parts thousands, {point}; if it parts 32nds, {as_decimals(doubt.bond)}"
    elif "," in doubt.text:
        rest = f"if the comma parts thousands, {point}; if it is the decimal sign, {comma}"
    else:
        rest = f"if the point parts thousands, {comma}; if it is the decimal sign, {point}"
    return f"{what} is {shown(doubt.text)}, which is two numbers; {rest}"


def as_decimals(price: float) -> str:
    """What the user has to do with prices in fractions."""
    return f"write the prices as decimals, here {price!r}"


def read_numbers(
    columns: Mapping[str, pd.Series], decimal: str | None
) -> tuple[dict[str, Numbers], TwoReadings | None]:
    """The numbers of each column, and a cell such as 1,234 if nothing shows which sign the decimal one is.

    Where all cells are plain numbers they are taken as such. Else the decimal sign is looked for, in each column
    and then in the others: 1,234.50, 1011,820 and 100,11 show it, 1,234 alone does not. Numbers are held against
    each other too: 1.002 beside 998 is in doubt, and a price of 99'260 where none beside it is as large.
    """
    plain = {name: _plain(column) for name, column in columns.items()}
    if decimal != "," and not any(numbers.wrong.any() for numbers in plain.values()):
        return plain, None if decimal else _point_in_doubt(columns, plain)
    texts = [name for name in columns if plain[name].wrong.any() or _is_text(columns[name])]
    cleaned = {name: _cleaned(_texts(columns[name])) for name in texts}
    shown = {name: {decimal} if decimal else _shown_signs(text) for name, text in cleaned.items()}
    common = set[str]().union(*shown.values())  # a column that shows none has that of the others
    signs = {name: of_column or common for name, of_column in shown.items()}
    read = {name: _numbers(text, "," if signs[name] == {","} else ".") for name, text in cleaned.items()}
    if decimal:
        return plain | read, None
    doubts = [_in_doubt(name, text) for name, text in cleaned.items() if len(signs[name]) != 1]
    of_prices = [_bond_in_doubt(columns), _point_in_doubt(columns, plain | read)]
    return plain | read, next(filter(None, [*of_prices, *doubts]), None)


def _is_text(column: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(column.dtype)


def _plain(column: pd.Series) -> Numbers:
    """A column in the form of Python: 1234.5."""
    kind = column.dtype
    if pd.api.types.is_bool_dtype(kind) or pd.api.types.is_complex_dtype(kind) or _is_time(column):
        return Numbers(np.full(len(column), np.nan), np.ones(len(column), dtype=bool))
    values = pd.to_numeric(column, errors="coerce")
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    wrong = np.isnan(numbers) & column.notna().to_numpy()
    rows = np.flatnonzero(wrong)
    wrong[rows] = [str(cell).strip().lower() not in EMPTY for cell in column.iloc[rows]]
    return Numbers(numbers, wrong)


def _is_time(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.DatetimeTZDtype) or column.dtype.kind in "mM"


def _texts(column: pd.Series) -> list[str]:
    """The cells as text, in a list: each operation on a Series of strings costs as much as a thousand cells."""
    texts: list[str] = column.astype(str).where(column.notna(), "").tolist()
    return [text.strip() for text in texts]


def _cleaned(texts: list[str]) -> list[str]:
    """Texts without their currency, and without spaces and apostrophes between thousands; in small letters."""
    return [_together(cell) for cell in _bare(texts)]


def _bare(texts: list[str]) -> list[str]:
    """Texts without their currency; in small letters.

    A cell of another currency than the first one keeps it, and so is no number: GBp are pence, and GBP pounds.
    """
    named = [found and found[0] for found in map(CURRENCY.search, texts)]
    first = next(filter(None, named), None)
    kept = [
        text if currency is None else CURRENCY.sub("", text) if currency == first else text
        for text, currency in zip(texts, named, strict=True)
    ]
    return [text.lower().strip().replace("\u2212", "-") for text in kept]  # the minus sign of typesetters


def _together(cell: str) -> str:
    """A cell without the spaces or apostrophes between its thousands, where all groups have three digits."""
    groups = GROUPS.match(cell)
    return cell if groups is None else cell[: groups.end()].replace(groups[1], "") + cell[groups.end() :]


def _bond_in_doubt(columns: Mapping[str, pd.Series]) -> TwoReadings | None:
    """The first price such as 99'260, if all such prices may be 32nds, and are no thousands of the others."""
    prices = {name: columns[name] for name in columns if name in PRICES}
    apart, rest = _cells_of(r"\d+'\d{3}", "'", prices)
    if not apart or not all(one.bond for one in apart):
        return None
    thousands = np.median([float(one.text.replace("'", "")) for one in apart])
    return None if thousands < FAR * rest else apart[0]


def _point_in_doubt(columns: Mapping[str, pd.Series], read: Mapping[str, Numbers]) -> TwoReadings | None:
    """The first number such as 1.002, if all with a point have three digits after it, and the others far more.

    Prices are held against each other; any other column against itself, unless another one shows what a point is.
    """
    prices = {name: column for name, column in columns.items() if name in PRICES}
    if (doubt := _point_among(prices, read)) is not None:
        return doubt
    others = [{name: column} for name, column in columns.items() if name not in PRICES]
    found = next(filter(None, (_point_among(one, read) for one in others)), None)
    is_shown = found is not None and any(
        _shown_signs(_cleaned(_texts(column))) for column in columns.values() if _is_text(column)
    )
    return None if is_shown else found


def _point_among(columns: Mapping[str, pd.Series], read: Mapping[str, Numbers]) -> TwoReadings | None:
    """The doubt of `_point_in_doubt` within some columns."""
    values = np.abs(np.concatenate([read[name].values for name in columns] or [np.zeros(0)]))
    values = values[values > 0.0]
    if not values.size or not values.max() > FAR * values.min():
        return None
    apart, rest = _cells_of(r"-?[1-9]\d{0,2}\.\d{3}", ".", columns)
    return apart[0] if apart and FAR * np.median([abs(float(one.text)) for one in apart]) < rest else None


def _cells_of(form: str, mark: str, columns: Mapping[str, pd.Series]) -> tuple[list[TwoReadings], float]:
    """As `_cells_with`, but none where one has another form, as in most files one of the first rows has."""
    if not any(_is_text(column) and _has(mark, _texts(column)) for column in columns.values()):
        return [], np.nan
    for rows in (AT_THE_TOP, None):
        apart, rest = _cells_with(mark, {name: column.iloc[:rows] for name, column in columns.items()})
        if not all(re.fullmatch(form, one.text) for one in apart):
            return [], np.nan
    return apart, rest


def _has(mark: str, texts: list[str]) -> bool:
    """Whether a mark is in one of the texts, whose apostrophes may be those of typesetters."""
    return any(mark in text for text in texts) or (mark == "'" and any("’" in text for text in texts))


def _cells_with(mark: str, columns: Mapping[str, pd.Series]) -> tuple[list[TwoReadings], float]:
    """The cells that are text with a mark in it, and the median size of the others; NaN if there are none."""
    apart, rest = list[TwoReadings](), list[str]()
    for name, column in columns.items():
        if not _is_text(column):
            continue
        for row, cell in enumerate(_bare(_texts(column))):
            cell = cell.replace("’", "'")
            if mark in cell:
                apart.append(TwoReadings(name, row, cell))
            else:
                rest.append(cell)
    return apart, float(pd.to_numeric(pd.Series(rest, dtype=object), errors="coerce").abs().median())


def _shown_signs(texts: list[str]) -> set[str]:
    """The decimal signs that the cells of a column show."""
    return {sign for sign, shows in SHOWS.items() if any(map(shows.search, texts))}


def _in_doubt(name: str, texts: list[str]) -> TwoReadings | None:
    """The first cell such as 1,234; None if there is none."""
    return next((TwoReadings(name, k, text) for k, text in enumerate(texts) if DOUBTFUL.fullmatch(text)), None)


def _numbers(texts: list[str], sign: str) -> Numbers:
    """Cleaned cells with one decimal sign as numbers."""
    parts = [_parts(text, sign) for text in texts]
    plain = pd.to_numeric(pd.Series([number for number, _ in parts], dtype=object), errors="coerce")
    values: Floats = plain.to_numpy(np.float64) * np.array([unit for _, unit in parts])
    filled = np.array([text not in EMPTY for text in texts], dtype=bool)
    return Numbers(values, np.isnan(values) & filled)


def _parts(text: str, sign: str) -> tuple[str | None, float]:
    """A number in the form of Python, and its unit: "1,5K" is 1.5 thousands; None if it is no number."""
    found, thousands = FORM.fullmatch(text), "," if sign == "." else "."
    if found is None or (thousands in found[1] and not GROUPED[sign].fullmatch(found[1])):
        return None, 1.0
    return found[1].replace(thousands, "").replace(sign, "."), UNITS[found[2] or ""]
