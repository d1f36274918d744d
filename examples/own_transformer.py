"""A small Transformer of your own, with parameters and a loss of its own, beside the LSTM in a ladder.

python examples/own_transformer.py
"""

from dataclasses import dataclass

import torch
from torch import nn

import lstmstrat
from lstmstrat import Config, DataConfig, ForecastConfig, ForecastStrategy, Ledger, ReportConfig, Session, Store

FORECAST = {"lookback": 20, "train_size": 500, "refit_every": 125, "mode": "rolling", "calibration": "none"}
FORECAST |= {"hidden_size": 8, "epochs": 2, "members": 1}


class Layers(nn.Module):  # attention over the bars of a window, each of which knows its place
    def __init__(self, lookback, features, width):
        super().__init__()
        self.place = nn.Parameter(torch.zeros(lookback, width))
        self.embed = nn.Linear(features, width)
        self.attend = nn.TransformerEncoderLayer(width, 2, 2 * width, dropout=0.1, batch_first=True)
        self.dense = nn.Linear(width, 1)

    def forward(self, windows):
        return self.dense(self.attend(self.embed(windows) + self.place).mean(dim=1))


@dataclass(frozen=True)
class Transformer(lstmstrat.TorchModel):
    width: int = 16  # model_params: {width: 8} gives another

    def network(self, features):
        return Layers(self.lookback, features, self.width)

    def criterion(self, forecasts, labels):  # a loss of its own in place of mse
        return (forecasts - labels).abs().mean()


class LongFlat(ForecastStrategy):
    def target_exposure(self):
        return 1.0 if self.forecast[0] > 0 else 0.0


def main():
    config = Config(
        data=DataConfig(symbol="IBM", start="2010-01-01"),
        forecast=ForecastConfig(model="own_transformer:Transformer", model_params={"width": 8}, **FORECAST),
        strategies=[{"class": "own_transformer:LongFlat"}],
        report=ReportConfig(ladder=True),
    )
    result = lstmstrat.run(config, session=Session(Store(None), ledger=Ledger(None)))  # nothing is kept
    for rung in result.assessment.ladder.models:
        print(f"{rung.model:28} {rung.folds} folds, correlation {rung.correlation:+.3f}")


if __name__ == "__main__":
    main()
