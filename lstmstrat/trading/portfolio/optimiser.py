"""The weights of a side by an optimiser: a class with a method `fit`, after which it has `weights_`.

So are those of skfolio, and a class of the user's needs no more:

    class Calm:
        def fit(self, X):  # (63, k) past returns of the assets of one side
            self.weights_ = 1.0 / X.var(axis=0)

Letters: D sessions, N assets, k assets of a side.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np

from lstmstrat.arrays import Bools, Floats, Indexes, Times, real_numbers, sliding
from lstmstrat.config.names import OPTIMISER
from lstmstrat.config.plugins import load_attribute
from lstmstrat.config.portfolio import SKFOLIO, PortfolioConfig
from lstmstrat.errors import ERRORS_OF_CODE, ConfigError, describe
from lstmstrat.forecasting.models.borrowed import one_thread, random_numbers
from lstmstrat.forecasting.predictive import BARS
from lstmstrat.forecasting.session import Progress

LEAST = 1e-4  # share of a side: less is what a solver, which stops within about as much, leaves of a weight of 0
NAMED = 3  # assets in a sentence


def optimiser_of(rule: PortfolioConfig) -> Optimiser | None:
    """The optimiser of a rule, None if it has none.

    Raises
    ------
    ConfigError
        skfolio is not installed, there is no such class, or it is no optimiser.
    """
    if not (path := rule.optimiser):
        return None
    if path.startswith(f"{SKFOLIO}.") and find_spec(SKFOLIO) is None:
        raise ConfigError(
            f"portfolio.weights: {rule.weights} needs the package skfolio; type: "
            'pip install "lstmstrat[portfolio]"'
        )
    try:
        cls = load_attribute(path, *OPTIMISER, _is_optimiser)
    except ImportError as error:
        raise ConfigError(f"portfolio.weights: {error}") from error.__cause__
    if not _is_optimiser(cls):
        raise ConfigError(
            f"portfolio.weights: {rule.weights} is no optimiser; expected a class with a method fit(self, X), "
            "after which it has weights_"
        )
    try:
        cls()
    except ERRORS_OF_CODE as error:
        raise ConfigError(f"portfolio.weights: {rule.weights} without arguments: {describe(error)}") from error
    return Optimiser(rule.weights, cls)


def _is_optimiser(value: object) -> bool:
    return isinstance(value, type) and callable(getattr(value, "fit", None))


class Optimiser:
    """A class of optimisers, and what it has solved: the same returns have the same weights.

    Examples
    --------
    >>> class Calm:
    ...     def fit(self, X):
    ...         self.weights_ = 1.0 / X.var(axis=0)
    >>> Optimiser("Calm", Calm).weights(np.array([[0.01, 0.02], [-0.01, -0.02]])).round(6).tolist()
    [0.8, 0.2]
    """

    def __init__(self, name: str, cls: type[Any]):
        self.name, self._cls = name, cls
        self._solved: dict[bytes, Floats] = {}
        self._first: Floats | None = None  # returns; the first that were solved

    def weights(self, returns: Floats) -> Floats:
        """The weights of assets with these returns, which sum to 1; (bars, k) -> (k,).

        The first returns are solved again, beside themselves and after the 1st, 2nd, 4th, 8th ... other ones: an
        optimiser with random numbers of its own, or that keeps something from one call to the next, is refused.

        Raises
        ------
        ConfigError
            It fails, or what it gives cannot be weights.
        """
        key = hashlib.sha256(f"{returns.shape}".encode() + returns.tobytes()).digest()
        if key not in self._solved:
            self._solved[key] = self._fitted(returns)
            self._first = returns if self._first is None else self._first
            others = len(self._solved) - 1
            if others & (others - 1) == 0:  # 0, 1, 2, 4, 8 ...
                self._check_again(self._first)
        return self._solved[key]

    def _check_again(self, first: Floats) -> None:
        known = next(iter(self._solved.values()))
        if not np.array_equal(known, self._fitted(first)):
            raise ConfigError(
                "gives other weights for the same returns; give it a fixed seed, and keep nothing in the class"
            )

    def _fitted(self, returns: Floats) -> Floats:
        try:
            one = self._cls()
            with one_thread(self._cls.__module__), random_numbers(0):
                one.fit(returns.copy())
            given = getattr(one, "weights_", None)
        except ERRORS_OF_CODE as error:
            raise ConfigError(f"fails: {describe(error)}") from error
        found = _numbers(given)
        if mistake := _mistake(found, returns.shape[1]):
            raise ConfigError(mistake)
        shares: Floats = found / found.sum()
        return np.where(shares < LEAST, 0.0, shares)


def _numbers(given: object) -> Floats:
    if given is None:
        raise ConfigError("has no weights_ after fit(X)")
    try:
        return real_numbers(given)
    except ERRORS_OF_CODE as error:  # of the user's type too, such as a tensor with a gradient
        kind = type(given).__name__
        raise ConfigError(f"gives weights_ that are no numbers, but {kind}: {describe(error)}") from error


def _mistake(found: Floats, assets: int) -> str:
    """Why these cannot be the weights of a side; "" if they can."""
    if found.shape != (assets,):
        return f"gives weights_ of shape {found.shape}, expected ({assets},), one of each asset"
    with np.errstate(over="ignore"):
        finite = np.isfinite(found).all() and np.isfinite(found.sum())
    if not finite:
        return "gives a weight that is NaN or infinite, or weights whose sum is"
    if not found.sum() > 0.0:
        return f"gives weights that sum to {found.sum():g}, expected a sum above 0"
    if found.min() < -LEAST * found.sum():
        return f"gives the weight {found.min():g}; a side is held with weights of 0 and above"
    return ""


@dataclass(frozen=True, eq=False)
class Optimised:
    """The sides of a portfolio over a panel, each weighed by an optimiser of its past returns."""

    optimiser: Optimiser
    returns: Floats  # (D, N) to the close of each session; NaN where it is not known
    times: Times  # (D,)
    symbols: tuple[str, ...]  # (N,)
    progress: Progress  # of the sessions

    @cached_property
    def known(self) -> Bools:
        """Whether an asset has every return of the window, and one of them is not 0; (D, N)."""
        whole: Bools = np.logical_and.reduce(np.isfinite(self._windows), axis=1)
        moved: Bools = np.logical_or.reduce(self._windows != 0.0, axis=1)
        return whole & moved

    def parts(self, t: int, columns: Indexes, parts: Floats) -> Floats:
        """What the assets of a group get of their side at a close, negative for short; (n,) -> (n,).

        `parts` says on which side an asset is. A short holding earns the opposite of the return, and that is what
        the optimiser sees. A single asset has its side for itself.
        """
        self.progress(t + 1, len(self.times))
        found = np.zeros(len(parts))
        for sign in (1.0, -1.0):
            chosen = np.flatnonzero(sign * parts > 0.0)
            chosen = chosen[np.argsort(columns[chosen])]  # not by the score, so that one set is solved once
            if len(chosen):
                found[chosen] = sign * self._side(t, columns[chosen], sign)
        return found

    def _side(self, t: int, assets: Indexes, sign: float) -> Floats:
        if len(assets) == 1:
            return np.ones(1)
        try:
            return self.optimiser.weights(sign * self._windows[t][:, assets])
        except ConfigError as error:
            raise ConfigError(
                f"portfolio.weights: {self.optimiser.name}, asked for the weights of {self._named(assets)} at the "
                f"close of {self.times[t].astype('datetime64[D]')}, {error}; correct it, or type weights: equal"
            ) from error.__cause__

    def _named(self, assets: Indexes) -> str:
        names = [self.symbols[n] for n in assets[:NAMED]]
        more = len(assets) - len(names)
        return ", ".join(names) + (f" and {more} more" if more else "")

    @cached_property
    def _windows(self) -> Floats:
        """The last returns at each close, those of before the panel NaN; (D, BARS, N), a view."""
        before = np.full((BARS - 1, self.returns.shape[1]), np.nan)
        return sliding(np.concatenate([before, self.returns]), BARS)
