"""A bracket order on a forecast: entry at the next open, with a stop and a target two average true ranges away.

python examples/bracket.py
"""

import backtrader as bt

from lstmstrat import DataConfig, LSTMForecast, load_prices


class Bracket(bt.Strategy):
    params = (("width", 2.0),)  # of the bracket, in average true ranges

    def __init__(self):
        self.model = LSTMForecast(self.data, horizon=5, train_size=500)
        self.atr = bt.ind.ATR(self.data, period=14)
        self.ended = {"stop": 0, "target": 0}

    def next(self):
        if self.position or self.model.forecast[0] <= 0.0:
            return
        close, reach = self.data.close[0], self.p.width * self.atr[0]
        self.buy_bracket(
            size=100,
            exectype=bt.Order.Market,
            stopprice=close - reach,
            limitprice=close + reach,
        )

    def notify_order(self, order):
        if order.status == order.Completed and order.parent is not None:
            self.ended["stop" if order.exectype == bt.Order.Stop else "target"] += 1


def main():
    cerebro = bt.Cerebro()
    cerebro.adddata(bt.feeds.PandasData(dataname=load_prices(DataConfig(symbol="AAPL", start="2008-01-01")).frame))
    cerebro.addstrategy(Bracket)
    cerebro.broker.setcash(100_000)
    cerebro.broker.setcommission(0.001)
    strategy = cerebro.run()[0]
    print(f"ended at the target {strategy.ended['target']} times, at the stop {strategy.ended['stop']} times")
    print(f"account: {cerebro.broker.getvalue():,.0f}")


if __name__ == "__main__":
    main()
