"""Two checks of a run over a universe: its features and its training labels, worked again from the bars.

The run has kept some of both as it used them (forecasting/panel/drawn.py). Features are worked again by the same
functions, which get no later bar. Labels are worked again by rules that are written a second time here, and on
purpose: a mistake in those of forecasting/ would be the same in both.

Letters: D sessions, N assets, n bars of one asset, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from lstmstrat.arrays import Bools, Floats, Ints, Times
from lstmstrat.audit.features import Tried, own_features, without_oldest
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.errors import count as counted
from lstmstrat.forecasting.features import feature_set
from lstmstrat.forecasting.panel.drawn import DrawnLabels
from lstmstrat.prices.bars import CLOSE, OPEN
from lstmstrat.prices.panel import Panel
from lstmstrat.results.assessment import FAILED, NOT_ASKED, NOT_RUN, PASSED, Check
from lstmstrat.results.panel.run import PanelRun

FEATURES, LABELS = "features", "training labels"
EQUAL = 1e-9  # relative: functions of the user's own may add in another order
ROUNDING = 1e-12  # of a label, which is near 1 at most
MOST_FOLDS = 60
LONGEST = 3  # assets on which functions of the user's own are tried without their oldest bars


def check_features(run: PanelRun) -> Check:
    """Features as the run used them must be the same when they are worked again without the later bars.

    A user's own must also be about the same without the oldest bars, as for one asset.
    """
    drawn, panel = run.forecasts.drawn_rows, run.panel
    if drawn is None or not len(drawn.rows):
        return Check(FEATURES, NOT_RUN, NOT_ASKED)
    features = feature_set(run.forecasts.config.features)
    whole = np.isfinite(drawn.rows).all(axis=1)  # (P,) no window has another row, as one before a feature begins
    if not whole.any():
        return Check(FEATURES, NOT_RUN, "none of the rows that were kept has every feature")
    chosen = (part[whole] for part in (drawn.assets, drawn.sessions, drawn.rows))
    for asset, session, used in zip(*chosen, strict=True):
        times, bars = _own_bars(panel, asset, session + 1)
        (again,), of = features.named_rows(times, bars, len(bars) - 1)  # (F,)
        differ = np.flatnonzero(~np.isclose(used, again, rtol=EQUAL, atol=0.0, equal_nan=True))
        if len(differ):
            k = differ[0]
            said = f"it was {again[k]:.6g}, and the run has used {used[k]:.6g}"
            at = f"at {_day(panel, session)}"
            return Check(FEATURES, FAILED, f"{of[k].name} of {panel.symbols[asset]} looks ahead: {at} {said}")
    failed, remarks = _without_oldest(run)
    rows, assets = int(whole.sum()), counted(len(set(drawn.assets[whole].tolist())), "asset")
    said = "; ".join([f"unmoved by later bars in {rows} rows of {assets}", *remarks])
    return Check(FEATURES, FAILED, failed) if failed else Check(FEATURES, PASSED, said)


def _without_oldest(run: PanelRun) -> tuple[str, list[str]]:
    """What fails of the user's own features without the oldest bars, "" if nothing; and what there is to say."""
    panel, own, remarks = run.panel, own_features(run.forecasts.config.features), list[str]()
    bars_of = np.isfinite(panel.bars).any(axis=2).sum(axis=0) if own else np.empty(0)  # (N,)
    for asset in np.argsort(-bars_of, kind="stable")[:LONGEST].tolist():
        times, bars = _own_bars(panel, asset, len(panel.times))
        for feature in own:
            failed, said = without_oldest(Tried(feature, times, bars, np.empty(0, int), panel.symbols[asset]))
            if failed:
                return said, []
            remarks += [said] if said else []
    return "", remarks


def _own_bars(panel: Panel, asset: int, end: int) -> tuple[Times, Floats]:
    """The times and the bars of an asset before a session; (n,), (n, 5)."""
    bars = panel.bars[:end, asset]
    there = np.isfinite(bars).any(axis=1)
    return panel.times[:end][there], bars[there]


