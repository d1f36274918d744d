"""The small network that an audit trains in place of the one in the config."""

from __future__ import annotations

from typing import Any

from lstmstrat.config.forecast import ForecastConfig

SMALL: dict[str, Any] = {"hidden_size": 4, "layers": 1, "dropout": 0.0, "device": "cpu"}
MEMBERS = 2  # at most; one is not enough, because a strategy may use the spread of the members
NO_LEAK = (*SMALL, "seed", "members", "epochs", "patience")
"""The settings of a forecast that no leak depends on; `shrink` changes no other."""


def shrink(forecast: ForecastConfig) -> ForecastConfig:
    """The same forecast with a smaller network: a leak does not depend on how well the network is trained.

    All settings that decide which bars are used stay the same: lookback, horizon, target, features, scaler,
    train_size, refits, validation.
    """
    epochs = min(forecast.epochs, 2 if forecast.val_size else 1)  # with two, training can stop early after one
    members = min(forecast.members, MEMBERS)
    return forecast.model_copy(
        update={**SMALL, "members": members, "epochs": epochs, "patience": min(forecast.patience, epochs)}
    )
