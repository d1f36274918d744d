"""The columns of every table, in the terminal and on the page: a heading, and how a cell is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lstmstrat.report.cells import (
    Write,
    amount,
    basis_points,
    fine_percent,
    interval,
    lost,
    percent,
    ratio,
    spread,
    tenths,
    thousandths,
)


@dataclass(frozen=True)
class Column:
    """One metric: its key in summary.json, its heading (soft hyphens where it may break), how it is written."""

    key: str
    heading: str
    write: Write


COLUMNS = (
    Column("total_return", "total return", percent),
    Column("cagr", "CAGR", fine_percent),
    Column("annual_volatility", "vol.", percent),
    Column("sharpe", "Sharpe", ratio),
    Column("max_drawdown", "max. DD", percent),
    Column("exposure", "expo\u00adsure", percent),
    Column("turnover", "turn\u00adover", tenths),
    Column("trades", "trades", amount),
)
"""The metrics of the table, in the terminal and on the page."""

FURTHER = (
    Column("sortino", "Sortino", ratio),
    Column("calmar", "Calmar", ratio),
    Column("hit_rate", "hit rate", fine_percent),
    Column("profit_factor", "profit factor", ratio),
    Column("commission_paid", "commission paid", amount),
    Column("orders_rejected", "orders rejected", amount),
    Column("final_value", "final value", amount),
)
"""The metrics that only the page shows, below the table."""


@dataclass(frozen=True)
class Entry:
    """One column that is written from a whole entry of a list in summary.json."""

    heading: str
    write: Callable[[Mapping[str, Any]], str]


def filled(entries: Sequence[Mapping[str, Any]], columns: Iterable[Entry]) -> dict[str, list[str]]:
    """The cells of each column by its heading, names first; columns with nothing in them are left out."""
    cells = {column.heading: [column.write(entry) for entry in entries] for column in columns}
    names = {"": [entry["name"] for entry in entries if "name" in entry]}
    return {heading: column for heading, column in {**names, **cells}.items() if any(column)}


def _seeds(strategy: Mapping[str, Any]) -> str:
    seeds = strategy["luck"]["seeds"]
    found = [] if seeds is None else [percent(seeds["above"]), ratio(seeds["worst"]), ratio(seeds["median"])]
    return ", ".join(found)


def _worlds(strategy: Mapping[str, Any]) -> str:
    worlds = strategy["luck"]["worlds"]
    return "" if worlds is None else thousandths(worlds["p_value"])


FOR_THE_VERDICT = (
    Entry("adjusted p", lambda s: thousandths(s["versus_benchmark"]["p_adjusted"])),
    Entry("deflated Sharpe", lambda s: ratio(s["luck"]["deflated_sharpe"])),
    Entry("deflated lead", lambda s: ratio(s["luck"]["deflated_lead"])),
    Entry("timing p", lambda s: thousandths(s["luck"]["placebo"]["p_value"])),
    Entry("seeds above, worst, median", _seeds),
    Entry("worlds p", _worlds),
)
"""What the rule of the verdict looks at; the last two only where they were run."""

UNCERTAIN = (
    Entry("CAGR difference [95% interval]", lambda s: interval(s["versus_benchmark"], "cagr", fine_percent)),
    Entry("max. DD difference [95%]", lambda s: interval(s["versus_benchmark"], "max_drawdown", percent)),
    Entry("detectable", lambda s: ratio(s["versus_benchmark"]["detectable"])),
    Entry("Sharpe above 0", lambda s: ratio(s["luck"]["probabilistic_sharpe"])),
)
"""How far the difference can be known; `detectable` is the Sharpe difference found in 80 % of such samples."""

SOURCES = (
    Entry("net exposure", lambda s: percent(s["luck"]["exposure_matched"]["exposure"])),
    Entry("hold\u00a0of that", lambda s: percent(s["luck"]["exposure_matched"]["total_return"])),
    Entry("lead\u00a0from best\u00a0fold", lambda s: percent(s["versus_benchmark"]["best_fold_share"])),
    Entry("lead\u00a0from best\u00a05\u00a0days", lambda s: percent(s["versus_benchmark"]["best_days_share"])),
    Entry("break-even cost", lambda s: basis_points(s["versus_benchmark"]["break_even_cost"])),
    Entry("one\u00a0bar later", lambda s: lost(s["versus_benchmark"]["delay_cost"])),
)
"""Where a lead comes from, and what it bears."""


def _own_minus(rung: Mapping[str, Any]) -> str:
    found = rung["own_minus"]
    return "" if found["low"] is None else spread(found["difference"], found["low"], found["high"], ratio)


LADDER = (
    Entry("model", lambda r: r["model"].replace("_", " ")),
    Entry("refit every", lambda r: str(r["refit_every"])),
    Entry("folds", lambda r: amount(r["folds"])),
    Entry("seconds", lambda r: f"{r['seconds']:.2f}"),
    Entry("forecasts", lambda r: amount(r["observations"])),
    Entry("correlation", lambda r: thousandths(r["correlation"])),
    Entry("hit rate", lambda r: fine_percent(r["hit_rate"])),
    Entry("R2 to zero", lambda r: thousandths(r["r2_against_zero"])),
    Entry("Clark-West p", lambda r: thousandths(r["clark_west_mean"])),
    Entry("Sharpe", lambda r: ratio(r["sharpe"])),
    Entry("this\u00a0run\u00a0minus\u00a0it [95%]", _own_minus),
)
"""The columns of the ladder."""
