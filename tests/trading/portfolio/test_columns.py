"""The account of a portfolio, worked by hand and by laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat import BrokerConfig, StrategyError
from lstmstrat.arrays import Bools, Floats, Times
from lstmstrat.trading.portfolio.columns import PortfolioAccount, simulate
from lstmstrat.trading.portfolio.orders import fill_prices, order_sizes

NAN = np.nan
FREE = BrokerConfig(cash=1000.0, commission=0.0, slippage=0.0)
ONE_PERCENT = BrokerConfig(cash=1000.0, commission=0.01, slippage=0.0)
NO_BAR = (NAN, NAN, NAN)
BAD_BAR = (NAN, NAN, 5.0)


def day_numbers(sessions: int) -> Times:
    return np.datetime64("2024-01-01", "ns") + np.arange(sessions) * np.timedelta64(1, "D")


def account(bars: Any, targets: Any, broker: BrokerConfig = FREE, **more: Any) -> PortfolioAccount:
    """Of bars given as (open, close, volume) by session and asset."""
    o, c, v = np.moveaxis(np.array(bars, dtype=float), 2, 0)
    full = np.stack([o, np.maximum(o, c), np.minimum(o, c), c, v], axis=2)
    return simulate(day_numbers(len(full)), full, np.array(targets, dtype=float), broker, **more)


def flat(*prices: float) -> list[tuple[float, float, float]]:
    """A session at which each asset opens and closes at a price."""
    return [(price, price, 1.0) for price in prices]


def sizes(cash: float, shares: Any, prices: Any, weights: Any, broker: BrokerConfig = FREE, **more: Any) -> Any:
    can_trade = np.array(more.pop("can_trade", [True] * len(shares)))
    arrays = (np.array(values, dtype=float) for values in (shares, prices, weights))
    return order_sizes(cash, *arrays, can_trade, broker, **more).round(9).tolist()


def test_a_target_is_traded_at_the_next_open() -> None:
    """1,000 at 10 are 100 shares; at the close of 12 they are worth 1,200, and half is sold at the open of 15:
    1,500 there, 750 kept are 50 shares, which close at 16: 750 + 800."""
    found = account([flat(9.0), [(10.0, 12.0, 1.0)], [(15.0, 16.0, 1.0)]], [[1.0], [0.5], [0.0]])
    np.testing.assert_allclose(found.equity, [1000.0, 1200.0, 1550.0])
    np.testing.assert_allclose(found.shares[:, 0], [0.0, 100.0, 50.0])
    np.testing.assert_allclose(found.cash, [1000.0, 0.0, 750.0], atol=1e-8)
    np.testing.assert_allclose(found.traded, [0.0, 1000.0, 750.0])
    np.testing.assert_allclose(found.long, [0.0, 1.0, 800.0 / 1550.0])
    rows = found.orders.drop(columns="size").to_numpy().tolist()
    assert rows == [[1, 0, 10.0, 0.0, "target"], [2, 0, 15.0, 0.0, "target"]]
    np.testing.assert_allclose(found.orders["size"], [100.0, -50.0])


def test_weights_are_those_after_the_costs() -> None:
    """Long 500 and short 500 of 1,000 at 1%: E = 1000 - 0.01*E, so E = 1000/1.01 = 990.099, and each side half of
    it, 495.0495. Cash: 1000 - 495.0495*1.01 + 495.0495*0.99 = 990.099."""
    found = account([flat(10.0, 20.0)] * 2, [[0.5, -0.5]] * 2, ONE_PERCENT)
    np.testing.assert_allclose(found.equity, [1000.0, 1000.0 / 1.01], rtol=1e-12)
    np.testing.assert_allclose(found.shares[1], [49.504950495, -24.7524752475], rtol=1e-9)
    np.testing.assert_allclose(found.cash[1], 990.0990099, rtol=1e-9)
    np.testing.assert_allclose([found.long[1], found.short[1]], 0.5, rtol=1e-12)
    np.testing.assert_allclose([found.gross[1], found.net[1]], [1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(found.orders["commission"], 4.950495, rtol=1e-6)


def test_slippage_is_paid_on_the_price_and_not_limited_by_the_bar() -> None:
    """At 1% slippage 1,000 buy at 10.1, though the bar has the one price 10: 1000/10.1 = 99.0099 shares."""
    found = account([flat(10.0)] * 2, [[1.0]] * 2, BrokerConfig(cash=1000.0, commission=0.0, slippage=0.01))
    np.testing.assert_allclose(found.shares[1], 1000.0 / 10.1)
    np.testing.assert_allclose(found.orders["price"], 10.1)
    assert fill_prices(np.array([1.0, -1.0]), np.array([10.0, 10.0]), 0.01).tolist() == [10.1, 9.9]


def test_whole_shares_are_rounded_towards_0() -> None:
    """500 at 30 are 16.7 shares."""
    broker = FREE.model_copy(update={"fractional": False})
    assert sizes(1000.0, [0, 0], [30, 30], [0.5, -0.5], broker) == [16, -16]
    # 100 shares at 1.1 are 0.11 of 1,000, and 0.11 * 1000 / 1.1 is 99.99999999999999 in binary numbers
    assert sizes(1000.0, [0], [1.1], [0.11], broker) == [100]
    assert sizes(1000.0, [0, 0], [10, 50], [0.5, 0.5], broker) == [50, 10]  # to the last cent
    assert sizes(0.0, [100], [10], [1.0], broker) == [0]


def test_a_position_turns() -> None:
    """From 60 shares to a short of half of 1,000: 110 are sold, at 1% of 1,100: E = 1000 - 0.01*(600 + E/2), so
    E = 994/1.005 = 989.0547."""
    assert sizes(400.0, [60], [10], [-0.5]) == [-110]
    assert sizes(400.0, [60], [10], [-0.5], ONE_PERCENT) == [round(-60.0 - 994.0 / 1.005 / 20.0, 9)]


def test_the_band() -> None:
    """Weights 0.52 and 0.08 with a band of 0.05: the first is left alone at a target of 0.5 and traded at 0.4; the
    second is closed all the same; a third, not yet held, is bought."""
    shares, prices = [52.0, 8.0, 0.0], [10.0, 10.0, 10.0]
    assert sizes(400.0, shares, prices, [0.5, 0.0, 0.04], band=0.05) == [0, -8, 4]
    assert sizes(400.0, shares, prices, [0.4, 0.08, 0.0], band=0.05) == [-12, 0, 0]
    assert sizes(400.0, shares, prices, [0.5, 0.0, 0.0]) == [-2, -8, 0]


def test_an_asset_without_a_bar_keeps_its_position_and_the_others_are_traded() -> None:
    """A and B have 50 shares each at 10. A has no bar and is worth its last close; it should be sold for B, which
    has no more than its own value to spend: nothing happens to B. When A is back at 8, it is sold, and B gets
    400 more: 50 + 40 shares."""
    bars = [flat(10.0, 10.0), flat(10.0, 10.0), [NO_BAR, (10.0, 10.0, 1.0)], flat(8.0, 10.0)]
    found = account(bars, [[0.5, 0.5], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(found.shares, [[0, 0], [50, 50], [50, 50], [0, 90]], atol=1e-8)
    np.testing.assert_allclose(found.equity, [1000.0, 1000.0, 1000.0, 900.0])
    assert (found.ended, found.quarantined) == (0, 0)


def test_cash_that_is_tied_up_lowers_the_other_longs_alike() -> None:
    """A, 500 of 1,000, cannot be traded. B and C should be 0.6 and 0.4, and get 300 and 200 of the other 500. With
    a short of 0.1 in D they get 60 and 40 more: its 100 are cash."""
    more = {"can_trade": [False, True, True, True]}
    found = sizes(500.0, [50, 0, 0, 0], [10, 1, 1, 1], [0.0, 0.6, 0.4, 0.0], **more)
    assert found == pytest.approx([0, 300, 200, 0], abs=1e-8)
    found = sizes(500.0, [50, 0, 0, 0], [10, 1, 1, 1], [0.0, 0.6, 0.4, -0.1], **more)
    assert found == pytest.approx([0, 360, 240, -100], abs=1e-8)


def test_longs_are_sold_where_what_cannot_be_traded_is_more_than_the_account() -> None:
    """A is worth 1,500, the account 500, since C is short for 1,000: nothing is left for B, which is sold."""
    found = sizes(-50.0, [150, 5, -100], [10, 10, 10], [1.0, 1.0, -1.0], can_trade=[False, True, True])
    assert found == [0, -5, 50]  # C to -1 of 500


def test_a_series_that_ends_is_closed_at_its_last_close() -> None:
    """100 shares at 10, the last close is 12: 1,200 less 1% in the session after it."""
    bars = [flat(10.0, 1.0), [(10.0, 12.0, 1.0), (1.0, 1.0, 1.0)], *[[NO_BAR, *flat(1.0)]] * 11]
    found = account(bars, [[1.0, 0.0]] * 13, ONE_PERCENT)
    bought = 1000.0 / 1.01 / 10.0
    np.testing.assert_allclose(found.equity, [1000.0, 12.0 * bought, *[11.88 * bought] * 11])
    assert (found.ended, found.quarantined) == (1, 0)
    assert found.orders["reason"].tolist() == ["target", "ended"]
    assert found.orders["price"].tolist() == [10.0, 12.0]


def test_a_series_without_a_bar_on_the_last_days_may_only_rest_and_is_kept() -> None:
    """All were closed where the panel ended on a Saturday, on which one of them had a bar."""
    bars = [flat(10.0, 1.0), [(10.0, 12.0, 1.0), (1.0, 1.0, 1.0)], *[[NO_BAR, *flat(1.0)]] * 10]
    found = account(bars, [[1.0, 0.0]] * 12)
    np.testing.assert_allclose(found.equity, [1000.0, *[1200.0] * 11])
    assert (found.ended, len(found.orders)) == (0, 1)


def test_what_is_paid_for_a_series_that_ended_is_there_for_the_others() -> None:
    bars = [flat(10.0, 1.0), [(10.0, 12.0, 1.0), (1.0, 1.0, 1.0)], *[[NO_BAR, *flat(1.0)]] * 11]
    found = account(bars, [[1.0, 0.0], *[[0.0, 1.0]] * 12])
    np.testing.assert_allclose(found.shares[2], [0.0, 1200.0])


def test_a_bar_that_must_not_be_used_closes_a_position_at_the_close_before_it() -> None:
    """Also when sessions without a bar lie between; at the next good bar it is bought again."""
    bars = [flat(10.0), [(10.0, 12.0, 1.0)], [NO_BAR], [BAD_BAR], [(20.0, 20.0, 1.0)]]
    found = account(bars, [[1.0]] * 5)
    np.testing.assert_allclose(found.shares[:, 0], [0.0, 100.0, 100.0, 0.0, 60.0], atol=1e-8)
    assert (found.ended, found.quarantined) == (0, 1)
    assert found.orders["price"].tolist() == [10.0, 12.0, 20.0]
    assert found.orders["session"].tolist() == [1, 3, 4]


def test_a_row_of_nan_trades_nothing() -> None:
    """Bought once in equal parts: 50 shares each, one of which doubles."""
    found = account([flat(10.0, 10.0)] * 2 + [flat(20.0, 10.0)] * 2, [[0.5, 0.5]] + [[NAN, NAN]] * 3)
    np.testing.assert_allclose(found.shares[1:], 50.0)
    np.testing.assert_allclose(found.equity, [1000.0, 1000.0, 1500.0, 1500.0])
    assert len(found.orders) == 2


def test_a_short_loses_what_the_price_gains() -> None:
    """100 short at 10, then 14: 2,000 cash less 1,400."""
    found = account([flat(10.0), flat(10.0), flat(14.0)], [[-1.0], [NAN], [NAN]])
    np.testing.assert_allclose(found.equity, [1000.0, 1000.0, 600.0])
    np.testing.assert_allclose([found.short[1], found.cash[1], found.net[1]], [1.0, 2000.0, -1.0])


@pytest.mark.parametrize(
    ("bars", "targets", "says"),
    [
        ([flat(10.0, 10.0)] * 2, [[0.8, 0.4]] * 2, "2024-01-01 is 1.2 of the account, expected at most 1"),
        ([flat(10.0, 10.0)] * 2, [[0.8, NAN]] * 2, "NaN for 1; give 0"),
        ([flat(10.0, 0.0)] * 2, [[0.5, 0.5]] * 2, "asset 1 opens at 0"),
        ([flat(10.0), flat(10.0), flat(20.0)], [[-1.0], [NAN], [NAN]], "2024-01-03 the account is down to 0.00"),
        ([flat(10.0), flat(10.0), [(20.0, 11.0, 1.0)]], [[-1.0]] * 3, "open of 2024-01-03 the account is worth 0"),
    ],
)
def test_what_cannot_be_simulated_is_refused(bars: Any, targets: Any, says: str) -> None:
    with pytest.raises(StrategyError, match=says):
        account(bars, targets)


def test_costs_that_eat_up_the_account_are_refused() -> None:
    """Short 1,100 with 1,101 in cash: after 10% for covering nothing is left, whatever the targets."""
    with pytest.raises(StrategyError, match="worth -109"):
        sizes(1101.0, [-110], [10], [0.0], BrokerConfig(commission=0.1, slippage=0.0))


def market(seed: int, sessions: int, assets: int, holes: float) -> tuple[Floats, Bools]:
    """Random walks with jumps at the open, with sessions without a bar and bars that must not be used."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, (sessions, assets)), axis=0))
    opened = close * np.exp(rng.normal(0.0, 0.02, close.shape))
    volume = np.full(close.shape, 1e6)
    bars = np.stack([opened, np.maximum(opened, close), np.minimum(opened, close), close, volume], axis=2)
    bars[rng.random(close.shape) < holes] = NAN
    bars[rng.random(close.shape) < holes / 3.0, :4] = NAN
    return bars, np.isfinite(bars).any(axis=2)


