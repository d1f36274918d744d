"""Round trips, worked by hand."""

from __future__ import annotations

import math

import pytest

from lstmstrat.evaluation.round_trips import Fill, round_trips


def test_a_round_trip_with_additions_and_partial_sales() -> None:
    fills = [Fill(1, 10, 100, 1), Fill(3, 10, 110, 1), Fill(5, -5, 120, 1), Fill(9, -15, 130, 1)]
    [trip] = round_trips(fills, last_bar=20, last_close=999)
    # Paid 1000 + 1100, got 600 + 1950, less 4; in at 2100/20, out at 2550/20; held at the closes of bars 1 to 8.
    assert (trip.side, trip.size, trip.entry_price, trip.exit_price) == ("long", 20, 105, 127.5)
    assert (trip.pnl, trip.commission, trip.opened, trip.closed, trip.bars) == (446, 4, 1, 9, 8)


def test_one_order_can_close_and_reverse() -> None:
    fills = [Fill(1, 10, 100, 1), Fill(4, -30, 90, 6), Fill(6, 20, 80, 2)]
    long, short = round_trips(fills, last_bar=9, last_close=999)
    # Of the reversal's commission of 6 a third closes and two thirds open.
    assert (long.side, long.size, long.pnl, long.commission, long.bars) == ("long", 10, -100 - 3, 3, 3)
    assert (short.side, short.size, short.pnl, short.commission, short.bars) == ("short", 20, 200 - 6, 6, 2)
    assert (short.entry_price, short.exit_price, short.opened, short.closed) == (90, 80, 4, 6)


def test_an_open_trip_is_marked_at_the_last_close() -> None:
    [trip] = round_trips([Fill(5, -10, 100, 1), Fill(7, 4, 90, 1)], last_bar=9, last_close=80)
    # Sold for 1000, bought back 4 for 360, the other 6 would cost 480; held at the closes of bars 5 to 9.
    assert (trip.side, trip.size, trip.closed, trip.pnl, trip.bars) == ("short", 10, None, 158, 5)
    assert math.isnan(trip.exit_price)


def test_float_residue_is_no_position() -> None:
    # 0.1 + 0.2 - 0.3 is 5.6e-17 in binary.
    trips = round_trips([Fill(1, 0.1, 1, 0), Fill(2, 0.2, 1, 0), Fill(3, -0.3, 2, 0)], last_bar=9, last_close=1)
    assert [(trip.closed, trip.pnl) for trip in trips] == [(3, pytest.approx(0.3))]


def test_no_fills_no_trips() -> None:
    assert round_trips([], last_bar=9, last_close=1) == []


def test_a_fill_has_a_size() -> None:
    with pytest.raises(ValueError, match="has a size"):
        Fill(1, 0.0, 1.0, 0.0)
