"""A portfolio rule of the user's: a class with a method `weights`, asked at each close.

    class Best:
        def __init__(self, places: int = 5):
            self.places = places

        def weights(self, scores, held, closes):
            best = np.argsort(np.nan_to_num(scores, nan=-np.inf))[-self.places :]
            weights = np.zeros(len(scores))
            weights[best] = 1.0 / self.places
            return weights

Letters: D sessions, N assets.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from lstmstrat.arrays import Bools, Floats, real_numbers
from lstmstrat.config.names import RULE
from lstmstrat.config.plugins import load_attribute
from lstmstrat.config.portfolio import ROUNDING, PortfolioConfig
from lstmstrat.errors import ERRORS_OF_CODE, ConfigError, StrategyError, describe


class Rule(Protocol):
    """What a class of the user's must have."""

    def weights(self, scores: Floats, held: Floats, closes: Floats) -> Floats:
        """The target weights at a close, as shares of the account, negative for short; (N,).

        `scores` (N,) are NaN for an asset that cannot be chosen, whose weight must be 0; `held` (N,) are the
        weights of the close before; `closes` (t + 1, N) are all closes up to this one, NaN where there is none.
        """
        ...


def own_rule(rule: PortfolioConfig) -> Rule:
    """The object of the user's class, with its parameters.

    Raises
    ------
    ConfigError
        There is no such class, it has no method `weights`, or it does not take the parameters.
    """
    try:
        cls = load_attribute(rule.rule, *RULE, _is_rule)
    except ImportError as error:
        raise ConfigError(f"portfolio.rule: {error}") from error.__cause__
    if not _is_rule(cls):
        raise ConfigError(
            f"portfolio.rule: {rule.rule} is no rule; expected a class with a method weights(self, scores, held, "
            "closes)"
        )
    try:
        return cls(**rule.params)  # type: ignore[no-any-return]
    except ERRORS_OF_CODE as error:
        raise ConfigError(f"portfolio.rule: {rule.rule} with params {rule.params}: {describe(error)}") from error


def _is_rule(value: object) -> bool:
    return isinstance(value, type) and callable(getattr(value, "weights", None))


class OwnRule:
    """An object of the user's class, asked close after close: it is told what was held at the close before.

    Raises
    ------
    ConfigError
        The class cannot be used.
    """

    def __init__(self, rule: PortfolioConfig):
        self._rule, self._of = rule, own_rule(rule)
        self._held: Floats | None = None  # at the close before

    def weights(self, scores: Floats, tradable: Bools, closes: Floats, begin: int = 0) -> Floats:
        """The target weights at the sessions from `begin` on, those after the last call; (D, N) -> (D - begin, N).

        Raises
        ------
        StrategyError
            The method of the class raises, or returns what cannot be weights.
        """
        weights, seen = np.zeros((len(scores) - begin, scores.shape[1])), closes.copy()
        held = np.zeros(scores.shape[1]) if self._held is None else self._held
        seen.flags.writeable = False
        for t, row in enumerate(weights, begin):
            known = np.where(tradable[t], scores[t], np.nan)
            row[:] = held = _asked(self._of, known, held.copy(), seen[: t + 1], self._rule)
        self._held = held
        return weights


def _asked(of: Rule, scores: Floats, held: Floats, closes: Floats, rule: PortfolioConfig) -> Floats:
    """The weights of one session; an asset without a score has none, so a session without any has none."""
    if np.isnan(scores).all():
        return np.zeros(len(scores))
    try:
        found = real_numbers(of.weights(scores.copy(), held, closes))
    except ERRORS_OF_CODE as error:
        raise StrategyError(f"{rule.rule}: {describe(error)}") from error
    if mistake := _mistake(found, scores, rule.gross):
        raise StrategyError(f"{rule.rule}: {mistake}")
    return np.where(np.isnan(scores), 0.0, found)


def _mistake(found: Floats, scores: Floats, gross: float) -> str:
    """Why these cannot be weights; "" if they can."""
    if found.shape != scores.shape:
        return f"weights returned an array of shape {found.shape}, expected {scores.shape}, one of each asset"
    if not np.isfinite(found).all():
        return "weights returned NaN or infinite values; an asset that is not held has weight 0"
    if (found[np.isnan(scores)] != 0.0).any():
        return "weights gave an asset without a score a weight; it must be 0 where the score is NaN"
    sides = found[found > 0.0].sum(), abs(found[found < 0.0].sum())
    if max(sides) > 1.0 + ROUNDING or sum(sides) > gross + ROUNDING:
        return (
            f"weights sum to {sides[0]:.4g} long and {sides[1]:.4g} short; expected at most 1 a side, as there is "
            f"no leverage, and {gross:g} in all (gross)"
        )
    return ""
