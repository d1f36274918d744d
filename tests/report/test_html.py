from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from helpers.made_up import NAMES, SENTENCE, put, result

from lstmstrat.evaluation.verdict import SUPPORTED, UNDECIDED, WORSE
from lstmstrat.report import cells, figures
from lstmstrat.report.html import page
from lstmstrat.results.assessment import NOT_RUN, Check

CHROMIUM = next((p for p in map(Path, ("/usr/bin/chromium", "/usr/bin/chromium-browser")) if p.exists()), None)
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
EVIL = '</script><img src=x onerror="window.hurt=1">\'&'


def payload_of(text: str) -> dict[str, Any]:
    """The values that the page draws."""
    match = re.search(r'<script type="application/json" id="payload">(.*?)</script>', text, re.DOTALL)
    assert match is not None
    values: dict[str, Any] = json.loads(match[1])
    return values


def test_numbers_keep_six_digits_and_gaps() -> None:
    assert figures.numbers([123456.789, 0.000123456789, float("nan"), float("inf")]) == [
        123457.0,
        0.000123457,
        None,
        None,
    ]


def test_drawdown_is_measured_from_the_highest_value_so_far() -> None:
    frame = result().equity.iloc[:4].copy()
    frame["long_flat"] = [100.0, 80.0, 120.0, 90.0]  # 80/100 - 1 and 90/120 - 1
    below = [t for t in figures.equity(frame)["data"] if t["name"] == "long_flat" and t["yaxis"] == "y2"]
    assert below[0]["y"] == [0.0, -0.2, 0.0, -0.25]


def test_a_lost_account_is_a_gap_on_the_log_scale() -> None:
    frame = result().equity.iloc[:3].copy()
    frame["long_flat"] = [100.0, -5.0, 0.0]
    above = next(t for t in figures.equity(frame)["data"] if t["name"] == "long_flat")
    assert above["y"] == [100.0, None, None]


def test_whiskers_reach_from_low_to_high_and_skip_the_undefined() -> None:
    assessment = result().assessment
    for name in ("sharpe", "sharpe_low", "sharpe_high"):
        assessment = put(assessment, f"strategies.1.versus_benchmark.{name}", None)
    chart = figures.differences(assessment)
    dots = chart["data"][0]
    assert dots["y"] == [name for name in NAMES if name != "long_short"]
    assert (dots["x"][0], dots["error_x"]["array"][0], dots["error_x"]["arrayminus"][0]) == (0.3, 0.6, 0.6)
    assert chart["layout"]["yaxis"]["categoryarray"] == list(reversed(NAMES))


def test_the_band_of_chance_is_two_standard_errors() -> None:
    upper = figures.folds(result().folds)["data"][3]["y"]
    assert upper[0] == pytest.approx(0.427707, abs=1e-6)  # 1.96 / sqrt(21), by hand


def test_luck_is_drawn_above_the_line_of_buy_and_hold() -> None:
    assessment = put(result().assessment, "strategies.6.luck.placebo.low", None)
    chart = figures.luck(assessment)
    ranges, worlds, seeds, own = chart["data"]
    # coin_flip, the last strategy, is the lowest row; its shuffles have no band, so the first one is hysteresis'.
    assert chart["layout"]["yaxis"]["ticktext"] == list(reversed(NAMES))
    assert ranges["y"][:3] == [1, 1, None]
    assert ranges["x"][:3] == pytest.approx([-0.65, 0.05, None], abs=1e-9)  # -0.2 and 0.5, by costs of -0.45
    # Sharpe ratio of buy-and-hold 0.45, and the differences of tests/results.py without the lost account.
    assert worlds["x"][:3] == pytest.approx([0.15, 0.85, 0.45])
    assert seeds["x"] == pytest.approx([0.75, 0.25, 0.65, 0.85])
    assert own["x"][-1] == 0.45


def test_the_page_says_what_an_edge_would_need_and_which_dots_are_drawn() -> None:
    assessment = put(result().assessment, "strategies.0.versus_benchmark.missing", ())
    assessment = put(assessment, "strategies.1.versus_benchmark.verdict", WORSE)
    text = page(replace(result(), assessment=assessment))
    assert "long_flat not distinguishable: an edge" not in text
    assert "<li>long_short worse: an edge would need an adjusted p-value below 0.05 (0.280).</li>" in text
    assert "Small dots: 4 histories with nothing to forecast (orange) and 4 seeds (blue);" in text


def test_a_verdict_stands_without_buy_and_hold_which_the_heading_names() -> None:
    versus = result().assessment.strategies[0].versus_benchmark
    short = [cells.verdict(replace(versus, verdict=text)) for text in (SUPPORTED, WORSE, UNDECIDED)]
    assert short == ["edge supported", "worse", "not distinguishable"]


def test_an_interval_that_ends_beside_zero_shows_on_which_side() -> None:
    versus = replace(result().assessment.strategies[0].versus_benchmark, sharpe=-0.79, sharpe_low=-1.58)
    assert cells.difference(replace(versus, sharpe_high=-0.0031)) == "-0.79 [-1.58,-0.003]"
    assert cells.difference(replace(versus, sharpe_high=0.0031)) == "-0.79 [-1.58,0.003]"
    assert cells.difference(replace(versus, sharpe_high=0.0)) == "-0.79 [-1.58,0.00]"


