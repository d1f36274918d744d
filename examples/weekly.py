"""A weekly forecast, traded on daily bars: the indicator gets a weekly feed that is resampled from the daily one.

python examples/weekly.py
"""

import backtrader as bt

from lstmstrat import DataConfig, LSTMForecast, load_prices


class WeeklyTrend(bt.Strategy):
    def __init__(self):
        daily, weekly = self.datas
        self.model = LSTMForecast(weekly, lookback=26, train_size=150, refit_every="quarter")
        self.trend = bt.ind.SMA(daily, period=20)

    def next(self):
        up = self.model.forecast[0] > 0 and self.data.close[0] > self.trend[0]
        if up and not self.position:
            self.order_target_percent(target=0.9)
        elif not up and self.position:
            self.close()


def main():
    cerebro = bt.Cerebro()
    daily = bt.feeds.PandasData(dataname=load_prices(DataConfig(symbol="MSFT", start="2005-01-01")).frame)
    cerebro.adddata(daily)
    cerebro.resampledata(daily, timeframe=bt.TimeFrame.Weeks)
    cerebro.addstrategy(WeeklyTrend)
    cerebro.broker.setcash(100_000)
    cerebro.broker.setcommission(0.001)
    strategy = cerebro.run()[0]
    walk = strategy.model.walk_forward
    print(f"{len(strategy.datas[1])} weeks, {len(walk.folds)} folds")
    print(f"account: {cerebro.broker.getvalue():,.0f}")


if __name__ == "__main__":
    main()
