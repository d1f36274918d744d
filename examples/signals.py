"""The forecast as a signal, without a strategy class, but with a writer and an analyzer of Backtrader.

python examples/signals.py
"""

import io

import backtrader as bt

from lstmstrat import DataConfig, LSTMForecast, load_prices


class Direction(bt.Indicator):
    """An indicator on the forecast: +1 for a rise, -1 for a fall."""

    lines = ("signal",)

    def __init__(self):
        forecast = LSTMForecast(self.data, train_size=500).forecast
        self.lines.signal = bt.If(forecast > 0.0, 1.0, bt.If(forecast < 0.0, -1.0, 0.0))


def main():
    cerebro, log = bt.Cerebro(), io.StringIO()
    cerebro.adddata(bt.feeds.PandasData(dataname=load_prices(DataConfig(symbol="IBM", start="2008-01-01")).frame))
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
