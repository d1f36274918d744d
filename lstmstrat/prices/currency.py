"""A column that says in which currency each bar is: prices of two currencies are no history of one price."""

from __future__ import annotations

import re

import pandas as pd

from lstmstrat.prices.cells import Table
from lstmstrat.prices.findings import Findings, shown
from lstmstrat.prices.roles import Roles

HEADING = re.compile(r"(?:price|quote|trading)?\W*(?:currency|ccy|curr)(?:\W*code)?", re.IGNORECASE)


def check_currency(table: Table, roles: Roles, rows: pd.Index, found: Findings) -> None:
    """Adds a fault if the currency changes within the `rows` that are bars."""
    used = {*roles.positions.values(), *roles.events.values()}
    for k, names in enumerate(table.names):
        if k in used or HEADING.fullmatch(" ".join(filter(None, names)).strip()) is None:
            continue
        cells = table.read([k])[k].loc[rows].astype("string").str.strip()
        cells = cells[cells.notna() & (cells != "")]
        changed = cells[cells != cells.iloc[0]] if len(cells) else cells
        if len(changed):
            row, other = changed.index[0], changed.iloc[0]
            found.faults.append(
                f"row {row + 1}: the currency is {shown(other)}, after {shown(cells.iloc[0])} in row "
                f"{cells.index[0] + 1}; convert the prices to one currency, and leave the column out"
            )
