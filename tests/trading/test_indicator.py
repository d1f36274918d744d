"""What LSTMForecast refuses or says; its values are in test_contract_values.py and test_law_chunk.py."""

from __future__ import annotations

import backtrader as bt
import numpy as np
import pytest
from helpers.market import SMALL
from helpers.recorder import FRAME, recorded

from lstmstrat import LSTMForecast


def test_created_in_next_it_is_refused() -> None:
    class Late(bt.Strategy):
        def next(self) -> None:
            LSTMForecast(self.data, **SMALL)

    cerebro = bt.Cerebro()
    cerebro.adddata(bt.feeds.PandasData(dataname=FRAME))
    cerebro.addstrategy(Late)
    with pytest.raises(RuntimeError, match="create it in __init__ of the strategy"):
        cerebro.run()


@pytest.mark.parametrize("runonce", [True, False])
@pytest.mark.parametrize("place", [0, 150])
@pytest.mark.parametrize("order", [[0, 1, 3, 2], [0, 1, 1, 2]], ids=["unsorted", "twice"])
def test_a_feed_out_of_order_is_refused_and_the_bar_is_named(runonce: bool, order: list[int], place: int) -> None:
    """Whatever bar is wrong: the first of all were named once."""
    wrong = FRAME.iloc[[*range(place), *(place + k for k in order), *range(place + 4, len(FRAME))]]
    first, second, third = (f"{FRAME.index[place + k]:%Y-%m-%d}" for k in (1, 2, 3))
    said = f"bar of {first} is there twice" if order[2] == 1 else f"bar of {second} comes after that of {third}"
    cerebro = bt.Cerebro(runonce=runonce)
    cerebro.adddata(bt.feeds.PandasData(dataname=wrong))
    cerebro.addindicator(LSTMForecast, **SMALL)
    cerebro.addstrategy(bt.Strategy)
    with pytest.raises(ValueError, match=f"the {said}, so the bars are not in order of time; sort the feed"):
        cerebro.run()


def test_too_few_bars_are_said(caplog: pytest.LogCaptureFixture) -> None:
    assert np.isnan(recorded(frame=FRAME[:64]).lines()).all()
    assert [record.message for record in caplog.records] == [
        "LSTMForecast has no forecast: it needs 65 bars for the first, the feed has 64"
    ]
    caplog.clear()
    assert np.isfinite(recorded(frame=FRAME[:65]).lines()[:, 0]).sum() == 1
    assert not caplog.records


def test_a_replayed_feed_takes_no_peers() -> None:
    class Two(bt.Strategy):
        def __init__(self) -> None:
            LSTMForecast(self.data, peers=[self.data1], **SMALL)

    for first, second, sentence in (
        ("replaydata", "resampledata", "peers need a feed of closed bars"),
        ("resampledata", "replaydata", r"peers=\[...\] need closed ones"),
    ):
        cerebro = bt.Cerebro()
        for add in (first, second):
            getattr(cerebro, add)(bt.feeds.PandasData(dataname=FRAME), timeframe=bt.TimeFrame.Weeks)
        cerebro.addstrategy(Two)
        with pytest.raises(TypeError, match=sentence):
            cerebro.run()
