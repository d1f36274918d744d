"""Scores to target weights, decided at each close.

Letters: D sessions, N assets, n ranked assets of one group at one session, best first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lstmstrat.arrays import Bools, Floats, Indexes, Ints
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.errors import ConfigError
from lstmstrat.trading.portfolio.optimiser import Optimised

Group = tuple[Indexes, Floats]  # columns of the assets of a group and their parts, above 0 long, below 0 short


class Sides:
    """What a rule holds long and short, close after close: it knows who had a place at the close before.

    An asset can be chosen if it is tradable, has a finite score and, for weights by inverse volatility, a
    volatility above 0; for those of an optimiser, all returns that it looks at, and not all of them 0. Any other
    has weight 0, a holding too.

    The assets that can be chosen are ranked by their score; of equal scores that of the earlier column is the
    better. A holding of the close before stays while it is among the best `hold_until` (a short one: among the
    worst) and has no place of the other side; the best of the rest fill up the places. An asset to whose place an
    optimiser gave no weight counts as a holding. With the rule proportional each asset above the median is held
    long and each below it short.

    Where a side that the rule has would be empty (a single asset for two sides, all scores equal with
    proportional, no scores), all weights are 0; with ``neutral: group`` those of that group, and the other groups
    share `gross`.

    Parameters
    ----------
    rule
        A built-in one.
    assets
        How many there are, N.
    groups
        (N,) the group of each asset, of any type that can be sorted; needed by ``neutral: group``.

    Raises
    ------
    ConfigError
        The rule needs groups, and there are none.

    Examples
    --------
    The best of four is bought and the worst sold short; at the second close the second best keeps its place:

    >>> scores = np.array([[4.0, 3.0, 2.0, 1.0], [3.0, 4.0, 2.0, 1.0]])
    >>> rule = PortfolioConfig(rule="top", long=1, short=1, hold_until=2)
    >>> Sides(rule, 4).weights(scores, np.isfinite(scores)).tolist()
    [[1.0, 0.0, 0.0, -1.0], [1.0, 0.0, 0.0, -1.0]]
    """

    def __init__(self, rule: PortfolioConfig, assets: int, groups: npt.NDArray[Any] | None = None):
        self._rule = rule
        self._of_group = _columns(rule, groups, assets)
        self._held = np.zeros(assets)  # at the close before, each with the sign of its side

    def weights(
        self,
        scores: Floats,
        tradable: Bools,
        volatility: Floats | None = None,
        optimised: Optimised | None = None,
        begin: int = 0,
    ) -> Floats:
        """Target weights at each close, as shares of the account, negative for short; (D, N) -> (D - begin, N).

        Row t depends on rows up to t.

        Parameters
        ----------
        scores
            (D, N) the higher, the better; NaN where there is none.
        tradable
            (D, N) whether an asset may be held: it is a member of the universe, and has a bar.
        volatility
            (D, N) of the returns of each asset; needed by ``weights: inverse_volatility``.
        optimised
            The optimiser of the rule with the returns of the panel; needed by any other `weights` but ``equal``.
        begin
            The first session that is asked about, the one after those of the last call.

        Raises
        ------
        ConfigError
            The rule needs a volatility or an optimiser, and there is none; the optimiser fails.
        """
        sizes = _sizes(self._rule, volatility, optimised, scores.shape)
        can_choose: Bools = tradable & np.isfinite(scores) & np.isfinite(sizes)
        weights = np.zeros((len(scores) - begin, scores.shape[1]))
        for t, row in enumerate(weights, begin):
            _fill(row, self._rule, self._whole(t, scores[t], can_choose[t], sizes[t], optimised))
        return weights

    def _whole(
        self, t: int, scores: Floats, can_choose: Bools, sizes: Floats, optimised: Optimised | None
    ) -> list[Group]:
        """The groups that have every side of the rule at a close."""
        ranked = [_ranked(columns[can_choose[columns]], scores) for columns in self._of_group]
        parts = [(best, _parts(self._rule, scores[best], self._held[best]) * sizes[best]) for best in ranked]
        whole = [(columns, part) for columns, part in parts if _sides(part) == self._rule.sides]
        self._held = _held(whole, len(self._held))
        if optimised is None:
            return whole
        return [(columns, optimised.parts(t, columns, part)) for columns, part in whole]


def equal_weight(tradable: Bools, decided: Bools) -> Floats:
    """The benchmark: all that is tradable with the same weight, 1 in all; (D, N).

    Parameters
    ----------
    tradable
        (D, N) as in `Sides.weights`.
    decided
        (D,) whether a target is set at the close of a session. The rows of the others are NaN, which means that
        nothing is traded at the next open.

    Examples
    --------
    >>> tradable = np.array([[True, True], [True, False], [False, False]])
    >>> equal_weight(tradable, np.array([True, True, False])).tolist()
    [[0.5, 0.5], [1.0, 0.0], [nan, nan]]
    """
    weights: Floats = tradable / np.maximum(tradable.sum(axis=1, keepdims=True), 1)
    return np.where(decided[:, None], weights, np.nan)


def _sizes(
    rule: PortfolioConfig, volatility: Floats | None, optimised: Optimised | None, shape: tuple[int, ...]
) -> Floats:
    """What the parts of a side are multiplied with; NaN or infinite where an asset cannot be chosen; (D, N)."""
    if rule.weights == "equal":
        return np.ones(shape)
    if rule.optimiser:
        if optimised is None:
            raise ConfigError(f"portfolio: weights {rule.weights} need its optimiser with the returns; give it")
        return np.where(optimised.known, 1.0, np.nan)
    if volatility is None:
        raise ConfigError("portfolio: weights inverse_volatility need the volatility of each asset; give it")
    with np.errstate(divide="ignore"):
        return np.where(volatility > 0.0, 1.0 / volatility, np.nan)


def _columns(rule: PortfolioConfig, groups: npt.NDArray[Any] | None, assets: int) -> list[Indexes]:
    """The columns of each group."""
    if rule.neutral == "none":
        return [np.arange(assets)]
    if groups is None:
        raise ConfigError("portfolio: neutral group needs the group of each asset; give it, or type neutral: none")
    return [np.flatnonzero(groups == group) for group in np.unique(groups)]


def _ranked(columns: Indexes, scores: Floats) -> Indexes:
    """The columns, best score first."""
    return columns[np.argsort(-scores[columns], kind="stable")]


def _parts(rule: PortfolioConfig, scores: Floats, held: Floats) -> Floats:
    """What each ranked asset gets of its side, before it is scaled; negative for short; (n,) -> (n,)."""
    if rule.rule == "proportional":
        above = scores - np.median(scores) if len(scores) else scores
        return np.clip(above, -np.inf if rule.short else 0.0, np.inf if rule.long else 0.0)
    long, short = rule.places(len(scores))
    until = rule.until(len(scores))
    bought = _chosen(held > 0.0, long, until, short)
    sold = _chosen(held[::-1] < 0.0, short, until, long)[::-1]
    return bought.astype(float) - sold


def _chosen(held: Bools, places: int, until: int, others: int) -> Ints:
    """1 for each asset on a side, best first: holdings among the best `until`, then the best of the rest; (n,).

    The last `others` have a place on the other side.
    """
    kept = np.flatnonzero(held[: min(max(places, until), len(held) - others)])[:places]
    chosen = np.zeros(len(held), dtype=np.int64)
    chosen[kept] = 1
    chosen[np.flatnonzero(chosen == 0)[: places - len(kept)]] = 1
    return chosen


def _held(groups: Sequence[Group], assets: int) -> Floats:
    """The side of each asset that has a place: 1 long, -1 short, 0 none; (N,)."""
    held = np.zeros(assets)
    for columns, parts in groups:
        held[columns] = np.sign(parts)
    return held


def _fill(row: Floats, rule: PortfolioConfig, whole: Sequence[Group]) -> None:
    """Write the weights of one session: each group, which has every side of the rule, gets its part of `gross`."""
    assets = sum(len(columns) for columns, _ in whole)
    for columns, parts in whole:
        budget = rule.gross / rule.sides * len(columns) / assets
        for side in (np.maximum(parts, 0.0), np.minimum(parts, 0.0)):
            if total := abs(side.sum()):
                row[columns] += side / total * budget


def _sides(parts: Floats) -> int:
    return bool((parts > 0.0).any()) + bool((parts < 0.0).any())
