"""New sessions of a panel as a caller hands them over: checked arrays in order of time, or a sentence.

Letters: d new sessions, N assets.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstmstrat.arrays import Bools, Floats, Times
from lstmstrat.prices.bars import COLUMNS

COLUMNS_OF_BARS = ", ".join(COLUMNS)


def sessions(
    times: npt.ArrayLike, bars: npt.ArrayLike, members: npt.ArrayLike, assets: int, before: Times
) -> tuple[Times, Floats, Bools]:
    """Times (d,), bars (d, N, 5) and members (d, N) of sessions after `before`, the times of those so far.

    Raises
    ------
    ValueError
        A shape or a type is another one, or the times do not increase.
    """
    checked = _times(times)
    d = len(checked)
    prices = _array("bars", bars, (d, assets, len(COLUMNS)), f"numbers {COLUMNS_OF_BARS}")
    inside = _array("members", members, (d, assets), "True or False")
    if not np.isin(inside, (0.0, 1.0)).all():
        raise ValueError("members: has values other than True and False; give (d, N) True or False")
    if (np.diff(np.append(before[-1:], checked)) <= np.timedelta64(0)).any():
        raise ValueError(
            "the sessions are not in order of time; hand each over once, whole, after those before it"
        )
    return checked, prices, inside.astype(bool)


def _times(given: npt.ArrayLike) -> Times:
    cure = "give (d,) datetime64, such as frame.index.to_numpy()"
    try:
        times = np.asarray(given)
        if times.size and times.dtype.kind in "biufcm":
            raise ValueError(f"numbers ({times.dtype}) given")
        times = times.astype("datetime64[ns]")
    except (TypeError, ValueError) as error:
        raise ValueError(f"times: no dates: {error}; {cure}") from None
    if times.ndim != 1 or np.isnat(times).any():
        what = f"shape {times.shape}" if times.ndim != 1 else "a time that is missing (NaT)"
        raise ValueError(f"times: {what} given; {cure}")
    return times


def _array(name: str, given: npt.ArrayLike, shape: tuple[int, ...], what: str) -> Floats:
    letters = "(d, N, 5)" if len(shape) == 3 else "(d, N)"
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: no array of {what}: {error}; give {letters} = {shape}") from None
    if array.shape != shape:
        raise ValueError(
            f"{name}: shape {array.shape} given, expected {letters} = {shape}: one row of {what} for each of the "
            f"{shape[0]} times and each of the {shape[1]} symbols"
        )
    return array
