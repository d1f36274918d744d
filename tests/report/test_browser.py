"""The page in a browser: every control, at every width, in light and dark, on paper and without scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import MISPLACED, Visit, chromium, draw_everything, printed, visit
from helpers.made_up import NAMES, UNUSUAL, result, unusual

from lstmstrat.evaluation.verdict import UNDECIDED
from lstmstrat.report.answer import sentence
from lstmstrat.report.page import page
from lstmstrat.report.page.compare import comparison_page
from lstmstrat.report.page.sweep import sweep_page
from lstmstrat.results.sweep import Axis, Outcome, Sweep
from lstmstrat.study.compare import compare

EVIL = '<script>alert(1)</script><img src=x onerror="window.hurt=1">'
MANY = tuple(f"lf(threshold={k / 10_000:.4f})" for k in range(20))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of made-up runs: the usual one, one with a name that means no good, and one of twenty strategies."""
    folder = tmp_path_factory.mktemp("pages")
    kinds = {"usual": NAMES, "evil": (EVIL, *NAMES[1:]), "many": MANY, "two": NAMES[:2]}
    for kind, names in kinds.items():
        (folder / f"{kind}.html").write_text(page(result(names)), encoding="utf-8")
    return {kind: folder / f"{kind}.html" for kind in kinds}


@pytest.fixture(scope="module")
def view(browser: Any, pages: dict[str, Path]) -> Visit:
    """The usual page with every chart, as after printing; a test leaves it as it was."""
    view = visit(browser, pages["usual"])
    printed(view)
    return view


def test_it_asks_the_network_for_nothing_and_has_no_error(view: Visit) -> None:
    view.tab.wait_for_function("document.querySelectorAll('.plot .main-svg').length >= 14")
    assert view.requests == [view.address]
    assert view.errors == []


def test_the_first_screen_has_the_answer_and_nothing_above_it_but_a_title(
    browser: Any, pages: dict[str, Path], view: Visit
) -> None:
    bottom = "document.querySelector('{}').getBoundingClientRect().bottom"
    assert view.number_of(bottom.format("#answer")) <= 900
    assert view.tab.evaluate("document.querySelector('main').firstElementChild.id") == "answer"
    assert sentence(result().assessment) == view.tab.locator("#sentence").inner_text()
    phone = visit(browser, pages["usual"], width=390, height=844)
    assert phone.number_of(bottom.format("#answer")) <= 2 * 844


WIDTHS, PAPER = (1440, 1100, 800, 390), 688  # A4 without its margins is 182 by 269 mm
ROWS = """[...document.querySelectorAll('.two')].flatMap(part => {
    const all = [...part.children].map(c => c.getBoundingClientRect());
    const beside = one => all.filter(o => Math.abs(o.top - one.top) < 2);
    const whole = part.getBoundingClientRect().width;
    return all.map(one => beside(one).reduce((sum, o) => sum + o.width, 0) / whole);
})"""
"""How much of its row each chart fills, together with those beside it."""


@dataclass
class Widths:
    """A page at each width of a screen, and on paper."""

    view: Visit
    wide: dict[int, float] = field(default_factory=dict)
    misplaced: dict[int, list[Any]] = field(default_factory=dict)
    rows: dict[int, float] = field(default_factory=dict)


@pytest.fixture(scope="module", params=["usual", "two", "evil", "many"])
def widths(request: pytest.FixtureRequest, browser: Any, pages: dict[str, Path]) -> Iterator[Widths]:
    """One visit of each kind of page."""
    view = visit(browser, pages[request.param])
    draw_everything(view)
    found = Widths(view)
    for width in WIDTHS:
        view.tab.set_viewport_size({"width": width, "height": 900})
        view.tab.wait_for_function("document.querySelector('#time-plot .main-svg').clientWidth <= innerWidth")
        if width < WIDTHS[0]:
            view.tab.evaluate("dispatchEvent(new Event('afterprint'))")  # at the new width
        found.wide[width] = view.number_of("document.documentElement.scrollWidth")
        found.misplaced[width] = view.tab.evaluate(MISPLACED)
        found.rows[width] = min(view.tab.evaluate(ROWS))
    view.tab.emulate_media(media="print")
    view.tab.set_viewport_size({"width": PAPER, "height": 1017})
    view.tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    found.wide[PAPER] = view.number_of("document.documentElement.scrollWidth")
    found.misplaced[PAPER] = view.tab.evaluate(MISPLACED)
    yield found
    view.tab.context.close()


