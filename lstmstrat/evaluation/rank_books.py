"""What the order of scores earns: what each quantile returns, and books long the best and short the worst.

A book is formed anew at the close of each session and earns the return of the next one, so that what it earns and
what it trades belong to the same session, whatever the horizon of the scores. Both sides have equal weights that
sum to 1: a gross exposure of 2. Returns are simple ones: the mean of log returns is no return of a book, and low
beside it by half of the variance, which differs between quantiles.

Letters: D sessions, N assets, Q quantiles, B books, k places of a side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Bools, Floats, Indexes, Ints
from lstmstrat.evaluation.ranks import Estimate, Scored, estimate
from lstmstrat.evaluation.row_ranks import row_ranks

QUANTILES = (10, 5, 2)  # the finest of which a quantile has two assets
LEAST_IN_A_QUANTILE = 2
MOST_SESSIONS = 0.9  # share of the sessions that must have so many assets; the others have no book
HOLD_UNTIL = (0.1, 0.2, 0.3, 0.5)
BP = 1e4
SHARED, UNSCORED = -1, -2  # in place of the number of a quantile


@dataclass(frozen=True)
class Book:
    """Long the best quantile and short the worst; a holding is let go when it leaves the better `hold_until`."""

    hold_until: float  # share of the assets, from the best for the long side and from the worst for the short one
    gross: Estimate  # bp a session, before costs
    turnover: (
        float | None
    )  # sum of |change of weight| a session; the drift of weights between sessions is left out
    break_even: float | None  # bp of the value traded, each way; None where the book loses even without costs
    net: float | None  # bp a session at the cost given


@dataclass(frozen=True)
class RankBooks:
    """What the quantiles of the scores earn."""

    quantiles: int
    ladder: tuple[Estimate, ...]  # (Q,) bp a session less the mean of the session; the lowest scores first
    books: tuple[Book, ...]  # by `hold_until`; the first, without patience, is top minus bottom of the ladder


def rank_books(scored: Scored, cost: float) -> RankBooks:
    """The quantiles of scores, and the books that are made of them.

    Assets are chosen by their scores alone. One whose return is unknown afterwards is left out of the mean of its
    side. Equal scores that do not fit into a quantile, or into the places of a side, whole are left out of it: no
    order of the columns decides.

    Parameters
    ----------
    cost
        Share of the value traded, each way: commission and slippage.
    """
    scores, quantiles = scored.of_members, _quantiles(scored.of_members)
    scores = np.where(_enough(scores, quantiles)[:, None], scores, np.nan)
    returns = np.expm1(np.where(np.isfinite(scored.next_session), scored.next_session, np.nan))
    numbers = _numbers(scores, quantiles)
    table = np.array([_excess(*of, quantiles) for of in zip(numbers, returns, strict=True)])
    table = table.reshape(len(scores), quantiles)
    shares = sorted({1.0 / quantiles, *(share for share in HOLD_UNTIL if share * quantiles > 1.0)})
    of_books = zip(_weights(scores, 1.0 / quantiles, shares), shares, strict=True)
    return RankBooks(
        quantiles,
        tuple(estimate(BP * column, scored.horizon) for column in table.T),
        tuple(_book(weights, returns, share, cost, scored.horizon) for weights, share in of_books),
    )


def _quantiles(scores: Floats) -> int:
    """The finest number of quantiles that nearly all sessions with a score can fill."""
    rows = scores[np.isfinite(scores).any(axis=1)]
    fitting = (q for q in QUANTILES if len(rows) and _enough(rows, q).mean() >= MOST_SESSIONS)
    return next(fitting, QUANTILES[-1])


def _enough(scores: Floats, quantiles: int) -> Bools:
    """Whether each session has the assets to fill its quantiles; (D,)."""
    return np.asarray(np.isfinite(scores).sum(axis=1) >= LEAST_IN_A_QUANTILE * quantiles)


def _excess(number: Ints, returns: Floats, quantiles: int) -> list[float]:
    """The mean return of each quantile of a session less that of all its assets; (N,) twice -> (Q,)."""
    known = (number != UNSCORED) & np.isfinite(returns)
    whole = _mean(returns[known])
    return [_mean(returns[known & (number == q)]) - whole for q in range(quantiles)]


def _numbers(scores: Floats, quantiles: int) -> Ints:
    """The quantile of each asset at each session, UNSCORED without a score; (D, N).

    SHARED where quantiles share what is equal, and for the asset in the middle of an odd number, where there are
    as many above it as below.
    """
    scored = np.isfinite(scores)
    count = scored.sum(axis=1, keepdims=True)  # (D, 1)
    low = _quantile(row_ranks(scores, "min"), count, quantiles)
    high = quantiles - 1 - _quantile(row_ranks(-scores, "min"), count, quantiles)
    return np.where(scored, np.where(low == high, low, SHARED), UNSCORED)


def _quantile(ranks: Floats, count: Ints, quantiles: int) -> Ints:
    """The quantile of each rank from 1 to `count` (D, 1), the same from above as from below."""
    middle, ends = 2 * np.nan_to_num(ranks, nan=1.0).astype(np.int64) - 1, np.maximum(2 * count, 1)
    below, above = middle * quantiles // ends, (ends - middle) * quantiles // ends  # whole: no edge is rounded
    return np.where(middle <= count, below, quantiles - 1 - above)


def _book(weights: Floats, returns: Floats, hold_until: float, cost: float, horizon: int) -> Book:
    earned = BP * np.array([_earned(*of) for of in zip(weights, returns, strict=True)])  # (D,)
    gross = estimate(earned, horizon)
    if gross.mean is None:
        return Book(hold_until, gross, None, None, None)
    last = int(np.flatnonzero(np.isfinite(earned))[-1])  # what is traded later has no return yet
    changes = np.abs(np.diff(weights[: last + 1], axis=0, prepend=0.0))  # the first orders build the book
    turnover = math.fsum(changes.ravel()) / gross.sessions
    break_even = gross.mean / turnover if gross.mean >= 0.0 else None
    return Book(hold_until, gross, turnover, break_even, gross.mean - BP * cost * turnover)


def _weights(scores: Floats, share: float, hold_until: Sequence[float]) -> Iterator[Floats]:
    """Of each book: 1 / k for each of the k held long and -1 / k for the short ones; 0 where a side is empty."""
    held = [_held(side, share, hold_until) for side in (scores, -scores)]
    for long, short in zip(*(np.moveaxis(side, 1, 0) for side in held), strict=True):  # (D, N) each
        counts = [side.sum(axis=1, keepdims=True) for side in (long, short)]  # (D, 1) each
        weights = long / np.maximum(counts[0], 1) - short / np.maximum(counts[1], 1)
        yield np.where((counts[0] > 0) & (counts[1] > 0), weights, 0.0)


def _held(scores: Floats, share: float, hold_until: Sequence[float]) -> Bools:
    """What the side with the highest scores of each of B books holds after each close; (D, B, N).

    A holding stays while it is among the better `hold_until` of the assets, and the free places go to the best of
    the others: the buy/hold spread of Novy-Marx and Velikov (2016) with a number of places that is kept.
    """
    assets = np.isfinite(scores).sum(axis=1)  # (D,)
    order = np.argsort(-scores, axis=1)  # (D, N), best first, those without a score behind
    equal = np.take_along_axis(row_ranks(-scores, "max"), order, axis=1)  # how many are at least as good
    last = np.nan_to_num(equal, nan=1.0).astype(np.intp) - 1
    places = _places(assets, share)  # (D,)
    stay = np.array([_places(assets, until) for until in hold_until])  # (B, D)
    held = np.zeros((len(scores), len(hold_until), scores.shape[1]), dtype=bool)
    before = np.zeros(held.shape[1:], dtype=bool)
    for t, now in enumerate(held):
        columns, of_equal = order[t, : assets[t]], last[t, : assets[t]]
        best = _best(before[:, columns] & (of_equal < stay[:, t, None]), of_equal, places[t])
        now[:, columns] = best | _best(~best, of_equal, places[t] - best.sum(axis=1, keepdims=True))
        before = now
    return held


def _places(assets: Ints, share: float) -> Ints:
    """A share of the assets, rounded; a half down, as in `_quantile`."""
    return np.ceil(np.round(assets * share, 9) - 0.5).astype(np.int64)


def _best(among: Bools, last: Indexes, places: int | Ints) -> Bools:
    """The first `places` of the assets in order, best first; without equal ones that do not fit whole; (B, n).

    `last` (n,) is the last place of those that are equal to each.
    """
    return among & (np.cumsum(among, axis=1)[:, last] <= places)


def _earned(weights: Floats, returns: Floats) -> float:
    """The return of the long side less that of the short one, of a session; NaN without a known one on each."""
    known = np.isfinite(returns)
    return _mean(returns[known & (weights > 0.0)]) - _mean(returns[known & (weights < 0.0)])


def _mean(values: Floats) -> float:
    """Rounded once, so that the order of the assets does not matter; NaN of nothing."""
    return math.fsum(values) / len(values) if len(values) else math.nan
