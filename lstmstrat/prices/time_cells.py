"""The cells of the column of dates, and of that of times if there is one, to a `Clock`: `read_clock`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools
from lstmstrat.prices.abbreviations import offsets_in, zone_called
from lstmstrat.prices.clock import Clock
from lstmstrat.prices.date_numbers import GUESSES, UNITS, likely_form, of_excel, since_1970
from lstmstrat.prices.day_forms import are_untimed, read_begin, read_form
from lstmstrat.prices.findings import Findings, Hints, shown, such
from lstmstrat.prices.times_of_day import ENDS_IN_ZONE, ZONE, heading_offset, offsets, tidied, times_of_day

FIRST_YEAR, LAST_YEAR = 1800, 2200
COMPACT = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
RARE = ("%b %Y", "%B %Y", "%m/%Y", "%b-%Y", "%a %b %d %H:%M:%S %Y")  # a month; the clock of C
MONTHS = ("%b-%y", "%b %y")  # Jan-18, or the 18th of January of some year
UNIT_FORMATS = (*UNITS.values(), "excel")  # what date_format may be beside a format of strptime
ISO_DAY = r"\d{4}-\d\d-\d\d"
FEW = 20  # cells that show what dates are
NUMBER = re.compile(r"[-+]?\d+(\.\d*)?(e[-+]?\d+)?")
AS_TEXT = r"""^=?"(.*)"$|^'"""  # ="2024-01-31", so that a spreadsheet shows it as it is
SHORTENED = r"\d([.,]\d{1,8})?[eE]\+?\d+"
ENDS_OF_DAY = r"(?<=[T ])24(?=:?00(?::?00(?:\.0+)?)?$)"
QUARTER = r"^(?:(\d{4})[\s-]?[Qq]([1-4])|[Qq]([1-4])[\s/-]?(\d{4}))$"
WEEK = r"[12]\d{3}-?W[0-5]\d"  # of ISO, which no format reads without a day
SAYS_HOURS = ("%H", "%I", "%X", "%c", "%T")  # in a format of strptime


def read_clock(
    date: pd.Series, time: pd.Series | None, hints: Hints, found: Findings, headings: str = ""
) -> Clock:
    """The times of the rows, in their order; `headings` are those of the two columns, which may say UTC."""
    clock = _read_date(date, hints, found)
    if time is not None:
        clock = _with_time(clock, time, hints, found)
    ahead = heading_offset(headings)
    if clock.utc is None and not clock.abbreviation and ahead is not None:
        clock = replace(clock, utc=clock.local - ahead)
    inside = (clock.local.year >= FIRST_YEAR) & (clock.local.year <= LAST_YEAR)
    utc = None if clock.utc is None else _where(clock.utc, inside)
    return replace(clock, local=_where(clock.local, inside), utc=utc)


def _where(times: pd.DatetimeIndex, inside: Bools) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(times.where(inside))


def _read_date(date: pd.Series, hints: Hints, found: Findings) -> Clock:
    kind = date.dtype
    if isinstance(kind, pd.ArrowDtype) and kind.kind == "M":
        date = pd.Series(pd.DatetimeIndex(date), date.index)
        kind = date.dtype
    if isinstance(kind, pd.PeriodDtype):
        return Clock(pd.DatetimeIndex(date.dt.start_time), None)
    if isinstance(kind, pd.DatetimeTZDtype):
        index = pd.DatetimeIndex(date)
        return Clock(index.tz_localize(None), index.tz_convert("UTC").tz_localize(None))
    if kind.kind == "M":
        return Clock(pd.DatetimeIndex(date), None)
    text = date.astype(str).where(date.notna(), "").str.strip()
    if (plain := _plain_days(text, hints)) is not None:
        return plain
    if kind.kind not in "fiu":
        text = text.str.replace(AS_TEXT, r"\1", regex=True) if _anywhere("[\"']", text) else text
        if _anywhere("[eE]", text) and _shortened(text, found):
            return no_times(len(text))
    number = _as_numbers(text, hints)
    return _of_text(text, hints, found) if number is None else _of_numbers(number, text, hints, found)