def test_no_width_needs_sideways_scrolling(widths: Widths) -> None:
    assert widths.wide == {width: width for width in (*WIDTHS, PAPER)}
    assert widths.view.tab.evaluate("window.hurt") is None
    assert widths.view.errors == []


def test_no_text_of_a_chart_is_cut_or_lies_on_another(widths: Widths) -> None:
    assert widths.misplaced == {width: [] for width in (*WIDTHS, PAPER)}


def test_no_chart_stands_alone_in_half_a_row(widths: Widths) -> None:
    """Of charts in two columns each row is full; in one column, on a narrow screen, each chart is as wide."""
    assert min(widths.rows.values()) > 0.9, widths.rows


def test_at_full_width_no_table_is_cut(view: Visit) -> None:
    cut = """[...document.querySelectorAll('.scroll')]
        .filter(s => !s.closest('[hidden]') && !s.closest('details:not([open])'))
        .filter(s => s.scrollWidth > s.clientWidth + 1).map(s => s.getAttribute('aria-label'))"""
    assert view.tab.evaluate(cut) == []


def test_the_numbers_are_those_of_the_summary(view: Visit) -> None:
    rows = [r.split("\t") for r in view.tab.locator("#results tbody tr").all_inner_texts()]
    assert [row[0] for row in rows] == ["holding", *NAMES]
    assert [text.strip() for text in rows[2][4:11]] == [  # the fractions of the made-up run, written by hand
        *("3.2%", "32%", "0.35", "−61%", "51%", "12.3", "1,041")
    ]
    assert "0.18 [−0.42, 0.78]" in rows[2][-1]


def test_the_menu_governs_numbers_tables_and_charts(view: Visit) -> None:
    view.tab.select_option("#strategy", label="sma_cross")
    final = result().assessment.strategies[4].metrics.final_value
    assert f"{final:,.0f}" in view.tab.locator("#answer .numbers:visible").inner_text()
    assert view.tab.locator("#time h3:visible").first.inner_text() == "sma_cross: months and years"
    shown = """document.getElementById('time-plot').data
        .filter(t => t.yaxis === 'y4' && t.visible !== false).map(t => t.name)"""
    assert view.tab.evaluate(shown) == ["holding", "sma_cross"]
    labels = "document.getElementById('answer-plot').layout.annotations.map(a => a.text.match(/<b>(.*)<.b>/)[1])"
    assert sorted(view.tab.evaluate(labels)) == ["holding", "sma_cross"]
    view.tab.select_option("#strategy", label="long_flat")


def test_the_chart_of_the_seeds_is_that_of_the_strategy_of_the_menu_or_says_why_there_is_none(view: Visit) -> None:
    shown = "document.getElementById('seeds').data.filter(t => t.visible !== false).map(t => t.name)"
    assert view.tab.evaluate(shown) == ["holding", "lowest of 4 seeds", "4 seeds", "their median", "long_flat"]
    caption = view.tab.locator("figure:has(#seeds) figcaption")
    assert "from the lowest to the highest of 4 accounts at each close;" in caption.inner_text()
    view.tab.select_option("#strategy", label="sma_cross")
    said = "sma_cross does not trade the forecast of this config, so no seed changes it."
    assert view.tab.locator("#seeds .why").inner_text() == said
    assert caption.inner_text() == ""
    view.tab.select_option("#strategy", label="long_flat")


