"""The arrays that pass between the parts, by element type; the comment beside each value gives its shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Indexes = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Times = npt.NDArray[np.datetime64]


def sliding(x: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Every `size` consecutive rows, a view that cannot be written to; (n, ...) -> (n - size + 1, size, ...).

    numpy's own `sliding_window_view` takes ten times as long for the few rows of a single bar.

    >>> sliding(np.arange(4), 3).tolist()
    [[0, 1, 2], [1, 2, 3]]
    """
    if not 0 < size <= len(x):
        raise ValueError(f"{size} rows at a time, of {len(x)}")
    shape, strides = (len(x) - size + 1, size, *x.shape[1:]), (x.strides[0], *x.strides)
    return as_strided(x, shape, strides, writeable=False)


NO_NUMBERS = "cmMSU"  # complex numbers, of which the half would be lost; times; text


def unmasked(values: object) -> npt.NDArray[Any]:
    """What a user's function gave as an array, in which a masked number is missing, that is NaN.

    >>> unmasked(np.ma.masked_greater([1.0, 2.0], 1.5)).tolist()
    [1.0, nan]
    """
    plain = np.asarray(values)
    if not np.ma.isMaskedArray(values) or plain.dtype.kind not in "biufO":
        return plain
    return np.where(np.ma.getmaskarray(values), np.nan, plain.astype(np.float64))


def real_numbers(values: object) -> Floats:
    """What a user's class gave as numbers, NaN where they are masked.

    Raises
    ------
    TypeError
        They are complex, times or text. What else an object of the user's raises when it becomes an array goes
        through.

    >>> real_numbers([1, 2]).tolist()
    [1.0, 2.0]
    """
    found = unmasked(values)
    if found.dtype.kind in NO_NUMBERS:
        raise TypeError(f"values of type {found.dtype}; expected real numbers")
    return found.astype(np.float64)
