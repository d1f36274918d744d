"""The report as one HTML page that needs no network: text, numbers, charts and plotly.js in one file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from importlib import resources
from string import Template
from typing import Any

from lstmstrat.report.cells import COLUMNS, FURTHER, UNDEFINED, Column, difference, fine_percent, tried, verdict
from lstmstrat.report.figures import payload
from lstmstrat.result import Result
from lstmstrat.yamlfile import dump


def page(result: Result) -> str:
    """The text of report.html. All names and sentences of the run are escaped."""
    from plotly.offline import get_plotlyjs

    summary = result.summary
    template = resources.files("lstmstrat.report").joinpath("page.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        title=escape(f"{summary['name']}: {summary['data']['symbol']}"),
        subtitle=_subtitle(summary),
        verdict=_verdict(summary["verdict"]),
        checks=_checks(summary["checks"]) + f'<p class="soft">{escape(tried(summary))}</p>',
        period=_period(summary),
        table=_table(summary),
        further=_further(summary),
        skill=_skill(summary),
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


def _verdict(verdict: Mapping[str, Any]) -> str:
    return f'<p>{escape(verdict["text"])}</p><p class="soft">{escape(verdict["rule"])}</p>'


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


def _period(summary: Mapping[str, Any]) -> str:
    period = summary["period"]
    return escape(
        f"{period['first']} to {period['last']}, the same broker and costs for all, "
        f"{period['periods_per_year']} bars a year. Turnover is in account values a year."
    )


def _table(summary: Mapping[str, Any]) -> str:
    """The table of the terminal, and the p-value adjusted for the number of strategies."""
    head = ["", *(c.heading for c in COLUMNS), "Sharpe difference [95% interval]", "adjusted p"]
    rows = [_row("buy_and_hold", _cells(summary["benchmark"], COLUMNS), ["", "", ""], "benchmark")]
    for strategy in summary["strategies"]:
        versus = strategy["versus_benchmark"]
        against = [difference(versus), _p(versus["p_adjusted"]), verdict(versus)]
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


def _skill(summary: Mapping[str, Any]) -> str:
    skill = summary["forecast_skill"]
    correlation, r2 = (
        UNDEFINED if skill[key] is None else f"{skill[key]:.4f}" for key in ("correlation", "r2_against_zero")
    )
    return escape(
        f"Over {skill['observations']:,} forecasts: correlation with the realised return "
        f"{correlation}, right sign {fine_percent(skill['hit_rate'])} (always up would have had "
        f"{fine_percent(skill['always_up'])}), R2 against a forecast of zero {r2}. Is there any signal "
        f"(Clark-West)? p = {_p(skill['clark_west'])}. Are the signs right more often than by chance "
        f"(Pesaran-Timmermann)? p = {_p(skill['pesaran_timmermann'])}. Is the squared error another than that of "
        f"forecasting zero (Diebold-Mariano)? p = {_p(skill['diebold_mariano'])}."
    )


def _p(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.3f}"


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
