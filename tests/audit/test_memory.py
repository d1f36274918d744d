"""What becomes of a series without its oldest bars: told apart on series whose memory is known."""

from __future__ import annotations

import numpy as np
import pytest

from lstmstrat.audit.memory import EXPANDING, FADING, FORGOTTEN, UNRELATED, memory

N, OLDEST = 600, 90


def expanding_mean(x: np.ndarray) -> np.ndarray:
    return np.cumsum(x) / np.arange(1, len(x) + 1)


def expanding_score(x: np.ndarray) -> np.ndarray:
    variance = expanding_mean(x**2) - expanding_mean(x) ** 2
    return (x - expanding_mean(x)) / np.sqrt(np.maximum(variance, 1e-3))


def ewm(x: np.ndarray) -> np.ndarray:
    out = x.copy()
    for t in range(1, len(x)):
        out[t] = 0.9 * out[t - 1] + 0.1 * x[t]
    return out


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("made", "kinds"),
    [
        (lambda x: np.append(np.nan, np.diff(x)), {FORGOTTEN}),
        (np.cumsum, {FORGOTTEN}),  # differs by a constant
        (ewm, {FADING}),
        (expanding_mean, {EXPANDING}),
        (expanding_score, {EXPANDING}),
        (np.maximum.accumulate, {EXPANDING, FORGOTTEN, FADING}),
        (lambda x: np.random.default_rng(1).normal(size=len(x)), {UNRELATED}),
        (lambda x: x * np.random.default_rng(1).normal(size=len(x)), {UNRELATED}),
    ],
    ids=["change", "sum", "ewm", "mean", "score", "record", "position", "dice"],
)
def test_kinds_of_memory(made: object, kinds: set[str], seed: int) -> None:
    assert callable(made)
    x = 100.0 * np.exp(np.random.default_rng(seed).normal(0.0, 0.02, N).cumsum())
    assert memory(made(x)[OLDEST:], made(x[OLDEST:])).kind in kinds
