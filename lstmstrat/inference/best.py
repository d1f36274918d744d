"""Is the best of several strategies better than buy-and-hold, or only the best of several?"""

from __future__ import annotations

import numpy as np

from lstmstrat.inference.bootstrap import MIN_RETURNS, SAME, Floats, block_length

RESAMPLES = 1000


def superior_predictive_ability(strategies: Floats, benchmark: Floats) -> float | None:
    """p-value that no strategy has a higher mean return than buy-and-hold: Hansen (2005), consistent, by arch.

    `strategies` (S, n) and `benchmark` (n,) are simple returns. Rows that only copy the benchmark are left out.
    None with nothing left, fewer than `MIN_RETURNS` returns, or one that is not finite.
    """
    sound = np.isfinite(benchmark).all() and np.isfinite(strategies).all() and len(benchmark) >= MIN_RETURNS
    others = [s for s in strategies if sound and np.abs(s - benchmark).mean() > SAME]
    if not others:
        return None
    from arch.bootstrap import SPA

    test = SPA(
        -benchmark,
        -np.stack(others, axis=1),
        block_size=block_length(len(benchmark)),
        reps=RESAMPLES,
        bootstrap="circular",
        seed=0,
    )
    test.compute()
    return float(test.pvalues["consistent"])
