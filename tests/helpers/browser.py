"""A page of a report in the system's Chromium, with the network shut."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next((p for p in map(Path, ("/usr/bin/chromium", "/usr/bin/chromium-browser")) if p.exists()), None)
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@dataclass
class Visit:
    """A page that was opened, and what it tried."""

    tab: Any
    address: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def number_of(self, script: str) -> float:
        """The value of a script."""
        return float(self.tab.evaluate(script))


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; the test is skipped where there is none, but never in CI."""
    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("no Chromium to open the report with")
    assert CHROMIUM is not None, "CI needs Chromium to open the report with: apt-get install chromium"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=OPTIONS)
        yield browser
        browser.close()


def visit(browser: Any, path: Path, width: int = 1440, height: int = 900, **context: Any) -> Visit:
    """The page of a file, drawn as far as the window reaches."""
    tab = browser.new_context(offline=True, viewport={"width": width, "height": height}, **context).new_page()
    view = Visit(tab, path.as_uri())
    tab.on("request", lambda request: view.requests.append(request.url))
    tab.on("console", lambda message: view.errors.append(message.text))
    tab.on("pageerror", lambda error: view.errors.append(str(error)))
    tab.goto(view.address)
    if context.get("java_script_enabled", True):
        tab.wait_for_selector("#answer-plot .main-svg")
    return view


def draw_everything(view: Visit) -> None:
    """Every chart is drawn and every fold is open, as after printing."""
    view.tab.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    view.tab.evaluate("dispatchEvent(new Event('afterprint'))")


def printed(view: Visit) -> None:
    """Every chart is drawn for the paper, and again for the screen."""
    view.tab.evaluate("dispatchEvent(new Event('beforeprint')); dispatchEvent(new Event('afterprint'))")


MISPLACED = """() => {
    const found = [], inside = (a, b, one, other) => a[one] < b[other] - 1 && b[one] < a[other] - 1;
    const meet = (a, b) => inside(a, b, 'left', 'right') && inside(a, b, 'top', 'bottom');
    for (const plot of document.querySelectorAll('.plot')) {
        if (!plot.offsetParent || !plot.querySelector('.main-svg')) continue;
        const box = plot.getBoundingClientRect();
        const texts = [...plot.querySelectorAll('.main-svg text')].map(t => [t, t.getBoundingClientRect()])
            .filter(([t, r]) => r.width && t.textContent.trim());
        for (const [t, r] of texts) {
            if (r.left < box.left - 1 || r.right > box.right + 1 || r.top < box.top - 1
                || r.bottom > box.bottom + 1)
                found.push([plot.id, 'cut', t.textContent]);
            if (/[xy]\\d*title/.test(t.getAttribute('class') || ''))
                for (const [other, o] of texts)
                    if (other !== t && meet(r, o))
                        found.push([plot.id, 'overlaps', t.textContent, other.textContent]);
        }
        const key = plot.nextElementSibling;
        if (key && key.className === 'key')
            for (const [t, r] of texts)
                if (meet(r, key.getBoundingClientRect())) found.push([plot.id, 'key', t.textContent]);
    }
    return found;
}"""
"""Texts of charts that are cut, or lie on an axis title or on the key."""
