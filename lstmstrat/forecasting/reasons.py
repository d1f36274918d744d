"""Why a bar has no forecast, as a sentence for the log: with the input that has no value, and what to do.

Letters: n bars, F inputs (columns of the feature rows), L lookback.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Bools, Floats, Times
from lstmstrat.config.names import is_own
from lstmstrat.forecasting.features import Feature
from lstmstrat.forecasting.fitted_fold import FARTHEST, FittedFold
from lstmstrat.forecasting.forecasts import TOO_FEW, in_words
from lstmstrat.forecasting.history import History
from lstmstrat.prices.bars import COLUMNS

SHOWN = 3  # names in a list


class Log:
    """Logs each reason once: its first bar, because a plain script shows no report."""

    def __init__(self, logger: logging.Logger, told: set[str] | None):
        """`told` has what other strategies of the same run have logged; None if nothing is to be logged."""
        self._logger, self._told = logger, told
        self._reasons: set[str] = set()

    def once(self, reason: str, message: Callable[[], str]) -> None:
        """Logs `message()` if neither the reason nor the message was logged before."""
        if self._told is None or reason in self._reasons | self._told:
            return
        self._reasons.add(reason)
        if (text := message()) not in self._told:
            self._told.add(text)
            self._logger.warning(text)


class Missing:
    """The bars without a forecast, counted by reason; the first of each reason is logged."""

    def __init__(self, log: Log, history: History):
        self.log, self._history = log, history
        self.counts: Counter[str] = Counter()

    def twin(self, history: History) -> Missing:
        """The same counts, to go on with over `history`."""
        twin = Missing(self.log, history)
        twin.counts = self.counts.copy()
        return twin

    def count(self, reason: str, missing: Bools, low: int, why: Callable[[int], str]) -> None:
        """Counts the `missing` (n,) of the bars from `low` on; `why` says what is behind it, for the log."""
        if len(bars := np.flatnonzero(missing)):
            self.counts[reason] += len(bars)
            bar = low + int(bars[0])
            at, counted = date(self._history.times, bar), "walk_forward.missing counts all such bars"
            self.log.once(reason, lambda: f"no forecast at {at}: {reason}: {why(bar)}; {counted}")


@dataclass(frozen=True)
class Inputs:
    """The inputs of a walk-forward, with their names and the bars that they come from."""

    own: History
    peers: Sequence[History]
    rows: Floats  # (n, F)

    @property
    def names(self) -> list[str]:
        """The name of each input: ``return_1``, or ``return_1 of peer 2``, or of the name of a peer; (F,)."""
        names = [feature.name for feature in self.own.inputs]
        return names + [f"{f.name} of {peer.name}" for peer in self.peers for f in peer.inputs]

    def gaps(self, bars: slice) -> dict[str, int]:
        """The number of bars on which an input has no value, by its name, the largest number first."""
        counts: dict[str, int] = {}
        for name, missing in zip(self.names, np.isnan(self.rows[bars]).sum(axis=0).tolist(), strict=True):
            counts[name] = max(missing, counts.get(name, 0))
        return dict(sorted(((n, c) for n, c in counts.items() if c), key=lambda item: -item[1]))

    def lacking(self, bars: slice) -> str:
        """Which inputs have no value on these bars, on how many, and what to do; '' if none lacks one."""
        found = self.gaps(bars)
        return f"{in_words(found, bars.stop - bars.start)}; {self._cure([*found], bars)}" if found else ""

    def _cure(self, names: Sequence[str], bars: slice) -> str:
        lacking = [feature for feature in self.own.inputs if feature.name in names]
        if not lacking:
            return (
                "if it is no price and can be 0 or below, give peer_features: [difference_1, change_5]; else "
                "leave that peer out of peers, or begin when it has bars with prices above 0"
            )
        leave = f"leave {listed([feature.name for feature in lacking])} out of features"
        if empty := _empty_columns(lacking, self.own.bars[bars]):
            zero = ", such as 0" if empty == ["volume"] else ""
            return f"the bars have no {listed(empty)} there: give them one{zero}, or {leave}"
        return f"{leave}, or begin later"


def why_incomplete(inputs: Inputs, bar: int, lookback: int) -> str:
    """Which inputs of the window of a bar have no value, and what to do."""
    return inputs.lacking(slice(bar + 1 - lookback, bar + 1))


def why_not_fitted(inputs: Inputs, fitted: FittedFold, needed: int) -> str:
    """What the training set of a fold lacks, or that its fits failed."""
    fold, record = fitted.fold, fitted.record
    if record.reason != TOO_FEW:
        return f"fold {fold.number}: a model or its loss is not finite; lower learning_rate, or look at the inputs"
    lacking = inputs.lacking(slice(fold.first, fold.cutoff + 1)) or "prices of the target are missing there"
    return (
        f"fold {fold.number} has {record.samples} samples on {fold.bars} bars, and needs {needed} to train on, "
        f"and with val_size one to validate on; {lacking}"
    )


def why_far(fitted: FittedFold, forecasts: Floats) -> str:
    """What the fold forecast, and what it had seen."""
    value, largest = float(forecasts[np.nanargmax(np.abs(forecasts))]), fitted.largest_label
    return (
        f"fold {fitted.fold.number} says {value:.3g}, more than {FARTHEST:g} times the largest return that it has "
        f"seen, {largest:.3g}, and makes no further forecast; look at the inputs there, or lower learning_rate"
    )


def equal_labels(fitted: FittedFold) -> str:
    """What a fold with equal labels does."""
    record = fitted.record
    return (
        f"the labels of fold {record.fold.number} are all equal ({record.mean:.3g} on {record.samples} bars), so "
        "nothing is fitted to them, and the forecast is this number"
    )


def date(times: Times, bar: int) -> str:
    """The date of a bar, with its time of day if it has one."""
    day = times[bar].astype("datetime64[D]")
    return str(day if day == times[bar] else times[bar].astype("datetime64[s]"))


def _empty_columns(features: Sequence[Feature], bars: Floats) -> list[str]:
    """The columns of the bars that the features read and in which a value is missing."""
    read = {column for feature in features if not is_own(feature.name) for column in feature.columns}
    return [COLUMNS[column] for column in sorted(read) if not np.isfinite(bars[:, column]).all()]


def listed(names: Sequence[str]) -> str:
    """The first names of a list, each once, and how many more there are."""
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
