"""The columns of every table in the terminal and on the page: the heading and the format of the cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from lstmstrat.evaluation.metrics import Performance
from lstmstrat.report.cells import (
    Format,
    amount,
    basis_points,
    fine_percent,
    loss,
    p_value,
    percent,
    ratio,
    spread,
    tenths,
    thousandths,
)
from lstmstrat.results.assessment import Rung, StrategyAssessment

Row = TypeVar("Row", StrategyAssessment, Rung)


@dataclass(frozen=True)
class Column:
    """A column with one metric. Its heading has soft hyphens at possible breaks."""

    field: str  # of `Performance`
    heading: str
    write: Format


METRICS = (
    Column("total_return", "total return", percent),
    Column("cagr", "CAGR", fine_percent),
    Column("annual_volatility", "vol.", percent),
    Column("sharpe", "Sharpe", ratio),
    Column("max_drawdown", "max. DD", percent),
    Column("exposure", "expo\u00adsure", percent),
    Column("turnover", "turn\u00adover", tenths),
    Column("trades", "trades", amount),
)
"""The metrics of the main table, in the terminal and on the page."""

FURTHER_METRICS = (
    Column("sortino", "Sortino", ratio),
    Column("calmar", "Calmar", ratio),
    Column("hit_rate", "hit rate", fine_percent),
    Column("profit_factor", "profit factor", ratio),
    Column("commission_paid", "commission paid", amount),
    Column("orders_rejected", "orders refused", amount),
    Column("final_value", "final value", amount),
)
"""The metrics that only the page shows, below the main table."""


def metric_cells(metrics: Performance, columns: Iterable[Column]) -> list[str]:
    """The cells of one account, one for each column."""
    return [column.write(getattr(metrics, column.field)) for column in columns]


@dataclass(frozen=True)
class Entry(Generic[Row]):
    """A column whose cells are written from a strategy, or from a rung of the ladder."""

    heading: str
    write: Callable[[Row], str]


def cells_by_heading(rows: Sequence[Row], columns: Iterable[Entry[Row]]) -> dict[str, list[str]]:
    """The cells of each column, by its heading; columns without any text are left out."""
    table = {column.heading: [column.write(row) for row in rows] for column in columns}
    return {heading: cells for heading, cells in table.items() if any(cells)}


def _seeds(strategy: StrategyAssessment) -> str:
    seeds = strategy.luck.seeds
    return "" if seeds is None else f"{percent(seeds.above)}, {ratio(seeds.worst)}, {ratio(seeds.median)}"


def _worlds(strategy: StrategyAssessment) -> str:
    worlds = strategy.luck.worlds
    return "" if worlds is None else p_value(worlds.p_value)


NAME: Entry[StrategyAssessment] = Entry("", lambda s: s.name)
"""The first column of every table of strategies."""

SEEDS: Entry[StrategyAssessment] = Entry("seeds above, worst, median", _seeds)
"""The share of the seeds above buy-and-hold, the worst and the median difference; empty if they were not run."""

FOR_THE_VERDICT: tuple[Entry[StrategyAssessment], ...] = (
    Entry("adjusted p", lambda s: p_value(s.versus_benchmark.p_adjusted)),
    Entry("deflated Sharpe", lambda s: ratio(s.luck.deflated_sharpe)),
    Entry("deflated lead", lambda s: ratio(s.luck.deflated_lead)),
    Entry("deflated timing", lambda s: ratio(s.luck.deflated_timing)),
    Entry("timing p", lambda s: p_value(s.luck.placebo.p_value)),
    SEEDS,
    Entry("worlds p", _worlds),
)
"""The inputs of the rule of the verdict; the last two only if they were run."""


def _cagr_difference(strategy: StrategyAssessment) -> str:
    versus = strategy.versus_benchmark
    return spread(versus.cagr, versus.cagr_low, versus.cagr_high, fine_percent)


def _drawdown_difference(strategy: StrategyAssessment) -> str:
    versus = strategy.versus_benchmark
    return spread(versus.max_drawdown, versus.max_drawdown_low, versus.max_drawdown_high, percent)


UNCERTAINTY: tuple[Entry[StrategyAssessment], ...] = (
    Entry("CAGR difference [95% interval]", _cagr_difference),
    Entry("max. DD difference [95%]", _drawdown_difference),
    Entry("detectable", lambda s: ratio(s.versus_benchmark.detectable)),
    Entry("chance that the Sharpe is\u00a0above\u00a00", lambda s: ratio(s.luck.probabilistic_sharpe)),
    Entry("published deflated Sharpe", lambda s: ratio(s.luck.published_deflated_sharpe)),
)
"""How uncertain the difference is; `detectable` is the Sharpe difference found in 80 % of such samples."""

LEAD_ORIGIN: tuple[Entry[StrategyAssessment], ...] = (
    Entry("net exposure", lambda s: percent(s.luck.exposure_matched.exposure)),
    Entry("holding only that\u00a0part", lambda s: percent(s.luck.exposure_matched.total_return)),
    Entry("lead\u00a0from best\u00a0fold", lambda s: percent(s.versus_benchmark.best_fold_share)),
    Entry("lead\u00a0from best\u00a05\u00a0days", lambda s: percent(s.versus_benchmark.best_days_share)),
    Entry("break-even cost", lambda s: basis_points(s.versus_benchmark.break_even_cost)),
    Entry(
        "change of\u00a0Sharpe if\u00a0orders come\u00a0a\u00a0bar later",
        lambda s: loss(s.versus_benchmark.delay_cost),
    ),
)
"""Where a lead comes from, and the costs and the delay that it survives."""


def _own_minus(rung: Rung) -> str:
    minus = rung.own_minus
    return "" if minus.low is None else spread(minus.difference, minus.low, minus.high, ratio)


LADDER: tuple[Entry[Rung], ...] = (
    Entry("model", lambda r: r.model.rpartition(":")[2].replace("_", " ")),
    Entry("refit every", lambda r: str(r.refit_every)),
    Entry("folds", lambda r: amount(r.folds)),
    Entry("seconds", lambda r: f"{r.seconds:.2f}"),
    Entry("forecasts", lambda r: amount(r.observations)),
    Entry("corre\u00adlation", lambda r: thousandths(r.correlation)),
    Entry("hit rate", lambda r: fine_percent(r.hit_rate)),
    Entry("R2 to zero", lambda r: thousandths(r.r2_against_zero)),
    Entry("Clark-West p\u00a0to\u00a0mean", lambda r: p_value(r.clark_west_mean)),
    Entry("Sharpe", lambda r: ratio(r.sharpe)),
    Entry("this\u00a0run\u00a0minus\u00a0it [95%]", _own_minus),
)
"""The columns of the ladder."""