def check_labels(run: PanelRun) -> Check:
    """What folds learned from must be what the bars say, and known before the fold was fitted."""
    drawn, panel = run.forecasts.drawn_labels, run.panel
    if not drawn:
        return Check(LABELS, NOT_RUN, NOT_ASKED)
    again, count = _Labels(panel, run.forecasts.config), 0
    chosen = np.unique(np.linspace(0, len(drawn) - 1, MOST_FOLDS).astype(int))
    for session, learned, of in _each(drawn[k] for k in chosen):
        right = again.at(session, of.fold.fitted_at)
        same = np.isclose(learned, right, rtol=EQUAL, atol=ROUNDING, equal_nan=True)
        if not same.all():
            n = int(np.argmin(same))
            fitted = f"fold {of.fold.number}, fitted at {_day(panel, of.fold.fitted_at)},"
            asset = f"{panel.symbols[n]} at {_day(panel, session)}"
            return Check(LABELS, FAILED, _fault(fitted, asset, learned[n], right[n]))
        count += int(np.isfinite(right).sum())
    if not count:
        return Check(LABELS, NOT_RUN, "none of the sessions that were kept has a label")
    folds = counted(len(chosen), "fold")
    return Check(LABELS, PASSED, f"{count:,} of {folds} are what the bars before the fit say")


def _each(drawn: Iterator[DrawnLabels]) -> Iterator[tuple[int, Floats, DrawnLabels]]:
    """Each session whose labels were kept, with them, (N,), and the fold that learned from them."""
    for of in drawn:
        for session, learned in zip(of.sessions.tolist(), of.labels, strict=True):
            yield session, learned, of


def _fault(fold: str, asset: str, learned: float, right: float) -> str:
    if np.isnan(right):
        return f"{fold} learned {learned:.6g} of {asset}, which nobody knew before the fit"
    if np.isnan(learned):
        return f"{fold} learned nothing of {asset}, where {right:.6g} was known"
    return f"{fold} learned {learned:.6g} of {asset}, where {right:.6g} is right"


class _Labels:
    """The labels of all assets at a session as somebody knew them who saw the bars before a fit.

    Written without the code that the folds learn by. An order of the close is filled at the next bar of its asset
    (`target: open`) or at once, and closed `horizon` bars later.
    """

    def __init__(self, panel: Panel, config: ForecastConfig):
        there: Bools = np.logical_or.reduce(np.isfinite(panel.bars), axis=2)  # (D, N)
        self.panel, self.config = panel, config
        self.newest = np.cumsum(there, axis=0) - 1  # (D, N) number of the newest bar
        self.session: Ints = np.argsort(~there, axis=0, kind="stable")  # (D, N) of each bar, by its number
        self.part = panel.members & there  # (D, N)
        self.column, self.wait = (OPEN, 1) if config.target == "open" else (CLOSE, 0)

    def at(self, session: int, fit: int) -> Floats:
        """(N,), NaN where nothing is known before the session `fit`."""
        first = self.newest[session] + self.wait
        earned, known = self._earned(first, first + self.config.horizon)
        part = self.part[session]
        good = part & (known < fit) & np.isfinite(earned)
        if self.config.relation == "none":
            return np.where(good, earned, np.nan)
        due = session + self.wait + self.config.horizon
        day = due + bool((part & (np.where(known < fit, known, fit) > due)).any())  # a late one makes its day late
        good &= known <= due + 1  # one that is later takes no part
        if day >= fit or good.sum() < max(self.config.least_assets, 2):
            return np.full(len(part), np.nan)
        labels = np.full(len(part), np.nan)
        labels[good] = _RELATIONS[self.config.relation](earned[good])
        return labels

    def _earned(self, first: Ints, last: Ints) -> tuple[Floats, Ints]:
        """The return from bar to bar of each asset, and the session at which it is known; (N,) each."""
        over, assets = last > self.newest[-1], np.arange(len(last))  # over: there is no such bar
        end = len(self.session) - 1
        begin, known = (self.session[np.minimum(bar, end), assets] for bar in (first, last))
        prices = self.panel.bars[:, :, self.column]
        earned = np.log(prices[known, assets] / prices[begin, assets])
        return np.where(over, np.nan, earned), np.where(over, len(self.session), known)


def _rank(values: Floats) -> Floats:
    """From -0.5 for the lowest to 0.5 for the highest: half of what is below, less half of what is above."""
    in_order = np.sort(values)
    below, upto = (np.searchsorted(in_order, values, side) for side in ("left", "right"))
    return (below - (len(values) - upto)) / (2.0 * (len(values) - 1))


_RELATIONS: dict[str, Callable[[Floats], Floats]] = {
    "demean": lambda values: values - values.mean(),
    "rank": _rank,
    "above_median": lambda values: np.where(values > np.median(values), 0.5, -0.5),
}


def _day(panel: Panel, session: int) -> str:
    return str(panel.times[session].astype("datetime64[D]"))
