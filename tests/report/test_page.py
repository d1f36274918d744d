"""What the page says, without a browser."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
from helpers.made_up import NAMES, UNUSUAL, put, result, unusual
from hypothesis import given
from hypothesis import strategies as st

from lstmstrat.evaluation.verdict import (
    NO_VERDICT,
    SUPPORTED,
    UNDECIDED,
    UNPROVEN,
    WORDS,
    WORSE,
    Condition,
)
from lstmstrat.report import cells
from lstmstrat.report.answer import checks, money, not_tested, numbers, sentence
from lstmstrat.report.cells import interval
from lstmstrat.report.page import page
from lstmstrat.report.page.glossary import ALL, GLOSSARY
from lstmstrat.report.page.render import PLOTLY_SHA256
from lstmstrat.report.page.tables import (
    MONTH_NAMES,
    NEEDED,
    PLAIN,
    TERMS,
    bars,
    conditions,
    entries,
    unmet,
)
from lstmstrat.report.page.view import view
from lstmstrat.results.assessment import AUDIT, FAILED, NOT_RUN, PASSED, VOIDING, Assessment, Check

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


def test_a_lead_of_which_a_deciding_check_failed_is_not_called_better() -> None:
    """Not "did better, not proven yet" of a strategy that the audit has seen to look ahead."""
    found = with_verdicts(UNPROVEN, UNPROVEN)
    one, two = (strategy.name for strategy in found.strategies)
    audited = replace(found, checks=(Check(AUDIT, FAILED, "it looks ahead", two),))
    assert sentence(audited) == (
        f"{one} did better than simply holding MADE, but it is not proven yet. {two} looks better than simply "
        "holding MADE, but checks failed: do not trust it."
    )
    whole = replace(found, checks=(Check("prices", FAILED, "a split"),))
    assert "did better" not in sentence(whole)
    warned = replace(found, checks=(Check("orders", FAILED, "a warning"),))
    assert "do not trust" not in sentence(warned)


def test_the_large_numbers_are_those_of_the_summary() -> None:
    found = result().assessment
    second = found.strategies[1]
    became, growth, fall, difference = numbers(found, second)
    assert (became.label, became.value) == ("100,000 became", f"{second.metrics.final_value:,.0f}")
    assert became.beside == f"holding {found.benchmark.final_value:,.0f}"
    assert (growth.label, growth.value, growth.beside) == (
        "a year",
        "3.2%",
        "holding 1.2%",
    )  # 0.0323 and 0.0123, by hand
    assert (fall.value, fall.beside) == ("-61.5%", "holding -61.5%")
    assert (difference.value, difference.beside) == ("0.18", "likely -0.42 to 0.78")
    assert (difference.label, difference.term) == ("Sharpe difference",) * 2
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
    assert cells.difference(replace(versus, sharpe_high=-0.0031)) == "-0.79 [-1.58, -0.003]"
    assert cells.difference(replace(versus, sharpe_high=0.0)) == "-0.79 [-1.58, 0.00]"


FORMATS = (
    cells.percent,
    cells.fine_percent,
    cells.ratio,
    cells.tenths,
    cells.amount,
    cells.thousandths,
    cells.basis_points,
    cells.loss,
)


@given(st.sampled_from(FORMATS), st.floats(-1.0, 1.0))
def test_no_number_is_plus_or_minus_nothing(write: cells.Format, value: float) -> None:
    text = write(value)
    assert text[0] not in "+-" or any(digit in text for digit in "123456789"), text


@given(st.floats(0.0, 200.0))
def test_a_period_is_said_in_the_largest_unit_of_which_there_are_two(years: float) -> None:
    number, unit = cells.lasted(years).split(" ")
    hours = {"years": 8766.0, "months": 730.5, "weeks": 168.0, "days": 24.0, "hours": 1.0, "hour": 1.0}[unit]
    assert float(number) * hours == pytest.approx(years * 8766.0, rel=0.25, abs=1.0)
    assert float(number) >= (1.0 if unit == "years" else 2.0) or unit in ("hour", "hours")


def test_a_verdict_has_the_same_words_everywhere_and_every_verdict_has_a_colour() -> None:
    assert cells.COLOURS.keys() == WORDS.keys()
    words = [cells.verdict(text)[0] for text in (SUPPORTED, WORSE, UNDECIDED)]
    assert words == ["edge supported", "worse", "may be luck"]
    assert cells.verdict("of another version") == ("of another version", "none")


def test_what_an_edge_needs_stands_above_what_was_found() -> None:
    strategies = result().assessment.strategies
    found = conditions(strategies)
    assert found.heads == ("Sharpe above", "adjusted p", "worlds p")
    assert (found.lines[0].name, [c.text for c in found.lines[0].cells]) == (NEEDED, list(found.heads))
    assert [(c.text, c.css) for c in found.lines[1].cells] == [
        ("+0.30", "good"),
        ("0.280", "bad"),
        ("not run", "none"),
    ]
    why = Condition("checks", False, "failed", "a check that passed (stale prices: half of them did not move)")
    one = put(strategies[0], "versus_benchmark.conditions", (why,))
    assert unmet([one]) == ["long_flat lacks a check that passed (stale prices: half of them did not move)."]
    assert "title=" not in page(result()).replace(plotly(), "").split("<script")[0]  # nothing is for a mouse alone


def with_checks(*found: Check) -> Assessment:
    return replace(result().assessment, checks=found)


def test_a_check_that_failed_says_whether_it_decides() -> None:
    """The same names void an edge and are called deciding."""
    passed = Check("forecasts", PASSED, "")
    for name in (*VOIDING, AUDIT):
        said = checks(with_checks(passed, Check(name, FAILED, "why")))
        assert said == f"1 of 2 checks passed. No edge is supported while this fails: {name}."
    never = Check("orders", FAILED, "long_flat never ordered anything")
    assert checks(with_checks(passed, never)) == (
        "1 of 2 checks passed. A warning that decides nothing (orders): long_flat never ordered anything."
    )


def test_what_was_not_tested_is_said_plainly_with_the_section_that_explains_it() -> None:
    names = (AUDIT, "seeds", "null worlds", "ladder")
    found = with_checks(*(Check(name, NOT_RUN, "to run it: add --x") for name in names))
    assert [words for words, _ in not_tested(found)] == [
        "whether a decision has seen the future",
        "other random numbers",
        "histories with nothing to forecast",
        "cheaper models",
    ]
    text = page(replace(result(), assessment=found))
    for _, section in not_tested(found):
        assert f'<section id="{section}">' in text
    assert "look-ahead audit" not in text[text.index("<main>") : text.index("</section>")]


def test_a_chart_of_replicas_says_why_seeds_were_not_run() -> None:
    found = result(NAMES[:1]).assessment
    for field in ("seeds", "worlds"):
        found = put(found, f"strategies.0.luck.{field}", None)
    why = "no strategy trades a forecast of the config that depends on a seed"
    made = replace(
        found, checks=(Check("seeds", NOT_RUN, why), Check("null worlds", NOT_RUN, "to run it: add it"))
    )
    said = view(replace(result(NAMES[:1]), assessment=made))["replicas_say"]
    assert said == f"The difference from holding. Not run: seeds ({why}), null worlds (to run it: add it)."


def test_a_strategy_that_never_traded_is_said_to_have_never_traded() -> None:
    run = unusual("no trades", NAMES[:1])
    found = run.assessment
    assert sentence(found) == "long_flat never traded."
    assert money(found, found.strategies[0]).startswith(
        "long_flat never traded, so 100,000 stayed 100,000 for 9.7"
    )
    assert numbers(found, found.strategies[0])[-1].beside == "undefined, for it never traded"
    text = page(run)
    assert '<span class="chip none">never traded</span>' in text
    first = text[text.index("<main>") : text.index('id="other-answers"')]
    assert "may be luck" not in re.sub(r'data-tip="[^"]*"', "", first)


def test_every_heading_explains_itself_or_is_plain() -> None:
    """A term is in the glossary, or is a word of every day."""
    text = page(result()).replace(plotly(), "").split('id="payload"')[0]
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', text)
    bare = {head.replace("\u00a0", " ") for head in heads if 'class="term"' not in head}
    trips = {"opened", "closed", "side", "size", "entry", "exit", "profit"}  # of the table of round trips
    assert bare <= {*PLAIN, *MONTH_NAMES, *trips, "verdict", "account", "&nbsp;"}


def test_no_count_of_one_is_a_plural() -> None:
    found = put(put(result(NAMES[:1]).assessment, "trials.count", 1), "walk_forward.folds", 1)
    text = page(replace(result(NAMES[:1]), assessment=found)).replace(plotly(), "")
    assert not re.findall(r"(?<![\d.,])1 (?:strategies|points|round trips|folds|trials|networks|forecasts)", text)
    assert "1 strategy has been tried" in text


def test_no_caption_repeats_the_heading_above_it() -> None:
    text = re.sub(r'<caption class="unseen">.*?</caption>', "", page(result()).replace(plotly(), ""))
    said = re.findall(r"<(?:h2|h3|caption|summary)[^>]*>(.*?)</", text)
    words = [set(re.findall(r"[a-z]{4,}", re.sub("<[^>]*>", "", one).lower())) for one in said]
    same = [(a, b) for k, a in enumerate(said[1:]) for b in [said[k]] if words[k] and words[k] <= words[k + 1]]
    assert same == []


def test_numbers_have_a_minus_sign_and_settings_and_dates_a_hyphen() -> None:
    run = result(("f(x=-1)", *NAMES[1:]))
    made = replace(run.assessment, made=replace(run.assessment.made, command="lstmstrat run c.yaml --set a -1"))
    text = page(replace(run, assessment=made)).replace(plotly(), "").split('id="payload"')[0]
    body = text[text.index("<main>") :]
    shown = re.sub(r"<[^>]*>", "|", re.sub(r"<pre.*?</pre>", "", body, flags=re.DOTALL))
    assert not re.findall(r"[|\s\[]-\d", shown.replace("--set a -1", ""))
    assert "f(x=-1)" in shown
    assert "--set a -1" in shown
    assert "2004-01-05" in shown


def test_the_bar_of_an_interval_lies_around_the_line_of_no_difference() -> None:
    strategies = put(result().assessment, "strategies.1.versus_benchmark.sharpe_low", None).strategies
    drawn = bars(strategies)
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
    assert named <= ALL.keys()


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


@pytest.mark.parametrize("kind", UNUSUAL)
def test_a_page_of_an_unusual_run_is_written(kind: str) -> None:
    text = page(unusual(kind))
    assert "</html>" in text
    assert "NaN" not in text.replace(plotly(), "").split('id="payload"')[0]
    payload_of(text)
