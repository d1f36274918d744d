"""Times of day, and the offsets from UTC behind them, as files write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from lstmstrat.prices.utc_offset import inferred, utc_of

# A UTC offset or a zone at the end of a time of day.
OFFSET = r"[+-]\d\d(?::?\d\d)?"
NAME = r"(?![AaPp][Mm]$)[A-Za-z_]{2,}(?:/[A-Za-z_]+)*"
ZONE = rf"^(.*(?::\d\d|T\d{{4,6}})(?:\.\d+)?(?:\s?[AaPp][Mm](?![A-Za-z]))?)\s*(Z|(?:UTC|GMT)?{OFFSET}|{NAME})$"
ENDS_IN_ZONE = rf"(?::\d\d|T\d{{4}}).*(?:[A-Za-z_]|{OFFSET})$"
TIME_OF_DAY = re.compile(r"(\d{1,2})(?::(\d\d))?(?::(\d\d(?:\.\d+)?))?[\s-]*([ap]m)?", re.IGNORECASE)

# A heading that says on which clock the times below it are: time (UTC), Gmt time, Date_UTC+2.
SAYS_UTC = re.compile(
    r"(?:(?<![a-z])|(?<=time)|(?<=date)|(?<=stamp))(?:utc|gmt|universal time|zulu)(?![a-z])"
    r"(?:\s*([+-])\s*(\d\d?)(?::?(\d\d))?(?![\d.,]))?|(?<![a-z])(?:utc|gmt)(?=time|date)",
    re.IGNORECASE,
)
DAY = pd.Timedelta(days=1)
# Forms that are made those above: two blanks, 9:30 a.m., 09h30, 09:30:00:000; 9.30 and 09-30 behind a date.
ODD = r"\s\s|[ap]\.\s?m|(?<!\d)\d{1,2}h\d\d(?!\d)|:\d\d:\d\d:\d|\d\s\d{1,2}[.-]\d\d(?:[.-]\d\d)?$"
USUAL = r"[-\d/.]*(?:[ T]?\d\d?:\d\d(?::\d\d)?(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?$"
BEHIND_A_DATE = r"(\d[-./]\d{1,2}[-./]\d{1,4}|\d{8})\s(\d{1,2})([.-])(\d\d)(?:\3(\d\d))?$"
PARTED = re.compile(r"(?:[1-9]|\d\d)([.-])[0-5]\d(?:\1[0-5]\d)?")  # 0.75 is a part of a day
UNCLEAR = re.compile(r"\W*(minus|plus|[+-])", re.IGNORECASE)  # an offset in a form that is not read


def tidied(text: pd.Series) -> pd.Series:
    """Texts (n,) with times of day in the forms that are read."""
    odd = ~text.str.match(USUAL)  # quickly
    odd[odd] = text[odd].str.contains(ODD, case=False, regex=True)
    return text.where(~odd, text[odd].map(tidy)) if odd.any() else text


def tidy(cell: str) -> str:
    """A text with its time of day in a form that is read.

    Examples
    --------
    >>> tidy("20240102  9:30 a.m."), tidy("2024-01-02 09h30"), tidy("09:30:00:250"), tidy("2.1.2024 9.30")
    ('20240102 9:30 am', '2024-01-02 09:30', '09:30:00.250', '2.1.2024 9:30')
    """
    cell = re.sub(r"\s+", " ", cell)
    cell = re.sub(r"(?i)(?<=\d)\s?([ap])\.\s?m\b\.?", r" \1m", cell)
    cell = re.sub(r"(?i)(?<!\d)(\d{1,2})h(\d\d)(?!\d)", r"\1:\2", cell)
    cell = re.sub(r"(:\d\d:\d\d):(\d{1,6})(?!\d)", r"\1.\2", cell)
    return re.sub(BEHIND_A_DATE, lambda m: f"{m[1]} {m[2]}:{m[4]}" + (f":{m[5]}" if m[5] else ""), cell)


def heading_offset(heading: str) -> pd.Timedelta | None:
    """The offset from UTC that a heading states; None if it says nothing of it.

    Examples
    --------
    >>> str(heading_offset("time (UTC)")), str(heading_offset("Date UTC+02:00")), heading_offset("outcome")
    ('0 days 00:00:00', '0 days 02:00:00', None)
    """
    heading = re.sub("[\u2010-\u2015\u2212]", "-", heading)  # dashes, and the sign of a minus
    said = SAYS_UTC.search(heading)
    if said is None or (said[1] is None and UNCLEAR.match(heading, said.end())):
        return None
    size = pd.Timedelta(hours=int(said[2] or 0), minutes=int(said[3] or 0))
    return -size if said[1] == "-" else size


def offsets(zones: pd.Series, local: pd.Series) -> pd.Series:
    """The offset from UTC that the zone of each time states; NaT for a name such as EST, which many zones have."""
    stated = _spans(zones, {zone: _offset(zone) for zone in zones.unique()})
    for zone in (zone for zone in zones.unique() if _is_of_iana(zone)):
        rows = (zones == zone) & local.notna()
        here = pd.DatetimeIndex(local[rows])
        utc = inferred(here, zone)
        stated[rows] = here - (utc_of(here, zone) if utc is None else utc)
    return stated


def _is_of_iana(zone: str) -> bool:
    """Whether a name is one of the IANA database; of those alone that no abbreviation has, by their slash."""
    try:
        return "/" in zone and ZoneInfo(zone) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _spans(cells: pd.Series, known: Mapping[str, Any]) -> pd.Series:
    """The span of time of each cell, by its text."""
    codes, texts = pd.factorize(cells)
    return pd.Series(pd.TimedeltaIndex([known[text] for text in texts])[codes], index=cells.index)


def _offset(zone: str) -> Any:
    found = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d\d):?(\d\d)?", zone)
    if not found:
        return pd.Timedelta(0) if zone in ("Z", "UTC", "GMT") else pd.NaT
    size = pd.Timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return size if found[1] == "+" else -size


def times_of_day(text: pd.Series) -> pd.Series:
    """Times such as 09:30, 9:30:00 AM, 9.30, 93000, 24:00 as time since midnight; NaT where they cannot be read.

    24:00 in every row is the end of a daily bar, which has the date beside it: no time of day.
    """
    cells = text.unique()
    longest = max((len(cell) for cell in cells if cell.isdigit()), default=0)  # an hour has two, 93000 is 09:30:00
    known = {cell: _time_of_day(cell, longest) for cell in cells}
    if known and all(time == DAY for time in known.values()):
        known = dict.fromkeys(known, pd.Timedelta(0))
    return _spans(text, known)


def _time_of_day(cell: str, longest: int) -> Any:
    if not cell:
        return pd.Timedelta(0)
    if cell.removesuffix(".0").isdigit():
        digits = cell.removesuffix(".0").zfill(2 if longest <= 2 else 4 if longest <= 4 else 6)
        cell = ":".join([*re.findall("..", digits), "00"][:3])
    cell = re.sub("[.-]", ":", cell) if PARTED.fullmatch(cell) else cell
    found = TIME_OF_DAY.fullmatch(cell)
    if not found or not (found[2] or found[4]):
        return pd.NaT
    hour, half = int(found[1]), (found[4] or "").lower()
    hour = hour % 12 + 12 * (half == "pm") if half else hour
    minute, second = int(found[2] or 0), float(found[3] or 0.0)
    inside = (hour < 24 and minute < 60 and second < 60.0) or (hour == 24 and not (minute or second))  # the end
    return pd.Timedelta(hours=hour, minutes=minute, microseconds=round(second * 1e6)) if inside else pd.NaT
