"""What a comparison says: its sentences, and its tables as text for the terminal, Markdown and the page."""

from __future__ import annotations

from collections.abc import Sequence

from lstmstrat.errors import count
from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.evaluation.sharpe import SIGNIFICANCE
from lstmstrat.report.answer import listed
from lstmstrat.report.cells import (
    amount,
    estimate,
    fine_percent,
    p_in_words,
    p_value,
    percent,
    ratio,
    tenths,
    thousandths,
    verdict,
)
from lstmstrat.report.parts import Part, Rows
from lstmstrat.results.comparison import Comparison, Figures


def sentences(found: Comparison) -> list[str]:
    """What came out, as a colleague would say it: beside holding, and beside the first run."""
    if not found.bars:
        return ["These runs have no traded dates in common, so nothing that they earned can be compared."]
    return [_beside_holding(found), *_beside_the_first(found), *_periods(found)]


def _periods(found: Comparison) -> list[str]:
    """That the runs were not traded over the same dates, if it is so."""
    if found.one_period:
        return []
    return [
        f"The runs were traded over different periods; what they are compared by is of the dates that all of them "
        f"have, {found.first} to {found.last}."
    ]


def _beside_holding(found: Comparison) -> str:
    better, worse = (
        [c.name for c in found.contenders if _shown(c.lead, c.lead_p) and sign * (c.lead.difference or 0.0) > 0.0]
        for sign in (1, -1)
    )
    many = f"{count(len(found.contenders), 'contender')} on {count(found.bars, 'common date')}"
    said = (
        f"Of {many}, {listed(better)} earned more than holding for its risk, by more than the best of so many "
        "does by luck."
        if better
        else f"Of {many}, none earned more than holding by more than luck explains."
    )
    return said + (f" {listed(worse)} earned less, by more than bad luck explains." if worse else "")


def _beside_the_first(found: Comparison) -> list[str]:
    pairs = [c for c in found.contenders if c.reference is not None]
    if not pairs:
        return []
    first = found.runs[0].label
    better, worse = (
        [c.name for c in pairs if _shown(c.reference, c.reference_p) and sign * (_middle(c.reference)) > 0.0]
        for sign in (1, -1)
    )
    if not better and not worse:
        return [f"No strategy differs from its counterpart in {first} by more than luck explains."]
    said = [f"{listed(better)} did better than the counterpart in {first}."] if better else []
    return said + ([f"{listed(worse)} did worse than the counterpart in {first}."] if worse else [])


def _middle(found: Difference | None) -> float:
    return 0.0 if found is None else found.difference or 0.0


def _shown(found: Difference | None, p_adjusted: float | None) -> bool:
    return found is not None and p_adjusted is not None and p_adjusted < SIGNIFICANCE


def differences(found: Comparison) -> Rows:
    """What differs in the configs, a row for each key; the heads alone if nothing does."""
    return [
        ["key", *(run.label for run in found.runs)],
        *([key, *(run.settings[k] or "not set" for run in found.runs)] for k, key in enumerate(found.differing)),
    ]


FIGURES = ("return", "a year", "worst fall", "Sharpe", "exposure")
LEADS = ("Sharpe minus holding's", "p", "minus the first run's", "p")
OWN = ("end value", "turnover", "trades", "verdict")


def contenders(found: Comparison) -> Rows:
    """What each holding and each contender did on the common dates, a row for each."""
    held = [[one.name, *_cells(one.figures)] for one in found.holdings]
    return [["contender", *FIGURES], *held, *([one.name, *_cells(one.figures)] for one in found.contenders)]


def _cells(f: Figures) -> list[str]:
    return [
        percent(f.total_return),
        fine_percent(f.cagr),
        percent(f.max_drawdown),
        ratio(f.sharpe),
        percent(f.exposure),
    ]


def leads(found: Comparison) -> Rows:
    """The Sharpe differences on the common dates, a row for each contender."""
    return [
        ["contender", *LEADS],
        *(
            [
                c.name,
                spread(c.lead),
                p_value(c.lead_p),
                "" if c.reference is None else spread(c.reference),
                "" if c.reference is None else p_value(c.reference_p),
            ]
            for c in found.contenders
        ),
    ]


