"""Two shares traded together: a forecast for each, which also uses the other share; the better one is held.

python examples/two_assets.py
"""

import backtrader as bt

from lstmstrat import DataConfig, LSTMForecast, load_prices


class BetterOfTwo(bt.Strategy):
    def __init__(self):
        a, b = self.datas
        self.models = {
            a: LSTMForecast(a, peers=[b], train_size=500),
            b: LSTMForecast(b, peers=[a], train_size=500),
        }
        self.held = {a: 0, b: 0}

    def next(self):
        best = max(self.datas, key=lambda data: self.models[data].forecast[0])
        for data in self.datas:
            if data is not best or self.models[data].forecast[0] <= 0:
                self.order_target_percent(data, 0.0)
        if self.models[best].forecast[0] > 0:
            self.order_target_percent(best, 0.9)
            self.held[best] += 1


def main():
    cerebro = bt.Cerebro()
    for symbol in ("AAPL", "MSFT"):
        prices = load_prices(DataConfig(symbol=symbol, start="2008-01-01"))
        cerebro.adddata(bt.feeds.PandasData(dataname=prices.frame), name=symbol)
    cerebro.addstrategy(BetterOfTwo)
    cerebro.broker.setcash(100_000)
    cerebro.broker.setcommission(0.001)
    strategy = cerebro.run()[0]
    for data, bars in strategy.held.items():
        print(f"{data._name}: the better one on {bars} bars")
    print(f"account: {cerebro.broker.getvalue():,.0f}")


if __name__ == "__main__":
    main()