def test_one_hover_reads_the_day_in_every_panel(view: Visit) -> None:
    view.tab.locator("#time-plot").scroll_into_view_if_needed()
    box = view.tab.locator("#time-plot .nsewdrag").first.bounding_box()
    view.tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    view.tab.wait_for_selector("#time-plot .hoverlayer .legend")
    told = view.tab.locator("#time-plot .hoverlayer").text_content()
    assert told.count("long_flat") == 4
    for figure in ("account", "fall", "Sharpe", "exposure"):
        assert told.count(f": {figure} ") == 2  # of the strategy, and of holding
    assert view.tab.locator("#time-plot + .key").inner_text().split() == ["holding", "long_flat"]
    assert "-" in told  # an ISO date with its day
    view.tab.mouse.move(5, 5)


def test_a_table_sorts_by_a_click_on_its_head(view: Visit) -> None:
    names = "[...document.querySelectorAll('#results tbody th')].map(h => h.textContent)"
    head = view.tab.get_by_role("button", name="sort by Sharpe", exact=True)
    head.click()
    assert head.evaluate("b => b.closest('th').getAttribute('aria-sort')") == "descending"
    sharpe = {s.name: s.metrics.sharpe for s in result().assessment.strategies} | {"holding": 0.45}
    sorted_names = view.tab.evaluate(names)
    assert [sharpe[n] for n in sorted_names] == sorted(sharpe.values(), reverse=True)


def test_trades_are_filtered_sorted_and_downloaded(view: Visit, tmp_path: Path) -> None:
    assert view.tab.locator("#trades-table tbody tr").count() == 2
    view.tab.select_option("#trade-filter", "open")
    assert view.tab.locator("#trades-table tbody tr").count() == 1
    assert view.tab.locator("#trade-count").inner_text() == "1 round trip"
    view.tab.select_option("#trade-filter", "")
    with view.tab.expect_download() as download:
        view.tab.click("#trade-csv")
    download.value.save_as(tmp_path / "trades.csv")
    lines = (tmp_path / "trades.csv").read_text().splitlines()
    assert lines[0] == "opened,closed,side,size,entry_price,exit_price,pnl,bars"
    assert len(lines) == 3


def test_a_term_explains_itself_where_it_stands(view: Visit) -> None:
    view.tab.locator("#results .term", has_text="CAGR").first.focus()
    assert "Growth by the year" in view.tab.locator(".tip").inner_text()
    view.tab.keyboard.press("Escape")
    assert view.tab.locator(".tip").count() == 0


def test_the_account_can_be_read_on_a_linear_scale(view: Visit) -> None:
    kind = "document.getElementById('time-plot').layout.yaxis.type"
    assert view.tab.evaluate(kind) == "log"
    view.tab.uncheck("#log")
    assert view.tab.evaluate(kind) == "linear"
    view.tab.check("#log")


@pytest.mark.parametrize("kind", UNUSUAL)
def test_an_unusual_run_is_drawn_without_an_error(browser: Any, tmp_path: Path, kind: str) -> None:
    (tmp_path / "page.html").write_text(page(unusual(kind, NAMES[:2])), encoding="utf-8")
    view = visit(browser, tmp_path / "page.html")
    draw_everything(view)
    assert view.errors == []
    said = view.tab.inner_text("main")
    assert "NaN" not in said
    for words in ("and what is undefined, is", "undefined, for it never traded", "undefined, for an account"):
        said = said.replace(words, "")
    assert "undefined" not in said.replace("long_flatundefined", "")  # nor below the name of a row
    empty = """[...document.querySelectorAll('.plot')].filter(p => p.offsetParent)
        .filter(p => !p.querySelector('.why') && !p.querySelector('.trace, .bars path')).map(p => p.id)"""
    assert view.tab.evaluate(empty) == []