def _plain_days(text: pd.Series, hints: Hints) -> Clock | None:
    """Days such as 2024-01-31 in all rows, as most files have them: in a fifth of the time; else None."""
    if hints.date_format is not None or not len(text) or not text.str.fullmatch(ISO_DAY).all():
        return None
    days = pd.to_datetime(text, format="ISO8601", errors="coerce")
    return None if days.isna().any() else Clock(pd.DatetimeIndex(days), None, np.ones(len(text), dtype=bool))


def _as_numbers(text: pd.Series, hints: Hints) -> pd.Series | None:
    """The numbers that dates are, by most of the first ones; None if they are texts, as 20240131 may be too."""
    few = text[text != ""].head(FEW)
    of_number = few[few.map(lambda cell: NUMBER.fullmatch(cell) is not None)]
    if hints.date_format not in UNIT_FORMATS and (hints.date_format or 2 * len(of_number) <= len(few)):
        return None
    number = pd.to_numeric(text, errors="coerce")
    others = number.isna() & text.str.contains(r"^\d", regex=True)
    if number.isna().all() or (others.any() and (of_number.str.len() == 8).all()):
        return None
    return number


def _anywhere(pattern: str, text: pd.Series) -> bool:
    """Whether a plain pattern, without groups, is in one of the cells: a quick question before a slow one."""
    return bool(text.str.contains(pattern, regex=True).any())


def _shortened(text: pd.Series, found: Findings) -> bool:
    """Whether a spreadsheet has left out the last digits of times since 1970, 1.57792E+12, which is a fault."""
    short = np.flatnonzero(text.str.fullmatch(SHORTENED))
    if len(short):
        cell = f"row {text.index[short[0]] + 1}: the date is {shown(text.iloc[short[0]])}{such(len(short))}"
        found.faults.append(
            f"{cell}, of which a spreadsheet has left out digits; take the file as it was downloaded, or show the "
            "column there as a number without decimals, and save it again"
        )
    return len(short) > 0


def _of_numbers(number: pd.Series, text: pd.Series, hints: Hints, found: Findings) -> Clock:
    """Dates such as 20240131, and times since 1970 in a unit that their digits show."""
    digits = len(str(int(number.abs().max()))) if np.isfinite(number.abs().max()) else 0
    unit: Any = hints.date_format or UNITS.get(digits)
    form = COMPACT.get(digits)
    if hints.date_format is None and form and (digits != 10 or _begins_with_a_year(number)):
        whole = text.str.replace(r"\.0*$", "", regex=True)
        ends = whole.str.fullmatch(r"\d{8}240*") & (digits > 8)
        whole = whole.where(~ends, whole.str[:8] + "0" * (digits - 8))
        days = pd.to_datetime(whole.where(whole.str.len() == digits), format=form, errors="coerce")
        days += pd.to_timedelta(ends.astype(int), unit="D")
        if days.notna().any():
            return Clock(pd.DatetimeIndex(days), None)
        unit = None
    if unit is None:
        form = likely_form(number, text)
        guess = f"if it is a {GUESSES[form]}, {hints.write('date_format', form)}" if form else "write all dates so"
        found.faults.append(
            f"the date is {shown(text[number.notna()].iloc[0])}, a number that may be that of the row; expected "
            f"the form 2024-01-31, 20240131, or the seconds since 1970; {guess}"
        )
        return no_times(len(text))
    if unit == "excel":
        return Clock(of_excel(number), None)
    utc = since_1970(number, unit)
    if hints.date_format is None and (each := _each_in_its_unit(number)) is not None:
        utc = each
    return Clock(utc, utc)


def _each_in_its_unit(number: pd.Series) -> pd.DatetimeIndex | None:
    """Times in several units, each by its digits, if that brings them into order; None if it does not.

    Binance counts microseconds since 2025, and milliseconds before: files of both years, joined, hold both.
    """
    digits = np.floor(np.log10(number.abs().clip(lower=1.0))) + 1.0
    units = {unit: digits.between(most - 2, most) for most, unit in UNITS.items()}
    if sum(bool(rows.any()) for rows in units.values()) < 2:
        return None
    parts = [pd.Series(since_1970(number[rows], unit), number.index[rows]) for unit, rows in units.items()]
    each = pd.DatetimeIndex(pd.concat([part.astype("datetime64[ns]") for part in parts]).reindex(number.index))
    return each if each.is_monotonic_increasing or each.is_monotonic_decreasing else None


