"""Bar by bar as in live trading, with a feed that has no bar at every second call; a backtest forecasts the same.

python examples/live.py
"""

import backtrader as bt

from lstmstrat import DataConfig, LSTMForecast, load_prices


class Ticking(bt.feeds.PandasData):
    """A live feed that has no new bar at every second call."""

    def start(self):
        super().start()
        self.calls = 0

    def islive(self):
        return True

    def _load(self):
        self.calls += 1
        return None if self.calls % 2 else super()._load()


class Watch(bt.Strategy):
    def __init__(self):
        self.model = LSTMForecast(self.data, train_size=500)
        self.seen = []

    def next(self):
        self.seen.append(self.model.forecast[0])


def forecasts(feed):
    cerebro = bt.Cerebro()
    cerebro.adddata(feed(dataname=load_prices(DataConfig(symbol="IBM", start="2009-06-01")).frame))
    cerebro.addstrategy(Watch)
    return cerebro.run()[0].seen


def main():
    live, backtest = forecasts(Ticking), forecasts(bt.feeds.PandasData)
    print(f"{len(live)} forecasts live, {len(backtest)} in a backtest, equal to the last bit: {live == backtest}")
    print(f"the newest: {live[-1]:+.5f}")


if __name__ == "__main__":
    main()
