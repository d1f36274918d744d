"""The laws of scores: what may change in a panel without any figure changing, to the last bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from helpers.scores import made_up, with_scores

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.rank_books import _weights, rank_books
from lstmstrat.evaluation.ranks import Scored, rank_ic, rank_skill
from lstmstrat.evaluation.survivors import static_and_timing

PANELS = {
    "one session": made_up(1, sessions=150),
    "five sessions": made_up(2, sessions=150, horizon=5),
    "few assets": made_up(3, assets=12, sessions=150),
    "many ties": with_scores(made_up(4, sessions=150), np.round(made_up(4, sessions=150).scores)),
}


def figures(of: Scored) -> tuple[object, ...]:
    return rank_skill(of), rank_books(of, 0.0005), static_and_timing(of)


def changed(of: Scored, columns: Callable[[Floats], Floats]) -> Scored:
    arrays = (columns(array) for array in (of.scores, of.members, of.realised, of.next_session))
    return Scored(of.times, *arrays, of.horizon)


@pytest.mark.parametrize("name", PANELS)
def test_the_order_of_the_assets_changes_no_figure(name: str) -> None:
    panel = PANELS[name]
    order = np.random.default_rng(5).permutation(panel.scores.shape[1])
    assert figures(changed(panel, lambda x: x[:, order])) == figures(panel)


@pytest.mark.parametrize("name", PANELS)
def test_assets_without_a_score_change_no_figure(name: str) -> None:
    panel = PANELS[name]
    wide = changed(panel, lambda x: np.hstack([x[:, :4], x, x[:, 3:7]]))
    none = np.ones(wide.scores.shape[1], dtype=bool)
    none[4 : 4 + panel.scores.shape[1]] = False
    assert figures(with_scores(wide, np.where(none, np.nan, wide.scores))) == figures(panel)
    strangers = Scored(
        wide.times, wide.scores, wide.members & ~none, wide.realised, wide.next_session, wide.horizon
    )
    assert figures(strangers) == figures(panel)


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("transform", [np.exp, np.arctan, lambda x: 1e6 * x - 3.0, lambda x: (x - 3.0) ** 3])
def test_a_rising_function_of_the_scores_changes_no_rank_figure(
    name: str, transform: Callable[[Floats], Floats]
) -> None:
    panel = PANELS[name]
    other = with_scores(panel, transform(panel.scores))
    assert rank_skill(other) == rank_skill(panel)
    assert rank_books(other, 0.0005) == rank_books(panel, 0.0005)


@pytest.mark.parametrize("name", PANELS)
def test_a_level_of_the_day_changes_no_rank_figure(name: str) -> None:
    """What is common to all assets of a session drops out, of returns too."""
    panel = PANELS[name]
    level = np.random.default_rng(6).integers(-8, 8, (len(panel.times), 1)).astype(float)
    assert rank_skill(with_scores(panel, 2.0 * panel.scores + level)) == rank_skill(panel)


@pytest.mark.parametrize("name", PANELS)
def test_the_opposite_scores_turn_everything_round(name: str) -> None:
    panel = PANELS[name]
    other = with_scores(panel, -panel.scores)
    (one, books, parts), (turned, turned_books, turned_parts) = figures(panel), figures(other)
    assert turned.ic.mean == -one.ic.mean
    assert turned_books.ladder == books.ladder[::-1]
    assert [(book.gross.mean, book.turnover) for book in turned_books.books] == [
        (-book.gross.mean, book.turnover) for book in books.books
    ]
    assert (turned_parts.static.mean, turned_parts.timing.mean) == (-parts.static.mean, -parts.timing.mean)


@pytest.mark.parametrize("sessions", [1, 80, 150])
def test_later_sessions_change_nothing_before_them(sessions: int) -> None:
    panel = made_up(7)
    later = panel.scores.copy()
    later[sessions:] = np.random.default_rng(8).normal(size=later[sessions:].shape)
    walks = (_weights(scores, 0.1, [0.1, 0.5]) for scores in (panel.scores, later, panel.scores[:sessions]))
    for whole, other, short in zip(*walks, strict=True):
        assert np.array_equal(other[:sessions], whole[:sessions])
        assert np.array_equal(short, whole[:sessions])
    ic = rank_ic(panel.scores, panel.realised)[:sessions]
    assert np.array_equal(rank_ic(panel.scores[:sessions], panel.realised[:sessions]), ic, equal_nan=True)
