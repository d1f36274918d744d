"""The report as one HTML page that works without a network: text, numbers, charts and plotly.js in one file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Any

from lstmstrat.config.files import dump
from lstmstrat.evaluation.bootstrap import CONFIDENCE
from lstmstrat.report.card import STATUSES, calendar, card, findings, skill, trust
from lstmstrat.report.cells import difference, percent, verdict
from lstmstrat.report.columns import (
    FOR_THE_VERDICT,
    FURTHER_METRICS,
    LADDER,
    LEAD_ORIGIN,
    METRICS,
    NAME,
    UNCERTAINTY,
    Entry,
    Row,
    cells_by_heading,
    interval,
    metric_cells,
)
from lstmstrat.report.figures import payload
from lstmstrat.results.assessment import Assessment, Check, WalkForwardFacts
from lstmstrat.results.result import Result

FACTS = ("train_size", "refit_every", "lookback", "horizon", "purge", "members", "first_forecast")
"""The fields of the walk-forward that the page lists next to the chart of the folds."""


def page(result: Result) -> str:
    """The text of report.html. All names and sentences from the run are escaped."""
    from plotly.offline import get_plotlyjs

    template = resources.files("lstmstrat.report").joinpath("page.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        _sections(result.assessment),
        config=escape(dump(result.config)),
        payload=_json(payload(result)),
        plotly=get_plotlyjs(),
    )


def _sections(assessment: Assessment) -> dict[str, str]:
    """The texts and tables of the page, by their names in page.html."""
    strategies, walk = assessment.strategies, assessment.walk_forward
    shuffles = strategies[0].luck.placebo
    return {
        "title": escape(f"{assessment.name}: {assessment.data.symbol}"),
        "subtitle": _subtitle(assessment),
        "findings": _findings(assessment),
        "card": _card(assessment),
        "rule": escape(assessment.verdict.rule),
        "period": _period(assessment),
        "table": _table(assessment),
        "further": _further(assessment),
        "evidence": _entries(strategies, (NAME, *FOR_THE_VERDICT, *UNCERTAINTY)),
        "needs": _needs(assessment),
        "intervals": _intervals(len(strategies)),
        "luck": _luck(assessment),
        "shuffles": str(shuffles.shuffles),
        "band": percent(shuffles.band),
        "sources": _entries(strategies, (NAME, *LEAD_ORIGIN)),
        "ladder": _ladder(assessment),
        "skill": escape(skill(assessment)),
        "trust": escape(trust(assessment)),
        "options": "".join(f"<option>{escape(strategy.name)}</option>" for strategy in strategies),
        "folds": _folds(walk),
        "facts": _facts(walk),
        "notices": _list(assessment.data.notices) or "<p>None.</p>",
        "footer": escape(", ".join(f"{name} {version}" for name, version in assessment.versions.items())),
    }


def _json(values: Any) -> str:
    """JSON that cannot close the script element around it."""
    return json.dumps(values, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _subtitle(assessment: Assessment) -> str:
    data, period = assessment.data, assessment.period
    currency = f" in {data.currency}" if data.currency else ""
    return escape(
        f"Traded {period.first} to {period.last}, {period.bars:,} bars. "
        f"Prices: {data.source}{currency}, {data.first} to {data.last}, sha256 {data.sha256[:12]}."
    )


def _card(assessment: Assessment) -> str:
    """The verdict, the other rows of the card, and the checks one by one."""
    (_, text), *facts = [row for row in card(assessment) if row[0] not in STATUSES]
    rows = "".join(f"<dt>{escape(label)}</dt><dd>{escape(sentence)}</dd>" for label, sentence in facts)
    checks = _checks(assessment.checks)
    return f'<p class="verdict">{escape(text)}</p><dl class="card-facts">{rows}</dl>{checks}'


def _findings(assessment: Assessment) -> str:
    """What cannot be true in the prices, above all else; "" if there is nothing."""
    sentences = findings(assessment.data.faults)
    return f'<section class="card wrong"><h3>Look first</h3>{_list(sentences)}</section>' if sentences else ""


def _checks(checks: Sequence[Check]) -> str:
    if not checks:
        return "<p>No check was run.</p>"
    rows = (
        f'<li><span class="{check.status.replace(" ", "-")}">{escape(check.status)}</span>'
        f"<span>{escape(check.name)}. "
        f'<span class="soft">{escape(check.detail)}</span></span></li>'
        for check in checks
    )
    return f'<ul class="checks">{"".join(rows)}</ul>'


def _entries(rows: Sequence[Row], columns: Iterable[Entry[Row]]) -> str:
    """A table with one line for each of `rows`."""
    table = cells_by_heading(rows, columns)
    heads = "".join(f"<th>{escape(heading)}</th>" for heading in table)
    lines = "".join(
        f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in others)}</tr>"
        for first, *others in zip(*table.values(), strict=True)
    )
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>'


def _needs(assessment: Assessment) -> str:
    """For each strategy, the conditions of an edge that it does not meet."""
    return _list(
        f"{s.name} {verdict(s.versus_benchmark)}: an edge would need {'; '.join(s.versus_benchmark.missing)}."
        for s in assessment.strategies
        if s.versus_benchmark.missing
    )


def _intervals(strategies: int) -> str:
    """What the drawn intervals say."""
    if strategies == 1:
        return "the 95 % interval."
    return (
        f"an interval of {1 - (1 - CONFIDENCE) / strategies:.1%}, so that all {strategies} together hold the "
        "truth with 95 %."
    )


def _luck(assessment: Assessment) -> str:
    """The legend of the dots that `--seeds` and `--worlds` add to the chart of luck."""
    lucks = [strategy.luck for strategy in assessment.strategies]
    seeds = next((len(luck.seeds.differences) for luck in lucks if luck.seeds), 0)
    worlds = next((len(luck.worlds.differences) for luck in lucks if luck.worlds), 0)
    dots = [f"{worlds} histories with nothing to forecast (orange)"] if worlds else []
    dots += [f"{seeds} seeds (blue)"] if seeds else []
    meaning = "their Sharpe difference from buy-and-hold, drawn from its line"
    return escape(f" Small dots: {' and '.join(dots)}; {meaning}." if dots else "")


def _ladder(assessment: Assessment) -> str:
    ladder = assessment.ladder
    if ladder is None:
        reason = next((check.detail for check in assessment.checks if check.name == "ladder"), "")
        return f"<p>Not run; {escape(reason)}</p>"
    explanation = (
        f"Each forecast is traded by {ladder.strategy}, on the same folds, targets and fills. Clark-West p: is "
        "there a signal beside the mean of the training set? Last column: Sharpe ratio with the forecast of "
        "this run minus that with the forecast of the row."
    )
    questions = (("What does it add to cheaper models?", ladder.models), ("Does retraining pay?", ladder.refits))
    tables = [f"<h3>{question}</h3>{_entries(rungs, LADDER)}" for question, rungs in questions]
    return f'<p class="soft">{escape(explanation)}</p>{"".join(tables)}'


def _period(assessment: Assessment) -> str:
    period = assessment.period
    return escape(
        f"{period.first} to {period.last}, the same broker and costs for all. {calendar(assessment)} "
        "Turnover is in account values a year."
    )


def _table(assessment: Assessment) -> str:
    """The main table, which the terminal shows too."""
    head = ["", *(c.heading for c in METRICS), f"Sharpe difference [{interval(len(assessment.strategies))}]"]
    rows = [_row("buy_and_hold", metric_cells(assessment.benchmark, METRICS), ["", ""], "benchmark")]
    for strategy in assessment.strategies:
        versus = strategy.versus_benchmark
        against = [difference(versus), verdict(versus)]
        rows.append(_row(strategy.name, metric_cells(strategy.metrics, METRICS), against, ""))
    heads = "".join(f"<th>{escape(text)}</th>" for text in head) + '<th class="text">against buy-and-hold</th>'
    return f"<table id='results'><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _row(name: str, metrics: list[str], against: list[str], css: str) -> str:
    *numbers, words = [*metrics, *against]
    cells = "".join(f"<td>{escape(text)}</td>" for text in numbers)
    return f'<tr class="{css}"><th>{escape(name)}</th>{cells}<td class="text">{escape(words)}</td></tr>'


def _further(assessment: Assessment) -> str:
    heads = "".join(f"<th>{escape(column.heading)}</th>" for column in FURTHER_METRICS)
    metrics = [("buy_and_hold", assessment.benchmark), *((s.name, s.metrics) for s in assessment.strategies)]
    accounts = [(name, metric_cells(values, FURTHER_METRICS)) for name, values in metrics]
    rows = (
        f"<tr><th>{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for name, cells in accounts
    )
    return f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _folds(walk: WalkForwardFacts) -> str:
    failed = f"{walk.failed} failed and gave no forecast" if walk.failed else "none failed"
    return escape(
        f"{walk.folds:,} folds of {walk.members} network{'s' * (walk.members > 1)}: {walk.fitted:,} "
        f"trained in {walk.fit_seconds:.1f} s, {walk.cached:,} from the cache, {failed}. A falling training "
        "loss shows that the networks learn their past; only the correlation shows skill."
    )


def _facts(walk: WalkForwardFacts) -> str:
    return "".join(f"<div><dt>{name}</dt><dd>{escape(str(getattr(walk, name)))}</dd></div>" for name in FACTS)


def _list(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""
