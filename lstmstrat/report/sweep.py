"""What a sweep says: its sentences, and its grid as rows of text."""

from __future__ import annotations

from lstmstrat.evaluation.verdict import SUPPORTED
from lstmstrat.report.answer import listed
from lstmstrat.report.cells import amount, counted, percent, ratio, verdict
from lstmstrat.results.sweep import Best, Outcome, Sweep

Rows = list[list[str]]  # the heads first


def headline(found: Sweep) -> str:
    """The answer in a sentence, with every point counted as a trial."""
    good = [one for one in found.outcomes if one.verdict == SUPPORTED]
    if not good:
        return f"Nowhere on the grid did a strategy do reliably better than holding {found.symbol}."
    places = [f"{one.strategy} at {found.settings(one.place)}" for one in good]
    said = f"{listed(places, most=2)} did better than holding {found.symbol}"
    return f"{said}, by more than the best of all these trials does by luck."


def sentences(found: Sweep) -> list[str]:
    """For each strategy its best point, never without what all the trials leave of it."""
    return [_best(found, name, found.best(name)) for name in found.strategies] + [_trials(found)]


def _best(found: Sweep, name: str, best: Best | None) -> str:
    if best is None:
        return f"{name}: no Sharpe ratio is defined at any point."
    top = best.outcome
    left = (
        f"deflated by {counted(top.trials, 'trial')} {ratio(top.deflated_sharpe)}, its lead "
        f"{ratio(top.deflated_lead)} (an edge needs 0.95 of both)"
        if found.kept
        else "without a ledger nobody knows what all trials leave of it"
    )
    return (
        f"{name} is best at {found.settings(top.place)}: Sharpe {ratio(top.sharpe)}, holding "
        f"{ratio(top.holding)}; {left}. {_shape(best)}"
    )


def _shape(best: Best) -> str:
    if best.kept is None:
        return "No point is further from it than a neighbour, so nobody can tell a plateau from a peak."
    if best.kept <= 0.0:
        return "It is a peak: its neighbours are no better than the points further away. Take it for luck."
    share = f"its neighbours keep {percent(best.kept)} of its lead over the points further away"
    return f"It stands on a plateau: {share}." if best.plateau else f"It is a peak: {share}. Take it for luck."


def _trials(found: Sweep) -> str:
    points, strategies = len(found.points()), counted(len(found.strategies), "strategy", "strategies")
    were = "was tried, and it is a trial" if points == 1 else "were tried, and all of them are trials"
    return f"{counted(points, 'point')} of {strategies} {were} on {found.symbol}."


def every_point(found: Sweep) -> Rows:
    """A row for each strategy at each point."""
    heads = [*(axis.key for axis in found.axes), "strategy", "end value", "Sharpe", "lead"]
    heads += ["deflated Sharpe", "deflated lead", "verdict"]
    return [heads, *(_row(found, one) for one in found.outcomes)]


def _row(found: Sweep, one: Outcome) -> list[str]:
    values = [axis.values[k] for axis, k in zip(found.axes, one.place, strict=True)]
    figures = [amount(one.final_value), ratio(one.sharpe), ratio(one.lead)]
    figures += [ratio(one.deflated_sharpe), ratio(one.deflated_lead)]
    return [*values, one.strategy, *figures, verdict(one.verdict)[0]]


def grid(found: Sweep, strategy: str) -> list[list[Outcome]]:
    """The outcomes of a strategy over the first two axes, the others as at its best point.

    One row for each value of the first axis; one column for each of the second, or a single one.
    """
    best = found.best(strategy)
    rest = best.outcome.place[2:] if best else (0,) * max(0, len(found.axes) - 2)
    own = {one.place: one for one in found.outcomes if one.strategy == strategy}
    rows = range(len(found.axes[0].values))
    if len(found.axes) == 1:
        return [[own[(k,)]] for k in rows]
    return [[own[(k, j, *rest)] for j in range(len(found.axes[1].values))] for k in rows]
