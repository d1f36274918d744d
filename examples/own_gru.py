"""A GRU of your own in the place of the LSTM, and beside it in a ladder: on the same folds, by the same rules.

python examples/own_gru.py
"""

from torch import nn

import lstmstrat
from lstmstrat import Config, DataConfig, ForecastConfig, ForecastStrategy, Ledger, ReportConfig, Session, Store

FORECAST = {"lookback": 20, "train_size": 500, "refit_every": 125, "mode": "rolling", "calibration": "none"}
NETWORK = {"hidden_size": 8, "epochs": 2, "members": 1, "loss": "huber"}


class Layers(nn.Module):
    """A dense layer on the last state of a GRU: (B, lookback, features) -> (B, 1)."""

    def __init__(self, features, hidden_size):
        super().__init__()
        self.recurrent = nn.GRU(features, hidden_size, batch_first=True)
        self.dense = nn.Linear(hidden_size, 1)

    def forward(self, windows):
        states, _ = self.recurrent(windows)
        return self.dense(states[:, -1])


class GRU(lstmstrat.TorchModel):
    def network(self, features):
        return Layers(features, 8)


class LongFlat(ForecastStrategy):
    def target_exposure(self):
        return 1.0 if self.forecast[0] > 0 else 0.0


def main():
    config = Config(
        data=DataConfig(symbol="IBM", start="2010-01-01"),
        forecast=ForecastConfig(model="own_gru:GRU", **FORECAST, **NETWORK),
        strategies=[{"class": "own_gru:LongFlat"}],
        report=ReportConfig(ladder=True),
    )
    result = lstmstrat.run(config, session=Session(Store(None), ledger=Ledger(None)))  # nothing is kept
    for rung in result.assessment.ladder.models:
        print(f"{rung.model:12} {rung.folds} folds, correlation {rung.correlation:+.3f}")


if __name__ == "__main__":
    main()
