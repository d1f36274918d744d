"""Networks as users write them in torch, named ``module:Class`` in a config."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from lstmstrat import TorchModel


class LastState(nn.Module):
    """A dense layer on the last state of a recurrent layer, with dropout between them."""

    def __init__(self, features: int, width: int):
        super().__init__()
        self.recurrent = nn.GRU(features, width, batch_first=True)
        self.dropout = nn.Dropout(0.2)
        self.dense = nn.Linear(width, 1)

    def forward(self, windows: Tensor) -> Tensor:
        states, _ = self.recurrent(windows)
        return self.dense(self.dropout(states[:, -1]))


@dataclass(frozen=True)
class Gru(TorchModel):
    width: int = 4

    def network(self, features: int) -> nn.Module:
        return LastState(features, self.width)


class Linear(TorchModel):
    """The smallest there is, without parameters of its own."""

    def network(self, features: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(self.lookback * features, 1))


class Normed(TorchModel):
    """With buffers, which are no weights, and a layer that learns its shape from the first window."""

    def network(self, features: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 1))


class Attention(TorchModel):
    """One layer of a Transformer."""

    def network(self, features: int) -> nn.Module:
        return Attending(features)


class Attending(nn.Module):
    def __init__(self, features: int):
        super().__init__()
        self.embed = nn.Linear(features, 8)
        self.attend = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.dense = nn.Linear(8, 1)

    def forward(self, windows: Tensor) -> Tensor:
        return self.dense(self.attend(self.embed(windows)).mean(1)).squeeze()


class Absolute(Linear):
    """A loss of its own."""

    def criterion(self, forecasts: Tensor, labels: Tensor) -> Tensor:
        return (forecasts - labels).abs().mean()


NETWORKS = ("Gru", "Linear", "Normed", "Attention", "Absolute")
