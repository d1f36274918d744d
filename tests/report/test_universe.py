"""What the terminal, the page and a notebook say of a run over a universe."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import made_up, made_up_universe
from helpers.made_up import put
from helpers.made_up_universe import FOUND, SYMBOLS, UNREADABLE

import lstmstrat
from lstmstrat import Result, StrategyError
from lstmstrat.commands.console import write_index
from lstmstrat.commands.show import _main as show
from lstmstrat.evaluation.ranks import Estimate
from lstmstrat.evaluation.survivors import CoverageOfYear
from lstmstrat.report import comparison, figures, ranks, terminal
from lstmstrat.report.answer import not_tested
from lstmstrat.report.page import page
from lstmstrat.report.page.compare import comparison_page
from lstmstrat.report.page.glossary import ALL
from lstmstrat.report.page.tables import MONTH_NAMES, PLAIN
from lstmstrat.report.page.universe import TERMS
from lstmstrat.results.assessment import NOT_RUN, Assessment, Check


@pytest.fixture(scope="module")
def result() -> Result:
    return Result.of(made_up_universe.result())


@pytest.fixture(scope="module")
def text(result: Result) -> str:
    return page(result)


def payload_of(text: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="payload">(.*?)</script>', text, re.DOTALL)
    assert match is not None
    values: dict[str, Any] = json.loads(match[1])
    return values


def said_of(text: str) -> str:
    """The words of a page, without tags, styles and scripts."""
    body = re.sub(r"<(script|style|pre).*?</\1>", "", text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body[body.index("<main>") :]).split())


def with_order(found: Assessment, mean: float | None, t: float | None) -> Assessment:
    return put(found, "panel.skill.ic", Estimate(1427, mean, t))


# --- the sentences


@pytest.mark.parametrize(
    ("mean", "t", "said"),
    [
        (0.021, 6.6, "a higher return a little more often than chance: rank correlation 0.021 (t 6.6)."),
        (0.3, 40.0, "a higher return more often than chance: rank correlation 0.300 (t 40.0)."),
        (0.007, 1.43, "a higher return no more often than chance: rank correlation 0.007 (t 1.4)."),
        (0.02, None, "a higher return no more often than chance: rank correlation 0.020 (t n/a)."),
        (-0.05, -4.0, "a lower return, more often than chance: rank correlation -0.050 (t -4.0)."),
    ],
)
def test_the_order_of_the_scores_is_said_in_words(result: Result, mean: float, t: float | None, said: str) -> None:
    first, *_ = ranks.sentences(with_order(result.assessment, mean, t))
    assert first.startswith("Among its 23 to 24 members, a higher score came before " + said)


def test_what_is_not_known_is_said_to_be_not_known(result: Result) -> None:
    nothing = Estimate(0, None, None)
    found = with_order(result.assessment, None, None)
    found = put(found, "panel.books.books.0.gross", nothing)
    for part in ("whole", "static", "timing"):
        found = put(found, f"panel.survivors.{part}", nothing)
    order, pays, survivors, *_ = ranks.sentences(found)
    assert order.startswith("Whether the scores order what comes is not known")
    assert pays.startswith("Whether the order pays is not known")
    assert survivors == "Is it the survivors? Not known: that takes more than 60 scores of an asset."


@pytest.mark.parametrize(
    ("gross", "even", "net", "said"),
    [
        (10.0, 3.7, -31.0, "breaks even at 3.7 bp a trade; this account pays 15, so it loses. "),
        (
            60.0,
            20.0,
            15.0,
            "breaks even at 20.0 bp a trade; this account pays 15, so it earns 15.0 bp a session. ",
        ),
        (-3.2, None, -40.0, "loses 3.2 bp a session even without costs. "),
    ],
)
def test_whether_it_pays_is_said_beside_the_costs(
    result: Result, gross: float, even: float | None, net: float, said: str
) -> None:
    book = result.assessment.panel.books.books[0]  # type: ignore[union-attr]
    made = replace(book, gross=Estimate(300, gross, 2.0), break_even=even, net=net)
    pays = ranks.sentences(put(result.assessment, "panel.books.books.0", made))[1]
    assert pays.startswith(f"Trading the best and the worst tenth every session {said}")
    assert "Letting a holding go only when it leaves the better 50% (for shorts the worse) " in pays


@pytest.mark.parametrize(
    ("static", "timing", "said"),
    [
        (-0.5, 7.1, "It is not a list of survivors: "),
        (3.0, 1.0, "It may be the survivors: "),
        (3.0, 7.1, "A part may be the survivors: "),
        (0.9, -0.3, "Is it the survivors? There is nothing to explain: "),
        (0.9, -7.0, "Is it the survivors? There is nothing to explain: "),
    ],
)
def test_a_usual_score_that_orders_returns_may_be_survival(
    result: Result, static: float, timing: float, said: str
) -> None:
    found = put(result.assessment, "panel.survivors.static", Estimate(300, static / 100, static))
    found = put(found, "panel.survivors.timing", Estimate(300, timing / 100, timing))
    assert ranks.sentences(found)[2].startswith(said)


def test_members_without_a_forecast_are_counted_by_reason(result: Result) -> None:
    found = put(result.assessment, "panel.missing", {"an input is missing": 1_200, "no number": 34})
    said = "Members had no forecast 1,234 times: an input is missing (1,200), no number (34)."
    assert ranks.sentences(found)[-1] == said


def test_of_one_asset_there_is_nothing_to_say() -> None:
    found = made_up.result().assessment
    assert ranks.sentences(found) == ranks.brief(found) == ranks.holding(found) == ranks.parts(found) == []


def test_how_much_of_the_universe_has_prices_is_said(result: Result) -> None:
    found = result.assessment
    said = "Prices are there for 95.3% of its members in 2019, 92.8% of its members in 2020; who is missing"
    assert said in " ".join(ranks.sentences(found))  # one of 25 has no file, and one is in quarantine

    def of(*shares: tuple[int, float | None]) -> str:
        years = tuple(year(number, share) for number, share in shares)
        return ranks.covered(put(found, "universe.coverage", years).universe)

    worst = of((2005, 0.71), (2006, 0.6), (2010, 0.85), (2017, 0.98))
    assert "71.0% of its members in 2005, 60.0% of its members in 2006, 98.0% of its members in 2017" in worst
    assert of((2005, 1.0), (2006, 0.996)) == "At least 99.6% of its members have prices in every year."
    assert "is not known: it has no members" in of((2005, None))


def test_how_much_of_its_index_a_universe_has_is_said_where_it_is_known(result: Result) -> None:
    found = result.assessment
    assert not ranks.of_index(found.universe)
    known = put(
        put(found, "universe.index", "sp500"), "universe.index_coverage", (year(2008, 0.235), year(2009, 0.2))
    )
    said = (
        "Of the members of sp500 it has 23.5% in 2008, 20.0% in 2009; who is missing is seldom missing by chance."
    )
    assert said in ranks.sentences(known)
    unknown = put(known, "universe.index_coverage", (year(2008, None),)).universe
    assert ranks.of_index(unknown) == [
        "How much of sp500 it has is not known: that has no members in these years."
    ]


def year(number: int, share: float | None) -> CoverageOfYear:
    return CoverageOfYear(number, 500.0, 500.0 * (share or 0.0), share)


# --- the terminal


def test_the_answer_says_what_holding_is_and_what_the_scores_are_worth(result: Result) -> None:
    file = io.StringIO()
    terminal.print_answer(result.assessment, file)
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 10
    panel = result.assessment.panel
    assert panel is not None
    assert "Holding universe means an equal part in each of its 23 to 24 members." in lines
    assert panel.break_even_bp is not None
    brief = f"each session paid for costs of {panel.break_even_bp / 100:.2f}% a trade, and a trade costs 0.15%."
    assert brief in " ".join(" ".join(lines).split())


@pytest.mark.parametrize(
    ("mean", "t", "even", "said"),
    [
        (
            0.023,
            6.0,
            5.1,
            "a little better than chance; buying the best tenth and shorting the worst each session paid for "
            "costs of 0.05% a trade, and a trade",
        ),
        (0.3, 9.0, 40.0, "ranks them better than chance; buying the best tenth"),
        (0.001, 0.2, 1.0, "no better than chance; buying"),
        (-0.03, -4.0, None, "shorting the worst each session lost even without costs."),
        (None, None, None, "Whether the forecast can tell them apart is not known"),
    ],
)
def test_the_first_screen_says_without_statistics_what_the_scores_are_worth(
    result: Result, mean: float | None, t: float | None, even: float | None, said: str
) -> None:
    found = put(with_order(result.assessment, mean, t), "panel.break_even_bp", even)
    (brief,) = ranks.brief(found)
    assert said in brief
    assert not any(term in brief for term in ("correlation", "(t ", " bp"))


def test_where_no_session_has_enough_scores_nothing_is_said_to_lose(result: Result) -> None:
    unknown = put(result.assessment, "panel.books.books.0.gross", Estimate(0, None, None))
    (brief,) = ranks.brief(put(unknown, "panel.break_even_bp", None))
    assert brief.endswith("; whether trading on that pays is not known.")


def test_what_is_not_checked_of_a_universe_is_said_plainly(result: Result) -> None:
    skipped = tuple(Check(name, NOT_RUN, "nobody has made it") for name in ("features", "training labels"))
    words = [said for said, _ in not_tested(replace(result.assessment, checks=skipped))]
    # and not: as no strategy asked for a forecast
    assert words == ["whether an input knows the future", "whether it learned from the past alone"]


def test_full_prints_the_four_tables(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    file = io.StringIO()
    terminal.print_result(result.assessment, file)
    rows = [line.split() for line in file.getvalue().splitlines()]
    panel = result.assessment.panel
    assert panel is not None
    for year in panel.skill.years:
        assert [str(year.year), str(year.ic.sessions), f"{year.ic.mean:.3f}", f"{year.ic.t:.1f}"] in rows
    for k, lag in enumerate(panel.skill.lags):
        assert [
            str(k),
            f"{lag.mean:.3f}".replace("-0.000", "0.000"),
            f"{lag.t:.1f}".replace("-0.0", "0.0"),
        ] in rows
    for k, one in enumerate(panel.books.ladder, 1):
        assert [str(k), f"{one.mean:.1f}", f"{one.t:.1f}"] in rows
    for book in panel.books.books:
        row = next(r for r in rows if r[:1] == [f"{book.hold_until:.0%}"])
        assert row[1:] == [
            *(f"{book.gross.mean:.1f}", f"{book.gross.t:.1f}", f"{book.turnover:.2f}"),
            *(f"{book.break_even:.1f}", f"{book.net:.1f}"),
        ]


def test_show_prints_a_run_that_was_read_back(
    result: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = result.save(tmp_path / "run")
    assert page(lstmstrat.load_run(place)) == (place / "report.html").read_text(encoding="utf-8")
    options = type("Options", (), {"run": place, "full": True, "html": True})
    assert show(options) == 0  # type: ignore[arg-type]
    assert "Holding universe means" in capsys.readouterr().out
    assert "quantile: may be luck" in write_index(tmp_path).read_text(encoding="utf-8")


# --- the page


def test_the_page_has_every_section_with_the_numbers_of_the_summary(result: Result, text: str) -> None:
    ids = re.findall(r'<section id="([^"]+)"', text)
    assert ids == ["answer", "strategies", "luck", "forecast", "time", "trades", "training", "made"]
    said, panel = said_of(text).replace("−", "-"), result.assessment.panel
    assert panel is not None
    for sentence in ranks.sentences(result.assessment):
        assert sentence in said
    for year in panel.skill.years:
        assert f"{year.year} {year.ic.sessions} {year.ic.mean:.3f} {year.ic.t:.1f}" in said
    for book in panel.books.books:
        assert f"{book.hold_until:.0%} {book.gross.mean:.1f} {book.gross.t:.1f} {book.turnover:.2f}" in said
    assert f"gross exposure {panel.gross:.0%} net exposure" in said
    assert "members 23 to 24 of 24 assets closed: asset ended 1 closed: quarantine 1 left out 1 asset" in said


def test_quarantines_and_assets_left_out_are_tables(text: str) -> None:
    said = said_of(text)
    assert f"A05 2019-12-06 60 {FOUND}" in said
    assert f"A99 {UNREADABLE}" in said


def test_without_them_there_is_no_empty_table(result: Result) -> None:
    found = put(put(result.assessment, "universe.quarantines", ()), "universe.left_out", {})
    said = said_of(page(replace(result, assessment=found)))
    assert "Assets in quarantine" not in said.split("Glossary")[0]
    assert "Assets left out" not in said


def test_the_charts_have_the_numbers_of_the_summary(result: Result) -> None:
    panel, drawn = result.assessment.panel, figures.payload(result)["figures"]
    assert panel is not None
    (years,) = drawn["rankyears"]["data"]
    assert years["x"] == [str(one.year) for one in panel.skill.years]
    assert years["y"] == pytest.approx([one.ic.mean for one in panel.skill.years], rel=1e-3)
    assert [t for t, _ in years["customdata"]] == [f"{one.ic.t:.1f}" for one in panel.skill.years]
    for one, reach in zip(panel.skill.years, years["error_y"]["array"], strict=True):
        assert abs(one.ic.mean / reach) * 1.96 == pytest.approx(abs(one.ic.t), rel=0.01)  # type: ignore[operator,arg-type]
    assert drawn["tenths"]["data"][0]["y"] == pytest.approx([one.mean for one in panel.books.ladder], rel=1e-3)
    assert drawn["lags"]["data"][0]["y"] == pytest.approx([one.mean for one in panel.skill.lags], rel=1e-3)
    gross, net, even, paid = drawn["patience"]["data"]
    for bars, field in ((net, "net"), (even, "break_even")):
        assert bars["y"] == pytest.approx([getattr(book, field) for book in panel.books.books], rel=1e-3)
    assert gross["y"] == pytest.approx([book.gross.mean for book in panel.books.books], rel=1e-3)
    assert paid["y"] == [15.0] * len(panel.books.books)
    assert drawn["foldranks"]["data"][0]["y"] == pytest.approx(result.folds["rank_ic"].tolist(), rel=1e-4)


def test_folds_of_several_pools_are_one_row_each(result: Result) -> None:
    """By hand: losses of 0.8 and 0.6 are 0.7."""
    one = result.folds.assign(pool="a", train_loss=0.8)
    both = pd.concat([one, one.assign(pool="b", train_loss=0.6)])
    found = figures.one_row_a_fold(both)
    assert found["train_loss"].tolist() == pytest.approx([0.7] * len(one))
    assert found["rank_ic"].tolist() == pytest.approx(one["rank_ic"].tolist())


def test_an_unknown_order_is_no_empty_box(result: Result) -> None:
    nothing = Estimate(0, None, None)
    found = with_order(result.assessment, None, None)
    found = put(found, "panel.books.books.0.gross", nothing)
    found = put(found, "panel.books.ladder", (nothing,) * 10)
    folds = result.folds.assign(rank_ic=np.nan)
    drawn = figures.payload(replace(result, assessment=found, folds=folds))["figures"]
    for name in ("rankyears", "lags", "tenths", "patience", "foldranks", "shuffles"):
        assert drawn[name]["why"]
    page(replace(result, assessment=found, folds=folds))


def test_no_round_trip_and_no_price_is_in_the_page(text: str) -> None:
    values = payload_of(text)
    assert values["trades"] == []
    assert not {"prices", "profits", "spread", "outcomes", "weights"} & values["figures"].keys()
    assert len(text.encode()) < 2_500_000


def test_every_heading_of_it_explains_itself_or_is_plain(text: str) -> None:
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', text)
    bare = {head.replace("\u00a0", " ") for head in heads if 'class="term"' not in head}
    of_a_universe = {"asset", "what was found", "why", "year"}
    assert bare <= {*PLAIN, *MONTH_NAMES, *of_a_universe, *TERMS, "verdict", "account", "&nbsp;"}
    firsts = {"lag", "tenth", "hold until"}  # the first column has no term
    assert not (bare & TERMS.keys()) - firsts
    assert set(TERMS.values()) <= ALL.keys()


def test_its_glossary_says_what_holding_a_universe_is(text: str) -> None:
    assert "An equal part of the account in every member of the universe" in text
    assert "never selling" not in said_of(text)


# --- what a result gives


def test_positions_are_the_assets_and_the_cash(result: Result) -> None:
    """Exposure and the mean gross exposure come from the simulation, which counts shares by itself."""
    for name in ("quantile", "buy_and_hold"):
        held = result.positions(name)
        assert [*held.columns] == [*SYMBOLS, "cash"]
        assets = held.drop(columns="cash")
        np.testing.assert_allclose(held.sum(axis=1), result.equity[name], rtol=1e-12)
        np.testing.assert_allclose(assets.sum(axis=1) / result.equity[name], result.exposure[name], atol=1e-9)
    gross = result.positions().drop(columns="cash").abs().sum(axis=1) / result.equity["quantile"]
    assert result.assessment.panel is not None
    assert gross.mean() == pytest.approx(result.assessment.panel.gross, rel=1e-9)
    long, short = (t for t in figures.exposures(result)["data"] if t["name"] in ("long", "short"))
    np.testing.assert_allclose(np.subtract(long["y"], short["y"]), gross, atol=2e-3)


def test_transactions_name_their_asset(result: Result) -> None:
    fills = result.transactions()
    assert set(fills["symbol"]) <= set(SYMBOLS)
    assert len(fills) == (result.orders["strategy"] == "quantile").sum()
    np.testing.assert_allclose(fills["amount"], result.orders.loc[result.orders["strategy"] == "quantile", "size"])


def test_a_list_for_tradingview_is_refused_with_what_to_type(result: Result) -> None:
    with pytest.raises(StrategyError, match=r"24 assets.* is of one; type result\.transactions"):
        result.to_tradingview()


def test_a_notebook_shows_it(result: Result) -> None:
    assert repr(result).startswith("<Result of made-up: universe, ")
    assert ranks.brief(result.assessment)[0] in result._repr_html_()
    assert result.plot() is not None
    own, holding = result.to_quantstats()
    assert (own.name, holding.name) == ("quantile", "universe")
    assert result.metrics.loc["quantile", "final_value"] == pytest.approx(result.equity["quantile"].iloc[-1])


def test_two_universes_are_compared_and_one_beside_a_single_asset(result: Result) -> None:
    from lstmstrat.study.compare import compare

    other = Result.of(made_up_universe.result(0.0))
    found = compare(
        {"runs/one": result, "runs/two": other, "runs/three": Result.of(made_up.result(("long_flat",)))}
    )
    file = io.StringIO()
    terminal.print_comparison(found, file)
    assert max(map(len, file.getvalue().splitlines())) <= 80
    comparison_page(found)


def test_what_scores_are_worth_stands_side_by_side(result: Result) -> None:
    from lstmstrat.study.compare import compare

    found = compare({"runs/one": result, "runs/two": Result.of(made_up.result(("long_flat",)))})
    runs = (replace(found.runs[0], panel=result.assessment.panel), found.runs[1])
    rows = comparison.scores(replace(found, runs=runs))
    panel = result.assessment.panel
    assert panel is not None
    assert rows == [
        ["of the scores", found.runs[0].label],
        ["rank correlation", f"{panel.rank_ic:.3f}"],
        ["its t", f"{panel.rank_ic_t:.1f}"],
        ["break-even, bp a trade", f"{panel.break_even_bp:.1f}"],
    ]
    assert len(comparison.skill(replace(found, runs=runs))) == 2  # of the run on one asset alone


def test_a_config_of_a_universe_is_compared_by_its_panel() -> None:
    """It was read as one asset; here it gets as far as the sessions of the panel, of which there are too few."""
    from lstmstrat.commands import compare

    config = lstmstrat.load_config("configs/us_stocks.yaml", ["data.start=2017-06-01"])
    options = type("Options", (), {"offline": True, "refresh": False})
    with pytest.raises(lstmstrat.DataError, match=r"us_stocks has \d+ sessions"):
        compare._prepared(config, options, None, None)  # type: ignore[arg-type]


# --- the ladder


def test_the_ladder_says_what_pool_and_label_add(result: Result) -> None:
    said = " ".join(ranks.sentences(result.assessment))
    assert (
        "The same model on the same folds: one model for all, with the rank within the session as the label, has "
        "0.021 (t 6.6); with the return itself as the label it is 0.007 (t 2.4), and the difference 0.014 "
        "(t 4.2); "
        "with one model for each asset it is 0.012 (t 5.2), and the difference 0.009 (t 2.6)."
    ) in said
    assert "labels that were shuffled within each session, has -0.003 (t -0.9): nothing, as it must." in said


def test_a_control_that_finds_something_is_not_explained_away(result: Result) -> None:
    found = result.assessment
    assert found.panel is not None
    *others, control = found.panel.ladder
    found = put(found, "panel.ladder", (*others, replace(control, ic=Estimate(298, 0.02, 4.0))))
    assert "Do not trust the order above." in " ".join(ranks.sentences(found))
    found = put(found, "panel.ladder", (*others, replace(control, ic=Estimate(0, None, None))))
    assert "has no score with a return" in " ".join(ranks.sentences(found))


def test_the_ladder_is_a_table_and_a_chart_with_its_numbers(result: Result, text: str) -> None:
    panel = result.assessment.panel
    assert panel is not None
    drawn = payload_of(text)["figures"]["rankladder"]["data"][0]
    assert drawn["x"] == pytest.approx([rung.ic.mean for rung in panel.ladder], rel=1e-3)
    assert drawn["y"][0] == "lstm, pool all, rank"
    assert drawn["y"][-1] == "lstm, pool all, rank, shuffled"
    assert drawn["error_x"]["array"][0] == pytest.approx(1.96 * 0.0215 / 6.6, rel=1e-2)
    part = ranks.parts(result.assessment)[-1]
    assert part.heading == "Ladder"
    assert part.rows[2][:6] == ["lstm", "all", "return", "0.007", "2.4", "50.7%"]
    assert "The ladder: is it the label, the pool, the model, or nothing?" in said_of(text)


def test_without_a_ladder_the_page_says_how_to_run_it(result: Result) -> None:
    found = replace(result, assessment=put(result.assessment, "panel.ladder", ()))
    shown = said_of(page(found))
    assert "or nothing? Not run;" in shown
    assert len(ranks.parts(found.assessment)) == 4
