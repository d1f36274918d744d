"""What scores of many assets are worth: does a higher score come before a higher return, and for how long?

An asset is judged beside the others of its session, so nothing here depends on the unit of a score or on where the
market went. Every session counts once, however many assets it has.

Letters: D sessions, N assets, n sessions with a value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstmstrat.arrays import Bools, Floats, Times
from lstmstrat.evaluation.bootstrap import MIN_RETURNS, long_run_variance
from lstmstrat.evaluation.row_ranks import row_ranks

LEAST = 5  # assets of a session: of four, one order in 24 is right by chance, of five one in 120
LEAST_LAGS = 5  # of Newey and West: a week of sessions
LAST_LAG = 10  # sessions after a score, up to which its life is followed


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of many assets, and the returns that came after them. NaN where unknown.

    Returns are logarithmic and begin where an order made at the close of the session is filled: under the target
    `open`, at the next open.

    Raises
    ------
    ValueError
        The shapes do not fit together, or the horizon is below 1.
    """

    times: Times  # (D,)
    scores: Floats  # (D, N)
    members: Bools  # (D, N) whether an asset is in the universe on the day
    realised: Floats  # (D, N) over the horizon
    next_session: Floats  # (D, N) over one session; the same as `realised` under a horizon of 1
    horizon: int  # sessions

    def __post_init__(self) -> None:
        shapes = [each.shape for each in (self.scores, self.members, self.realised, self.next_session)]
        if len(set(shapes)) > 1 or len(shapes[0]) != 2 or shapes[0][0] != len(self.times):
            raise ValueError(
                f"scores, members, realised and next_session have the shapes {shapes} for {len(self.times)} "
                "times; expected (sessions, assets) of each"
            )
        if self.horizon < 1:
            raise ValueError(f"a horizon of {self.horizon} sessions; expected 1 or more")

    @cached_property
    def of_members(self) -> Floats:
        """The scores of the members of each session; (D, N), NaN for the rest."""
        return np.where(self.members & np.isfinite(self.scores), self.scores, np.nan)


@dataclass(frozen=True)
class Estimate:
    """The mean of a value of each session, over the sessions that have one."""

    sessions: int
    mean: float | None
    t: float | None  # mean / standard error of Newey and West (1987)


@dataclass(frozen=True)
class YearOfRanks:
    """The rank IC of one calendar year."""

    year: int
    ic: Estimate


@dataclass(frozen=True)
class RankSkill:
    """How well scores order the returns after them."""

    ic: Estimate  # rank IC: Spearman's correlation of scores and returns over the assets of a session
    icir: float | None  # mean / sample standard deviation of the rank IC, by the session
    above_zero: float | None  # share of the sessions whose rank IC is positive
    hit_rate: (
        float | None
    )  # share of assets whose score and return lie on the same side of the medians of the session
    years: tuple[YearOfRanks, ...]
    lags: tuple[Estimate, ...]  # rank IC with the return of the one session that begins k sessions later; k from 0


def rank_skill(scored: Scored, least: int = LEAST) -> RankSkill:
    """The skill of scores; a session counts where `least` members have a score and a return."""
    scores, horizon = scored.of_members, scored.horizon
    ic = rank_ic(scores, scored.realised, least)
    known = ic[np.isfinite(ic)]
    deviation = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    return RankSkill(
        ic=estimate(ic, horizon),
        icir=float(known.mean()) / deviation if deviation > 0.0 else None,
        above_zero=float((known > 0.0).mean()) if len(known) else None,
        hit_rate=_hit_rate(scores, scored.realised, least),
        years=_by_year(scored.times, ic, horizon),
        lags=tuple(_lagged(scores, scored.next_session, lag, least, horizon) for lag in range(LAST_LAG + 1)),
    )


