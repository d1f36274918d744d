"""The features of a run that are functions of the user's own, worked again without later and older bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Floats, Ints, Times
from lstmstrat.audit.memory import EXPANDING, UNRELATED, memory
from lstmstrat.config.names import is_own
from lstmstrat.forecasting.features import Feature, FeatureSet, feature_set
from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.prices import Prices
from lstmstrat.results.assessment import FAILED, PASSED, Check

WORK = 1_000_000  # rows that one feature is computed for, at most: a second, at a microsecond a row
LEAST = 50  # bars that are checked, however long the history
SPREAD = 30  # bars before the last fold that are checked
LEFT_OUT = 0.15  # share of the bars, the oldest, that a feature is computed without


@dataclass(frozen=True, eq=False)
class Tried:
    """A function of the user's own on the bars that a run gave it: those of the prices, or of a peer.

    Attributes
    ----------
    feature
        The function.
    times, bars
        (n,) and (n, 5).
    cuts
        The bars at which it is worked again without the later ones.
    peer
        The peer, or the asset of a universe, whose bars they are; "" for the prices.
    """

    feature: Feature
    times: Times
    bars: Floats
    cuts: Ints
    peer: str = ""

    @property
    def name(self) -> str:
        """The function, and whose bars it is of."""
        return f"{self.feature.name} of {self.peer}" if self.peer else self.feature.name

    def rows(self, part: slice, first: int = 0) -> Floats:
        """The values on a part of the bars, from its bar number `first` on; (m, k)."""
        return FeatureSet((self.feature,)).rows(self.times[part], self.bars[part], first)

    def date(self, bar: int) -> str:
        """The day of a bar."""
        return str(self.times[bar])[:10]


def check_features(forecasts: Forecasts, prices: Prices) -> Check:
    """A user's feature must have the same value at each bar of the last fold when the later bars are cut off.

    It must also be about the same without the oldest bars: a mean over all bars so far moves a little, which is a
    remark; a file that is joined by position becomes another series, which fails. A feature of the peers is held
    to the same on the bars of each peer of ``data.peers``.
    """
    name, config, remarks = "features", forecasts.config, list[str]()
    cuts, of_fold = _cuts(forecasts, prices)
    of_prices = [Tried(f, prices.times, prices.bars, cuts) for f in own_features(config.features)]
    conditions = [Tried(f, prices.times, prices.bars, cuts) for f in own_features((config.refit_when or "",))]
    features = [*of_prices, *_of_peers(own_features(config.peer_features), prices, cuts)]
    for tried in (*features, *conditions):
        if difference := _first_difference(tried):
            return Check(name, FAILED, difference)
    for tried in features:
        failed, remark = without_oldest(tried)
        if failed:
            return Check(name, FAILED, remark)
        remarks += [remark] if remark else []
    own = [tried.name for tried in (*features, *conditions)]
    if not own:
        return Check(name, PASSED, "all built in")
    checked = int((cuts >= len(prices.bars) - of_fold).sum())
    detail = f"{', '.join(own)}: unmoved by later bars at {checked} of the {of_fold} bars of the last fold"
    return Check(name, PASSED, "; ".join([f"{detail} and at {len(cuts) - checked} before it", *remarks]))


def own_features(names: Sequence[str]) -> tuple[Feature, ...]:
    """Those of the features that are functions of the user's own."""
    return feature_set([name for name in names if is_own(name)]).features


def _of_peers(features: Sequence[Feature], prices: Prices, cuts: Ints) -> list[Tried]:
    """The features on the bars of each peer that a run saw, cut at those that were the newest at the `cuts`."""
    tried = []
    for peer in prices.outside.peers:
        times, bars = peer.between(0, prices.times[-1])
        newest = np.unique(peer.newest(prices.times[cuts]))
        tried += [Tried(f, times, bars, newest[newest >= 0], peer.name) for f in features]
    return tried


def _cuts(forecasts: Forecasts, prices: Prices) -> tuple[Ints, int]:
    """The bars to check, ascending, and the number of bars in the last fold; the newest bar has none after it."""
    bars, first = len(prices.bars), schedule(forecasts.config).first_fit
    folds = forecasts.folds
    of_fold = len(forecasts.forecast) - folds[-1].fold.fitted_at if folds else bars - first
    budget = max(LEAST, WORK // bars)
    fold = np.linspace(max(0, bars - of_fold), bars - 2, min(max(1, of_fold - 1), budget)).astype(int)
    before = np.linspace(min(first, bars - 2), fold[0], SPREAD).astype(int)
    return np.unique(np.append(before, fold)), of_fold


def _first_difference(tried: Tried) -> str:
    """The first of the cuts at which a feature has another value without the later bars; "" if there is none."""
    rows = tried.rows(slice(None))  # (n, k)
    for cut in tried.cuts:
        row = tried.rows(slice(cut + 1), cut)[0]  # (k,)
        if not np.allclose(row, rows[cut], rtol=1e-9, atol=0.0, equal_nan=True):
            return (
                f"{tried.name} looks ahead: at {tried.date(cut)} it was {row}, with later bars it is {rows[cut]}"
            )
    return ""


def without_oldest(tried: Tried) -> tuple[bool, str]:
    """Whether a feature is another series without the oldest bars; and what there is to say about it."""
    oldest = int(len(tried.bars) * LEFT_OUT)
    rows = tried.rows(slice(None))[oldest:]  # (n, k)
    later = tried.rows(slice(oldest, None))  # (n, k)
    for x, y in zip(rows.T, later.T, strict=True):
        found = memory(x, y)
        if found.kind == UNRELATED:
            return True, (
                f"{tried.name} goes by the position of a bar, as a file without dates does: at "
                f"{tried.date(oldest + found.place)} it is {x[found.place]:.6g}, and {y[found.place]:.6g} without "
                f"the {oldest} oldest bars; name the file in data.extra and use column:NAME, or join it by "
                "f(bars, times)"
            )
        if found.kind == EXPANDING:
            return False, f"{tried.name} depends on how much history is loaded"
    return False, ""
