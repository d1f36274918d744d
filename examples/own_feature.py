"""A feature of your own together with built-in ones: any function of the closed bars.

python examples/own_feature.py
"""

import backtrader as bt
import numpy as np

from lstmstrat import DataConfig, LSTMForecast, load_prices


def up_days(bars):
    """Share of the last 10 bars that closed above their open; bars (n, 5) -> (n,), from bars up to each value."""
    up = (bars[:, 3] > bars[:, 0]).astype(float)
    summed = np.cumsum(np.append(0.0, up))
    share = np.full(len(bars), np.nan)  # no value in the first 9 bars
    share[9:] = (summed[10:] - summed[:-10]) / 10
    return share


class LongFlat(bt.Strategy):
    def __init__(self):
        self.model = LSTMForecast(
            self.data, train_size=500, features=("return_1", "volatility_21", "own_feature:up_days")
        )

    def next(self):
        if self.model.forecast[0] > 0 and not self.position:
            self.buy(size=10)
        elif self.model.forecast[0] <= 0 and self.position:
            self.close()


def main():
    cerebro = bt.Cerebro()
    cerebro.adddata(bt.feeds.PandasData(dataname=load_prices(DataConfig(symbol="IBM", start="2008-01-01")).frame))
    cerebro.addstrategy(LongFlat)
    strategy = cerebro.run()[0]
    walk = strategy.model.walk_forward
    print(f"{len(walk.folds)} folds, inputs: {', '.join(f.name for f in walk.features.features)}")
    print(f"account: {cerebro.broker.getvalue():,.2f}")


if __name__ == "__main__":
    main()
