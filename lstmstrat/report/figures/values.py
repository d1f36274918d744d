"""Numbers, dates and names in the form that plotly.js needs, and what several charts share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lstmstrat.arrays import Ints

Json = dict[str, Any]
Numbers = list[float | None]

DAY = "%a %Y-%m-%d"
MOST = 20_000  # values of a panel of the accounts: of seven the 2,500 closes of ten years, of twenty every third
CLOSES = 4_000  # that are drawn at most, of however few accounts
NAME = 18  # letters of a name on an axis
DATES = "dates"


def numbers(values: npt.ArrayLike, digits: int = 6) -> Numbers:
    """`values` with `digits` significant digits; None for a value that is not finite."""
    array = np.asarray(values, dtype=float)
    pairs = zip(array.tolist(), np.isfinite(array).tolist(), strict=True)
    return [float(f"{value:.{digits}g}") if finite else None for value, finite in pairs]


def rounded(values: npt.ArrayLike, decimals: int) -> Numbers:
    """`values` with so many decimals, which is what a hover shows; None for a value that is not finite."""
    array = np.asarray(values, dtype=float)
    pairs = zip(np.round(array, decimals).tolist(), np.isfinite(array).tolist(), strict=True)
    return [value + 0.0 if finite else None for value, finite in pairs]  # + 0.0: never -0


def exact(values: npt.ArrayLike, decimals: int) -> Numbers:
    """`values` for a table: so many decimals, and of one below a thousand more, six digits in all."""
    array = np.asarray(values, dtype=float)
    pairs = zip(rounded(array, decimals), numbers(array), strict=True)
    chosen = (fine if fine is None or abs(fine) < 1000.0 else coarse for coarse, fine in pairs)
    return [int(one) if one is not None and one.is_integer() else one for one in chosen]  # 1 is shorter than 1.0


def money(values: npt.ArrayLike) -> Numbers:
    """Account values as the page writes them: whole numbers, where all of them are a thousand or more."""
    array = np.asarray(values, dtype=float)
    known = array[np.isfinite(array)]
    return rounded(array, 0) if known.size and known.min() >= 1000.0 else numbers(array)


def step(bars: int, accounts: int = 1) -> int:
    """Every how many closes one is drawn, so that a long run of many strategies opens as fast as a short one."""
    return max(1, math.ceil(bars / min(CLOSES, max(1, MOST // accounts))))


def drawn(bars: int, accounts: int = 1) -> Ints:
    """The closes that are drawn: every `step`-th, and the last."""
    places = np.arange(0, bars, step(bars, accounts))
    return np.unique(np.append(places, bars - 1))


def stamps(index: pd.DatetimeIndex) -> list[str]:
    """ISO dates, with the time of day if any bar has one."""
    daily = bool((index == index.normalize()).all())
    return list(index.strftime("%Y-%m-%d" if daily else "%Y-%m-%dT%H:%M:%S"))


def short(name: str, most: int = NAME) -> str:
    """A name of at most `most` letters: a long one loses its middle, as names that differ often differ at the end.

    >>> short("lf(threshold=0.0012)", 14)
    'lf(thr…0.0012)'
    """
    end = most // 2
    return name if len(name) <= most else f"{name[: most - 1 - end]}…{name[-end:]}"


def label(name: str, most: int = 10_000) -> str:
    """`name`, shortened and then escaped, so that plotly.js shows it unchanged: it reads tags and entities."""
    return escape(short(name, most), quote=False)


def date_axis(index: pd.DatetimeIndex, **more: Any) -> Json:
    """An axis of dates whose hover names the day, and the time of day if any bar has one.

    On a phone the months of a short period stand aslant, and need a larger margin.
    """
    daily = bool((index == index.normalize()).all())
    return {"type": "date", "hoverformat": DAY if daily else f"{DAY} %H:%M", "automargin": True, **more}


def span(frame: pd.DataFrame) -> Json:
    """The range of an axis from the first to the last date of a table; {} of fewer than two."""
    ends = stamps(pd.DatetimeIndex(frame.index[[0, -1]])) if len(frame) > 1 else []
    return {"range": ends} if ends else {}


def line(name: str, y: Numbers, colour: str, hover: str, **more: Any) -> Json:
    """A line over the dates of the page. `hover` is what is said of a value, with a format of plotly.js."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": DATES,
        "y": y,
        "line": {"color": colour, "width": 1.5},
        "hovertemplate": hover,
        **more,
    }


