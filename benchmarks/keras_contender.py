"""Keras 3: LSTM(32) and Dense(1), `fit` with 20 epochs; on JAX unless KERAS_BACKEND says otherwise.

The training does not differ from the common job: global_clipnorm clips the norm of all gradients, and the last
minibatch of an epoch is short. The initial weights are those of PyTorch (uniform, no forget bias). With the
defaults of Keras, the forecasts of a planted signal are clearly worse, but initial weights are not compared here.

`forecasts` makes a new model for each fold, and JAX compiles each of them, which takes most of the time. The one
model of `forecasts_one_model` is compiled once, and gets new weights and a new Adam for each fold. The torch
backend was slower than both, because there Keras loops over the bars of an LSTM in Python.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from jobs import CONFIG, FoldJob, scaled, windows

if TYPE_CHECKING:
    from keras import Model
    from keras.initializers import Initializer


def forecasts(jobs: Sequence[FoldJob]) -> list[np.ndarray]:
    """One array of forecasts per fold, with a new model for each fold."""
    return [_fit_one(job, seed, _model) for seed, job in enumerate(jobs)]


def forecasts_one_model(jobs: Sequence[FoldJob]) -> list[np.ndarray]:
    """One array of forecasts per fold, with one model that gets new weights and a new Adam for each fold."""
    model = _model(jobs[0].rows.shape[1])
    model.optimizer.build(model.trainable_variables)
    start = [variable.numpy() for variable in model.optimizer.variables]

    def refreshed(features: int) -> Model:
        model.set_weights(_model(features).get_weights())
        for variable, value in zip(model.optimizer.variables, start, strict=True):
            variable.assign(value)
        return model

    return [_fit_one(job, seed, refreshed) for seed, job in enumerate(jobs)]


def _fit_one(job: FoldJob, seed: int, model_for: Callable[[int], Model]) -> np.ndarray:
    _keras().utils.set_random_seed(seed)
    fold = scaled(job)
    model = model_for(fold.rows.shape[1])
    inputs, labels = np.ascontiguousarray(windows(fold.rows)), fold.targets[CONFIG.lookback - 1 :]
    model.fit(inputs, labels, batch_size=CONFIG.batch_size, epochs=CONFIG.epochs, verbose=0)
    made: np.ndarray = model.predict(windows(fold.used), verbose=0)[:, 0]
    return fold.location + fold.scale * made


def _model(features: int) -> Model:
    keras = _keras()
    lstm = keras.layers.LSTM(
        CONFIG.hidden_size,
        kernel_initializer=_uniform(),
        recurrent_initializer=_uniform(),
        bias_initializer=_uniform(),
        unit_forget_bias=False,
    )
    dense = keras.layers.Dense(1, kernel_initializer=_uniform(), bias_initializer=_uniform())
    model = keras.Sequential([keras.Input((CONFIG.lookback, features)), lstm, dense])
    adam = keras.optimizers.Adam(CONFIG.learning_rate, global_clipnorm=CONFIG.gradient_clip)
    model.compile(adam, loss="mse")
    return model


def _uniform() -> Initializer:
    bound = CONFIG.hidden_size**-0.5
    return _keras().initializers.RandomUniform(-bound, bound)


def _keras() -> ModuleType:
    os.environ.setdefault("KERAS_BACKEND", "jax")  # read at the first import
    import keras

    return keras