def test_what_the_chart_and_the_page_say_of_their_intervals() -> None:
    """Of seven strategies each interval has a level of 1 - 0.05 / 7 = 99.3 %."""
    text, axis = page(result()), figures.differences(result().assessment)["layout"]["xaxis"]["title"]["text"]
    assert "an interval of 99.3%, so that all 7 together hold the truth with 95 %." in text
    assert axis == "Sharpe ratio minus that of buy-and-hold (95% for all 7)"
    alone = page(result(NAMES[:1]))
    assert "with the 95 % interval." in alone
    assert "Sharpe difference [95% interval]" in alone


def test_the_ladder_names_the_clark_west_test_that_it_shows() -> None:
    """That beside the mean: 0.21 in the made-up rungs, where that beside zero is 0.12."""
    text = page(result())
    assert "Clark-West p\u00a0to\u00a0mean" in text
    assert "<td>0.210</td>" in text


def test_without_a_ladder_the_page_says_why() -> None:
    assessment = put(result().assessment, "ladder", None)
    check = Check("ladder", NOT_RUN, "to run it: add --ladder")
    text = page(replace(result(), assessment=replace(assessment, checks=(check,))))
    assert "<p>Not run; to run it: add --ladder</p>" in text


def test_positions_offered_are_those_drawn() -> None:
    run = result()
    exposure = payload_of(page(run))["exposure"]
    assert exposure == [run.exposure[name].tolist() for name in NAMES]


def test_page_stays_near_the_size_of_plotly() -> None:
    from plotly.offline import get_plotlyjs

    assert len(page(result()).encode()) < len(get_plotlyjs().encode()) + 700_000


def test_text_of_users_is_escaped_everywhere() -> None:
    text = page(result((EVIL, *NAMES[1:])))
    assert "<img" not in text.replace(_plotly(), "")
    assert len(re.findall("</script>", text)) == 3  # the data, plotly.js, the page's own


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@dataclass
class Visit:
    """A page that was opened with the network shut, and what it tried."""

    tab: Any
    address: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("no Chromium to open the report with")
    assert CHROMIUM is not None, "CI needs Chromium to open the report with: apt-get install chromium"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=str(CHROMIUM), args=OPTIONS)
        yield chromium
        chromium.close()


def visit(browser: Any, folder: Path, names: tuple[str, ...] = NAMES, width: int = 1200) -> Visit:
    path = folder / "report.html"
    path.write_text(page(result(names)), encoding="utf-8")
    tab = browser.new_context(offline=True, viewport={"width": width, "height": 900}).new_page()
    view = Visit(tab, path.as_uri())
    view.tab.on("request", lambda request: view.requests.append(request.url))
    view.tab.on("console", lambda message: view.errors.append(message.text))
    view.tab.on("pageerror", lambda error: view.errors.append(str(error)))
    view.tab.goto(view.address)
    view.tab.wait_for_function("document.querySelectorAll('.plot .main-svg').length >= 5")
    return view


@pytest.fixture(scope="module")
def view(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    return visit(browser, tmp_path_factory.mktemp("wide"))


def test_opens_offline_from_one_file_and_draws_everything(view: Visit) -> None:
    assert view.requests == [view.address]
    assert view.errors == []
    lines = {p: view.tab.locator(f"#{p} .trace.scatter").count() for p in ("equity", "forecasts", "folds")}
    # Equity and drawdown of 7 strategies and buy-and-hold; three panels; two losses, a band of two lines, dots.
    assert lines == {"equity": 16, "forecasts": 3, "folds": 5}
    assert view.tab.locator("#differences .point").count() == len(NAMES)
    assert SENTENCE in view.tab.locator(".verdict").inner_text()
    assert view.tab.locator(".checks li").count() == 4


def test_table_has_the_numbers_of_the_summary(view: Visit) -> None:
    rows = [r.split("\t") for r in view.tab.locator("#results tbody tr").all_inner_texts()]
    assert [row[0] for row in rows] == ["buy_and_hold", *NAMES]
    # The fractions of tests/results.py, written by hand.
    assert rows[2][2:] == [
        *("3.2%", "32%", "0.35", "-61%", "51%", "12.3", "1,041"),
        *("0.18 [-0.42,0.78]", "not distinguishable"),
    ]


def test_choosing_a_strategy_shows_its_positions(view: Visit) -> None:
    view.tab.select_option("#strategy", label="sma_cross")
    shown = view.tab.evaluate("Array.from(document.getElementById('forecasts').data[2].y)")
    assert shown == result().exposure["sma_cross"].tolist()


@pytest.fixture(scope="module")
def narrow(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """On a telephone, with a name that has no good in mind."""
    return visit(browser, tmp_path_factory.mktemp("narrow"), (EVIL, *NAMES[1:]), width=420)


def test_a_name_cannot_run_a_script(narrow: Visit) -> None:
    view = narrow
    assert view.errors == []
    assert view.tab.evaluate("window.hurt") is None
    assert view.tab.locator("#results tbody th").nth(1).inner_text() == EVIL
    assert EVIL in view.tab.locator("#equity .legendtext").all_text_contents()


def test_dark_redraws_the_charts_and_a_telephone_needs_no_sideways_scrolling(narrow: Visit) -> None:
    view = narrow
    assert view.tab.evaluate("document.documentElement.scrollWidth") == 420
    colour = "document.getElementById('equity')._fullLayout.paper_bgcolor"
    light = view.tab.evaluate(colour)
    view.tab.emulate_media(color_scheme="dark")
    view.tab.wait_for_function(f"{colour} !== {json.dumps(light)}")
    assert view.errors == []
