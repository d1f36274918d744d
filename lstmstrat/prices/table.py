"""The table of a vendor to raw bars: `read_bars`, the one path for CSV, Parquet, Yahoo and a user's frame.

    text.py      bytes to text                     cells.py      text or frame to columns with names
    layouts.py   headings that say too little      headings.py   what vendors call the columns
    roles.py     which column is which             time_cells.py, day_forms.py   dates and times
    date_numbers.py   numbers that are times       clock.py, zones.py   the clock of the exchange, and UTC
    split_dates.py   year, month and day to one     time_faults.py   what is wrong with times
    numbers.py   cells to numbers                  order.py      each time once, the oldest first
    events.py    splits beside unadjusted prices   shadow.py     an adjusted close that is not called so
    currency.py  a currency that changes           findings.py   what is wrong, and what the user says

What can be read in one way is read, and a notice says what was done to the rows. What can be read in two ways is
refused, with the setting that says which. All that is wrong is said at once.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools
from lstmstrat.prices.bars import COLUMNS, PRICES
from lstmstrat.prices.cells import Table
from lstmstrat.prices.check import ADJUSTED_CLOSE, day
from lstmstrat.prices.clock import Clock, settled
from lstmstrat.prices.currency import check_currency
from lstmstrat.prices.events import check_events
from lstmstrat.prices.findings import Findings, Hints, shown, such
from lstmstrat.prices.headings import DATE, SYMBOL, TICKS, TIME, role_of
from lstmstrat.prices.numbers import Numbers, as_decimals, in_32nds, in_fractions, read_numbers, two_readings
from lstmstrat.prices.order import ordered
from lstmstrat.prices.roles import Roles, chosen, several
from lstmstrat.prices.shadow import check_shadow
from lstmstrat.prices.split_dates import with_one_date
from lstmstrat.prices.time_cells import no_times, read_clock
from lstmstrat.prices.time_faults import check_future, check_hours, check_readable
from lstmstrat.prices.utc_offset import Offset

NO_VOLUME = "there is no volume: it is taken as 0 on every bar, so features of volume say nothing"
RAW = (*COLUMNS, ADJUSTED_CLOSE)
NUMBERS = (*RAW, TICKS)
EVENT = re.compile(r"dividend|split|distribution", re.IGNORECASE)  # in a row of its own, on the pages of Yahoo
DIGIT = re.compile(r"\d")

Raw = tuple[pd.DataFrame, tuple[str, ...]]  # bars as the source has them, and notices for the report
Read = dict[str, Numbers]  # the numbers of each role


def read_bars(table: Table, hints: Hints) -> tuple[Raw, Offset]:
    """The bars of a table, the oldest first, with notices; and how far their clock is ahead of UTC, if known.

    A naive DatetimeIndex, each time once; float64 columns open, high, low, close, volume [, adj close], not
    checked: see `check`. Rows without any price are left out, and volume is 0 on every bar where there is none.

    Raises
    ------
    DataError
        A column is missing, or can be one of several; a cell is no date or no number; a time is given to two
        different bars; there are several symbols. The message begins with the title of the table and lists all
        that is wrong, each with what the user has to type.
    """
    table = with_one_date(table, hints)
    found = Findings(table.title, notices=list(table.notices))
    roles = chosen(table, hints, found)
    cells = _of_symbol(_cells(table, roles), hints, found)
    headings = " ".join(_heading(table, roles, role) for role in (DATE, TIME))
    cells, numbers = _with_prices(cells, headings, hints, found)
    clock = _read_clock(cells, numbers, headings, hints, found)
    settled_clock = settled(clock, hints, found)
    times = settled_clock.local
    _check_empty(numbers, times, hints, found)
    check_currency(table, roles, cells.index, times, found)
    bars = ordered(_bars(numbers, times, found), cells.index, table, roles, hints, found)
    if ADJUSTED_CLOSE not in bars and not roles.as_they_are:
        events = cells[list(roles.events)].set_axis(times).sort_index()
        check_events(events[~events.index.duplicated()], bars["close"], hints, found)
        close = pd.Series(numbers["close"].values, times)
        check_shadow(table, roles, cells.index, close, hints, found)
    found.check()
    return (bars, tuple(found.notices)), settled_clock.offset


def _heading(table: Table, roles: Roles, role: str) -> str:
    return " ".join(table.names[roles.positions[role]]) if role in roles.positions else ""


def _with_prices(cells: pd.DataFrame, headings: str, hints: Hints, found: Findings) -> tuple[pd.DataFrame, Read]:
    """The rows that are bars, and the numbers of each role in them; the others are left out with a notice."""
    numbers, doubt = read_numbers({name: cells[name] for name in NUMBERS if name in cells}, hints.decimal)
    if doubt is not None:
        found.faults.append(f"row {cells.index[doubt.row] + 1}: {two_readings(doubt.name, doubt, hints)}")
        numbers = {name: replace(one, wrong=np.zeros(len(cells), dtype=bool)) for name, one in numbers.items()}
    barren = _without_prices(cells, numbers)
    if not len(cells):
        found.faults.append("there is no row below the heading")
    elif barren.all():
        found.faults.append("no row has a price")
    elif DATE in cells:
        _tell_left_out(_rows(cells, barren), headings, hints, found)
    kept = np.flatnonzero(~barren)
    return cells.iloc[kept], {name: Numbers(one.values[kept], one.wrong[kept]) for name, one in numbers.items()}


def _read_clock(cells: pd.DataFrame, numbers: Read, headings: str, hints: Hints, found: Findings) -> Clock:
    """The times of the rows; raises for what cannot be read in them."""
    clock = _clock(cells, headings, hints, found)
    _check_numbers(cells, numbers, clock, found)
    found.check()
    clock = clock.of_rows(slice(None))
    return replace(clock, abbreviation="") if clock.untimed.any() else clock  # EST in a row among plain dates


def _cells(table: Table, roles: Roles) -> pd.DataFrame:
    """The columns that have a role, and those of events by their heading; the index numbers the rows from 0."""
    positions = {**roles.events, **roles.positions}
    read = table.read(sorted(set(positions.values())))
    return pd.DataFrame({name: read[k] for name, k in positions.items()}, index=read.index)


def _of_symbol(cells: pd.DataFrame, hints: Hints, found: Findings) -> pd.DataFrame:
    """The rows of one symbol, where a column names it."""
    if SYMBOL not in cells:
        return cells
    symbols = cells[SYMBOL].astype(str).where(cells[SYMBOL].notna(), "").str.strip()
    known = [symbol for symbol in symbols.unique() if symbol]
    if (
        2 * len(known) > len(cells) and len(known) > 1
    ):  # the number of a row, or a remark: no symbol has so few bars
        return cells
    if len(known) < 2:
        if known and hints.symbol and known[0].casefold() != hints.symbol.casefold():
            found.notices.append(f"the table calls {hints.symbol} {shown(known[0])}")
        return cells
    for fold in (str, str.casefold):
        named = [symbol for symbol in known if fold(symbol) == fold(hints.symbol)]
        if len(named) == 1:
            found.notices.append(f"the rows of {shown(named[0])}, one of {len(known)} symbols in the table")
            return _rows(cells, symbols == named[0])
    none = hints.write("columns", {SYMBOL: None})
    found.faults.append(f"{several(known, hints)}; if all rows are of one, {none}")
    return _rows(cells, symbols == known[0])


def _rows(cells: pd.DataFrame, which: pd.Series | Bools) -> pd.DataFrame:
    return cells.iloc[np.flatnonzero(which)]


def _without_prices(cells: pd.DataFrame, numbers: Read) -> Bools:
    """The rows (n,) that are no bars: their prices are empty or words, as in a footer and the heading again.

    Where that is all rows, those with words are bars that cannot be read.
    """
    prices = [name for name in PRICES if name in numbers]
    empty = np.all([np.isnan(numbers[name].values) for name in prices], axis=0) & bool(prices)
    empty = np.broadcast_to(empty, len(cells)).copy()
    wrong = np.any([numbers[name].wrong for name in prices], axis=0) & empty
    barren = empty & ~wrong
    for row in np.flatnonzero(wrong):
        texts = {name: str(cells[name].iloc[row]) for name in prices}
        heading = all((found := role_of(text)) and found[0] == name for name, text in texts.items())
        words = not any(map(DIGIT.search, texts.values()))
        barren[row] = words or heading or any(map(EVENT.search, texts.values()))
    return np.asarray(empty & ~wrong if barren.all() else barren)


def _clock(cells: pd.DataFrame, headings: str, hints: Hints, found: Findings) -> Clock:
    """The times of bars; one without a time is a fault, whose cause is said once."""
    if DATE not in cells or not len(cells):
        return no_times(len(cells))
    before = len(found.faults)
    clock = read_clock(cells[DATE], cells.get(TIME), hints, found, headings)
    if len(found.faults) == before:
        check_readable(clock, cells[DATE], cells.get(TIME), np.ones(len(cells), dtype=bool), hints, found)
    known = ~clock.unreadable
    check_hours(clock.untimed, cells[DATE], known, found)
    check_future(clock.local, cells[DATE], known, found)
    return clock


def _check_numbers(cells: pd.DataFrame, numbers: Read, clock: Clock, found: Findings) -> None:
    """Adds a fault for each column with a cell that is no number."""
    for name, column in numbers.items():
        rows = np.flatnonzero(column.wrong)
        if rows.size:
            row = rows[0]
            at = "" if clock.unreadable[row] else f", {day(clock.local[row])}"
            cell = cells[name].iloc[row]
            found.faults.append(
                f"row {cells.index[row] + 1}{at}: {name} is {shown(cell)}, "
                f"expected a number such as 1234.5{such(rows.size)}{_of_fractions(str(cell).strip())}"
            )


def _of_fractions(text: str) -> str:
    """What can be done about a cell that is a price in fractions; "" if it has not the form of one."""
    for kind, price in (("32nds", in_32nds(text)), ("fractions", in_fractions(text))):
        if price is not None:
            return f"; if this is a price in {kind}, {as_decimals(price)}"
    return ""


def _tell_left_out(cells: pd.DataFrame, headings: str, hints: Hints, found: Findings) -> None:
    """Adds notices on rows that are no bars, with and without a date, which is read apart from those of bars."""
    if not len(cells):
        return
    doubts = Findings("")
    clock = read_clock(cells[DATE], cells.get(TIME), hints, doubts, headings)
    dated, undated = np.flatnonzero(~clock.unreadable), np.flatnonzero(clock.unreadable)
    if len(dated):
        first = shown(cells[DATE].iloc[dated[0]]) if doubts.faults else day(clock.local[dated[0]])
        found.notices.append(f"rows without prices left out: {len(dated)} (first: {first})")
    if len(undated):
        first = shown(cells[DATE].iloc[undated[0]])
        found.notices.append(f"lines that are no bars left out: {len(undated)} (first: {first})")


def _check_empty(numbers: Read, times: pd.DatetimeIndex, hints: Hints, found: Findings) -> None:
    """Adds a fault for a price that no row has, and for a volume that some have and others not."""
    for name in PRICES:
        if np.isnan(numbers[name].values).all():
            found.faults.append(
                f"the column of {name} is empty; {hints.write('columns', {name: 'HEADING'})} of another"
            )
    empty = np.isnan(numbers["volume"].values) if "volume" in numbers else np.zeros(len(times), dtype=bool)
    if empty.any() and not empty.all():
        rows = np.flatnonzero(empty)
        found.faults.append(
            f"{day(times[rows[0]])}: volume is empty{such(rows.size)}; fill it in, or, to go without volume, "
            f"{hints.write('columns', {'volume': None})}"
        )


def _bars(numbers: Read, times: pd.DatetimeIndex, found: Findings) -> pd.DataFrame:
    """The columns of bars, with a volume and, if it has a value, the adjusted close."""
    values = {name: column.values for name, column in numbers.items()}
    ticks = values.pop(TICKS, np.zeros(len(times)))
    volume = values.get("volume", np.full(len(times), np.nan))
    if not np.nansum(volume) and np.nansum(ticks):
        volume = ticks
        found.notices.append("the volume is the number of ticks")
    if np.isnan(volume).all():
        volume = np.zeros(len(times))
        found.notices.append(NO_VOLUME)
    if ADJUSTED_CLOSE in values and np.isnan(values[ADJUSTED_CLOSE]).all():
        del values[ADJUSTED_CLOSE]
        found.notices.append("the column of the adjusted close is empty")
    values["volume"] = volume
    return pd.DataFrame({name: values[name] for name in RAW if name in values}, index=times.rename(DATE))
