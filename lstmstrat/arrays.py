"""The arrays that pass between the parts, by element type; the comment beside each value gives its shape."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Indexes = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Times = npt.NDArray[np.datetime64]