def own_runs(found: Comparison) -> Rows:
    """What is of the whole period of each run, and judged without the other runs."""
    return [
        ["contender", *OWN],
        *(
            [
                c.name,
                amount(c.own_run.final_value),
                tenths(c.own_run.turnover),
                amount(c.own_run.trades),
                verdict(c.own_run.verdict)[0],
            ]
            for c in found.contenders
        ),
    ]


def parts(found: Comparison) -> list[Part]:
    """All tables in the order in which they are read, without those that have nothing to say."""
    made = [Part("What differs", "Keys of the configs that are not the same in all runs", differences(found))]
    if found.bars:
        dates = f"{found.first} to {found.last}, {count(found.bars, 'close')}"
        made.append(Part("On the common dates", dates, contenders(found)))
        made.append(
            Part("More than luck?", "Sharpe differences on the common dates, with 95% intervals", leads(found))
        )
    made.append(Part("Each run by itself", "Of its own period, and judged without the others", own_runs(found)))
    made.append(Part("The forecasts", "Do they know anything?", skill(found)))
    made.append(Part("The scores", "Do they order what comes, and what cost do they bear?", scores(found)))
    made.append(Part("The runs", "What was traded, and where it lies", runs(found)))
    return [part for part in made if len(part.rows) > 1]


def spread(found: Difference) -> str:
    """``0.12 [-0.45, 0.69]``."""
    return estimate(found.difference, found.low, found.high)


def runs(found: Comparison) -> Rows:
    """What was run, when it was traded, and where it lies."""
    made = [[run.label, run.symbol, f"{run.first} to {run.last}", run.place] for run in found.runs]
    return [["run", "asset", "traded", "from"], *made]


def skill(found: Comparison) -> Rows:
    """Whether the forecasts of the runs on one asset know anything."""
    made = [
        [run.label, amount(run.forecasts), thousandths(run.correlation), p_value(run.clark_west)]
        for run in found.runs
        if run.panel is None
    ]
    return [["run", "forecasts", "correlation", "Clark-West p"], *made]


def scores(found: Comparison) -> Rows:
    """What the scores of the runs over a universe are worth, a column for each; the heads alone without any."""
    runs_ = [(run.label, run.panel) for run in found.runs if run.panel is not None]
    panels = [panel for _, panel in runs_]
    rows = [
        ["rank correlation", *(thousandths(panel.rank_ic) for panel in panels)],
        ["its t", *(tenths(panel.rank_ic_t) for panel in panels)],
        ["break-even, bp a trade", *(tenths(panel.break_even_bp) for panel in panels)],
    ]
    return [["of the scores", *(label for label, _ in runs_)], *(rows if panels else [])]


def notes(found: Comparison) -> list[str]:
    """How the numbers were made."""
    own = "The verdict is that of each run by itself; p here is adjusted for all that is compared."
    same = [] if found.differing else ["What differs? Nothing in the configs but the name."]
    if not found.bars:
        return [*same, own]
    pairs = sum(c.reference is not None for c in found.contenders)
    beside = f" and for {count(pairs, 'difference')} from {found.runs[0].label}" if pairs else ""
    best = p_in_words(found.best)
    return [
        *same,
        f"Sharpe differences are of the {found.bars:,} common dates; intervals and p (paired block bootstrap) are "
        f"adjusted for {count(len(found.contenders), 'lead')} over holding{beside}. {own}",
        f"Does any contender earn more than holding its asset (Hansen's SPA; yes, if small)? {best}",
    ]


def markdown(found: Comparison) -> str:
    """The comparison as Markdown."""
    texts = ["# Runs compared", *sentences(found)]
    for part in parts(found):
        texts += [f"## {part.heading}", f"{part.caption}.", grid(part.rows)]
    return "\n\n".join([*texts, *notes(found)]) + "\n"


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table; a bar in a cell is escaped.

    >>> print(grid([["a", "b"], ["x|y", "1"]]))
    | a | b |
    | --- | --- |
    | x\\|y | 1 |
    """
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    heads, *body = escaped
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *body])
