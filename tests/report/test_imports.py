from __future__ import annotations

import subprocess
import sys

HEAVY = ("backtrader", "numba", "sklearn", "torch", "arch", "statsmodels", "yfinance")


def loaded(modules: str, libraries: tuple[str, ...]) -> str:
    """Those of `libraries` that an import of `modules` loads, in a fresh interpreter."""
    script = f"import sys, {modules}; print([name for name in {libraries!r} if name in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_report_of_a_run_folder_loads_nothing_that_trains_or_trades() -> None:
    report = "lstmstrat.report, lstmstrat.report.page, lstmstrat.report.terminal, lstmstrat.report.figures"
    assert loaded(f"{report}, lstmstrat.results.run_folder", HEAVY) == "[]"


def test_the_terminal_loads_rich_and_the_page_jinja_when_they_write() -> None:
    assert loaded("lstmstrat.report.terminal, lstmstrat.report.page", ("rich", "jinja2")) == "[]"
