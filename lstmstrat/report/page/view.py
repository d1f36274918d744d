"""What the templates show: every sentence, number and table of the page, by its name there."""

from __future__ import annotations

from typing import Any

from lstmstrat.config.files import dump
from lstmstrat.errors import count
from lstmstrat.evaluation.bootstrap import CONFIDENCE
from lstmstrat.evaluation.sharpe import SIGNIFICANCE
from lstmstrat.prices.acceptance import open_faults
from lstmstrat.report import answer, ranks
from lstmstrat.report.card import calendar, findings, skill, trust
from lstmstrat.report.cells import (
    amount,
    basis_points,
    fine_percent,
    level,
    loss,
    p_in_words,
    percent,
    thousandths,
    verdict,
)
from lstmstrat.report.columns import (
    FURTHER_METRICS,
    LADDER,
    LEAD_ORIGIN,
    METRICS,
    NAME,
    SEEDS,
    UNCERTAINTY,
)
from lstmstrat.report.figures.chance import best_by_luck
from lstmstrat.report.figures.values import step
from lstmstrat.report.page import tables, universe
from lstmstrat.report.page.curves import bounds, points
from lstmstrat.results.assessment import NOT_RUN, Assessment, StrategyAssessment, WalkForwardFacts
from lstmstrat.results.result import HOLDING, Result

SECTIONS = {
    "strategies": "Strategies",
    "luck": "Luck",
    "forecast": "Forecast",
    "time": "Through time",
    "trades": "Trades",
    "training": "Training",
    "made": "How it was made",
    "glossary": "Glossary",
}
FACTS = {
    "train_size": "train size",
    "refit_every": "refit every",
    "lookback": "lookback",
    "horizon": "horizon",
    "purge": "purge",
    "members": "networks",
    "first_forecast": "first forecast",
}
"""The fields of the walk-forward that the page lists beside the charts of the training, and what it calls them."""
CURVE, SPARK = (640.0, 380.0), (100.0, 26.0)  # width and height
SPARK_POINTS = 60


def view(result: Result) -> dict[str, Any]:
    """The values of page.html."""
    found, of_many = result.assessment, result.assessment.panel is not None
    sections = SECTIONS | {"trades": "Portfolio"} if of_many else SECTIONS
    return {
        "of_many": of_many,
        "title": f"{found.name}: does it beat holding {found.data.symbol}?",
        "subtitle": f"{found.period.first} to {found.period.last}",
        "symbol": found.data.symbol,
        "sections": sections.items(),
        "sentence": answer.sentence(found),
        "findings": findings(found.data.faults),
        "wrong": bool(open_faults(found.data.faults)),
        "checks": answer.checks(found),
        "not_tested": answer.not_tested(found),
        "strategies": _strategies(result),
        **_curves(result),
        **_strategy_tables(found),
        "tear_sheets": tables.tear_sheets(result),
        **_luck(found),
        "universe_says": " ".join((*ranks.holding(found), *ranks.brief(found))),
        **(universe.view(found) if of_many else _forecast(found)),
        "drawn": _drawn(found),
        "folds_say": _folds(found.walk_forward),
        "facts": [(label, str(getattr(found.walk_forward, name))) for name, label in FACTS.items()],
        "made": _made(found),
        "check_list": found.checks,
        "notices": found.data.notices,
        "config": dump(result.config),
        "versions": ", ".join(f"{name} {version}" for name, version in found.versions.items()),
    }


