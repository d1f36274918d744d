"""What a comparison says: its sentences, and its tables as text for the terminal, Markdown and the page."""

from __future__ import annotations

from collections.abc import Sequence

from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.evaluation.sharpe import SIGNIFICANCE
from lstmstrat.report.answer import listed
from lstmstrat.report.cells import (
    amount,
    counted,
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
from lstmstrat.results.comparison import Comparison, Contender

Rows = list[list[str]]  # the heads first


def sentences(found: Comparison) -> list[str]:
    """What came out, as a colleague would say it: beside holding, and beside the first run."""
    if not found.bars:
        return ["These runs have no traded dates in common, so nothing that they earned can be compared."]
    return [_beside_holding(found), *_beside_the_first(found)]


def _beside_holding(found: Comparison) -> str:
    better, worse = (
        [c.name for c in found.contenders if _shown(c.lead, c.lead_p) and sign * (c.lead.difference or 0.0) > 0.0]
        for sign in (1, -1)
    )
    many = f"{counted(len(found.contenders), 'contender')} on {counted(found.bars, 'common date')}"
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


HEADS = ("contender", "end value", "a year", "worst fall", "Sharpe", "turnover", "trades")
LEADS = ("Sharpe minus holding's", "p", "minus the first run's", "p", "verdict")


def contenders(found: Comparison) -> Rows:
    """Metrics of the whole runs, and Sharpe differences on the common dates, a row for each contender."""
    return [[*HEADS, *LEADS], *(_row(c) for c in found.contenders)]


def _row(c: Contender) -> list[str]:
    m = c.metrics
    return [
        c.name,
        amount(m.final_value),
        fine_percent(m.cagr),
        percent(m.max_drawdown),
        ratio(m.sharpe),
        tenths(m.turnover),
        amount(m.trades),
        spread(c.lead),
        p_value(c.lead_p),
        "" if c.reference is None else spread(c.reference),
        "" if c.reference is None else p_value(c.reference_p),
        verdict(c.verdict)[0],
    ]


def spread(found: Difference) -> str:
    """``0.12 [-0.45, 0.69]``."""
    return estimate(found.difference, found.low, found.high)


def skill(found: Comparison) -> Rows:
    """The runs, and whether their forecasts know anything."""
    return [
        ["run", "asset", "traded", "forecasts", "correlation", "Clark-West p", "folder"],
        *(
            [
                run.label,
                run.symbol,
                f"{run.first} to {run.last}",
                amount(run.forecasts),
                thousandths(run.correlation),
                p_value(run.clark_west),
                run.place,
            ]
            for run in found.runs
        ),
    ]


def notes(found: Comparison) -> list[str]:
    """How the numbers were made."""
    count, pairs = len(found.contenders), sum(c.reference is not None for c in found.contenders)
    said = [
        f"Sharpe differences are of {counted(found.bars, 'common date')}, {found.first} to {found.last}; "
        f"intervals and p (paired block bootstrap) are adjusted for {counted(count, 'lead')} over holding"
        + (f" and for {counted(pairs, 'difference')} from {found.runs[0].label}." if pairs else "."),
    ]
    best = p_in_words(found.best)
    return [*said, f"Does any contender earn more than holding its asset (Hansen's SPA; yes, if small)? {best}"]


def markdown(found: Comparison) -> str:
    """The comparison as Markdown."""
    parts = ["# Runs compared", *sentences(found), "## What differs", grid(differences(found))]
    parts += ["## Contenders", grid(contenders(found)), "## Forecasts", grid(skill(found)), *notes(found)]
    return "\n\n".join(parts) + "\n"


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