brokers = st.builds(
    BrokerConfig,
    commission=st.sampled_from([0.0, 0.001, 0.05]),
    slippage=st.sampled_from([0.0, 0.0005, 0.05]),
    fractional=st.booleans(),
)
seeds = st.integers(0, 2**32)
laws = settings(max_examples=30, deadline=None)


def targets_of(seed: int, shape: tuple[int, int], short: float) -> Floats:
    """Long sides of 1 with a few assets, short sides of `short`; some rows without a decision."""
    rng = np.random.default_rng(seed + 1)
    raw = rng.uniform(0.0, 1.0, shape) * (rng.random(shape) < 0.5)
    is_short = (rng.random(shape) < 0.4) & (short > 0.0)
    long = np.where(is_short, 0.0, raw)
    down = np.where(is_short, raw, 0.0)
    targets = long / np.maximum(long.sum(axis=1, keepdims=True), 1e-9)
    targets -= short * down / np.maximum(down.sum(axis=1, keepdims=True), 1e-9)
    targets[rng.random(shape[0]) < 0.2] = NAN
    return targets


@laws
@given(seed=seeds, holes=st.sampled_from([0.0, 0.2]), broker=brokers, band=st.sampled_from([0.0, 0.05]))
def test_law_of_the_cash(seed: int, holes: float, broker: BrokerConfig, band: float) -> None:
    """A book that is only long never borrows, whatever is missing, and no bar adds to what it has."""
    bars, _ = market(seed, 25, 6, holes)
    found = simulate(day_numbers(25), bars, targets_of(seed, (25, 6), 0.0), broker, band=band)
    assert found.cash.min() >= 0.0
    assert found.shares.min() >= 0.0
    assert found.long.max() <= 1.0 + 1e-12