def _strategies(result: Result) -> list[dict[str, Any]]:
    """What is shown of each strategy, in the order of the config."""
    found = result.assessment
    limits, spark = (
        bounds(result.equity.to_numpy(dtype=float)),
        bounds(result.equity[HOLDING].to_numpy(dtype=float)),
    )
    bars = tables.bars(found.strategies)
    return [
        {
            "name": strategy.name,
            "chip": verdict(strategy.versus_benchmark.verdict),
            "money": answer.money(found, strategy),
            "numbers": answer.numbers(found, strategy),
            "rejected": amount(strategy.metrics.orders_rejected) if strategy.metrics.orders_rejected else "",
            "curve": points(values, *limits, *CURVE, most=max(40, 960 // len(found.strategies))),
            "spark": points(
                values, min(spark[0], *bounds(values)), max(spark[1], *bounds(values)), *SPARK, SPARK_POINTS
            ),
            "bar": bar,
            "months": tables.months(result.equity[strategy.name], result.equity[HOLDING]),
            "falls": tables.falls(result.equity[strategy.name]),
            "break_even": _break_even(strategy),
        }
        for strategy, bar in zip(found.strategies, bars, strict=True)
        for values in [result.equity[strategy.name].to_numpy(dtype=float)]
    ]


def _curves(result: Result) -> dict[str, Any]:
    """The curve of holding, and what a reader who sees no picture is told of it."""
    found, first = result.assessment, result.assessment.strategies[0]
    held = result.equity[HOLDING].to_numpy(dtype=float)
    limits = bounds(result.equity.to_numpy(dtype=float))
    says = (
        f"Account value from {found.period.first} to {found.period.last}: {first.name} ends at "
        f"{amount(first.metrics.final_value)}, holding {found.data.symbol} at "
        f"{amount(found.benchmark.final_value)}."
    )
    return {
        "holding_curve": points(held, *limits, *CURVE),
        "holding_spark": points(held, *bounds(held), *SPARK, SPARK_POINTS),
        "curve_says": says,
    }


def _strategy_tables(found: Assessment) -> dict[str, Any]:
    count = len(found.strategies)
    each = fine_percent(1 - (1 - CONFIDENCE) / count)
    note = f"With {count} strategies each interval has {each}, so that all together hold the truth with 95%. "
    return {
        "period": f"{found.period.first} to {found.period.last}, the same broker and costs for all. "
        f"{calendar(found)}",
        "results": tables.metrics(found, METRICS, f"The strategies beside holding {found.data.symbol}"),
        "interval_says": level(count),
        "interval_note": (note if count > 1 else "")
        + "An interval leaves out 0 just where the adjusted p is below 0.05.",
        "further": tables.metrics(found, FURTHER_METRICS, "Further metrics"),
        "conditions": tables.conditions(found.strategies),
        "unmet": tables.unmet(found.strategies),
        "rule": found.verdict.rule,
    }


def _luck(found: Assessment) -> dict[str, Any]:
    shuffled = found.strategies[0].luck.placebo
    return {
        "luck_says": _trials(found),
        "shuffles": amount(shuffled.shuffles),
        "band": percent(shuffled.band),
        "replicas_say": _replicas(found),
        "seeds_say": [_seeds(strategy) for strategy in found.strategies],
        "best_by_luck": best_by_luck(found) is not None,
        "evidence": tables.entries(found.strategies, (NAME, *UNCERTAINTY, SEEDS), "How sure is it?"),
        "sources": tables.entries(
            found.strategies, (NAME, *LEAD_ORIGIN), "Net exposure, and what the lead rests on"
        ),
    }


def _trials(found: Assessment) -> str:
    trials = found.trials
    if not trials.kept:
        return "There is no ledger that outlives this run, so nobody knows how many strategies were tried before."
    tried = f"{count(trials.count, 'strategy')} {'has' if trials.count == 1 else 'have'}"
    return (
        f"{tried} been tried on {found.data.symbol} over this period in a ledger since {trials.begun}. "
        "The more were tried, the better the best one looks by luck alone."
    )


def _replicas(found: Assessment) -> str:
    """What the chart of replicas shows, and why it does not show the rest."""
    lucks = [strategy.luck for strategy in found.strategies]
    seeds = next((len(luck.seeds.differences) for luck in lucks if luck.seeds), 0)
    worlds = next((len(luck.worlds.differences) for luck in lucks if luck.worlds), 0)
    dots = [count(worlds, "history") + " with nothing to forecast"] if worlds else []
    dots += [count(seeds, "seed")] if seeds else []
    missing = [
        f"{check.name} ({check.detail.rstrip('.')})"
        for check in found.checks
        if check.name in ("null worlds", "seeds") and check.status == NOT_RUN
    ]
    shown = f"The difference from holding among {' and '.join(dots)}." if dots else "The difference from holding."
    return f"{shown} Not run: {', '.join(missing)}." if missing else shown


def _seeds(strategy: StrategyAssessment) -> str:
    """What the band of the seeds holds, and what it leaves out; "" without seeds."""
    seeds = strategy.luck.seeds
    if seeds is None:
        return ""
    missing = seeds.differences.count(None) + seeds.failed
    left_out = f", without {count(missing, 'seed')} that lost it or failed" if missing else ""
    return (
        f"The account of {strategy.name} among those of the same run with other seeds. The band reaches from the "
        f"lowest to the highest of {count(seeds.fan.accounts, 'account')} at each close{left_out}; how far the "
        "run lies from their median is the luck of the draw."
    )


def _forecast(found: Assessment) -> dict[str, Any]:
    rungs = found.ladder
    questions = () if rungs is None else (("Cheaper models", rungs.models), ("Rarer refits", rungs.refits))
    return {
        "skill": _skill(found),
        "skill_in_full": f"{skill(found)} {trust(found)}",
        "ladder": None
        if rungs is None
        else {
            "strategy": rungs.strategy,
            "tables": [tables.entries(rows, LADDER, caption) for caption, rows in questions if rows],
        },
        "no_ladder": next((check.detail for check in found.checks if check.name == "ladder"), ""),
    }


def _skill(found: Assessment) -> list[str]:
    """Three sentences on the forecast, without a test in sight."""
    s, known = found.forecast_skill, found.forecast_skill.observations
    if not known:
        return ["There was no forecast in this period."]
    said = [
        f"Over {count(known, 'forecast')}, the sign was right in {percent(s.hit_rate)}; always saying up would "
        f"have been right in {percent(s.always_up)}."
    ]
    if s.clark_west_mean is not None:
        signal = "more" if s.clark_west_mean < SIGNIFICANCE else "no more"
        said.append(
            f"Beside the past average, the forecast explains {signal} than chance would (Clark-West: "
            f"{p_in_words(s.clark_west_mean)}; correlation {thousandths(s.correlation)})."
        )
    if s.reliability.interval:
        nominal, share = s.reliability.interval
        said.append(f"Where it said {percent(nominal)} would fall within its band, {fine_percent(share)} did.")
    return said


def _break_even(strategy: StrategyAssessment) -> str:
    cost, delay = strategy.versus_benchmark.break_even_cost, strategy.versus_benchmark.delay_cost
    said = (
        f"{strategy.name} ends where holding ends at {basis_points(cost)} a trade, each way."
        if cost is not None
        else f"No cost of a trade, not even none, makes {strategy.name} end where holding ends."
    )
    later = "" if delay is None else f" Every order a bar later would change its Sharpe ratio by {loss(delay)}."
    return said + later


def _drawn(found: Assessment) -> str:
    every = step(found.period.bars, len(found.strategies) + 1)
    said = "Point at a day to read it in every panel."
    return f"{said} One close in {every} is drawn." if every > 1 else said


def _folds(walk: WalkForwardFacts) -> str:
    failed = f"{walk.failed:,} failed and gave no forecast" if walk.failed else "none failed"
    return (
        f"{count(walk.folds, 'fold')} of {count(walk.members, 'network')}: {walk.fitted:,} trained in "
        f"{walk.fit_seconds:.1f} s, {walk.cached:,} from the cache, {failed}"
    )


def _made(found: Assessment) -> list[tuple[str, str]]:
    """When, by which command, on which prices and with which costs."""
    data, costs = found.data, found.costs
    currency = f" in {data.currency}" if data.currency else ""
    rows = [
        ("made", f"{found.made.when[:16].replace('T', ' ')} UTC"),
        ("command", found.made.command or "lstmstrat.run in Python"),
        *(("processor", kind) for kind in found.made.processors),
        (
            "prices",
            f"{data.symbol}{currency}, {data.source}, {data.first} to {data.last}, {count(data.bars, 'bar')}",
        ),
        ("sha256", data.sha256),
        *((one.kind, f"{one.name}: {one.path}, used {one.lag} after its time") for one in data.outside),
        ("costs", f"commission {costs.commission:.2%} and slippage {costs.slippage:.2%} of each trade"),
        ("best of all", _best(found)),
    ]
    return rows


def _best(found: Assessment) -> str:
    p = p_in_words(found.verdict.superior_predictive_ability)
    return f"does any strategy earn more than holding (Hansen's SPA; yes, if small)? {p}"
