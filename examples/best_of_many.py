"""One model over many shares in a plain Backtrader script: hold the three with the highest scores, equally."""

import backtrader as bt
import pandas as pd

import lstmstrat

SYMBOLS = ["AMD", "CVX", "GE", "HD", "IBM", "KO", "MSFT", "PEP", "TGT", "WMT", "XOM", "JNJ"]
DATA = {"source": "bundled", "universe": SYMBOLS, "start": "2007-01-03", "end": "2009-12-31"}


class BestThree(bt.Strategy):
    def __init__(self):
        settings = {
            "pool": "all",
            "relation": "rank",
            "least_assets": 8,
            "refit_every": 63,
            "batch_size": 480,
            "members": 3,
        }
        self.scores = {
            feed: lstmstrat.LSTMForecast(feed, universe=self.datas, train_size=500, **settings)
            for feed in self.datas
        }

    def next(self):
        scores = {feed: model.forecast[0] for feed, model in self.scores.items()}
        known = [feed for feed in self.datas if scores[feed] == scores[feed]]  # NaN is not itself
        best = sorted(known, key=scores.get)[-3:]
        for feed in self.datas:
            if feed not in best and self.getposition(feed).size:
                self.close(feed)
        for feed in best:
            self.order_target_percent(feed, 0.3)


panel = lstmstrat.load_panel(DATA)
cerebro = bt.Cerebro(stdstats=False)
cerebro.broker.setcash(100_000.0)
cerebro.broker.setcommission(0.001)
columns = ["open", "high", "low", "close", "volume"]
for k, symbol in enumerate(panel.symbols):
    frame = pd.DataFrame(panel.bars[:, k], index=pd.DatetimeIndex(panel.times), columns=columns).dropna()
    cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=symbol)
cerebro.addstrategy(BestThree)
strategy = cerebro.run()[0]

model = strategy.scores[strategy.data]
print(f"{len(panel.symbols)} shares, {len(model.walk_forward.folds[''])} folds of one model")
print(f"account: {cerebro.broker.getvalue():,.0f}")