@laws
@given(seed=seeds, holes=st.sampled_from([0.0, 0.2]), broker=brokers, short=st.sampled_from([0.0, 0.6]))
def test_law_of_the_books(seed: int, holes: float, broker: BrokerConfig, short: float) -> None:
    """Cash, shares and traded value are those of the orders, added up one by one."""
    bars, there = market(seed, 20, 5, holes)
    found = simulate(day_numbers(20), bars, targets_of(seed, (20, 5), short), broker)
    cash, shares, traded = np.full(20, broker.cash), np.zeros((20, 5)), np.zeros(20)
    for order in found.orders.itertuples():
        value = order.size * order.price
        assert order.commission == pytest.approx(broker.commission * abs(value))
        cash[order.session :] -= value + order.commission
        shares[order.session :, order.asset] += order.size
        traded[order.session] += abs(value)
        if order.reason == "target":
            slipped = 1.0 + broker.slippage * np.sign(order.size)
            assert order.price == pytest.approx(bars[order.session, order.asset, 0] * slipped)
        assert (order.reason == "ended") == (not there[order.session :, order.asset].any())
    np.testing.assert_allclose(found.cash, cash, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(found.shares, shares, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.traded, traded, rtol=1e-9)


@laws
@given(seed=seeds, broker=brokers, short=st.sampled_from([0.0, 0.6]))
def test_law_of_the_weights(seed: int, broker: BrokerConfig, short: float) -> None:
    """Where every asset has a bar, the weights at the open are the targets, of the account after all costs."""
    bars, _ = market(seed, 20, 5, 0.0)
    broker = broker.model_copy(update={"fractional": True})
    targets = targets_of(seed, (20, 5), short)
    found = simulate(day_numbers(20), bars, targets, broker)
    for t in range(1, 20):
        if np.isfinite(targets[t - 1]).all():
            values = found.shares[t] * bars[t, :, 0]
            np.testing.assert_allclose(values / (found.cash[t] + values.sum()), targets[t - 1], atol=3e-9)


@laws
@given(seed=seeds, holes=st.sampled_from([0.0, 0.2]), short=st.sampled_from([0.0, 0.6]), data=st.data())
def test_law_of_the_columns(seed: int, holes: float, short: float, data: st.DataObject) -> None:
    """The account does not depend on the order of the assets."""
    bars, _ = market(seed, 20, 5, holes)
    targets, order = targets_of(seed, (20, 5), short), data.draw(st.permutations(range(5)))
    found = simulate(day_numbers(20), bars, targets, BrokerConfig())
    permuted = simulate(day_numbers(20), bars[:, order], targets[:, order], BrokerConfig())
    np.testing.assert_allclose(permuted.equity, found.equity, rtol=1e-12)
    np.testing.assert_allclose(permuted.shares, found.shares[:, order], rtol=1e-9, atol=1e-9)


@laws
@given(seed=seeds, short=st.sampled_from([0.0, 0.6]), cut=st.integers(2, 19))
def test_law_of_the_past(seed: int, short: float, cut: int) -> None:
    """The account up to a close depends on the bars up to it, but for whether there are bars after it."""
    bars, there = market(seed, 20, 5, 0.1)
    targets = targets_of(seed, (20, 5), short)
    found = simulate(day_numbers(20), bars, targets, BrokerConfig())
    later = bars.copy()
    later[cut:] *= 1.7
    changed = simulate(day_numbers(20), later, targets, BrokerConfig())
    assert np.array_equal(changed.equity[:cut], found.equity[:cut])
    if there[cut - 1].all():
        early = simulate(day_numbers(cut), bars[:cut], targets[:cut], BrokerConfig())
        assert np.array_equal(early.equity, found.equity[:cut])
