"""A column that says in which currency each bar is: prices of two currencies are no history of one price."""

from __future__ import annotations

import re

import pandas as pd

from lstmstrat.prices.cells import Table
from lstmstrat.prices.check import day
from lstmstrat.prices.findings import Findings
from lstmstrat.prices.roles import Roles

HEADING = re.compile(r"(?:price|quote|trading)?\W*(?:currency|ccy|curr)(?:\W*code)?", re.IGNORECASE)
CODES = re.compile(
    "USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|INR|CNY|HKD|SGD|SEK|NOK|DKK|KRW|TWD|BRL|MXN|ZAR|PLN|CZK|HUF|TRY|ILS|THB"
)
PENCE = {
    "GBp": "GBX",
    "GBX": "GBX",
    "GBx": "GBX",
    "ZAc": "ZAC",
    "ILA": "ILA",
}  # hundredths


def check_currency(table: Table, roles: Roles, rows: pd.Index, times: pd.DatetimeIndex, found: Findings) -> None:
    """Adds a fault if the currency changes within the `rows` that are bars, of these `times` (n,).

    Other cells than codes of currencies are passed over: a column of that name may hold amounts, or coins. Where
    times repeat, it tells several assets apart.
    """
    if not times.is_unique:
        return
    used = {*roles.positions.values(), *roles.events.values()}
    for k, names in enumerate(table.names):
        if k in used or HEADING.fullmatch(" ".join(filter(None, names)).strip()) is None:
            continue
        codes = table.read([k])[k].loc[rows].astype(str).str.strip().map(_code)
        known = pd.Series(codes.to_numpy(), times).dropna()
        changed = known[known != known.iloc[0]] if len(known) else known
        if len(changed):
            found.faults.append(
                f"{day(changed.index[0])}: the currency is {changed.iloc[0]}, and {known.iloc[0]} on "
                f"{day(known.index[0])}; convert the prices to one currency, and leave the column out"
            )


def _code(cell: str) -> str | None:
    """The code of a currency, None if the cell is none; GBp are pence, and GBP pounds."""
    if cell in PENCE:
        return PENCE[cell]
    return cell.upper() if CODES.fullmatch(cell.upper()) else None