def of(place: int, always: bool = False) -> Json:
    """What tells the page that a trace belongs to one strategy: it is shown, or else grey, by the menu."""
    return {"meta": {"of": place, "always": always}}


def log_axis(values: npt.ArrayLike) -> Json:
    """A log axis with round ticks, three or more over `values`; plotly.js itself writes 200,000 as a bare 2."""
    array = np.asarray(values, dtype=float)
    known = array[np.isfinite(array) & (array > 0.0)]
    low, high = (float(known.min()), float(known.max())) if known.size else (1.0, 10.0)
    return {"type": "log", "tickvals": _ticks(low, high), "tickformat": "~s"}


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers around low to high: parts of the powers of ten, or over less than a threefold equal steps."""
    if high < 3.0 * low:
        middle = 0.5 * (low + high)
        wide = max(high - low, LEAST_SPAN * middle)
        power = 10.0 ** math.floor(math.log10(wide / 4.0))
        size = next(s * power for s in (1.0, 2.0, 5.0, 10.0) if s * power >= wide / 4.0)
        first, last = math.floor((middle - wide) / size), math.ceil((middle + wide) / size)
        return [float(f"{k * size:.6g}") for k in range(max(first, 1), last + 1)]
    steps = next(steps for least, steps in STEPS if high > least * low)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    return [float(f"{s * 10.0**p:.2g}") for p in powers for s in steps]


STEPS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (10_000.0, (1.0,)),
    (20.0, (1.0, 2.0, 5.0)),
    (0.0, (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)),
)
"""The ticks of each power of ten over so large a range or more: too many would lie on each other."""
LEAST_SPAN = 0.02
"""Of its middle: no axis of account values shows less, for what differs by less is the same to a reader."""


def nothing(why: str) -> Json:
    """A chart without data, and the line that stands in its place."""
    return {"data": [], "layout": {}, "why": why}


def shared(figures: dict[str, Json]) -> list[Json]:
    """The values of lines, each once: a trace over the dates gets the number of its values in place of them."""
    places: dict[tuple[float | None, ...], int] = {}
    for figure in figures.values():
        for trace in figure["data"]:
            if trace.get("x") == DATES:
                trace["y"] = places.setdefault(tuple(trace["y"]), len(places))
    return [packed(values) for values in places]


EXACT = 15
"""Digits of a whole number that a script holds exactly."""


def packed(values: Sequence[float | None]) -> Json:
    """Numbers as differences of whole numbers, from which the page adds them up again without a loss.

    >>> packed([1.5, 1.25, None, 1.25])
    {'decimals': 2, 'steps': [150, -25, None, 0]}
    """
    known = [value for value in values if value is not None]
    largest = max((abs(value) for value in known), default=0.0)
    room = EXACT - math.ceil(math.log10(largest)) if largest > 0.0 else 0  # so that the page adds without a loss
    decimals = max(0, min(max(map(_decimals, known), default=0), room))
    steps: list[int | None] = []
    before = 0
    for value in values:
        if value is None:
            steps.append(None)
            continue
        whole = round(value * 10**decimals)
        steps.append(whole - before)
        before = whole
    return {"decimals": decimals, "steps": steps}


def _decimals(value: float) -> int:
    """How many decimals the shortest text of a number has."""
    text = repr(value)
    if "e" not in text:
        return len(text.partition(".")[2].rstrip("0"))
    exponent = Decimal(text).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def times(index: pd.DatetimeIndex) -> Json:
    """Times as differences in whole days, or in seconds where any has a time of day.

    >>> times(pd.DatetimeIndex(["2020-01-02", "2020-01-03", "2020-01-06"]))
    {'seconds': 86400, 'steps': [18263, 1, 3]}
    """
    seconds = index.as_unit("s").astype(np.int64).to_numpy()
    unit = 86400 if not (seconds % 86400).any() else 1
    return {"seconds": unit, "steps": np.diff(seconds // unit, prepend=0).tolist()}
