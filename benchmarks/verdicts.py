"""How often "edge supported" is said where there is none, and how often where there is one.

    python benchmarks/verdicts.py                 # both tables: 300 null worlds a kind, 100 worlds a cell of power
    python benchmarks/verdicts.py --worlds 20     # fewer of both
    python benchmarks/verdicts.py --only null     # one table; also power, grids

Null worlds: 1,500 bars, which is six years of daily ones and what most users have; more make the tests more exact.
In each, six simple rules are one run, judged once; and 200 simple rules are tried one a run, each judged with the
number of trials so far, as the ledger counts them under whatever name. One edge among the 200 is one for the
world. Power: 2,000 bars, and a forecaster who knows the mean and is long, or flat (or short), with its sign; other
trials are rules of the 200. Both at 2 basis points a trade and at the default costs (15).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from typing import Any

import grids
import numpy as np
from judged import BEFORE, NOW, RULES, Case, Sample, sample
from scipy.stats import binomtest
from simple_rules import DEFAULT, SIX, TWO_BASIS_POINTS, WARM_UP, targets
from threadpoolctl import threadpool_limits
from worlds import NULL, PLANTED

NULL_BARS, POWER_BARS = 1500, 2000
COSTS = {"2 bp": TWO_BASIS_POINTS, "default": DEFAULT}
R2 = (0.005, 0.01, 0.02, 0.05)
TRIALS = (1, 6, 50)
SEARCHES = ("six in a run", "best of 200")
POSITIONS = ("long/flat", "long/short")


def null_sample(kind: str, costs: str, seed: int) -> tuple[Sample, list[str], np.ndarray]:
    """A null world with all rules, their names (the first is account 1), and the order in which they are tried."""
    rng = np.random.default_rng([seed, list(NULL).index(kind)])
    world = NULL[kind](rng, NULL_BARS + WARM_UP - 1)
    rules = targets(world.closes, rng)
    traded = np.column_stack(list(rules.values()))[WARM_UP:]
    found = sample(traded, world.closes[WARM_UP:], world.periods, COSTS[costs])
    return found, list(rules), 1 + rng.permutation(len(rules))


def false_edges(kind: str, costs: str, seed: int) -> Counter[tuple[str, str]]:
    """In one null world: (search, rule) for each rule of `RULES` that gives an edge to any strategy."""
    world, names, order = null_sample(kind, costs, seed)
    run = [1 + names.index(name) for name in SIX]
    searches = {SEARCHES[0]: [(rule, run, run) for rule in run]}
    searches[SEARCHES[1]] = [(rule, [rule], order[: k + 1]) for k, rule in enumerate(order)]
    found = Counter[tuple[str, str]]()
    for search, tried in searches.items():
        cases = [world.case(*one) for one in tried if world.passes_screen(one[0], one[2])]
        found.update((search, name) for name in edges(cases))
    return found


def edges(cases: Iterable[Case]) -> set[str]:
    """The rules of `RULES` that give an edge to any of the cases."""
    return {name for case in cases for name, gives_edge in RULES.items() if gives_edge(case)}


def found_edges(kind: str, r2: float, costs: str, seed: int) -> Counter[tuple[str, int, str]]:
    """In one world with a mean: (position, trials, rule) where the forecaster is given an edge."""
    rng = np.random.default_rng([seed, list(PLANTED).index(kind), round(1000 * r2)])
    planted = PLANTED[kind](rng, POWER_BARS + WARM_UP - 1, r2)
    closes, rules = planted.world.closes, targets(planted.world.closes, rng)
    known = np.append(planted.known, 0.0)  # at each close, of the return that follows
    traded = np.column_stack([known > 0.0, np.sign(known), *rules.values()])[WARM_UP:]
    world = sample(traded, closes[WARM_UP:], planted.world.periods, COSTS[costs])
    others = list(3 + rng.permutation(len(rules))[: max(TRIALS) - 1])
    run = [3 + list(rules).index(name) for name in SIX[:-1]]
    found = Counter[tuple[str, int, str]]()
    for rule, position in enumerate(POSITIONS, start=1):
        for trials, (tried, beside) in zip(TRIALS, (([], []), (run, run), (others, [])), strict=True):
            if world.passes_screen(rule, [rule, *tried]):
                case = world.case(rule, [rule, *beside], [rule, *tried])
                found.update((position, trials, name) for name in edges([case]))
    return found


def grid_edges(kind: str, bars: int, seed: int) -> Counter[tuple[str, ...]]:
    """In one null world of `bars`: (name, leads or edge) for each grid and martingale, one trial each."""
    rng = np.random.default_rng([seed, bars, list(NULL).index(kind)])
    world = NULL[kind](rng, bars - 1)
    rules = grids.targets(world.closes)
    found = Counter[tuple[str, ...]]()
    traded = sample(np.column_stack(list(rules.values())), world.closes, world.periods, TWO_BASIS_POINTS)
    for rule, name in enumerate(rules, start=1):
        lead = traded.difference(rule)
        found["defined", name] += lead.p_value is not None
        if lead.p_value is not None and lead.p_value < 0.05 and lead.difference > 0.0:
            found["leads", name] += 1
            found["edge", name] += NOW in edges([traded.case(rule, [rule], [rule])])
    return found


def many(
    work: Callable[..., Counter[tuple[str, ...]]], cells: list[tuple[Any, ...]], worlds: int
) -> dict[Any, Any]:
    """The sum over the seeds of `work` on each cell, on all cores."""
    sums: dict[Any, Counter[Any]] = {cell: Counter() for cell in cells}
    jobs = [(cell, seed) for seed in range(worlds) for cell in cells]
    with ProcessPoolExecutor(os.cpu_count(), initializer=partial(threadpool_limits, 1)) as pool:
        tasks = [pool.submit(work, *cell, seed) for cell, seed in jobs]
        for (cell, _), task in zip(jobs, tasks, strict=True):
            sums[cell].update(task.result())
    return sums


def rate(edges: int, worlds: int) -> str:
    """A rate and its exact (Clopper-Pearson) one-sided upper 95 % bound."""
    upper = binomtest(edges, worlds).proportion_ci(0.90, method="exact").high
    return f"{edges} ({edges / worlds:.1%}, at most {upper:.1%})"


def null_table(worlds: int) -> str:
    """False edges of the present rule by kind, and of all rules over all kinds."""
    sums = many(false_edges, list(product(NULL, COSTS)), worlds)
    cells = list(product(COSTS, SEARCHES))
    head = [f"{search}, {costs}" for costs, search in cells]

    def row(label: str, kinds: Sequence[str], rule: str) -> list[str]:
        counts = [sum(sums[kind, costs][search, rule] for kind in kinds) for costs, search in cells]
        return [label, *(rate(count, worlds * len(kinds)) for count in counts)]

    strict = [kind for kind in NULL if kind != "slow regimes"]
    rows = [row(kind, [kind], NOW) for kind in NULL]
    rows += [row("all", list(NULL), NOW), row("all but the slow regimes", strict, NOW)]
    rules = [row(name, list(NULL), name) for name in RULES]
    return f"{markdown([f'{worlds} worlds a kind', *head], rows)}\n\n{markdown(['all kinds', *head], rules)}"


def power_table(worlds: int) -> str:
    """Worlds of a hundred in which the forecaster is given an edge: before -> now."""
    sums = many(found_edges, list(product(PLANTED, R2, COSTS)), worlds)

    def cell(kind: str, r2: float, costs: str, position: str, trials: int) -> str:
        shares = (sums[kind, r2, costs][position, trials, name] / worlds for name in (BEFORE, NOW))
        return " -> ".join(f"{100 * share:.0f}" for share in shares)

    rows = [
        [f"{kind}, {position}, {costs}", str(trials), *(cell(kind, r2, costs, position, trials) for r2 in R2)]
        for costs, kind, position, trials in product(COSTS, PLANTED, POSITIONS, TRIALS)
    ]
    return markdown(["signal, position, costs", "trials", *(f"R2 {r2:.1%}" for r2 in R2)], rows)


def grid_table(worlds: int) -> str:
    """How often a grid or martingale leads significantly by the Sharpe test alone, and how often it is an edge."""
    cells = list(product(("Gaussian", "GARCH, heavy tails", "jumps"), (60, 500, 1500)))
    sums = many(grid_edges, cells, worlds)
    rows = [
        [
            kind,
            str(bars),
            name,
            *(f"{100 * sums[kind, bars][what, name] / worlds:.1f}" for what in ("defined", "leads", "edge")),
        ]
        for (kind, bars), name in product(cells, grids.NAMES)
    ]
    return markdown(["% of worlds", "bars", "strategy", "test defined", "leads", "edge"], rows)


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


TABLES: dict[str, tuple[Callable[[int], str], int]] = {
    "null": (null_table, 300),
    "power": (power_table, 100),
    "grids": (grid_table, 200),
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=TABLES, help="this table (may be given again)")
    parser.add_argument("--worlds", type=int, help="worlds a kind or cell (300 null, 100 power, 200 grids)")
    options = parser.parse_args()
    for name in options.only or TABLES:
        table, usual = TABLES[name]
        begin = time.perf_counter()
        text = table(options.worlds or usual)
        sys.stdout.write(f"{text}\n\n{name}: {time.perf_counter() - begin:.0f} s\n\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