def test_a_strategy_that_never_traded_has_reasons_in_place_of_empty_boxes(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(page(unusual("no trades", NAMES[:1])), encoding="utf-8")
    view = visit(browser, tmp_path / "page.html")
    draw_everything(view)
    why = {id_: view.tab.locator(f"#{id_} .why").inner_text() for id_ in ("shuffles", "differences", "profits")}
    assert why["profits"] == "long_flat never traded."
    assert why["shuffles"] == why["differences"] == "No strategy traded, so there is no Sharpe ratio to compare."
    assert view.tab.locator("#sentence").inner_text() == "long_flat never traded."


def test_the_ends_of_the_first_chart_say_the_numbers_of_the_answer(browser: Any, pages: dict[str, Path]) -> None:
    ends = """[...document.getElementById('strategy').options].map(option => {
        option.parentElement.value = option.value;
        option.parentElement.dispatchEvent(new Event('change'));
        return document.getElementById('answer-plot').layout.annotations.map(a => a.text);
    })"""
    for kind, names in (("usual", NAMES), ("evil", (EVIL, *NAMES[1:])), ("many", MANY)):
        view, found, seen = visit(browser, pages[kind], height=100), result(names).assessment, set()
        for strategy, texts in zip(found.strategies, view.tab.evaluate(ends), strict=True):
            own = next(text for text in texts if "<b>holding</b>" not in text)
            seen.add(own.split("<br>")[0])
            assert own.endswith(f"<br>{strategy.metrics.final_value:,.0f}")
        assert len(seen) == len(names)  # no two are cut to the same text
        drawn_ = view.tab.locator("#answer-plot .annotation-text").all_text_contents()
        assert not any("&" in text for text in drawn_)
        if kind == "evil":
            view.tab.select_option("#strategy", "0")
            label = view.tab.locator("#answer-plot .annotation-text", has_text="<").first
            assert label.text_content().startswith("<scrip…")
        view.tab.close()


def test_one_colour_is_the_strategy_of_the_menu_everywhere(view: Visit) -> None:
    blue = view.tab.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--chosen')").strip()
    colours = "document.getElementById('{}').data.find(t => t.name === 'this run').marker.color"
    sparks = """[...document.querySelectorAll('#results tbody .spark polyline')]
        .map(p => getComputedStyle(p).stroke)"""
    for place in (0, 4):
        view.tab.select_option("#strategy", str(place))
        for chart in ("shuffles", "differences"):
            dots = view.tab.evaluate(colours.format(chart))
            assert [k for k, colour in enumerate(dots) if colour == blue] == [len(NAMES) - 1 - place]
        strokes = view.tab.evaluate(sparks)
        assert [k for k, stroke in enumerate(strokes) if stroke == "rgb(11, 102, 195)"] == [place + 1]


def test_dark_redraws_the_charts(browser: Any, pages: dict[str, Path]) -> None:
    view = visit(browser, pages["usual"])
    colour = "document.getElementById('answer-plot')._fullLayout.paper_bgcolor"
    light = view.tab.evaluate(colour)
    view.tab.emulate_media(color_scheme="dark")
    view.tab.wait_for_function(f"{colour} !== {json.dumps(light)}")
    assert view.errors == []


def test_without_scripts_there_is_a_picture_and_no_empty_place(browser: Any, pages: dict[str, Path]) -> None:
    view = visit(browser, pages["usual"], java_script_enabled=False)
    assert view.tab.locator("#answer-plot svg polyline.chosen").count() == 1
    assert view.tab.locator("#answer-plot svg").bounding_box()["height"] > 300
    assert not view.tab.locator("#time-plot").is_visible()
    assert view.tab.locator("#answer .numbers").first.is_visible()
    top = "document.querySelector('{}').getBoundingClientRect().top"
    said, drawn_, others = (view.number_of(top.format(css)) for css in (".said", "#answer-plot", "#other-answers"))
    assert said == drawn_ < 200
    assert view.tab.locator(".answer .money").count() == 1
    assert view.tab.locator("#other-answers .money").count() == len(NAMES) - 1
    assert others > view.number_of("document.querySelector('.answer').getBoundingClientRect().bottom") - 1


def test_paper_shows_the_answer_on_its_first_page(browser: Any, pages: dict[str, Path], tmp_path: Path) -> None:
    view = visit(browser, pages["usual"])
    view.tab.emulate_media(media="print")
    view.tab.pdf(path=tmp_path / "page.pdf", format="A4")
    written = (tmp_path / "page.pdf").read_bytes()
    assert len(written) > 50_000
    assert len(re.findall(rb"/Type */Page\b", written)) <= 8  # seven strategies, no blank
    assert view.tab.locator(".plot .main-svg").count() >= 14
    assert view.tab.locator("header select").is_hidden()
    assert view.errors == []


def serious(view: Visit, **options: Any) -> list[Any]:
    """What stands in the way of a reader."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(view.tab, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [
        (one["id"], one["impact"], [node["target"] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_nothing_serious_stands_in_the_way_of_a_reader(view: Visit) -> None:
    assert serious(view) == []


COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


def test_nothing_serious_stands_in_the_way_of_a_reader_in_the_dark(browser: Any, pages: dict[str, Path]) -> None:
    """Which has other colours, and nothing else."""
    view = visit(browser, pages["usual"], color_scheme="dark")
    draw_everything(view)
    assert serious(view, runOnly=COLOURS) == []


def swept() -> Sweep:
    """Nine points of two strategies."""
    axes = (
        Axis("forecast.epochs", ("6", "8", "10")),
        Axis("strategies.0.params.threshold", ("0", "0.001", "0.002")),
    )
    outcomes = tuple(
        Outcome((i, j), name, 1e5 + 1e4 * i, 0.5 + 0.1 * i - 0.2 * j, 0.6, 0.1 * i - 0.1, 12, 0.7, 0.3, UNDECIDED)
        for i in range(3)
        for j in range(3)
        for name in ("long_flat", EVIL)
    )
    return Sweep("swept", "AAPL", axes, outcomes, kept=True)


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("kind", ["comparison", "sweep"])
def test_comparisons_and_sweeps_are_pages_as_good(browser: Any, tmp_path: Path, kind: str, width: int) -> None:
    two = {"runs/one": result((EVIL, *NAMES[1:])), "runs/two": result(NAMES[:2])}
    text = comparison_page(compare(two)) if kind == "comparison" else sweep_page(swept())
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    view = Visit(browser.new_context(offline=True, viewport={"width": width, "height": 900}).new_page(), "")
    view.tab.on("console", lambda message: view.errors.append(message.text))
    view.tab.on("pageerror", lambda error: view.errors.append(str(error)))
    view.tab.goto((tmp_path / "page.html").as_uri())
    assert view.tab.locator("main table").count() > 1
    assert view.errors == []
    assert view.tab.evaluate("window.hurt") is None
    assert view.number_of("document.documentElement.scrollWidth") == width
    assert serious(view) == []


def seconds_to_draw(browser: Any, page: Path) -> float:
    """Processor time of the page until its first chart stands, the least of three visits."""
    return min(_seconds_of_a_visit(browser, page) for _ in range(3))


def _seconds_of_a_visit(browser: Any, page: Path) -> float:
    tab = browser.new_context(offline=True, viewport={"width": 1440, "height": 900}).new_page()
    probe = tab.context.new_cdp_session(tab)
    probe.send("Performance.enable", {"timeDomain": "threadTicks"})
    tab.goto(page.as_uri())
    tab.wait_for_selector("#answer-plot .main-svg")
    taken = {metric["name"]: metric["value"] for metric in probe.send("Performance.getMetrics")["metrics"]}
    tab.context.close()
    return float(taken["ThreadTime"])


def test_it_is_drawn_before_anybody_waits(browser: Any, pages: dict[str, Path]) -> None:
    assert seconds_to_draw(browser, pages["usual"]) < 2.0


def test_twenty_strategies_over_ten_years_are_small_and_quick(browser: Any, pages: dict[str, Path]) -> None:
    assert pages["many"].stat().st_size < 2_500_000
    assert seconds_to_draw(browser, pages["many"]) < 2.0
