"""What a user would pick: each contender trains the folds it is given and forecasts the bars each is used for.

`CONTENDERS[name](jobs)` gives one array of forecasts a fold. All have the same job: scale by the mean and standard
deviation of the slice, 20 epochs of shuffled minibatches of 64 examples, Adam at CONFIG.learning_rate, gradients
clipped to 1, mean squared error, 32 units, a dense layer on the last state.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

import darts_contender
import jax_contender
import keras_contender
import neuralforecast_contender
import numpy as np
from jobs import CONFIG, FoldJob, examples

from lstmstrat.config import ForecastConfig
from lstmstrat.lstm.values import TrainingSlice
from lstmstrat.store import Store
from lstmstrat.trainer import Trainer

Forecasts = list[np.ndarray]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ours(jobs: Sequence[FoldJob], config: ForecastConfig) -> Forecasts:
    slices = [TrainingSlice(job.rows, job.targets, config.purge, seed) for seed, job in enumerate(jobs)]
    with Trainer(Store(None), jobs=CORES).active() as trainer:
        networks = trainer.fit(slices, config)
        found = []
        for job, network in zip(jobs, networks, strict=True):
            assert network is not None
            found.append(trainer.predict([network], job.used, config)[0])
    return found


def lstmstrat(jobs: Sequence[FoldJob]) -> Forecasts:
    """lstmstrat as it comes: sequences of 20 losses, one thread a core."""
    return _ours(jobs, CONFIG)


def lstmstrat_8_epochs(jobs: Sequence[FoldJob]) -> Forecasts:
    """lstmstrat with its default number of epochs: not the common job, but what a user gets."""
    return _ours(jobs, CONFIG.model_copy(update={"epochs": ForecastConfig().epochs}))


def lstmstrat_classical(jobs: Sequence[FoldJob]) -> Forecasts:
    """lstmstrat with loss_steps 1: the mathematics of the loop, one window one loss."""
    return _ours(jobs, CONFIG.model_copy(update={"loss_steps": 1}))


def pytorch_loop(jobs: Sequence[FoldJob]) -> Forecasts:
    """An ordinary PyTorch loop over the folds, a thread a core inside the operations."""
    import torch

    torch.set_num_threads(CORES)
    return [_fit_one(job, seed) for seed, job in enumerate(jobs)]


def pytorch_processes(jobs: Sequence[FoldJob]) -> Forecasts:
    """The same loop, the folds shared out over one process a core with one thread each."""
    with ProcessPoolExecutor(
        CORES, mp_context=multiprocessing.get_context("spawn"), initializer=_one_thread
    ) as pool:
        return list(pool.map(_fit_one, jobs, range(len(jobs))))


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _fit_one(job: FoldJob, seed: int) -> np.ndarray:
    import torch

    torch.manual_seed(seed)
    x, y, ahead, location, scale = examples(job)
    lstm = torch.nn.LSTM(x.shape[2], CONFIG.hidden_size, batch_first=True)
    dense = torch.nn.Linear(CONFIG.hidden_size, 1)
    parameters = [*lstm.parameters(), *dense.parameters()]
    adam = torch.optim.Adam(parameters, lr=CONFIG.learning_rate)
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(CONFIG.epochs):
        for batch in torch.randperm(len(inputs)).split(CONFIG.batch_size):
            guess = dense(lstm(inputs[batch])[0][:, -1]).squeeze(1)
            loss = torch.nn.functional.mse_loss(guess, labels[batch])
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, CONFIG.gradient_clip)
            adam.step()
    with torch.inference_mode():
        made = dense(lstm(torch.from_numpy(ahead))[0][:, -1]).squeeze(1).numpy()
    return location + scale * made


CONTENDERS: dict[str, Callable[[Sequence[FoldJob]], Forecasts]] = {
    "lstmstrat": lstmstrat,
    "lstmstrat_8_epochs": lstmstrat_8_epochs,
    "lstmstrat_classical": lstmstrat_classical,
    "pytorch_loop": pytorch_loop,
    "pytorch_processes": pytorch_processes,
    "jax_vmap": jax_contender.forecasts,
    "darts": darts_contender.forecasts,
    "neuralforecast": neuralforecast_contender.forecasts,
    "keras": keras_contender.forecasts,
    "keras_one_model": keras_contender.forecasts_one_model,
}
