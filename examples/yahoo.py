"""Prices from Yahoo, checked and adjusted, as a Backtrader feed. It needs the network once a day.

python examples/yahoo.py SPY
"""

import sys

import backtrader as bt

from lstmstrat import DataConfig, LSTMForecast, load_prices


class Agreement(bt.Strategy):
    """Long while the forecast is above the spread of the ensemble, so that its members agree on a rise."""

    def __init__(self):
        self.model = LSTMForecast(self.data, members=3, train_size=500)

    def next(self):
        sure = self.model.forecast[0] > self.model.spread[0]
        if sure and not self.position:
            self.order_target_percent(target=0.95)
        elif not sure and self.position:
            self.close()


def main(symbol="SPY"):
    prices = load_prices(DataConfig(symbol=symbol, source="yahoo", start="2015-01-01"))
    for notice in prices.notices:
        print(notice)
    cerebro = bt.Cerebro()
    cerebro.adddata(bt.feeds.PandasData(dataname=prices.frame))
    cerebro.addstrategy(Agreement)
    cerebro.broker.setcash(100_000)
    cerebro.broker.setcommission(0.001)
    strategy = cerebro.run()[0]
    print(f"{symbol}: {len(prices.frame)} bars, {len(strategy.model.walk_forward.folds)} folds")
    print(f"account: {cerebro.broker.getvalue():,.0f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
