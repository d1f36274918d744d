"""Is it the survivors? Prices of today's assets, of the past, flatter a score that knows which assets those are.

What an asset always scores is apart from what it scores today: only the second is timing. And how many of the
members of an index the data has says how much could have been chosen by survival.

Letters: D sessions, N assets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Floats, Indexes, Ints, Times, sliding
from lstmstrat.evaluation.ranks import LEAST, Estimate, Scored, calendar_years, estimate, rank_ic

OWN = 60  # earlier scores of an asset that make its own mean: a quarter of a year


@dataclass(frozen=True)
class StaticAndTiming:
    """Rank ICs over the assets of a session that have `OWN` earlier scores."""

    whole: Estimate  # of the scores, over the same assets as the others
    static: Estimate  # of the mean of all earlier scores of each asset
    timing: Estimate  # of the score less the mean of the asset's last scores


@dataclass(frozen=True)
class CoverageOfYear:
    """Members of the index in a year, and those that the data has; means over its sessions."""

    year: int
    members: float
    covered: float
    share: float | None  # None in a year without members


def static_and_timing(scored: Scored, least: int = LEAST) -> StaticAndTiming:
    """The skill of scores in two: that of each asset's usual score, and that of what it is above or below it."""
    scores, static = scored.of_members, static_scores(scored.of_members)
    parts = np.where(np.isfinite(static), scores, np.nan), static, timing_scores(scores)
    return StaticAndTiming(*(estimate(rank_ic(part, scored.realised, least), scored.horizon) for part in parts))


def static_scores(scores: Floats) -> Floats:
    """The mean of all earlier scores of an asset, where it has a score; (D, N), NaN with fewer than `OWN` of them.

    Without the score of the session itself: one of a few scores would bring a part of the timing with it.
    """
    found = np.full(scores.shape, np.nan)
    for at, own, column in _columns(scores, found):
        column[at[OWN:]] = (np.cumsum(own) / np.arange(1, len(own) + 1))[OWN - 1 : -1]
    return found


def timing_scores(scores: Floats) -> Floats:
    """Each score less the mean of the `OWN` scores of the asset before it; (D, N), NaN with fewer of them.

    The mean is of differences, so that an asset that always scores the same has exactly 0.
    """
    found = np.full(scores.shape, np.nan)
    for at, own, column in _columns(scores, found):
        column[at[OWN:]] = (own[OWN:, None] - sliding(own, OWN)[:-1]).mean(axis=1)
    return found


def _columns(scores: Floats, found: Floats) -> Iterator[tuple[Indexes, Floats, Floats]]:
    """Of each asset with enough scores: the sessions that have one, these scores, and its column of `found`."""
    for column, out in zip(scores.T, found.T, strict=True):
        at = np.flatnonzero(np.isfinite(column))
        if len(at) > OWN:
            yield at, column[at], out


def coverage(times: Times, members: Ints, covered: Ints) -> tuple[CoverageOfYear, ...]:
    """The share of an index that the data covers, by calendar year.

    Parameters
    ----------
    members, covered
        (D,) members of the index on each day, and those of them that the data has.

    Raises
    ------
    ValueError
        More are covered than there are, or the lengths differ.
    """
    if not len(times) == len(members) == len(covered):
        raise ValueError(f"{len(members)} and {len(covered)} counts for {len(times)} times; expected as many")
    if (covered > members).any():
        day = int(np.flatnonzero(covered > members)[0])
        raise ValueError(
            f"{times[day]}: {covered[day]} members in the data and {members[day]} in the index; "
            "count only those that are in both"
        )
    years = calendar_years(times)
    return tuple(_of_year(int(y), members[years == y], covered[years == y]) for y in np.unique(years))


def _of_year(year: int, members: Ints, covered: Ints) -> CoverageOfYear:
    share = float(covered.sum() / members.sum()) if members.any() else None
    return CoverageOfYear(year, float(members.mean()), float(covered.mean()), share)
