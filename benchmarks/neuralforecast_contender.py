"""NeuralForecast: LSTM with the features as hist_exog_list, with one fit per fold and one call for its forecasts.

The differences from the common job: NeuralForecast counts updates, not epochs, and draws 64 new windows for every
update (without replacement within the update), so an example may be used more or less often than 20 times;
max_steps is the number of updates in 20 epochs. There is one series, so PyTorch Lightning takes every update for
an epoch. The network has one more input, which is always 0 (exclude_insample_y: here the target of a bar is only
known after later bars). Everything else is the same: Adam, the norm of all gradients clipped to 1, mean squared
error, PyTorch's initial weights, and with decoder_layers=1 a linear layer on the last state.

One `predict` for all bars of a fold is faster than `cross_validation(refit=21)`, which fits as often (from the
weights of the previous fold) but predicts bar by bar. There is one thread, because a second one gained nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jobs import CONFIG, FoldJob, scaled, windows
from on_lightning import one_thread_and_quiet

if TYPE_CHECKING:
    from neuralforecast.models import LSTM


def forecasts(jobs: Sequence[FoldJob]) -> list[np.ndarray]:
    """One array of forecasts per fold."""
    one_thread_and_quiet()
    return [_fit_one(job, seed) for seed, job in enumerate(jobs)]


def _fit_one(job: FoldJob, seed: int) -> np.ndarray:
    from neuralforecast import NeuralForecast

    fold = scaled(job)
    ahead = windows(fold.used)  # (bars, L, F)
    forecaster = NeuralForecast([_model(fold.rows.shape[1], len(fold.rows), seed)], freq=1)
    forecaster.fit(_training_frame(fold.rows, fold.targets))
    made = forecaster.predict(_frame(ahead, np.zeros(ahead.shape[:2], dtype=np.float32)))
    return fold.location + fold.scale * made["LSTM"].to_numpy()


def _model(features: int, bars: int, seed: int) -> LSTM:
    from neuralforecast.losses.pytorch import MSE
    from neuralforecast.models import LSTM

    steps = CONFIG.epochs * math.ceil((bars - CONFIG.lookback + 1) / CONFIG.batch_size)
    return LSTM(
        h=1,
        input_size=CONFIG.lookback,
        encoder_n_layers=1,
        encoder_hidden_size=CONFIG.hidden_size,
        decoder_layers=1,
        hist_exog_list=_names(features),
        exclude_insample_y=True,
        loss=MSE(),
        max_steps=steps,
        val_check_steps=steps,
        learning_rate=CONFIG.learning_rate,
        batch_size=1,  # series in an update: there is one
        windows_batch_size=CONFIG.batch_size,
        scaler_type="identity",  # the rows are scaled already
        random_seed=seed,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
        gradient_clip_val=CONFIG.gradient_clip,
    )


def _training_frame(rows: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """One series, in which a label comes one step after its row: a window ends one step before its label.

    So the first step has no label and the last step has no row; neither is ever used.
    """
    first, last = np.zeros(1, dtype=np.float32), rows[-1:]
    return _frame(np.concatenate([rows, last])[None], np.concatenate([first, labels])[None])


def _frame(rows: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Series of equal length with rows (S, n, F) and labels (S, n), in the long format of NeuralForecast."""
    series, bars, features = rows.shape
    table = pd.DataFrame(rows.reshape(-1, features), columns=_names(features))
    table.insert(0, "unique_id", np.repeat(np.arange(series), bars))
    table.insert(1, "ds", np.tile(np.arange(bars), series))
    table.insert(2, "y", y.reshape(-1))
    return table


def _names(features: int) -> list[str]:
    return [f"feature_{i}" for i in range(features)]
