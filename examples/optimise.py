"""optstrategy over thresholds: the first run trains the networks, all others read them from the cache.

python examples/optimise.py
"""

import backtrader as bt

from lstmstrat import DataConfig, LSTMForecast, load_prices

FORECAST = {"train_size": 500, "members": 2}


class Threshold(bt.Strategy):
    params = (("threshold", 0.0),)

    def __init__(self):
        self.model = LSTMForecast(self.data, **FORECAST)

    def next(self):
        wanted = 0.9 if self.model.forecast[0] > self.p.threshold else 0.0
        if wanted != (0.9 if self.position else 0.0):
            self.order_target_percent(target=wanted)

    def stop(self):
        self.value = self.broker.getvalue()


def cerebro():
    engine = bt.Cerebro(maxcpus=2, optreturn=False)
    engine.adddata(bt.feeds.PandasData(dataname=load_prices(DataConfig(symbol="AAPL", start="2008-01-01")).frame))
    engine.broker.setcash(100_000)
    engine.broker.setcommission(0.001)
    return engine


def main():
    first = cerebro()
    first.addstrategy(Threshold)
    first.run()  # trains, into the cache that the processes of optstrategy share
    engine = cerebro()
    engine.optstrategy(Threshold, threshold=(0.0, 0.001, 0.002, 0.004))
    for (strategy,) in engine.run():
        print(f"threshold {strategy.p.threshold:.3f}: {strategy.value:,.0f}")


if __name__ == "__main__":  # optstrategy starts processes
    main()