def _begins_with_a_year(number: pd.Series) -> bool:
    """Whether ten digits are a date with its hour, 2024013109; as seconds they would lie after 2030."""
    return bool(number.dropna().between(1_900_010_100, 2_100_000_000).all())


def no_times(rows: int) -> Clock:
    """The clock of rows none of which has a time."""
    return Clock(pd.DatetimeIndex([pd.NaT] * rows), None)


def _of_text(text: pd.Series, hints: Hints, found: Findings) -> Clock:
    """Dates written out, with or without a time of day and an offset."""
    text = tidied(text) if hints.date_format is None else text
    untimed = are_untimed(text) & (not any(sign in (hints.date_format or "") for sign in SAYS_HOURS))
    zoned = text.str.contains(ENDS_IN_ZONE, regex=True)
    zones = None
    if zoned.any():
        parts = text.str.extract(ZONE)
        text = parts[0].fillna(text).str.strip()
        zones = parts[1].fillna("")
    local = _local(text, hints, found)
    untimed &= ~(local > local.dt.normalize()).to_numpy(dtype=bool)
    clock = Clock(pd.DatetimeIndex(local), None, untimed)
    return clock if zones is None else _zoned(clock, text, zones, hints, found)


def _local(text: pd.Series, hints: Hints, found: Findings) -> pd.Series:
    """Dates without an offset; 24:00 is 00:00 of the next day, but in every row it is the end of a daily bar."""
    if _anywhere("[T ]24", text) and (ends := text.str.contains(ENDS_OF_DAY, regex=True)).any():
        begins = text.where(~ends, text.str.replace(ENDS_OF_DAY, "00", regex=True))
        if ends[text != ""].all():
            return _local(begins, hints, found)
        return _local(begins, hints, found) + pd.to_timedelta(ends.astype(int), unit="D")
    if _week(text, found):
        return pd.to_datetime(text.where(text == ""), errors="coerce")
    if _anywhere("[Qq][1-4]", text):
        quarters = text.str.extract(QUARTER)
        year, number = quarters[0].fillna(quarters[3]), quarters[1].fillna(quarters[2])
        month = (3 * pd.to_numeric(number) - 2).map("{:02.0f}".format)
        text = text.where(year.isna(), year + "-" + month + "-01")
    if hints.date_format is not None:
        form = hints.date_format.replace("%z", "").replace("%Z", "").strip()
        try:
            days = read_form(text, form)
            return days if days.notna().any() else read_form(tidied(text), form)  # the form of a message
        except (ValueError, re.error) as error:  # %Y twice
            found.faults.append(f"{hints.setting('date_format', hints.date_format)}: {error}")
            return pd.to_datetime(text.where(text == ""), errors="coerce")
    short = text.str.len() < 8
    iso = pd.to_datetime(
        text.where(~short | text.str.contains(r"^\d{4}-\d\d?$", regex=True)), format="ISO8601", errors="coerce"
    )
    if iso.notna().any() or not len(text):
        return iso if iso.dt.tz is None else iso.dt.tz_localize(None)
    few = text[text != ""].head(5)
    for form in (*RARE, *MONTHS):
        if len(few) and pd.to_datetime(few, format=form, errors="coerce").notna().all():
            days = read_form(text, form)
            if form in RARE or not _by_years(days):
                return days
    return _written(text, hints, found)


def _by_years(days: pd.Series) -> bool:
    """Whether most months (n,) lie a year or more apart: then Jan-18 and Jan-19 are two days of a January."""
    known = days.dropna()
    return bool((12 * known.dt.year + known.dt.month).diff().abs().median() >= 12)


def _week(text: pd.Series, found: Findings) -> bool:
    """Whether one of the dates is a week, which is a fault: nobody knows which of its days is meant."""
    rows = np.flatnonzero(text.str.fullmatch(WEEK)) if _anywhere("W", text) else np.zeros(0, dtype=int)
    if len(rows):
        year, week = map(int, re.findall(r"\d+", text.iloc[rows[0]]))
        last = pd.Timestamp.fromisocalendar(year, 1, 7) + pd.Timedelta(weeks=week - 1)
        found.faults.append(
            f"row {text.index[rows[0]] + 1}: the date is {shown(text.iloc[rows[0]])}{such(len(rows))}, a week; "
            f"write the date of its last day, {last:%Y-%m-%d}, and so in each row"
        )
    return len(rows) > 0


