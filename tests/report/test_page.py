"""What the page says, without a browser."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
from helpers.made_up import NAMES, put, result

from lstmstrat.evaluation.verdict import NO_VERDICT, SUPPORTED, UNDECIDED, UNPROVEN, WORSE
from lstmstrat.report import cells
from lstmstrat.report.answer import interval, money, numbers, sentence
from lstmstrat.report.page import page
from lstmstrat.report.page.glossary import GLOSSARY
from lstmstrat.report.page.render import PLOTLY_SHA256
from lstmstrat.report.page.tables import TERMS, bars, conditions, entries
from lstmstrat.report.page.view import view
from lstmstrat.results.assessment import NOT_RUN, Assessment, Check

EVIL = '</script><img src=x onerror="window.hurt=1">\'&'
STATIC = resources.files("lstmstrat.report.page").joinpath("static")


def plotly() -> str:
    return STATIC.joinpath("plotly-basic.min.js").read_text(encoding="utf-8")


def with_verdicts(*verdicts: str) -> Assessment:
    """An assessment of as many strategies, with these verdicts."""
    found = result(NAMES[: len(verdicts)]).assessment
    for place, text in enumerate(verdicts):
        found = put(found, f"strategies.{place}.versus_benchmark.verdict", text)
    return found


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([UNDECIDED], "long_flat did not do reliably better than simply holding MADE."),
        ([UNDECIDED] * 7, "None of the 7 strategies did reliably better than simply holding MADE."),
        ([SUPPORTED], "long_flat did better than simply holding MADE, and luck is an unlikely explanation."),
        (
            [WORSE, UNDECIDED, WORSE],
            "long_flat and proportional did worse than simply holding MADE, by more than bad luck explains. "
            "For long_short the difference may be luck.",
        ),
        ([UNPROVEN], "long_flat did better than simply holding MADE, but it is not proven yet."),
        (
            [NO_VERDICT],
            "There is no verdict, because holding MADE could not buy a single share. Raise broker.cash or set "
            "broker.fractional: true.",
        ),
    ],
)
def test_the_first_sentence_says_the_verdicts_in_plain_words(verdicts: list[str], said: str) -> None:
    assert sentence(with_verdicts(*verdicts)) == said


def test_the_large_numbers_are_those_of_the_summary() -> None:
    found = result().assessment
    second = found.strategies[1]
    became, growth, fall, difference = numbers(found, second)
    assert (became.label, became.value) == ("100,000 became", f"{second.metrics.final_value:,.0f}")
    assert became.holding == f"{found.benchmark.final_value:,.0f}"
    assert (growth.label, growth.value, growth.holding) == ("a year", "3.2%", "1.2%")  # 0.0323 and 0.0123, by hand
    assert (fall.value, fall.holding) == ("-61.5%", "-61.5%")
    assert (difference.value, difference.holding) == ("0.18", "[-0.42, 0.78]")
    assert f"With long_short, 100,000 became {became.value} in " in money(found, second)


def test_less_than_a_year_has_no_growth_by_the_year() -> None:
    found = put(result().assessment, "benchmark.cagr", None)
    found = put(found, "strategies.0.metrics.cagr", None)
    assert numbers(found, found.strategies[0])[1].label == "in all"


def test_an_interval_that_ends_beside_zero_shows_on_which_side() -> None:
    assert interval(-1.58, -0.0031) == "[-1.58, -0.003]"
    assert interval(-1.58, 0.0) == "[-1.58, 0.00]"
    assert interval(None, 0.1) == "n/a"
    versus = replace(result().assessment.strategies[0].versus_benchmark, sharpe=-0.79, sharpe_low=-1.58)
    assert cells.difference(replace(versus, sharpe_high=-0.0031)) == "-0.79 [-1.58,-0.003]"
    assert cells.difference(replace(versus, sharpe_high=0.0)) == "-0.79 [-1.58,0.00]"


def test_no_percentage_is_minus_nothing() -> None:
    assert (cells.percent(-0.004), cells.fine_percent(-0.0004)) == ("0%", "0.0%")


def test_a_verdict_stands_without_buy_and_hold_which_the_heading_names() -> None:
    versus = result().assessment.strategies[0].versus_benchmark
    short = [cells.verdict(replace(versus, verdict=text)) for text in (SUPPORTED, WORSE, UNDECIDED)]
    assert short == ["edge supported", "worse", "not distinguishable"]


def test_each_condition_of_an_edge_says_whether_it_is_met_and_what_was_found() -> None:
    found = conditions(result().assessment.strategies)
    assert found.heads == ("Sharpe above", "adjusted p", "worlds p")
    assert [(c.text, c.css) for c in found.lines[0].cells] == [
        ("+0.30", "good"),
        ("0.280", "bad"),
        ("not run", "none"),
    ]
    assert found.lines[0].cells[1].hint == "not met: adjusted p (0.280)"


def test_the_bar_of_an_interval_lies_around_the_line_of_no_difference() -> None:
    strategies = put(result().assessment, "strategies.1.versus_benchmark.sharpe_low", None).strategies
    drawn = bars(strategies, interval)
    assert drawn[1] is None
    widest = max(b.high - b.low for b in drawn if b)
    for strategy, bar in zip(strategies, drawn, strict=True):
        if bar is not None:
            versus = strategy.versus_benchmark
            assert (bar.middle > 50.0) == ((versus.sharpe or 0.0) > 0.0)
            assert 0.0 <= bar.low < bar.middle < bar.high <= 100.0
            assert bar.high - bar.low == pytest.approx(widest, abs=0.02)  # all are +-0.6 in the made-up run


def test_what_nobody_has_is_no_column() -> None:
    from lstmstrat.report.columns import LEAD_ORIGIN, NAME

    heads = entries(result().assessment.strategies, (NAME, *LEAD_ORIGIN), "").heads
    assert "lead\u00a0from best\u00a0fold" not in heads  # None in the made-up run
    assert "lead\u00a0from best\u00a05\u00a0days" in heads


def test_every_term_of_a_heading_is_explained() -> None:
    assert set(TERMS.values()) <= GLOSSARY.keys()
    templates = resources.files("lstmstrat.report.page").joinpath("templates")
    named = {
        name
        for file in templates.iterdir()
        for name in re.findall(r'term\("([^"]+)"', file.read_text(encoding="utf-8"))
    }
    assert named
    assert named <= GLOSSARY.keys()


def test_without_a_ladder_the_page_says_why() -> None:
    assessment = put(result().assessment, "ladder", None)
    check = Check("ladder", NOT_RUN, "to run it: add --ladder")
    text = page(replace(result(), assessment=replace(assessment, checks=(check,))))
    assert "<p>Not run; to run it: add --ladder</p>" in text


def test_the_rule_of_a_chart_of_replicas_and_the_command_are_said() -> None:
    text = page(result())
    assert "The difference from holding among 4 histories with nothing to forecast and 4 seeds." in text
    found = view(result())
    assert dict(found["made"])["command"]
    assert dict(found["made"])["made"]


def test_page_is_below_two_and_a_half_megabytes() -> None:
    assert len(page(result()).encode()) < 2_500_000


def test_plotly_is_the_published_file_and_its_licence_lies_beside_it() -> None:
    assert hashlib.sha256(plotly().encode()).hexdigest() == PLOTLY_SHA256
    assert "plotly.js (basic - minified) v" in plotly()[:80]
    assert STATIC.joinpath("plotly-LICENSE.txt").read_text(encoding="utf-8").startswith("MIT License")


def payload_of(text: str) -> dict[str, Any]:
    """The values that the page draws."""
    match = re.search(r'<script type="application/json" id="payload">(.*?)</script>', text, re.DOTALL)
    assert match is not None
    values: dict[str, Any] = json.loads(match[1])
    return values


def test_text_of_users_is_escaped_everywhere() -> None:
    text = page(result((EVIL, *NAMES[1:])))
    own = text.replace(plotly(), "")
    assert "<img" not in own
    assert len(re.findall("</script>", own)) == 3  # the data, plotly.js, the page's own
    assert payload_of(text)["figures"]["answer"]["data"][0]["name"].startswith("&lt;/script&gt;")


@pytest.mark.parametrize(
    "kind", ["no trades", "one trade", "no forecast", "failed folds", "undefined", "lost account"]
)
def test_a_page_of_an_unusual_run_is_written(kind: str) -> None:
    run = result()
    if kind == "no trades":
        run = replace(run, trades=run.trades.iloc[:0], orders=run.orders.iloc[:0])
    elif kind == "one trade":
        run = replace(run, trades=run.trades.iloc[:1])
    elif kind == "no forecast":
        run = replace(run, folds=run.folds.iloc[:0], forecasts=run.forecasts.assign(forecast=float("nan")))
        run = replace(run, assessment=put(run.assessment, "forecast_skill.observations", 0))
    elif kind == "failed folds":
        nothing = dict.fromkeys(("train_loss", "first_loss", "correlation"), float("nan"))
        run = replace(run, folds=run.folds.assign(status="failed", **nothing))
    elif kind == "undefined":
        found = run.assessment
        for field in ("sharpe", "cagr", "hit_rate"):
            found = put(found, f"strategies.0.metrics.{field}", None)
        for field in ("sharpe", "sharpe_low", "sharpe_high", "break_even_cost", "delay_cost"):
            found = put(found, f"strategies.0.versus_benchmark.{field}", None)
        run = replace(run, assessment=found)
    else:
        equity = run.equity.copy()
        equity.iloc[100:, 1] = -5.0
        run = replace(run, equity=equity)
    text = page(run)
    assert "</html>" in text
    assert "NaN" not in text.replace(plotly(), "").split('id="payload"')[0]
    payload_of(text)
