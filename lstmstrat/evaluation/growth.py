"""Growth and drawdown against buy-and-hold: their uncertainty, the source of the lead, the break-even cost.

Returns are simple, n of them. A return of -1 or below is a lost account; its results are undefined.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lstmstrat.arrays import Floats, Indexes
from lstmstrat.evaluation.bootstrap import (
    CONFIDENCE,
    COPY_TOLERANCE,
    MIN_RETURNS,
    NO_DIFFERENCE,
    Difference,
    block_length,
    block_starts,
    bootstrap_difference,
    differ_on_enough_bars,
)
from lstmstrat.evaluation.calendar import is_a_year

PATHS = 999  # resampled paths for a drawdown interval
BEST_DAYS = 5


def cagr_difference(strategy: Floats, benchmark: Floats, span: float) -> Difference:
    """Compound annual growth rate of the strategy minus that of buy-and-hold, by the studentised bootstrap.

    The rate is a function of the mean log return per bar m: exp(m n / span) - 1, which is `metrics.cagr`. The
    lower end of the interval is not below the loss of the whole account.

    Parameters
    ----------
    strategy, benchmark
        (n,) simple returns of the same bars.
    span
        The years from the first close to the last, by their dates.

    Returns
    -------
    Undefined with fewer than `MIN_RETURNS` returns or in less than a year (an annual rate of some days means
    nothing), with a lost account, for a strategy that only copies buy-and-hold, and where fewer than `MIN_RETURNS`
    bars, or bars in too few blocks, make the difference.

    Raises
    ------
    ValueError
        The lengths differ.
    """
    logs = _log_returns(strategy, benchmark)
    if logs is None or not is_a_year(span) or not differ_on_enough_bars(logs[:, 0], logs[:, 1]):
        return NO_DIFFERENCE
    bars = len(logs) / span  # a year

    def statistic(means: Floats) -> Floats:
        growth = np.exp(bars * means)
        return np.asarray(growth[..., 0] - growth[..., 1])

    def gradient(means: Floats) -> Floats:
        slopes: Floats = bars * np.exp(bars * means) * np.array([1.0, -1.0])
        return slopes

    result = bootstrap_difference(logs, statistic, gradient)
    if result.low is None:
        return result
    return replace(result, low=max(result.low, -math.exp(bars * float(logs[:, 1].mean()))))


def drawdown_differences(strategies: Floats, benchmark: Floats) -> list[Difference]:
    """Maximum drawdown of each strategy minus that of buy-and-hold; above 0 where the strategy fell less.

    A drawdown is not a function of means, so the interval is a plain percentile one: it holds 95 % of the
    differences over `PATHS` resampled paths, the same for all strategies. It shows the result of other orders
    of the same blocks of bars. There is no p-value.

    Parameters
    ----------
    strategies, benchmark
        (S, n) and (n,) simple returns of the same bars.

    Returns
    -------
    One difference a strategy, as fractions. Undefined with fewer than `MIN_RETURNS` returns, with a lost account,
    and for a strategy that only copies buy-and-hold.

    Raises
    ------
    ValueError
        The lengths differ.
    """
    pairs = [_log_returns(strategy, benchmark) for strategy in strategies]
    rows = [k for k, pair in enumerate(pairs) if pair is not None]
    differences = [NO_DIFFERENCE] * len(pairs)
    if not rows:
        return differences
    logs = np.stack([np.log1p(benchmark), *(np.log1p(strategies[k]) for k in rows)])  # (1 + S, n)
    drawdowns, blocks = _drawdowns(logs), _blocks(logs)  # (1 + S,)
    parts = [blocks.drawdowns(starts) for starts in block_starts(len(benchmark), PATHS)]  # (1 + S, r) each
    resamples = np.concatenate(parts, axis=1)
    lows, highs = np.quantile(resamples[1:] - resamples[0], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=1)
    for k, drawdown, low, high in zip(rows, drawdowns[1:], lows, highs, strict=True):
        differences[k] = Difference(float(drawdown - drawdowns[0]), float(low), float(high), None)
    return differences


def _drawdowns(logs: Floats) -> Floats:
    """Deepest fall of each path of log returns (..., n) from its highest value so far, the start included."""
    return np.asarray(np.expm1(_deepest_falls(np.cumsum(logs, axis=-1))))


def _deepest_falls(paths: Floats) -> Floats:
    """Deepest fall of each path of log values (..., n) that starts at 0, in logs; at most 0."""
    peaks = np.maximum(np.maximum.accumulate(paths, axis=-1), 0.0)
    return np.asarray((paths - peaks).min(axis=-1))


@dataclass(frozen=True)
class _Blocks:
    """Statistics of the block that begins at each bar, for drawdowns; (S, n) each, in logs from 0 at its start."""

    total: Floats  # value at the end of the block
    low: Floats  # lowest value
    high: Floats  # highest value
    fall: Floats  # deepest fall inside the block

    def drawdowns(self, starts: Indexes) -> Floats:
        """Maximum drawdowns (S, r) of the paths (r, l) of blocks that begin at `starts`.

        The deepest fall of a path is inside one block, or from the peak of all earlier blocks to the low of one.
        """
        total = self.total.take(starts, axis=1)  # (S, r, l)
        before = np.cumsum(total, axis=-1) - total  # log value at the start of each block
        tops = np.maximum(np.maximum.accumulate(before + self.high.take(starts, axis=1), axis=-1), 0.0)
        peaks = np.concatenate([np.zeros_like(tops[..., :1]), tops[..., :-1]], axis=-1)
        falls = np.minimum(self.fall.take(starts, axis=1), before + self.low.take(starts, axis=1) - peaks)
        return np.asarray(np.expm1(np.minimum(falls.min(axis=-1), 0.0)))


def _blocks(logs: Floats) -> _Blocks:
    """The blocks of log returns (S, n), all of them one bar longer at each step."""
    bars, length = logs.shape[1], block_length(logs.shape[1])
    circle = np.concatenate([logs, logs[:, : length - 1]], axis=1)
    nothing, far = np.zeros_like(logs), np.full_like(logs, np.inf)
    blocks = _Blocks(nothing, far, -far, nothing)
    for k in range(length):
        total, high = blocks.total + circle[:, k : k + bars], blocks.high
        blocks = _Blocks(
            total,
            np.minimum(blocks.low, total),
            np.maximum(high, total),
            np.minimum(blocks.fall, total - np.maximum(high, 0.0)),
        )
    return blocks


def _log_returns(strategy: Floats, benchmark: Floats) -> Floats | None:
    """Log returns (n, 2) of both; None where the two cannot be compared."""
    if len(strategy) != len(benchmark):
        raise ValueError(f"{len(strategy)} strategy and {len(benchmark)} benchmark returns; expected as many")
    sides = np.stack([strategy, benchmark], axis=1)  # (n, 2)
    if len(sides) < MIN_RETURNS or not (sides > -1.0).all():
        return None
    logs = np.log1p(sides)
    return logs if np.abs(logs[:, 0] - logs[:, 1]).mean() > COPY_TOLERANCE else None


def lead_shares(strategy: Floats, benchmark: Floats, folds: npt.NDArray[np.int_]) -> tuple[float | None, ...]:
    """The share of the lead over buy-and-hold that comes from the best fold, and from the best five bars.

    The lead is the sum of the differences of log returns. A share above 1 means that the other bars lost
    some of it.

    Parameters
    ----------
    strategy, benchmark
        (n,) simple returns of the same bars.
    folds
        (n,) number of the fold in use at each bar.

    Returns
    -------
    Two fractions; both None without a lead, the first also where there is only one fold.

    Raises
    ------
    ValueError
        The lengths of the returns differ.
    """
    logs = _log_returns(strategy, benchmark)
    lead = 0.0 if logs is None else float((logs[:, 0] - logs[:, 1]).sum())
    if logs is None or not lead > 0.0:
        return None, None
    leads = logs[:, 0] - logs[:, 1]  # (n,)
    numbers = np.unique(folds)
    best_fold = max(float(leads[folds == number].sum()) for number in numbers) / lead if len(numbers) > 1 else None
    return best_fold, float(np.sort(leads)[-BEST_DAYS:].sum()) / lead


def break_even_cost(lead: float, turnover: float, benchmark_turnover: float, cost: float) -> float | None:
    """The cost of a trade at which strategy and buy-and-hold end with the same value.

    To the first order, a cost of `cost'` in place of `cost` takes (cost' - cost) turnover from the log value.

    Parameters
    ----------
    lead
        log(final value / final value of buy-and-hold) at `cost`.
    turnover, benchmark_turnover
        Sums over all bars of value traded / account value.
    cost
        Fraction of the value traded, each way.

    Returns
    -------
    In the unit of `cost`. None where the strategy trails even without costs, or trades no more than buy-and-hold.
    """
    if not turnover > benchmark_turnover:
        return None
    break_even = cost + lead / (turnover - benchmark_turnover)
    return break_even if math.isfinite(break_even) and break_even >= 0.0 else None
