"""Quantiles of scores and the books made of them: by hand, against pandas, and in plain Python."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pandas as pd
import pytest
from helpers.scores import DAYS, made_up, with_scores

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.rank_books import Book, _places, _weights, rank_books
from lstmstrat.evaluation.ranks import Estimate, Scored

NAN = math.nan
COST = 0.0005


def held_by(scores: list[list[float]], returns: list[list[float]] | None = None) -> Scored:
    shape = np.array(scores).shape
    simple = np.zeros(shape) if returns is None else np.array(returns)
    after = np.log1p(simple)
    return Scored(DAYS[: shape[0]], np.array(scores), np.ones(shape, dtype=bool), after, after, 1)


def test_halves_of_four_assets_by_hand() -> None:
    """In bp: the mean of the sessions is 25 and 50, the lower half is at -125 and 0, the upper at 175 and 100.

    The book turns from long c, d and short a, b to the opposite: 2 to build it, then 4.
    """
    found = rank_books(
        held_by(
            [[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]],
            [[-0.01, -0.015, 0.02, 0.015], [0.02, 0.0, 0.01, -0.01]],
        ),
        COST,
    )
    assert found.quantiles == 2
    assert [of.mean for of in found.ladder] == pytest.approx([(-150.0 - 50.0) / 2, (150.0 + 50.0) / 2])
    (book,) = found.books
    assert book.hold_until == 0.5
    assert book.gross.mean == pytest.approx((300.0 + 100.0) / 2)
    assert book.turnover == pytest.approx((2.0 + 4.0) / 2)
    assert book.break_even == pytest.approx(200.0 / 3.0)
    assert book.net == pytest.approx(200.0 - 5.0 * 3.0)


@pytest.mark.parametrize(
    ("assets", "quantiles", "shares"),
    [
        (30, 10, [0.1, 0.2, 0.3, 0.5]),
        (20, 10, [0.1, 0.2, 0.3, 0.5]),
        (19, 5, [0.2, 0.3, 0.5]),
        (10, 5, [0.2, 0.3, 0.5]),
        (9, 2, [0.5]),
        (4, 2, [0.5]),
    ],
)
def test_a_quantile_has_two_assets_or_more(assets: int, quantiles: int, shares: list[float]) -> None:
    scores = np.random.default_rng(1).normal(size=(20, assets))
    scores[0] = NAN  # a session without any score has no say
    scores[1, 3:] = NAN  # and one of twenty no veto
    found = rank_books(held_by(scores.tolist()), COST)
    assert found.quantiles == len(found.ladder) == quantiles
    assert [book.hold_until for book in found.books] == shares
    assert {of.sessions for of in found.ladder} == {book.gross.sessions for book in found.books} == {18}


def test_three_assets_have_no_book() -> None:
    found = rank_books(held_by([[1.0, 2.0, 3.0]] * 40), COST)
    none = Estimate(0, None, None)
    assert found.ladder == (none, none)
    assert found.books == (Book(0.5, none, None, None, None),)


@pytest.mark.parametrize("assets", [20, 40, 200])
def test_the_ladder_is_that_of_pandas(assets: int) -> None:
    rng = np.random.default_rng(2)
    scores, returns = rng.normal(size=(50, assets)), rng.normal(0.0, 0.02, (50, assets))
    returns[rng.random(returns.shape) < 0.02] = NAN
    means = [
        pd.Series(y - np.nanmean(y)).groupby(pd.qcut(x, 10, labels=False)).mean()
        for x, y in zip(scores, returns, strict=True)
    ]
    found = rank_books(held_by(scores.tolist(), returns.tolist()), COST)
    wanted = 1e4 * pd.DataFrame(means).mean()
    assert [of.mean for of in found.ladder] == pytest.approx(wanted.tolist())
    spread = 1e4 * (pd.DataFrame(means)[9] - pd.DataFrame(means)[0])
    assert found.books[0].gross.mean == pytest.approx(spread.mean())


@pytest.mark.parametrize("assets", range(4, 60))
def test_the_ends_of_the_ladder_are_alike_and_are_the_places_of_the_book(assets: int) -> None:
    """Whatever the number of assets: each end has the nearest whole number to a quantile, and no order decides."""
    scores = np.random.default_rng(assets).permutation(assets).astype(float)
    returns = np.zeros((1, assets))
    returns[0, np.argsort(scores)] = np.arange(assets) / 1e4
    found = rank_books(held_by([scores.tolist()], returns.tolist()), COST)
    share = assets / found.quantiles
    places = min((abs(k - share), k) for k in range(1, assets))[1]
    middle = (assets - 1) / 2
    assert found.ladder[0].mean == pytest.approx((places - 1) / 2 - middle, abs=1e-9)
    assert found.ladder[-1].mean == pytest.approx(middle - (places - 1) / 2, abs=1e-9)
    assert found.books[0].gross.mean == pytest.approx(assets - places, abs=1e-9)


def test_a_holding_is_let_go_when_it_leaves_the_better_half_by_hand() -> None:
    """Ten assets in quintiles: two places a side. a and b are held, fall to ranks 3 and 5, then to 4 and 6."""
    a_to_j = [
        [10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0],
        [8.0, 6.0, 10.0, 9.0, 7.0, 5.0, 4.0, 3.0, 2.0, 1.0],
        [7.0, 5.0, 10.0, 9.0, 8.0, 6.0, 4.0, 3.0, 2.0, 1.0],
    ]
    scores = np.array(a_to_j)
    patient = next(_weights(scores, 0.2, [0.5]))
    assert [np.flatnonzero(row > 0).tolist() for row in patient] == [
        [0, 1],
        [0, 1],
        [0, 2],
    ]  # b left, c is the best
    assert [np.flatnonzero(row < 0).tolist() for row in patient] == [[8, 9]] * 3
    hasty = next(_weights(scores, 0.2, [0.2]))
    assert [np.flatnonzero(row > 0).tolist() for row in hasty] == [[0, 1], [2, 3], [2, 3]]
    found = rank_books(held_by(a_to_j), COST)
    # To build: 2. Hasty: two sold, two bought at a half each, 2. Patient: one of each, 1.
    assert [book.turnover for book in found.books] == pytest.approx([4.0 / 3, 4.0 / 3, 3.0 / 3])


def plain_book(scores: Floats, returns: Floats, quantiles: int, hold_until: float) -> tuple[float, float]:
    """Mean gross and turnover with lists and sets, for scores without ties."""
    weights: dict[int, float] = {}
    sides: list[list[int]] = [[], []]
    gross, traded, done = [], [], 0
    for session, (x, y) in enumerate(zip(scores, returns, strict=True)):
        order = sorted((n for n in range(len(x)) if math.isfinite(x[n])), key=lambda n: -x[n])
        for k, ranked in enumerate([order, order[::-1]]):
            places = math.ceil(len(order) / quantiles - 0.5) if len(order) >= 2 * quantiles else 0
            better = ranked[: math.ceil(round(len(order) * hold_until, 9) - 0.5)]
            kept = [n for n in better if n in sides[k]][:places]
            sides[k] = kept + [n for n in ranked if n not in kept][: places - len(kept)]
        now = {n: sign / len(side) for side, sign in zip(sides, [1, -1], strict=True) for n in side}
        traded.append(sum(abs(now.get(n, 0.0) - weights.get(n, 0.0)) for n in {*now, *weights}))
        weights = now
        known = [[y[n] for n in side if math.isfinite(y[n])] for side in sides]
        if all(known):
            gross.append(math.fsum(known[0]) / len(known[0]) - math.fsum(known[1]) / len(known[1]))
            done = session
    return 1e4 * statistics.fmean(gross), sum(traded[: done + 1]) / len(gross)


def test_the_curve_is_that_of_plain_python() -> None:
    panel = made_up(3, assets=45)
    found = rank_books(panel, COST)
    for book in found.books:
        gross, turnover = plain_book(
            panel.of_members, np.expm1(panel.next_session), found.quantiles, book.hold_until
        )
        assert book.gross.mean == pytest.approx(gross)
        assert book.turnover == pytest.approx(turnover)
        assert book.net == pytest.approx(gross - 5.0 * turnover)
    turnovers = [book.turnover for book in found.books]
    assert turnovers == sorted(turnovers, reverse=True)  # patience trades less


def test_a_book_at_its_break_even_cost_earns_nothing() -> None:
    panel = made_up(4, sessions=150)
    for k, book in enumerate(rank_books(panel, 0.0).books):
        assert book.net == book.gross.mean > 0.0
        assert rank_books(panel, book.break_even / 1e4).books[k].net == pytest.approx(0.0, abs=1e-9)
    assert rank_books(with_scores(panel, -panel.scores), COST).books[0].break_even is None


def test_a_book_of_a_horizon_earns_single_sessions() -> None:
    """So that what is earned and what is traded belong together."""
    panel = made_up(5, horizon=5)
    daily = Scored(panel.times, panel.scores, panel.members, panel.next_session, panel.next_session, 1)
    assert rank_books(panel, COST) == rank_books(daily, COST)  # lags are 5 in both


def test_an_unknown_return_is_left_out_and_the_asset_stays() -> None:
    """Long c, d: d has no return, so the side earns that of c; it is neither sold nor bought again."""
    found = rank_books(held_by([[1.0, 2.0, 3.0, 4.0]] * 2, [[0.0, 0.0, 0.01, NAN], [0.0] * 4]), COST)
    assert found.books[0].gross.mean == pytest.approx(50.0)
    assert found.books[0].turnover == pytest.approx(1.0)
    last = rank_books(held_by([[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]], [[0.0] * 4, [NAN] * 4]), COST)
    assert last.books[0].turnover == pytest.approx(2.0)  # the last orders have no return yet


def test_a_session_without_scores_sells_the_book() -> None:
    found = rank_books(held_by([[1.0, 2.0, 3.0, 4.0], [NAN] * 4, [1.0, 2.0, 3.0, 4.0]]), COST)
    assert found.books[0].gross.sessions == 2
    assert found.books[0].turnover == pytest.approx((2.0 + 2.0 + 2.0) / 2)


def test_equal_scores_are_not_told_apart() -> None:
    """Three of five places' worth of equal scores: the one above them is held alone; all equal: nothing is."""
    scores = np.array([[4.0, 3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 2.0, 1.0, 0.0], [1.0] * 10])
    weights = next(_weights(scores, 0.2, [0.2]))
    assert weights[0].tolist() == [1.0, *[0.0] * 7, -0.5, -0.5]
    assert not weights[1].any()
    assert not next(_weights(np.array([[2.0, 1.0, 1.0, 1.0]]), 0.5, [0.5])).any()  # the long side alone is no book
    same = rank_books(held_by([[1.0] * 10] * 3), COST)
    assert same.books[0].gross.sessions == same.ladder[0].sessions == 0


def test_returns_are_those_of_a_book() -> None:
    """Half in +20 % and half in -20 % earns nothing, though its mean log return is -2 %."""
    found = rank_books(held_by([[1.0, 2.0, 3.0, 4.0]], [[0.0, 0.0, 0.2, -0.2]]), COST)
    assert found.books[0].gross.mean == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("assets", "share", "places"), [(35, 0.1, 3), (25, 0.1, 2), (26, 0.1, 3), (5, 0.3, 1)])
def test_a_half_place_is_not_taken(assets: int, share: float, places: int) -> None:
    assert _places(assets, share) == places
