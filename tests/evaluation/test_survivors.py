"""Static and timing parts of scores, and how much of an index the data has."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers.scores import made_up, with_scores

from lstmstrat.evaluation.ranks import Scored, estimate, rank_ic, rank_skill
from lstmstrat.evaluation.survivors import (
    OWN,
    CoverageOfYear,
    coverage,
    static_and_timing,
    static_scores,
    timing_scores,
)


def test_the_parts_are_those_of_pandas() -> None:
    scores = made_up(1).of_members
    for column, static, timing in zip(scores.T, static_scores(scores).T, timing_scores(scores).T, strict=True):
        own = pd.Series(column).dropna()  # the asset's own scores, one after the other
        at = own.index
        np.testing.assert_allclose(static[at], own.expanding(OWN).mean().shift(1), atol=1e-12)
        np.testing.assert_allclose(timing[at], own - own.rolling(OWN).mean().shift(1), atol=1e-12)
        assert np.isnan(np.delete(static, at)).all()
        assert np.isnan(np.delete(timing, at)).all()


def test_the_first_part_by_hand() -> None:
    """60 scores from 0 to 59 have the mean 29.5; the 61st is 100, and the 62nd looks back on 1 to 59 and 100."""
    scores = np.array([*range(60), 100.0, 0.0])[:, None]
    assert np.isnan(static_scores(scores)[:60]).all()
    assert static_scores(scores)[60:, 0].tolist() == pytest.approx([29.5, (1770.0 + 100.0) / 61])
    assert timing_scores(scores)[60:, 0].tolist() == pytest.approx([70.5, -(1770.0 + 100.0) / 60])


@pytest.mark.parametrize("part", [static_scores, timing_scores])
@pytest.mark.parametrize("sessions", [61, 100, 157, 299])
def test_later_sessions_change_no_part(part: object, sessions: int) -> None:
    scores = made_up(2).of_members
    changed = scores.copy()
    changed[sessions:] = 1e9
    whole = part(scores)[:sessions]
    assert np.array_equal(part(scores[:sessions]), whole, equal_nan=True)
    assert np.array_equal(part(changed)[:sessions], whole, equal_nan=True)


def with_returns(static: float, timing: float) -> Scored:
    """Scores of two parts, each of which knows as much of the returns as is said."""
    rng = np.random.default_rng(3)
    shape = 500, 40
    own, daily = rng.normal(size=(1, 40)), rng.normal(size=shape)
    returns = 0.02 * (static * own + timing * daily + rng.normal(size=shape))
    days = np.datetime64("2015-01-01") + np.arange(500)
    return Scored(days, own + daily, np.ones(shape, dtype=bool), returns, returns, 1)


def test_skill_is_found_in_the_part_that_has_it() -> None:
    """A part that makes 0.2 of returns with a noise of 1 correlates by about 0.2 with them; the other does not."""
    for strong, weak, of in [("static", "timing", (0.2, 0.0)), ("timing", "static", (0.0, 0.2))]:
        found = static_and_timing(with_returns(*of))
        assert getattr(found, strong).mean > 0.1
        assert abs(getattr(found, weak).mean) < 0.03
        assert found.whole.sessions == found.static.sessions == found.timing.sessions == 500 - OWN
        assert 0.03 < found.whole.mean < getattr(found, strong).mean


def test_the_whole_is_compared_over_the_same_assets() -> None:
    panel = made_up(4)
    scores = np.where(np.isfinite(static_scores(panel.of_members)), panel.of_members, np.nan)
    assert static_and_timing(panel).whole == estimate(rank_ic(scores, panel.realised), 1)
    assert static_and_timing(panel).whole != rank_skill(panel).ic


def test_a_score_that_never_changes_is_all_static() -> None:
    """To the last bit: rounding would order the assets of the timing part."""
    panel = made_up(5, assets=200)
    constant = np.broadcast_to(np.random.default_rng(5).normal(size=200), panel.scores.shape)
    found = static_and_timing(with_scores(panel, constant))
    assert not np.nan_to_num(timing_scores(constant)).any()
    assert (found.timing.sessions, found.timing.mean) == (0, None)
    assert found.static.sessions > 200


def test_the_share_of_an_index_by_hand() -> None:
    days = np.array(["2019-12-30", "2019-12-31", "2020-01-02", "2021-01-04"], dtype="datetime64[D]")
    found = coverage(days, np.array([500, 502, 500, 0]), np.array([350, 355, 400, 0]))
    assert found == (
        CoverageOfYear(2019, 501.0, 352.5, pytest.approx(705 / 1002)),
        CoverageOfYear(2020, 500.0, 400.0, 0.8),
        CoverageOfYear(2021, 0.0, 0.0, None),
    )
    with pytest.raises(ValueError, match="2020-01-02: 501 members in the data and 500 in the index; count only"):
        coverage(days, np.array([500, 502, 500, 0]), np.array([350, 355, 501, 0]))
    with pytest.raises(ValueError, match="3 and 4 counts for 4 times"):
        coverage(days, np.array([1, 2, 3]), np.array([1, 2, 3, 4]))
