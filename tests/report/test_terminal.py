from __future__ import annotations

import contextlib
import io
import re
import time
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from helpers.made_up import NAMES, put, result

from lstmstrat.prices.faults import Fault
from lstmstrat.report import terminal
from lstmstrat.report.answer import sentence
from lstmstrat.report.cells import p_in_words, p_value
from lstmstrat.results.assessment import Assessment


class Screen(io.StringIO):
    """A terminal that keeps what it was shown."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def assessment() -> Assessment:
    return result().assessment


@pytest.fixture
def columns(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return lambda n: monkeypatch.setenv("COLUMNS", str(n))


def lines_of(assessment: Assessment, file: io.StringIO) -> list[str]:
    terminal.print_result(assessment, file)
    text = file.getvalue()
    return (re.sub(r"\x1b\[[0-9;]*m", "", text) if file.isatty() else text).splitlines()


def row(lines: list[str], name: str) -> list[str]:
    return next(line.split(maxsplit=10) for line in lines if line.startswith(name))


def test_a_pipe_gets_the_whole_table_within_100_columns_without_colour(assessment: Assessment) -> None:
    lines = lines_of(assessment, io.StringIO())
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in text
    assert "…" not in text
    # The fractions of tests/results.py, written by hand.
    expected = ["long_short", "3.2%", "32%", "0.35", "-61%", "51%", "12.3", "1,041", "0.18", "[-0.42,", "0.78]"]
    cells = row(lines, "long_short")
    assert [cells[0], *cells[2:10], *cells[10].split()[:2]] == expected
    assert text.count("may be luck") == len(NAMES)


def test_buy_and_hold_comes_first(assessment: Assessment) -> None:
    first_words = [line.split()[0] for line in lines_of(assessment, io.StringIO()) if line.strip()]
    start = first_words.index("holding")
    assert first_words[start + 1 : start + 1 + len(NAMES)] == list(NAMES)


def test_the_card_comes_first_and_holds_what_a_reader_must_know(assessment: Assessment) -> None:
    lines = lines_of(assessment, io.StringIO())
    head = " ".join(" ".join(lines[: next(k for k, line in enumerate(lines) if "total" in line)]).split())
    assert head.startswith(f"verdict {sentence(assessment)} data MADE, bundled, 2000-03-01 to ")
    assert "costs commission 0.10% and slippage 0.05% of each trade" in head
    assert "trials 12 so far on MADE over this period" in head
    assert "seeds lstm, one network a fold, from seed 0 best of all" in head
    assert "(Hansen's SPA; yes, if small)? p = 0.310" in head


def test_evidence_and_ladder_are_tables(assessment: Assessment) -> None:
    text = io.StringIO()
    terminal.print_result(assessment, text)
    rows = [line.split() for line in text.getvalue().splitlines()]
    # adjusted p, deflated Sharpe, lead and timing, timing p, seeds, worlds p
    assert ["long_flat", "0.280", "0.61", "0.44", "0.37", "0.180", "75%,", "-0.20,", "0.20", "0.250"] in rows
    # net exposure, holding only that part, lead from best fold and days, break-even, one bar later
    assert ["long_flat", "51%", "40%", "n/a", "42%", "27", "bp", "-0.12"] in rows
    rung = next(r for r in rows if r[:2] == ["always", "up"])
    assert rung[2:7] == ["21", "117", "1.23", "2,399", "n/a"]
    assert any(r[:2] == ["lstm", "never"] and r[-3:] == ["-0.10", "[-0.50,", "0.30]"] for r in rows)


def test_the_skill_of_the_forecast_is_said_with_its_observations(assessment: Assessment) -> None:
    text = " ".join(" ".join(lines_of(assessment, io.StringIO())).split())
    assert "Forecasts. Over 2,399 forecasts: correlation with the realised return 0.021; its median" in text
    assert "over 116 folds is 0.020, and 53.0% are above 0." in text
    none = put(assessment, "forecast_skill.observations", 0)
    assert "Forecasts. Over" not in " ".join(lines_of(none, io.StringIO()))


def test_without_seeds_worlds_and_ladder_their_columns_are_not_there(assessment: Assessment) -> None:
    plain = put(assessment, "ladder", None)
    for position in range(len(NAMES)):
        for field in ("seeds", "worlds"):
            plain = put(plain, f"strategies.{position}.luck.{field}", None)
    text = " ".join(lines_of(plain, io.StringIO()))
    assert "timing p" in " ".join(text.split())
    assert not any(word in text for word in ("worlds", "seeds above", "this run minus it"))


def test_verdict_notices_and_checks_that_did_not_pass_are_said(assessment: Assessment) -> None:
    text = " ".join(lines_of(assessment, io.StringIO()))
    assert sentence(assessment) in " ".join(text.split())
    assert all(notice in text for notice in assessment.data.notices)
    flat = " ".join(text.split())
    assert "passed Chunk law failed One broker (Always long differs by 2e-3.) ran Seeds (4 seeds)" in flat
    assert "not run Look-ahead audit (Add --audit to run it.)" in flat


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_a_terminal_gets_the_columns_that_fit_and_is_told_of_the_others(
    assessment: Assessment, columns: Any, width: int
) -> None:
    columns(width)
    lines = lines_of(assessment, Screen())
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert "…" not in text
    assert text.count("may be luck") == len(NAMES)
    assert ("No room for" in text) == (width < 100)


def test_a_long_name_is_never_cut(assessment: Assessment, columns: Any) -> None:
    columns(100)
    long = put(assessment, "strategies.0.name", "a_name_of_thirty_letters_or_so")
    for file in (Screen(), io.StringIO()):
        lines = lines_of(long, file)
        assert any(line.startswith("a_name_of_thirty_letters_or_so ") for line in lines)
        assert "…" not in file.getvalue()


def test_undefined_is_not_zero_and_names_are_not_markup(assessment: Assessment) -> None:
    odd = put(assessment, "strategies.0.name", "[red]:x:[/]")
    odd = put(odd, "strategies.0.metrics.cagr", None)
    for field in ("sharpe", "sharpe_low", "sharpe_high"):
        odd = put(odd, f"strategies.0.versus_benchmark.{field}", None)
    cells = row(lines_of(odd, io.StringIO()), "[red]:x:[/]")
    assert cells[2] == "n/a"
    assert cells[9] == "n/a"


def test_the_bars_a_year_are_said_and_why_there_is_no_growth_by_the_year(assessment: Assessment) -> None:
    """0.25 of a year of 365.25 days are three months; the made-up run claims 252 and counts 260.9."""

    def foot(shown: Assessment) -> str:
        text = " ".join(lines_of(shown, io.StringIO()))
        return " ".join(text[text.index("bars a year") - 6 : text.index("Adjusted p:")].split())

    assert foot(assessment) == "252 bars a year (counted: 260.9)."
    short = put(put(assessment, "period.years", 0.25), "period.periods_per_year", 8766.0)
    reason = "No growth by the year (CAGR), because 3 months are less than a year."
    assert foot(short) == f"8,766 bars a year (counted: 260.9). {reason}"
    assert foot(put(assessment, "period.counted_per_year", None)) == "252 bars a year."


def test_findings_stand_above_the_verdict_with_what_to_do(assessment: Assessment) -> None:
    wrong = Fault(7, "2008-09-29", "price", 0.1, "the open is a tenth of the closes beside it", single=True)
    shown = Fault(9, "2010-05-06", "flat", 6.0, "6 equal closes in a row", voids=False)
    right = replace(wrong, date="2009-01-02", accepted=True)
    lines = lines_of(put(assessment, "data.faults", (wrong, right, shown)), io.StringIO())
    head = " ".join(" ".join(lines[: next(k for k, line in enumerate(lines) if "verdict" in line[:8])]).split())
    assert head == (
        "look first 2008-09-29: the open is a tenth of the closes beside it. "
        "No edge is supported on these prices; if this is wrong, correct the prices or take others, "
        "or leave single bars out (data.faults: drop); "
        "if it is right, write under data: accepted: [2008-09-29, 2009-01-02] "
        "Accepted by the config: 2009-01-02: the open is a tenth of the closes beside it. "
        "Worth reading: 2010-05-06: 6 equal closes in a row."
    )


def test_fold_table_shows_the_first_3_the_last_2_and_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_folds(result().folds)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["fold", "0", "1", "2", "...", "115", "116", "117"]
    assert lines[1] == ["0", "2004-01-05", "690"]
    assert lines[-1] == ["117", "folds", "80,730"]  # 117 * 690


@pytest.mark.parametrize(("count", "rows"), [(0, 2), (1, 3), (8, 10), (9, 8)])
def test_up_to_8_folds_are_all_shown(count: int, rows: int) -> None:
    file = io.StringIO()
    terminal.print_folds(result().folds.head(count), file)
    assert len(file.getvalue().splitlines()) == rows  # heading and total beside them


def test_a_pipe_gets_a_line_of_progress_now_and_then() -> None:
    times = iter([0.0, 1.0, 10.0, 15.0, 20.0, 20.5])
    file = io.StringIO()
    with terminal.stages(file=file, clock=lambda: next(times)) as opened, opened("training", "folds") as report:
        for done in (1, 2, 3, 4):
            report(done, 4)
    # 2 folds took 10 s, so 2 more take 10 s; the lines at 1 s and 15 s come too soon.
    assert file.getvalue().splitlines() == [
        "training: 2 of 4 folds, 10 s left",
        "training: 4 of 4 folds in 20.5 s",
    ]


def test_no_time_is_promised_before_the_first_fold() -> None:
    times = iter([0.0, 30.0, 31.0])
    file = io.StringIO()
    with terminal.stages(file=file, clock=lambda: next(times)) as opened, opened("training", "folds") as report:
        report(0, 4)
    assert file.getvalue().splitlines()[0] == "training: 0 of 4 folds, time left unknown"


def comes(screen: Screen, text: str) -> bool:
    """The bars are drawn ten times a second."""
    end = time.monotonic() + 10.0
    while text not in screen.getvalue() and time.monotonic() < end:
        time.sleep(0.02)
    return text in screen.getvalue()


def test_a_terminal_gets_a_bar(columns: Any) -> None:
    columns(80)
    screen = Screen()
    with terminal.stages(file=screen) as opened, opened("training", "folds") as report:
        report(3, 117)
        report(117, 117)
        assert comes(screen, "117/117 folds")
    assert "training" in screen.getvalue()
    assert " left" in screen.getvalue()


def test_progress_keeps_out_of_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 10.0, 10.0])
    with terminal.stages(clock=lambda: next(times)) as opened, opened("training", "folds") as report:
        report(1, 1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "training: 1 of 1 folds in 10.0 s\n"


def test_a_short_stage_is_a_line_in_a_pipe_and_one_inside_it_is_none() -> None:
    """Neither by its own time nor by its count; a stage that counts nothing has its time alone."""
    times = iter([0.0, 0.1, 0.2, 1.1, 1.2, 1.3, 2.0, 2.25, 3.0, 3.04])
    file = io.StringIO()
    with terminal.stages(file=file, clock=lambda: next(times)) as opened:
        with opened("simulating", "strategies") as outer, opened("training", "folds") as inner:
            inner(118, 118)
            outer(5, 6)
            outer(6, 6)
        for name in ("writing", "nothing"):
            with opened(name, ""):
                pass
    assert file.getvalue().splitlines() == ["simulating: 6 of 6 strategies in 1.3 s", "writing: 0.2 s"]


def test_a_stage_that_fails_has_no_line_at_its_end() -> None:
    file = io.StringIO()
    with (
        contextlib.suppress(ZeroDivisionError),
        terminal.stages(file=file) as opened,
        opened("seeds", "seeds"),
    ):
        raise ZeroDivisionError
    assert file.getvalue() == ""


def test_nothing_is_said_when_it_shall_be_quiet() -> None:
    file = io.StringIO()
    with terminal.stages(file=file, quiet=True) as opened, opened("training", "folds") as report:
        report(0, 4)
    assert file.getvalue() == ""


def test_a_stage_inside_another_has_a_bar_below_it_and_a_stage_that_fails_leaves_none(columns: Any) -> None:
    columns(80)
    screen = Screen()
    with terminal.stages(file=screen) as opened, opened("sweep", "points") as outer:
        outer(1, 8)
        with contextlib.suppress(ZeroDivisionError), opened("training", "folds") as inner:
            inner(2, 4)
            assert comes(screen, "2/4 folds")
            raise ZeroDivisionError
        outer(2, 8)
        assert comes(screen, "2/8 points")
        assert "training" not in screen.getvalue().rpartition("sweep")[2]


def test_the_time_of_a_stage_inside_is_no_pace_of_the_one_around_it() -> None:
    """The first of six strategies trains for all of them: 120 s of training, then 12 s of its own."""
    times = iter([0.0, 0.0, 120.0, 132.0, 132.0])
    file = io.StringIO()
    with (
        terminal.stages(file=file, clock=lambda: next(times)) as opened,
        opened("simulating", "strategies") as outer,
        opened("training", "folds") as inner,
    ):  # is open to the end, for a later strategy may train too
        inner(118, 118)
        outer(1, 6)
    assert file.getvalue().splitlines()[1] == "simulating: 1 of 6 strategies, 60 s left"  # 5 more at 12 s each


def test_long_times_are_in_minutes() -> None:
    times = iter([0.0, 120.0, 130.0])
    file = io.StringIO()
    with terminal.stages(file=file, clock=lambda: next(times)) as opened, opened("seeds", "seeds") as report:
        report(1, 4)
    assert file.getvalue().splitlines()[0] == "seeds: 1 of 4 seeds, 6 min left"  # 3 more at 120 s each


def test_folds_need_only_what_is_known_before_training() -> None:
    planned = pd.DataFrame({"number": [0], "first_forecast": [pd.Timestamp("2004-01-05")], "samples": [690]})
    file = io.StringIO()
    terminal.print_folds(planned, file)
    assert "2004-01-05" in file.getvalue()


@pytest.mark.parametrize(
    ("value", "cell", "words"),
    [(None, "n/a", "p = n/a"), (0.0499, "0.050", "p = 0.050"), (0.0005, "0.001", "p = 0.001")]
    + [(tiny, "<0.001", "p < 0.001") for tiny in (0.00049, 1e-12, 0.0)],
)
def test_no_p_value_is_printed_as_nothing(value: float | None, cell: str, words: str) -> None:
    assert (p_value(value), p_in_words(value)) == (cell, words)
