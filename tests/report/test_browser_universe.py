"""The page of a universe in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import made_up_universe
from helpers.browser import MISPLACED, chromium, draw_everything, visit

from lstmstrat.report.page import page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("universe") / "page.html"
    place.write_text(page(made_up_universe.result()), encoding="utf-8")
    return place


EMPTY = """[...document.querySelectorAll('.plot')].filter(p => p.offsetParent)
    .filter(p => !p.querySelector('.why') && !p.querySelector('.trace, .bars path')).map(p => p.id)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_is_drawn_at_every_width_and_no_text_is_cut(browser: Any, written: Path, scheme: str) -> None:
    view = visit(browser, written, color_scheme=scheme)
    draw_everything(view)
    for width in (1440, 800, 390):
        view.tab.set_viewport_size({"width": width, "height": 900})
        view.tab.wait_for_function(f"document.documentElement.scrollWidth === {width}")
        view.tab.wait_for_function("document.querySelector('#time-plot .main-svg').clientWidth <= innerWidth")
        view.tab.evaluate("dispatchEvent(new Event('afterprint'))")  # at the new width
        assert view.tab.evaluate(MISPLACED) == [], width
    assert view.tab.evaluate(EMPTY) == []
    assert view.errors == []
    assert view.requests == [view.address]
    said = view.tab.inner_text("main")
    assert "NaN" not in said
    assert "undefined" not in said.replace("and what is undefined, is", "")


def test_the_place_of_the_shuffles_says_why_there_are_none(browser: Any, written: Path) -> None:
    view = visit(browser, written)
    draw_everything(view)
    assert (
        view.tab.locator("#shuffles .why").inner_text().startswith("The holdings of a portfolio are not shuffled.")
    )
    assert view.tab.locator("#shuffles + figcaption").count() == 0


def test_a_year_says_its_t_where_it_stands(browser: Any, written: Path) -> None:
    view = visit(browser, written)
    draw_everything(view)
    view.tab.locator("#rankyears").scroll_into_view_if_needed()
    bar = view.tab.locator("#rankyears .bars path").first.bounding_box()
    view.tab.mouse.move(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 4)
    view.tab.wait_for_selector("#rankyears .hoverlayer .hovertext")
    panel = made_up_universe.result().assessment.panel
    assert panel is not None
    ic = panel.skill.years[0].ic
    told = view.tab.locator("#rankyears .hoverlayer").text_content()
    assert f"{ic.mean:.3f} (t {ic.t:.1f}, sessions: {ic.sessions})" in told


def test_nothing_serious_stands_in_the_way_of_a_reader_of_it(browser: Any, written: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    view = visit(browser, written)
    draw_everything(view)
    found = Axe().run(view.tab, options={"resultTypes": ["violations"]}).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
