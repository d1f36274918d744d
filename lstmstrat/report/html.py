"""The report as one HTML page that needs no network: text, numbers, charts and plotly.js in one file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from importlib import resources
from string import Template
from typing import Any

from lstmstrat.report.card import STATUSES, card, skill
from lstmstrat.report.cells import difference, percent, verdict
from lstmstrat.report.columns import (
    COLUMNS,
    FOR_THE_VERDICT,
    FURTHER,
    LADDER,
    SOURCES,
    UNCERTAIN,
    Column,
    Entry,
    filled,
)
from lstmstrat.report.figures import payload
from lstmstrat.result import Result
from lstmstrat.yamlfile import dump

LADDERS = (("What does it add to cheaper models?", "models"), ("Does retraining pay?", "refits"))


def page(result: Result) -> str:
    """The text of report.html. All names and sentences of the run are escaped."""
    from plotly.offline import get_plotlyjs

    summary = result.summary
    shuffles = summary["strategies"][0]["luck"]["placebo"]
    template = resources.files("lstmstrat.report").joinpath("page.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        title=escape(f"{summary['name']}: {summary['data']['symbol']}"),
        subtitle=_subtitle(summary),
        card=_card(summary),
        rule=escape(summary["verdict"]["rule"]),
        period=_period(summary),
        table=_table(summary),
        further=_further(summary),
        evidence=_entries(summary["strategies"], (*FOR_THE_VERDICT, *UNCERTAIN)),
        needs=_needs(summary),
        luck=_luck(summary),
        shuffles=str(shuffles["shuffles"]),
        band=percent(shuffles["band"]),
        sources=_entries(summary["strategies"], SOURCES),
        ladder=_ladder(summary),
        skill=escape(skill(summary)),
        options="".join(f"<option>{escape(s['name'])}</option>" for s in summary["strategies"]),
        folds=_folds(summary["walk_forward"]),
        facts=_facts(summary["walk_forward"]),
        notices=_list(summary["data"]["notices"]) or "<p>None.</p>",
        config=escape(dump(result.config)),
        footer=escape(", ".join(f"{name} {version}" for name, version in summary["versions"].items())),
        payload=_json(payload(result)),
        plotly=get_plotlyjs(),
    )


def _json(values: Any) -> str:
    """JSON that cannot close the script element it stands in."""
    return json.dumps(values, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _subtitle(summary: Mapping[str, Any]) -> str:
    data, period = summary["data"], summary["period"]
    return escape(
        f"Traded {period['first']} to {period['last']}, {period['bars']:,} bars. "
        f"Prices: {data['source']}, {data['first']} to {data['last']}, sha256 {data['sha256'][:12]}."
    )


def _card(summary: Mapping[str, Any]) -> str:
    """The verdict, then the rest of the card; checks one by one."""
    (_, text), *facts = [row for row in card(summary) if row[0] not in STATUSES]
    rows = "".join(f"<dt>{escape(label)}</dt><dd>{escape(said)}</dd>" for label, said in facts)
    return f'<p class="verdict">{escape(text)}</p><dl class="card-facts">{rows}</dl>{_checks(summary["checks"])}'


def _checks(checks: list[Mapping[str, str]]) -> str:
    if not checks:
        return "<p>No check was run.</p>"
    rows = (
        f'<li><span class="{check["status"].replace(" ", "-")}">{escape(check["status"])}</span>'
        f"<span>{escape(check['name'])}. "
        f'<span class="soft">{escape(check["detail"])}</span></span></li>'
        for check in checks
    )
    return f'<ul class="checks">{"".join(rows)}</ul>'


def _entries(entries: list[Mapping[str, Any]], columns: Iterable[Entry]) -> str:
    """A table with a row for each entry."""
    shown = filled(entries, columns)
    heads = "".join(f"<th>{escape(heading)}</th>" for heading in shown)
    rows = "".join(
        f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in rest)}</tr>"
        for first, *rest in zip(*shown.values(), strict=True)
    )
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _needs(summary: Mapping[str, Any]) -> str:
    """What an edge still needs, strategy by strategy."""
    return _list(
        f"{s['name']} {verdict(s['versus_benchmark'])}: an edge would need {'; '.join(missing)}."
        for s in summary["strategies"]
        if (missing := s["versus_benchmark"]["missing"])
    )


def _luck(summary: Mapping[str, Any]) -> str:
    """What else the chart of luck shows; `--seeds` and `--worlds` add to it."""
    lucks = [s["luck"] for s in summary["strategies"]]
    seeds = next((len(luck["seeds"]["differences"]) for luck in lucks if luck["seeds"]), 0)
    worlds = next((len(luck["worlds"]["differences"]) for luck in lucks if luck["worlds"]), 0)
    said = [f"{worlds} histories with nothing to forecast (orange)"] if worlds else []
    said += [f"{seeds} seeds (blue)"] if seeds else []
    drawn = "their Sharpe difference from buy-and-hold, drawn from its line"
    return escape(f" Small dots: {' and '.join(said)}; {drawn}." if said else "")


def _ladder(summary: Mapping[str, Any]) -> str:
    ladder = summary["ladder"]
    if ladder is None:
        why = next((check["detail"] for check in summary["checks"] if check["name"] == "ladder"), "")
        return f"<p>Not run; {escape(why)}</p>"
    said = (
        f"Each forecast is traded by {ladder['strategy']}, on the same folds, targets and fills. Clark-West: is "
        "there a signal beside the mean of the training slice? Last column: Sharpe ratio with the forecast of "
        "this run minus that with the forecast of the row."
    )
    tables = [f"<h3>{title}</h3>{_entries(ladder[rungs], LADDER)}" for title, rungs in LADDERS]
    return f'<p class="soft">{escape(said)}</p>{"".join(tables)}'


def _period(summary: Mapping[str, Any]) -> str:
    period = summary["period"]
    return escape(
        f"{period['first']} to {period['last']}, the same broker and costs for all, "
        f"{period['periods_per_year']} bars a year. Turnover is in account values a year."
    )


def _table(summary: Mapping[str, Any]) -> str:
    """The table of the terminal."""
    head = ["", *(c.heading for c in COLUMNS), "Sharpe difference [95% interval]"]
    rows = [_row("buy_and_hold", _cells(summary["benchmark"], COLUMNS), ["", ""], "benchmark")]
    for strategy in summary["strategies"]:
        versus = strategy["versus_benchmark"]
        against = [difference(versus), verdict(versus)]
        rows.append(_row(strategy["name"], _cells(strategy["metrics"], COLUMNS), against, ""))
    heads = "".join(f"<th>{escape(text)}</th>" for text in head) + '<th class="text">against buy-and-hold</th>'
    return f"<table id='results'><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _row(name: str, metrics: list[str], against: list[str], css: str) -> str:
    *numbers, words = [*metrics, *against]
    cells = "".join(f"<td>{escape(text)}</td>" for text in numbers)
    return f'<tr class="{css}"><th>{escape(name)}</th>{cells}<td class="text">{escape(words)}</td></tr>'


def _further(summary: Mapping[str, Any]) -> str:
    heads = "".join(f"<th>{escape(column.heading)}</th>" for column in FURTHER)
    named = [("buy_and_hold", summary["benchmark"])]
    named += [(s["name"], s["metrics"]) for s in summary["strategies"]]
    rows = (
        f"<tr><th>{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in _cells(metrics, FURTHER))}</tr>"
        for name, metrics in named
    )
    return f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cells(metrics: Mapping[str, Any], columns: tuple[Column, ...]) -> list[str]:
    return [column.write(metrics[column.key]) for column in columns]


def _folds(walk: Mapping[str, Any]) -> str:
    failed = f"{walk['failed']} failed and gave no forecast" if walk["failed"] else "none failed"
    return escape(
        f"{walk['folds']:,} folds of {walk['members']} network{'s' * (walk['members'] > 1)}: {walk['fitted']:,} "
        f"trained in {walk['fit_seconds']:.1f} s, {walk['cached']:,} from the cache, {failed}. A falling training "
        "loss shows that the networks learn their past; only the correlation shows skill."
    )


def _facts(walk: Mapping[str, Any]) -> str:
    keys = ("train_size", "refit_every", "lookback", "horizon", "purge", "members", "first_forecast")
    return "".join(f"<div><dt>{key}</dt><dd>{escape(str(walk[key]))}</dd></div>" for key in keys)


def _list(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""
