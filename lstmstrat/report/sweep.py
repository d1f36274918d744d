"""What a sweep says: its sentences, and its grid as rows of text."""

from __future__ import annotations

from lstmstrat.errors import count
from lstmstrat.evaluation.verdict import SUPPORTED
from lstmstrat.report.answer import listed
from lstmstrat.report.cells import UNDEFINED, amount, chance, percent, ratio, tenths, thousandths, verdict
from lstmstrat.results.sweep import ALONE, BORDER, NO_LEAD, PEAK, PLATEAU, Best, Failure, Outcome, Sweep

Rows = list[list[str]]  # the heads first
FIGURES = "end value", "CAGR", "Sharpe", "lead", "deflated Sharpe", "deflated lead"
RANKS = "rank correlation", "break-even, bp"  # of a universe


def headline(found: Sweep) -> str:
    """The answer in a sentence, with every point counted as a trial."""
    good = [one for one in found.outcomes if one.verdict == SUPPORTED]
    if not good:
        return f"Nowhere on the grid did a strategy do reliably better than holding {found.symbol}."
    places = [f"{one.strategy} at {found.settings(one.place)}" for one in good]
    said = f"{listed(places, most=2)} did better than holding {found.symbol}"
    return f"{said}, by more than the best of all these trials does by luck."


def sentences(found: Sweep) -> list[str]:
    """For each strategy its best point, never without what all the trials leave of it; then what failed."""
    said = [_best(found, name, found.best(name)) for name in found.strategies]
    if found.failures:
        places = [found.settings(one.place) for one in found.failures]
        said.append(f"{len(places)} of {count(len(found.points()), 'point')} failed: {listed(places)}.")
    return [*said, _trials(found)]


def failures(found: Sweep) -> list[str]:
    """Where the sweep failed, and why."""
    return [f"at {found.settings(one.place)}: {one.error}" for one in found.failures]


def _best(found: Sweep, name: str, best: Best | None) -> str:
    if best is None:
        return f"{name}: no Sharpe ratio is defined at any point."
    top, idle = best.outcome, found.idle(name)
    same = f" {listed(idle)} {'changes' if len(idle) == 1 else 'change'} nothing for {name}." if idle else ""
    left = (
        f"Of {count(top.trials, 'trial')} by luck alone the best stays below that with a chance of "
        f"{chance(top.deflated_sharpe)}, and below its lead with {chance(top.deflated_lead)}; an edge needs 95% "
        "of both"
        if found.kept
        else "Without a ledger nobody knows what all trials leave of it"
    )
    where = "is the same everywhere" if len(idle) == len(found.axes) else f"is best at {found.settings(top.place)}"
    return (
        f"{name} {where}: Sharpe {ratio(top.sharpe)}, holding {ratio(top.holding)}. "
        f"{left}.{same}{_shape(found, best)}"
    )


def _shape(found: Sweep, best: Best) -> str:
    """What the neighbours say, with a blank before it; "" without any."""
    kept = f"{percent(best.kept)} of its lead over holding"
    if best.shape == ALONE:
        return ""
    if best.shape == NO_LEAD:
        return " It has no lead over holding that its neighbours could keep."
    if best.shape == PEAK:
        left = (
            f"only {kept} is"
            if best.kept is not None and best.kept > 0.0
            else "nothing of its lead over holding is"
        )
        return f" It is a peak: at {_step(found, best)} {left} left. Take it for luck."
    if best.shape == BORDER:
        beside = f"; its neighbours keep at least {kept}" if best.kept is not None else ""
        return (
            f" It stands at the border of the grid in {listed(best.borders)}, and the grid does not show whether "
            f"it goes on{beside}."
        )
    if best.shape == PLATEAU:
        return f" It stands on a plateau: its neighbours on all sides keep at least {kept}."
    return " A neighbour of it has no result, so nobody can tell a plateau from a peak."


def _step(found: Sweep, best: Best) -> str:
    """The setting of the weakest neighbour that is not that of the best point: ``forecast.epochs=20``."""
    other = best.outcome if best.weakest is None else best.weakest
    pairs = zip(found.axes, other.place, best.outcome.place, strict=True)
    return ", ".join(f"{axis.key}={axis.values[k]}" for axis, k, top in pairs if k != top)


def _trials(found: Sweep) -> str:
    points = count(len(found.points()) - len(found.failures), "point")
    tried = f"{points} of {count(len(found.strategies), 'strategy')}"
    return f"Entered as trials on {found.symbol}: {tried} (equal accounts are one trial)."


def every_point(found: Sweep) -> Rows:
    """A row for each strategy at each point, and one for each that failed, with its error."""
    heads = [*(axis.key for axis in found.axes), "strategy", *FIGURES, *(RANKS if found.ranked else ()), "verdict"]
    return [heads, *(_row(found, one) for one in found.rows())]


def _row(found: Sweep, one: Outcome | Failure) -> list[str]:
    values = [axis.values[k] for axis, k in zip(found.axes, one.place, strict=True)]
    if isinstance(one, Failure):
        empty = 1 + len(FIGURES) + len(RANKS) * found.ranked
        return [*values, *[UNDEFINED] * empty, f"failed: {one.error}"]
    figures = [amount(one.final_value), percent(one.cagr), ratio(one.sharpe), ratio(one.lead)]
    figures += [ratio(one.deflated_sharpe), ratio(one.deflated_lead)]
    figures += [thousandths(one.rank_ic), tenths(one.break_even_bp)] if found.ranked else []
    return [*values, one.strategy, *figures, verdict(one.verdict)[0]]


def grid(found: Sweep, strategy: str) -> list[list[Outcome | None]]:
    """The outcomes of a strategy over the first two axes, the others as at its best point; None where it has none.

    One row for each value of the first axis; one column for each of the second, or a single one.
    """
    rest = _rest(found, strategy)
    rows = range(len(found.axes[0].values))
    if len(found.axes) == 1:
        return [[found.at(strategy, (k,))] for k in rows]
    return [[found.at(strategy, (k, j, *rest)) for j in range(len(found.axes[1].values))] for k in rows]


def caption(found: Sweep, strategy: str) -> str:
    """What `grid` shows: ``Sharpe ratio of long_flat, by forecast.epochs (down) and forecast.seed (across)``."""
    first, *others = found.axes
    said = f"Sharpe ratio of {strategy}, by {first.key}"
    if others:
        said += f" (down) and {others[0].key} (across)"
    pairs = zip(found.axes[2:], _rest(found, strategy), strict=True)
    fixed = [f"{axis.key}={axis.values[k]}" for axis, k in pairs]
    return f"{said}, at {listed(fixed)}" if fixed else said


def _rest(found: Sweep, strategy: str) -> tuple[int, ...]:
    """The positions on the third axis and those after it at the best point of a strategy."""
    best = found.best(strategy)
    return best.outcome.place[2:] if best else (0,) * max(0, len(found.axes) - 2)