def rank_ic(scores: Floats, returns: Floats, least: int = LEAST) -> Floats:
    """Spearman's rank correlation of each session, over the assets that have both values; (D, N) twice -> (D,).

    NaN where fewer than `least` assets have both, and where all scores or all returns are equal.

    Examples
    --------
    Of five assets two neighbours change places: 1 - 6 * 2 / (5 * 24) = 0.9.

    >>> rank_ic(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]), np.array([[0.1, 0.2, 0.4, 0.3, 0.5]])).tolist()
    [0.9]
    """
    both = np.isfinite(scores) & np.isfinite(returns)
    x, y = _centred_ranks(scores, both), _centred_ranks(returns, both)
    size = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    defined = (both.sum(axis=1) >= least) & (size > 0.0)
    correlation: Floats = np.divide((x * y).sum(axis=1), size, out=np.full(len(size), np.nan), where=defined)
    return correlation


def estimate(values: Floats, horizon: int) -> Estimate:
    """The mean of `values` (D,) with its t; sessions with NaN are left out, as if the others were neighbours.

    The error is that of Newey and West (1987) with Bartlett weights over max(5, horizon - 1) lags: returns over
    `horizon` sessions overlap. Of scores that hardly move from session to session this is still too little under a
    horizon above 1: without any skill |t| is above 1.96 in 10 to 14 % of samples (measured, horizons of 5 and 20),
    in 4 to 8 % of other scores. t is None with fewer than `MIN_RETURNS` values or twice the lags, or where the
    values do not vary.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return Estimate(0, None, None)
    mean, lags = float(known.mean()), max(LEAST_LAGS, horizon - 1)
    enough = len(known) >= max(MIN_RETURNS, 2 * lags) and np.ptp(known) > 0.0
    variance = long_run_variance(known - mean, lags) / len(known) if enough else 0.0
    return Estimate(len(known), mean, mean / math.sqrt(variance) if variance > 0.0 else None)


def paired_ic(one: Floats, other: Floats, horizon: int) -> Estimate:
    """The mean of `one` minus `other`, rank ICs (D,) of two scores, over the sessions that both have."""
    return estimate(one - other, horizon)


def _centred_ranks(values: Floats, among: Bools) -> Floats:
    """Twice the rank of each value less the middle rank of its session: whole numbers, 0 outside of `among`.

    Sums of whole numbers are exact, so a rank IC does not depend on the order of the assets by a single bit.
    """
    ranks = row_ranks(np.where(among, values, np.nan))  # (D, N), equal values share
    return np.where(among, 2.0 * ranks - (among.sum(axis=1, keepdims=True) + 1), 0.0)


def _hit_rate(scores: Floats, returns: Floats, least: int) -> float | None:
    """Over all sessions together; an asset at a median is on no side."""
    both = np.isfinite(scores) & np.isfinite(returns)
    rows = both.sum(axis=1) >= least
    sides = [_side(np.where(both, values, np.nan)[rows]) for values in (scores, returns)]
    product = sides[0] * sides[1]
    on_a_side = int(np.count_nonzero(product))
    return int((product > 0.0).sum()) / on_a_side if on_a_side else None


def _side(values: Floats) -> Floats:
    """1 above the median of the session, -1 below it, 0 at it and for NaN; each session has a value."""
    return np.sign(np.nan_to_num(values - np.nanmedian(values, axis=1, keepdims=True), nan=0.0))


def _by_year(times: Times, ic: Floats, horizon: int) -> tuple[YearOfRanks, ...]:
    years = calendar_years(times)
    return tuple(YearOfRanks(int(year), estimate(ic[years == year], horizon)) for year in np.unique(years))


def calendar_years(times: Times) -> np.ndarray:
    """The calendar year of each session; (D,)."""
    return times.astype("datetime64[Y]").astype(np.int64) + 1970


def _lagged(scores: Floats, next_session: Floats, lag: int, least: int, horizon: int) -> Estimate:
    """The rank IC of scores with the return of the one session that begins `lag` sessions after the order's."""
    return estimate(rank_ic(scores[: max(len(scores) - lag, 0)], next_session[lag:], least), horizon)
