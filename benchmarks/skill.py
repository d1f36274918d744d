"""How good the forecasts are where the truth is known: on planted signals, and where there is none.

    python benchmarks/skill.py                # the tables: 10 seeds; 2, 1 and 0.5% of the variance; an hour
    python benchmarks/skill.py --seeds 3 --strength 0.02 --only default --only ridge

A world has 2,600 bars. The last 1,000 are judged, out of sample; each model is refitted every 63 bars. R2 is
1 - sum (realised - forecast)^2 / sum realised^2, so that a forecast of zero has 0.

Letters: n bars.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from contenders import fit_one
from jobs import CONFIG, FoldJob
from threadpoolctl import threadpool_limits
from verdicts import markdown
from worlds import SIGNALS

from lstmstrat import ForecastConfig, Session, Store, WalkForward
from lstmstrat.forecasting.features import feature_set
from lstmstrat.forecasting.models import model_class
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.forecasting.targets import labels

BARS, REFIT_EVERY = 2600, 63
JUDGED = slice(BARS - 1002, BARS - 2)  # the newest 1,000 bars whose label is known
STRENGTHS = (0.02, 0.01, 0.005)
AIMED = ("AR(1)", "threshold", "21-bar regime", "volatility-conditional")  # the kinds of the mean over kinds
DEFAULT = ForecastConfig(refit_every=REFIT_EVERY, device="cpu")
ALONE = {"mode": "rolling", "calibration": "none"}
BOLD = DEFAULT.model_copy(update={**ALONE, "lookback": 60, "hidden_size": 32, "epochs": 8, "members": 5})
"""As networks for returns are usually trained: wider, longer, on the newest bars, and believed."""
LONGER = DEFAULT.model_copy(update={"lookback": 60})
LOOP_EPOCHS = 8


@dataclass(frozen=True, eq=False)
class Asset:
    """A planted world as bars."""

    times: np.ndarray  # (n,)
    bars: np.ndarray  # (n, 5) open, high, low, close, volume
    known: np.ndarray  # (n,) true mean of the return that a forecast at this bar is about
    realised: np.ndarray  # (n,) that return


def planted(kind: str, strength: float, seed: int) -> Asset:
    """A world of a kind; `strength` is the share of the variance of its returns that is known before."""
    rng = np.random.default_rng([seed, list(SIGNALS).index(kind), round(1e4 * strength)])
    made = SIGNALS[kind](rng, BARS, strength)
    close = made.world.closes
    opened, closed = close[:-1], close[1:]
    up, down = 0.4 * made.unit * np.abs(rng.standard_normal((2, BARS)))
    high, low = np.maximum(opened, closed) * np.exp(up), np.minimum(opened, closed) * np.exp(-down)
    volume = 1e6 * np.exp(0.3 * rng.standard_normal(BARS))
    bars = np.column_stack([opened, high, low, closed, volume])
    times = np.busday_offset("2000-01-03", np.arange(BARS)).astype("datetime64[ns]")
    return Asset(times, bars, np.append(made.unit * made.known[1:], np.nan), labels(bars, DEFAULT))


@dataclass(frozen=True, eq=False)
class Said:
    """What a contender says of the return to come."""

    forecast: np.ndarray  # (n,)
    interval: np.ndarray | None = None  # (n, 2) that is meant to hold 90%


def walk_forward(config: ForecastConfig, asset: Asset) -> Said:
    """The forecasts of lstmstrat."""
    with Session(Store(None), jobs=1) as session:
        walk = WalkForward(config, session)
        walk.advance(asset.times, asset.bars)
    return Said(walk.forecasts.forecast, walk.forecasts.quantiles[:, [0, -1]])


def ridge(config: ForecastConfig) -> Callable[[Asset], Said]:
    """Ridge in place of the networks of a config."""
    return partial(walk_forward, model_class("ridge").instead("ridge", config))


def pytorch_loop(asset: Asset) -> Said:
    """The forecasts (n,) of an ordinary loop on the same features: one network a fold, one loss a window."""
    import torch

    torch.set_num_threads(1)
    first, gap, size, lookback = schedule(DEFAULT).warmup, DEFAULT.purge, CONFIG.train_size, CONFIG.lookback
    assert isinstance(size, int)
    rows = feature_set(DEFAULT.features).rows(asset.times, asset.bars, 0)  # (n, F)
    rows = rows[:, np.ptp(rows[first:], axis=0) > 0.0]  # these worlds have no gaps
    made = np.full(BARS, np.nan)
    for seed, t in enumerate(range(first + size + gap, BARS, REFIT_EVERY)):
        used, learned = slice(t, min(t + REFIT_EVERY, BARS)), slice(t - gap - size, t - gap)
        ahead = rows[t - lookback + 1 : used.stop]
        made[used] = fit_one(FoldJob(rows[learned], asset.realised[learned], ahead, made[used]), seed, LOOP_EPOCHS)
    return Said(made)


CONTENDERS: dict[str, Callable[[Asset], Said]] = {
    "the truth": lambda asset: Said(asset.known),
    "default": partial(walk_forward, DEFAULT),
    "the same with ridge": ridge(DEFAULT),
    "ridge": ridge(DEFAULT.model_copy(update=ALONE)),
    "boosting": partial(walk_forward, model_class("boosting").instead("boosting", BOLD)),
    "32 units": partial(walk_forward, BOLD),
    "32 units, cut at 20": partial(walk_forward, BOLD.model_copy(update={"backprop_steps": 20})),
    "60 bars": partial(walk_forward, LONGER),
    "60 bars, cut at 20": partial(walk_forward, LONGER.model_copy(update={"backprop_steps": 20})),
    "60 bars, cut at 0": partial(walk_forward, LONGER.model_copy(update={"backprop_steps": 0})),
    "PyTorch loop": pytorch_loop,
}


@dataclass(frozen=True)
class Score:
    """How good the forecasts of one world are."""

    r2: float  # in percent
    correlation: float  # with the true mean; nan where there is none
    forecast_squares: float  # sums over the judged bars, for the slope of realised on forecast
    products: float
    held: float  # share of the returns within the 90% interval; nan without one


def score(asset: Asset, said: Said) -> Score:
    """The score of what a contender said, on the judged bars."""
    made, known, realised = (line[JUDGED] for line in (said.forecast, asset.known, asset.realised))
    squares = float(realised @ realised)
    r2 = 100.0 * (1.0 - float(np.square(realised - made).sum()) / squares)
    varies = min(float(np.ptp(made)), float(np.ptp(known))) > 0.0
    correlation = float(np.corrcoef(made, known)[0, 1]) if varies else math.nan
    held = math.nan
    if said.interval is not None:
        low, high = said.interval[JUDGED].T
        held = float(((low <= realised) & (realised <= high)).mean())
    return Score(r2, correlation, float(made @ made) / squares, float(made @ realised) / squares, held)


def scores(kind: str, strength: float, names: Sequence[str], seed: int) -> dict[str, Score]:
    """The scores of the contenders in one world."""
    asset = planted(kind, strength, seed)
    return {name: score(asset, CONTENDERS[name](asset)) for name in names}


Cell = tuple[str, float]  # kind and strength
Scores = dict[Cell, dict[str, list[Score]]]


def many(cells: Iterable[Cell], names: Sequence[str], seeds: int) -> Scores:
    """The scores of all cells, contenders and seeds, on all cores."""
    cells = list(cells)
    found: Scores = {cell: {name: [] for name in names} for cell in cells}
    with ProcessPoolExecutor(os.cpu_count(), initializer=partial(threadpool_limits, 1)) as pool:
        jobs = [(cell, pool.submit(scores, *cell, names, seed)) for cell, seed in product(cells, range(seeds))]
        for cell, job in jobs:
            for name, one in job.result().items():
                found[cell][name].append(one)
    return found


def r2_table(found: Scores, strength: float, names: Sequence[str]) -> str:
    """R2 in percent by kind, with standard errors over the seeds; then the mean of the kinds of `AIMED`."""

    def cell(kinds: Sequence[str], name: str) -> str:
        values = np.array([[one.r2 for one in found[kind, strength][name]] for kind in kinds])  # (kinds, seeds)
        means = values.mean(axis=0)
        error = means.std(ddof=1) / math.sqrt(len(means)) if len(means) > 1 else math.nan
        return f"{means.mean():.2f} ± {error:.2f}"

    kinds = [kind for kind, its_strength in found if its_strength == strength]
    rows = [[kind, *(cell([kind], name) for name in names)] for kind in kinds]
    if set(AIMED) <= set(kinds):
        rows.append(["**mean of the first four**", *(cell(AIMED, name) for name in names)])
    return markdown([f"R2 in %, {strength:.1%}", *names], rows)


def detail_table(found: Scores, names: Sequence[str]) -> str:
    """Correlation with the true mean, slope of realised on forecast, and coverage, over the kinds of `AIMED`."""
    rows = []
    for strength in dict.fromkeys(strength for _, strength in found):
        for name in names:
            all_of = [one for kind in AIMED if (kind, strength) in found for one in found[kind, strength][name]]
            if all_of:
                correlation = float(np.nanmean([one.correlation for one in all_of]))
                slope = sum(one.products for one in all_of) / sum(one.forecast_squares for one in all_of)
                held = float(np.mean([one.held for one in all_of]))
                covered = "" if math.isnan(held) else f"{held:.1%}"
                rows.append([f"{strength:.1%}", name, f"{correlation:.2f}", f"{slope:.2f}", covered])
    heads = ["strength", "", "correlation with the true mean", "slope of realised on forecast", "within 90%"]
    return markdown(heads, rows)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="worlds of a kind and strength")
    parser.add_argument("--strength", action="append", type=float, help="this share (may be given again)")
    parser.add_argument("--kind", action="append", choices=SIGNALS, help="this kind (may be given again)")
    parser.add_argument("--only", action="append", choices=CONTENDERS, help="this contender (may be given again)")
    options = parser.parse_args()
    strengths, names = options.strength or STRENGTHS, options.only or list(CONTENDERS)
    kinds = options.kind or list(SIGNALS)
    cells = [cell for cell in product(kinds, strengths) if cell[0] != "nothing" or cell[1] == strengths[0]]
    begin = time.perf_counter()
    found = many(cells, names, options.seeds)
    tables = [r2_table(found, strength, names) for strength in strengths] + [detail_table(found, names)]
    sys.stdout.write("\n\n".join([*tables, f"{time.perf_counter() - begin:.0f} s"]) + "\n")


if __name__ == "__main__":
    main()
