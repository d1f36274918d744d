"""The cells of the columns of prices to numbers: decimal sign, thousands, currency, K and M."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools, Floats

EMPTY = ("", "-", "--", "—", "–", ".", "na", "n/a", "#n/a", "nan", "nat", "null", "none", "<na>", "nil")
CODES = "usd|eur|gbp|gbx|jpy|chf|cad|aud|inr|cny|hkd|sek|nok|krw|brl|usdt|btc"
CURRENCY = rf"[$€£¥₹₩₽₺₿฿]|(?i:(?<![a-z])(?:{CODES})(?![a-z]))"
UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12}
FORM = re.compile(r"([-+]?[\d.,]*\d[\d.,]*(?:e[-+]?\d+)?)(k|m|bn|b|t)?")


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


def read_numbers(
    columns: Mapping[str, pd.Series], decimal: str | None
) -> tuple[dict[str, Numbers], TwoReadings | None]:
    """The numbers of each column, and a cell such as 1,234 if nothing shows which sign the decimal one is.

    Where all cells are plain numbers they are taken as such. Else the decimal sign is looked for, in each column
    and then in the others: 1,234.50 and 100,11 show it, 1,234 alone does not.
    """
    plain = {name: _plain(column) for name, column in columns.items()}
    if decimal != "," and not any(numbers.wrong.any() for numbers in plain.values()):
        return plain, None
    texts = [name for name in columns if plain[name].wrong.any() or _is_text(columns[name])]
    cleaned = {name: _cleaned(_texts(columns[name])) for name in texts}
    shown = {name: {decimal} if decimal else _shown_signs(text) for name, text in cleaned.items()}
    common = set[str]().union(*shown.values())  # a column that shows none has that of the others
    signs = {name: of_column or common for name, of_column in shown.items()}
    doubts = (_in_doubt(name, text) for name, text in cleaned.items() if not decimal and len(signs[name]) != 1)
    read = {name: _numbers(text, "," if signs[name] == {","} else ".") for name, text in cleaned.items()}
    return plain | read, next(filter(None, doubts), None)


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
    if wrong.any():
        rows = np.flatnonzero(wrong)
        wrong[rows] = ~column.iloc[rows].astype(str).str.strip().str.lower().isin(EMPTY).to_numpy(bool)
    return Numbers(numbers, wrong)


def _is_time(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.DatetimeTZDtype) or column.dtype.kind in "mM"


def _texts(column: pd.Series) -> pd.Series:
    return column.astype(str).where(column.notna(), "").str.strip()


def _cleaned(text: pd.Series) -> pd.Series:
    """Text without its currency, and without spaces and apostrophes between thousands; in small letters.

    A cell of another currency than the first one keeps it, and so is no number: GBp are pence, and GBP pounds.
    """
    currency = text.str.extract(f"({CURRENCY})")[0]
    first = next(iter(currency.dropna()), None)
    bare = text.where(currency.notna() & (currency != first), text.str.replace(CURRENCY, "", regex=True))
    return bare.str.lower().str.strip().str.replace(r"(?<=\d)[\s'’](?=\d{3}(?!\d))", "", regex=True)


def _shown_signs(text: pd.Series) -> set[str]:
    """The decimal signs that the cells of a column show."""
    point = r"\d\.(?:\d{1,2}|\d{4,})(?:[kmbt]|bn|e.*)?$|,\d{3}\.|,\d{3},|^0\.\d"
    comma = r"\d,(?:\d{1,2}|\d{4,})(?:[kmbt]|bn|e.*)?$|\.\d{3},|\.\d{3}\.|^0,\d"
    marks = {".": text.str.contains(point, regex=True), ",": text.str.contains(comma, regex=True)}
    return {sign for sign, cells in marks.items() if cells.any()}


def _in_doubt(name: str, text: pd.Series) -> TwoReadings | None:
    """The first cell such as 1,234; None if there is none."""
    rows = np.flatnonzero(text.str.fullmatch(r"-?[1-9]\d{0,2},\d{3}[kmbt]?"))
    return TwoReadings(name, int(rows[0]), text.iloc[rows[0]]) if rows.size else None


def _numbers(text: pd.Series, sign: str) -> Numbers:
    """Cleaned cells with one decimal sign as numbers."""
    parts = text.str.extract(rf"^{FORM.pattern}$")
    thousands = "," if sign == "." else "."
    grouped = parts[0].str.contains(rf"\{thousands}", regex=True) & ~parts[0].str.fullmatch(
        rf"[-+]?[1-9]\d{{0,2}}(?:\{thousands}\d{{2,3}})*\{thousands}\d{{3}}(?:\{sign}\d*)?(?:e.*)?", na=False
    )
    number = parts[0].where(~grouped.fillna(False).astype(bool)).str.replace(thousands, "", regex=False)
    plain = pd.to_numeric(number.str.replace(sign, ".", regex=False), errors="coerce").to_numpy(np.float64)
    values: Floats = plain * parts[1].fillna("").map(UNITS).to_numpy(np.float64)
    return Numbers(values, np.isnan(values) & ~text.isin(EMPTY).to_numpy(bool))
