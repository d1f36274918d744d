"""No strategy class at all: the forecast as a signal, with a writer and Backtrader's own analyzers.

python examples/signals.py
"""

import io

import backtrader as bt

from lstmstrat import LSTMForecast
from lstmstrat.config import DataConfig
from lstmstrat.prices import load


class Direction(bt.Indicator):
    """+1 for a rise, -1 for a fall: an indicator on the forecast."""

    lines = ("signal",)

    def __init__(self):
        forecast = LSTMForecast(self.data, train_size=500).forecast
        self.lines.signal = bt.If(forecast > 0.0, 1.0, bt.If(forecast < 0.0, -1.0, 0.0))


def main():
    cerebro, log = bt.Cerebro(), io.StringIO()
    cerebro.adddata(bt.feeds.PandasData(dataname=load(DataConfig(symbol="IBM", start="2008-01-01")).frame))
    cerebro.add_signal(bt.SIGNAL_LONG, Direction)
    cerebro.addsizer(bt.sizers.PercentSizer, percents=90)
    cerebro.addwriter(bt.WriterFile, csv=True, out=log)
    cerebro.addanalyzer(bt.analyzers.DrawDown, _name="drawdown")
    cerebro.broker.setcash(100_000)
    cerebro.broker.setcommission(0.001)
    strategy = cerebro.run()[0]
    deepest = strategy.analyzers.drawdown.get_analysis().max.drawdown
    print(f"account: {cerebro.broker.getvalue():,.0f}, deepest drawdown {deepest:.1f}%")
    print(f"the writer wrote {len(log.getvalue().splitlines()):,} lines")


if __name__ == "__main__":
    main()
