"""The size of an order: worked by hand, and its definition worked forwards over many commission schemes."""

from __future__ import annotations

import backtrader as bt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lstmstrat import StrategyError
from lstmstrat.trading.sizing import Book, Holding, Terms

FREE = bt.CommInfoBase(stocklike=True)


def book(cash: float, position: float, price: float, buy_price: float, sell_price: float) -> Book:
    """An account in one share, whose costs are all in the prices of the fills."""
    terms = Terms(FREE, price, buy_price, sell_price)
    return Book(terms, Holding(position, price, price), cash + position * price, cash, cash)


def test_order_size_by_hand() -> None:
    # Account 1000, price 10, buying costs 25 %: 80 shares cost 80 * 12.5 = 1000, and nothing is left.
    assert book(1000, 0, 10, 12.5, 5).order_size(1.0) == pytest.approx(80, rel=1e-11)
    # 100 shares and no cash, selling costs 50 %: 50 sold bring 250, leaving 500 in shares of 750, which is 2/3.
    assert book(0, 100, 10, 12.5, 5).order_size(2 / 3) == pytest.approx(-50, rel=1e-14)


@given(
    target=st.floats(-1, 1),
    held=st.floats(-1, 1),
    price=st.floats(0.01, 1e4),
    buy_cost=st.floats(0, 0.2),
    sell_cost=st.floats(0, 0.2),
)
@example(target=5e-324, held=0.0, price=2000.0, buy_cost=0.0, sell_cost=0.0)  # half a share of it is 0
@example(target=-5e-324, held=0.5, price=2000.0, buy_cost=0.1, sell_cost=0.1)
def test_order_size_reaches_the_target_after_its_own_costs(
    target: float, held: float, price: float, buy_cost: float, sell_cost: float
) -> None:
    cash, position = 1000 * (1 - held), 1000 * held / price
    size = book(cash, position, price, price * (1 + buy_cost), price * (1 - sell_cost)).order_size(target)
    # The definition of a trade with proportional costs, worked forwards.
    cash -= size * price * (1 + buy_cost if size > 0 else 1 - sell_cost)
    value = (position + size) * price
    assert value / (cash + value) == pytest.approx(target, abs=2e-12)  # of which 1e-12 is what is never exposed


def test_an_account_of_nothing_has_no_book() -> None:
    with pytest.raises(StrategyError, match=r"worth -5\.00"):
        book(-5, 0, 10, 10, 10)
    with pytest.raises(StrategyError, match=r"open is -37\.6; an exposure needs prices above 0"):
        book(100, 0, -37.6, -37.6, -37.6)
