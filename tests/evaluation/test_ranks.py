"""The rank IC and what is made of it: against scipy, statsmodels and hand-worked sessions."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from helpers.scores import DAYS, made_up, with_scores
from scipy.stats import spearmanr

from lstmstrat.arrays import Floats
from lstmstrat.evaluation.bootstrap import MIN_RETURNS
from lstmstrat.evaluation.ranks import LAST_LAG, Estimate, Scored, estimate, paired_ic, rank_ic, rank_skill

NAN = math.nan
RISING = [1.0, 2.0, 3.0, 4.0, 5.0]


def sessions(scores: list[list[float]], returns: list[list[float]], **changes: object) -> Scored:
    after = np.array(returns)
    kept = {"members": np.ones(after.shape, dtype=bool), "realised": after, "next_session": after, "horizon": 1}
    return Scored(**{"times": DAYS[: len(after)], "scores": np.array(scores), **kept, **changes})


def newey_west(values: Floats, lags: int) -> float:
    """t by the letter: gamma_0 + 2 sum (1 - k / (lags + 1)) gamma_k, over n squared."""
    n, e = len(values), values - values.mean()
    total = sum(x * x for x in e)
    for k in range(1, lags + 1):
        total += 2 * (1 - k / (lags + 1)) * sum(e[i] * e[i - k] for i in range(k, n))
    return float(values.mean() / math.sqrt(total / n**2))


def hac(values: Floats, lags: int) -> float:
    import statsmodels.api as sm

    fit = sm.OLS(values, np.ones(len(values))).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    return float(fit.tvalues[0])


@pytest.mark.parametrize("decimals", [12, 1, 0], ids=["no ties", "some ties", "many ties"])
def test_the_rank_ic_is_that_of_scipy_day_by_day(decimals: int) -> None:
    panel = made_up(1)
    scores, returns = np.round(panel.of_members, decimals), np.round(50.0 * panel.realised, decimals)
    found = rank_ic(scores, returns)
    for row, x, y in zip(found, scores, returns, strict=True):
        both = np.isfinite(x) & np.isfinite(y)
        varies = both.sum() >= 5 and np.ptp(x[both]) > 0 and np.ptp(y[both]) > 0
        wanted = spearmanr(x[both], y[both]).statistic if varies else NAN
        assert row == pytest.approx(wanted, abs=1e-12, nan_ok=True)
    assert np.isfinite(found).mean() > 0.9


def test_a_session_of_four_or_without_an_order_has_no_ic() -> None:
    scores = np.array([[*RISING[:4], NAN], [1.0] * 5, RISING, RISING, [1.0, 1.0, 1.0, 1.0, 2.0], [NAN] * 5])
    returns = np.array([RISING, RISING, [0.1] * 5, RISING[::-1], RISING, RISING])
    # By hand: ranks 2.5 2.5 2.5 2.5 5 with 1 to 5, less 3: 2.5 / 5 * (2 + 1 - 1) + 2 * 2 = 5; / sqrt(5 * 10)
    wanted = [NAN, NAN, NAN, -1.0, 5.0 / math.sqrt(50.0), NAN]
    np.testing.assert_allclose(rank_ic(scores, returns), wanted, atol=1e-15)
    assert rank_ic(scores, returns, least=4)[0] == 1.0
    assert rank_ic(np.empty((0, 5)), np.empty((0, 5))).shape == (0,)
    assert np.isnan(rank_ic(np.empty((2, 0)), np.empty((2, 0)))).all()


@pytest.mark.parametrize(("horizon", "lags"), [(1, 5), (6, 5), (12, 11)])
def test_t_by_the_letter_and_by_statsmodels(horizon: int, lags: int) -> None:
    rng = np.random.default_rng(2)
    values = np.convolve(rng.normal(0.1, 1.0, 320), np.ones(horizon), "valid")  # overlapping, as such returns do
    holes = values.copy()
    holes[::7] = np.nan
    found = estimate(holes, horizon)
    known = holes[np.isfinite(holes)]
    assert found.sessions == len(known)
    assert found.mean == pytest.approx(statistics.fmean(known))
    assert found.t == pytest.approx(newey_west(known, lags))
    assert found.t == pytest.approx(hac(known, lags))


def test_a_few_values_have_a_mean_and_no_t() -> None:
    values = np.random.default_rng(3).normal(size=100)
    assert estimate(values[: MIN_RETURNS - 1], 1) == Estimate(29, pytest.approx(values[:29].mean()), None)
    assert estimate(values[:MIN_RETURNS], 1).t is not None
    assert estimate(values, 51).t is not None
    assert estimate(values, 52).t is None  # 51 lags of 100 sessions
    assert estimate(np.full(50, 0.5), 1) == Estimate(50, 0.5, None)
    assert estimate(np.full(50, np.nan), 1) == estimate(np.empty(0), 1) == Estimate(0, None, None)


def test_scores_without_skill_have_a_large_t_as_seldom_as_chance_has_it() -> None:
    """5 % of 400, or 7 % as 250 sessions are few: the binomial 99.9 % bounds of these are 2 % and 11.5 %."""
    rng = np.random.default_rng(4)
    ic = rank_ic(rng.normal(size=(400 * 250, 20)), rng.normal(size=(400 * 250, 20))).reshape(400, 250)
    large = np.mean([abs(estimate(row, 1).t) > 1.96 for row in ic])
    assert 0.02 <= large <= 0.115


def test_the_skill_of_three_sessions_by_hand() -> None:
    """ICs 1, -1 and 0.9: see `rank_ic`. Hits: 4 of the 4 that are beside both medians, 0 of 4, 3 of 3."""
    scores = [RISING, RISING, RISING]
    returns = [RISING, RISING[::-1], [0.1, 0.2, 0.4, 0.3, 0.5]]
    found = rank_skill(
        sessions(scores, returns, times=np.array(["2019-12-31", "2020-01-02", "2020-01-03"], "M8[D]"))
    )
    assert found.ic == Estimate(3, pytest.approx(0.3), None)
    assert found.icir == pytest.approx(0.3 / statistics.stdev([1.0, -1.0, 0.9]))
    assert found.above_zero == pytest.approx(2 / 3)
    # Third session: the third asset is at the median of the scores, the fourth at that of the returns.
    assert found.hit_rate == pytest.approx((4 + 0 + 3) / (4 + 4 + 3))
    assert [(of.year, of.ic.sessions, of.ic.mean) for of in found.years] == [
        (2019, 1, pytest.approx(1.0)),
        (2020, 2, pytest.approx(-0.05)),
    ]


def test_the_life_of_a_score_by_hand() -> None:
    """The return that the score knows comes two sessions later; the last two scores have none."""
    rng = np.random.default_rng(5)
    returns = rng.normal(size=(40, 6))
    scores = np.vstack([returns[2:], rng.normal(size=(2, 6))])
    lags = rank_skill(sessions(scores.tolist(), returns.tolist())).lags
    assert len(lags) == LAST_LAG + 1
    assert lags[2].mean == 1.0
    assert [of.sessions for of in lags] == [40 - k for k in range(11)]
    assert max(abs(of.mean) for k, of in enumerate(lags) if k != 2) < 0.3
    short = rank_skill(sessions(scores[:3].tolist(), returns[:3].tolist())).lags
    assert [of.sessions for of in short] == [3, 2, 1, *[0] * 8]


def test_the_life_of_a_score_is_told_by_single_sessions() -> None:
    panel = made_up(6, horizon=5)
    found = rank_skill(panel)
    assert found.lags[0] == estimate(rank_ic(panel.of_members, panel.next_session), 5)
    assert found.lags[0] != found.ic == estimate(rank_ic(panel.of_members, panel.realised), 5)


def test_only_members_of_the_day_count() -> None:
    outside = np.ones((1, 6), dtype=bool)
    outside[0, 5] = False
    scores, returns = [[*RISING, 0.0]], [[*RISING, 9.0]]
    assert rank_skill(sessions(scores, returns, members=outside)).ic.mean == 1.0
    assert rank_skill(sessions(scores, returns)).ic.mean < 0.5


def test_what_is_undefined_is_none() -> None:
    found = rank_skill(sessions([[NAN] * 5], [RISING]))
    assert (found.ic, found.icir, found.above_zero, found.hit_rate) == (Estimate(0, None, None), None, None, None)
    assert rank_skill(sessions([RISING] * 2, [RISING] * 2)).icir is None  # the same in each session
    assert rank_skill(sessions([[1.0] * 5], [RISING])).hit_rate is None  # all at the median
    none = np.empty((0, 5))
    assert rank_skill(Scored(DAYS[:0], none, none.astype(bool), none, none, 1)).years == ()


def test_a_ladder_compares_the_same_sessions() -> None:
    rng = np.random.default_rng(8)
    one, other = rng.normal(0.1, 1.0, (2, 200))
    one[:20], other[150:] = np.nan, np.nan
    found = paired_ic(one, other, 1)
    assert found.sessions == 130
    assert found.mean == pytest.approx((one - other)[20:150].mean())
    assert found.t == pytest.approx(hac((one - other)[20:150], 5))


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"for 3 times; expected \(sessions, assets\)"):
        sessions([RISING] * 2, [RISING] * 2, times=DAYS[:3])
    with pytest.raises(ValueError, match=r"\(2, 4\).*expected \(sessions, assets\)"):
        sessions([RISING[:4]] * 2, [RISING] * 2)
    with pytest.raises(ValueError, match="horizon of 0 sessions; expected 1 or more"):
        sessions([RISING], [RISING], horizon=0)


def test_the_opposite_score_has_the_opposite_skill() -> None:
    panel = made_up(9)
    one, other = rank_skill(panel), rank_skill(with_scores(panel, -panel.scores))
    assert other.ic == Estimate(one.ic.sessions, -one.ic.mean, -one.ic.t)
    assert other.icir == -one.icir
    assert other.hit_rate == pytest.approx(1.0 - one.hit_rate)
    assert [of.mean for of in other.lags] == [-of.mean for of in one.lags]
