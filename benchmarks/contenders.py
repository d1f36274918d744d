"""The contenders, which a user may choose from. Each trains on the given folds and forecasts their bars.

`CONTENDERS[name](jobs)` gives one array of forecasts per fold. All have the same job: scale by the mean and
standard deviation of the training set, 20 epochs of shuffled minibatches of 64 examples, Adam at
CONFIG.learning_rate, gradients clipped to 1, mean squared error, 32 units, a dense layer on the last state.
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

from lstmstrat import ForecastConfig, Session, Store, TrainingSet
from lstmstrat.forecasting import trainer
from lstmstrat.forecasting.models import model_of
from lstmstrat.forecasting.models.base import FitTask
from lstmstrat.forecasting.training_set import windows

Forecasts = list[np.ndarray]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ours(jobs: Sequence[FoldJob], config: ForecastConfig, threads: int = CORES) -> Forecasts:
    """The forecasts of lstmstrat with a config of one member."""
    model, lookback = model_of(config), config.lookback
    sets = [TrainingSet(job.rows, job.targets, lookback, config.purge) for job in jobs]
    forecasts = []
    with Session(Store(None), jobs=threads) as session:
        networks = trainer.fit(session, model, [FitTask(training, seed) for seed, training in enumerate(sets)])
        for job, network in zip(jobs, networks, strict=True):
            assert network is not None
            forecasts.append(trainer.predict(session, model, [network], windows(job.used, lookback))[0])
    return forecasts


def lstmstrat(jobs: Sequence[FoldJob]) -> Forecasts:
    """lstmstrat with its default method: sequences of 20 losses, one thread per core."""
    return ours(jobs, CONFIG)


def lstmstrat_default_epochs(jobs: Sequence[FoldJob]) -> Forecasts:
    """lstmstrat with its default number of epochs, which users get. This is not the common job."""
    return ours(jobs, CONFIG.model_copy(update={"epochs": ForecastConfig().epochs}))


def lstmstrat_classical(jobs: Sequence[FoldJob]) -> Forecasts:
    """lstmstrat with loss_steps 1: one loss per window, the same mathematics as the PyTorch loop."""
    return ours(jobs, CONFIG.model_copy(update={"loss_steps": 1}))


def lstmstrat_cut(jobs: Sequence[FoldJob]) -> Forecasts:
    """lstmstrat with a gradient that ends 20 bars before the first loss of a sequence."""
    return ours(jobs, CONFIG.model_copy(update={"backprop_steps": 20}))


def lstmstrat_classical_cut(jobs: Sequence[FoldJob]) -> Forecasts:
    """The same with one loss per window, 20 bars before that loss."""
    return ours(jobs, CONFIG.model_copy(update={"loss_steps": 1, "backprop_steps": 20}))


def pytorch_loop(jobs: Sequence[FoldJob]) -> Forecasts:
    """An ordinary PyTorch loop over the folds, with one thread per core inside the operations."""
    import torch

    torch.set_num_threads(CORES)
    return [fit_one(job, seed) for seed, job in enumerate(jobs)]


def pytorch_processes(jobs: Sequence[FoldJob]) -> Forecasts:
    """The same loop, with the folds distributed over one process per core, each with one thread."""
    with ProcessPoolExecutor(
        CORES, mp_context=multiprocessing.get_context("spawn"), initializer=_one_thread
    ) as pool:
        return list(pool.map(fit_one, jobs, range(len(jobs))))


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def fit_one(job: FoldJob, seed: int, epochs: int = CONFIG.epochs) -> np.ndarray:
    """The forecasts of one fold by an ordinary PyTorch loop, one loss a window."""
    import torch

    torch.manual_seed(seed)
    x, y, ahead, location, scale = examples(job)
    lstm = torch.nn.LSTM(x.shape[2], CONFIG.hidden_size, batch_first=True)
    dense = torch.nn.Linear(CONFIG.hidden_size, 1)
    parameters = [*lstm.parameters(), *dense.parameters()]
    adam = torch.optim.Adam(parameters, lr=CONFIG.learning_rate)
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(epochs):
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
    "lstmstrat_default_epochs": lstmstrat_default_epochs,
    "lstmstrat_cut": lstmstrat_cut,
    "lstmstrat_classical": lstmstrat_classical,
    "lstmstrat_classical_cut": lstmstrat_classical_cut,
    "pytorch_loop": pytorch_loop,
    "pytorch_processes": pytorch_processes,
    "jax_vmap": jax_contender.forecasts,
    "darts": darts_contender.forecasts,
    "neuralforecast": neuralforecast_contender.forecasts,
    "keras": keras_contender.forecasts,
    "keras_one_model": keras_contender.forecasts_one_model,
}