def _written(text: pd.Series, hints: Hints, found: Findings) -> pd.Series:
    """Dates in the forms of `day_forms`, with a time of day behind them."""
    read = read_begin(text)
    if len(read.orders) > 1:
        row = int(np.flatnonzero(read.days.notna())[0])
        forms = [_form(order, text.iloc[row], read.rest.iloc[row]) for order in read.orders]
        which = hints.write("date_format", forms[0])
        which += "".join(f" or {hints.setting('date_format', form)}" for form in forms[1:])
        found.faults.append(
            f"row {text.index[row] + 1}: the date {shown(text.iloc[row])} can be read in two ways; {which}"
        )
    return read.days + times_of_day(read.rest)


def _form(order: str, text: str, rest: str) -> str:
    """The format of strptime for a date of an order, with its signs and its time of day."""
    sign = re.sub(r"\d", "", text)[:1]
    numbers = re.findall(r"\d+", text)
    year = "%Y" if 4 in map(len, numbers[:3]) else "%y"
    form = sign.join({"d": "%d", "m": "%m", "y": year}[letter] for letter in order)
    if not rest:
        return form
    colons, half = rest.count(":"), "m" in rest.lower()
    time = ":".join(["%I" if half else "%H", "%M", "%S"][: colons + 1]) + (".%f" if "." in rest else "")
    between = text[len(re.match(r"[\d./-]+", text)[0]) :][: len(text) - len(rest)]  # type: ignore[index]
    return form + re.match(r"[\s,T]*", between)[0] + time + (" %p" if half else "")  # type: ignore[index]


def _zoned(clock: Clock, text: pd.Series, zones: pd.Series, hints: Hints, found: Findings) -> Clock:
    """The clock of rows that end in a zone; a time without one, of maybe another clock, is a fault.

    A date has none, and no time in UTC, among those that have. Lines that are no rows of the table, and have no
    date, may end in a zone too. Names such as EST are those of the user's zone, if it has them at these times.
    """
    local = pd.Series(clock.local, text.index)
    dated, offset = local.notna(), offsets(zones, local)
    known, lacking = offset.notna() & dated, offset.isna() & dated
    names = " and ".join(sorted(set(zones[lacking]) - {""}))
    by_name = offsets_in(hints.time_zone, zones, local) if names and hints.time_zone else None
    if by_name is not None:
        return replace(clock, utc=pd.DatetimeIndex(local - by_name), abbreviation=names)
    if not known.any():
        return replace(clock, abbreviation=names)
    alone = np.flatnonzero(lacking & ~clock.untimed)
    if len(alone):
        found.faults.append(_alone(alone, text, zones, local, hints))
        return clock
    return replace(clock, utc=pd.DatetimeIndex(local - offset))


def _alone(rows: np.ndarray, text: pd.Series, zones: pd.Series, local: pd.Series, hints: Hints) -> str:
    """The sentence on times in `rows` that have no offset among those that have."""
    row, zone = int(rows[0]), zone_called(zones, local)
    cell = shown(f"{text.iloc[row]} {zones.iloc[row]}".strip())
    cure = "" if zone is None else f"{hints.write('time_zone', zone)}, or "
    return (
        f"row {text.index[row] + 1}: {cell} has no offset from UTC, and other rows have one{such(len(rows))}; "
        f"{cure}write it in each row, such as +00:00, or in none"
    )


def _with_time(clock: Clock, time: pd.Series, hints: Hints, found: Findings) -> Clock:
    """The dates of `clock` at the times of day of a column, which may end in an offset."""
    text = tidied(time.astype(str).where(time.notna(), "").str.strip())
    parts = text.str.extract(ZONE)
    of_day = times_of_day(parts[0].fillna(text))
    local = pd.Series(clock.local.normalize() + pd.TimedeltaIndex(of_day), text.index)
    timed = Clock(pd.DatetimeIndex(local), None, (text == "").to_numpy(dtype=bool))
    return _zoned(timed, text, parts[1].fillna(""), hints, found)
