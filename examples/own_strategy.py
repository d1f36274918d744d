"""The forecast in a strategy of your own: an ordinary bt.Strategy with its own orders, a sizer and analyzers.

python examples/own_strategy.py
"""

import backtrader as bt

from lstmstrat import DataConfig, LSTMForecast, load_prices


class CrossWithForecast(bt.Strategy):
    """The well-known SMA cross, entered only if the forecast is above 0."""

    params = (("fast", 10), ("slow", 30))

    def __init__(self):
        fast, slow = (bt.ind.SMA(self.data, period=n) for n in (self.p.fast, self.p.slow))
        self.cross = bt.ind.CrossOver(fast, slow)
        self.model = LSTMForecast(self.data, train_size=500)

    def next(self):
        if not self.position and self.cross[0] > 0 and self.model.forecast[0] > 0:  # NaN is not above 0
            self.buy()
        elif self.position and self.cross[0] < 0:
            self.close()


def main():
    prices = load_prices(DataConfig(symbol="AAPL", start="2008-01-01"))
    cerebro = bt.Cerebro()
    cerebro.adddata(bt.feeds.PandasData(dataname=prices.frame))
    cerebro.addstrategy(CrossWithForecast)
    cerebro.addsizer(bt.sizers.PercentSizer, percents=90)
    cerebro.broker.setcash(100_000)
    cerebro.broker.setcommission(0.001)
    cerebro.addanalyzer(bt.analyzers.TradeAnalyzer, _name="trades")
    strategy = cerebro.run()[0]
    trades = strategy.analyzers.trades.get_analysis()
    print(f"{trades.total.closed} closed trades, {trades.won.total} with a profit")
    print(f"account: {cerebro.broker.getvalue():,.0f}")


if __name__ == "__main__":
    main()
