"""What a vendor has changed in a history since it was downloaded before: `revision`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lstmstrat.arrays import Bools, Floats
from lstmstrat.prices.bars import PRICES
from lstmstrat.prices.check import day

if TYPE_CHECKING:
    from lstmstrat.prices.prices import Prices

SAME = 1e-9  # relative; two downloads of one number are equal
CONSTANT = 1e-4  # relative; vendors round an adjusted close to some digits
LEAST = 2  # bars from which a common ratio says something


def revision(old: Prices, new: Prices) -> list[str]:
    """Sentences on what is different in `new`, and what it does to results on `old`; old and new are never merged.

    A dividend multiplies all adjusted prices before it by one ratio, a split divides the volumes by it too.
    """
    if old.sha256 == new.sha256:
        return ["refreshed: no bar has changed, so results on the download before stand"]
    common = old.frame.index.intersection(new.frame.index)
    before, after = (prices.frame.loc[common] for prices in (old, new))
    ratio = (after["close"] / before["close"]).to_numpy()  # (n,)
    size = _largest_change(before, after)
    changed = size > SAME
    told = [*_changed(common, changed, size), *_common_ratio(before, after, ratio, changed)]
    gone = old.frame.index.difference(common)
    added = new.frame.index.difference(common)
    if len(gone):
        told.append(f"{_bars(len(gone))} gone, the first on {day(gone[0])}")
    if len(added):
        told.append(f"{_bars(len(added))} new, {day(added[0])} to {day(added[-1])}")
    return [
        "refreshed: " + "; ".join(told),
        f"results on the download before (data.sha256 {old.sha256} in their summary.json) are of other prices "
        f"than this run ({new.sha256[:12]}): run those configs again before comparing (python -m "
        f"lstmstrat.trials --symbol {new.symbol} lists what was run, and when)",
    ]


def _bars(count: int) -> str:
    return f"{count} bar is" if count == 1 else f"{count} bars are"


def _largest_change(before: pd.DataFrame, after: pd.DataFrame) -> Floats:
    """The largest relative change in each bar; (n,)."""
    old, new = before.to_numpy(), after.to_numpy()  # (n, 5)
    scale = np.maximum(np.abs(old), np.abs(new))
    return np.asarray((np.abs(new - old) / np.where(scale > 0.0, scale, 1.0)).max(axis=1, initial=0.0))


def _changed(index: pd.Index, changed: Bools, size: Floats) -> list[str]:
    if not changed.any():
        return ["no bar has changed"]
    times = index[changed]
    span = f"{day(times[0])} to {day(times[-1])}"
    return [f"bars changed: {len(times)}, {span}, by up to {size.max():.3g} of their size"]


def _common_ratio(before: pd.DataFrame, after: pd.DataFrame, ratio: Floats, changed: Bools) -> list[str]:
    """What a ratio means that all prices up to the last changed one have in common."""
    until = int(np.flatnonzero(changed)[-1]) + 1 if changed.any() else 0
    prices = (after[list(PRICES)] / before[list(PRICES)]).to_numpy()[:until]  # (until, 4)
    if until < LEAST or abs(ratio[0] - 1.0) <= SAME or np.abs(prices / ratio[0] - 1.0).max() > CONSTANT:
        return []
    common = float(np.median(ratio[:until]))
    old, new = before["volume"].to_numpy()[:until], after["volume"].to_numpy()[:until]
    traded = (old > 0.0) & (new > 0.0)
    times = f"all prices until {day(before.index[until - 1])} times {common:.6g}"
    if not traded.any():
        return [f"{times}: a dividend or a split"]
    shares = float(np.median(new[traded] / old[traded]))
    what = "a dividend" if abs(shares - 1.0) < 0.01 else f"a split ({shares:.4g} new shares for one)"
    return [f"{times}: {what}"]
