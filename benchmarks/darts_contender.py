"""Darts: BlockRNNModel(model="LSTM"), with one model per fold and one call for its forecasts.

The difference from the common job: the network has one more input, which is always 0. BlockRNNModel also reads the
past of its target. Here the target of a bar is only known after later bars, so it is left out, by a training set
of our own (`fit_from_dataset`, which Darts documents; it also cuts windows faster than Darts does). Everything
else is the same: 20 epochs of shuffled minibatches of 64, the last one short, Adam, the norm of all gradients
clipped to 1, mean squared error, PyTorch's initial weights, a linear layer on the last state.

One `predict` for all bars of a fold is faster than `historical_forecasts(retrain=21)`, which fits as often but
predicts bar by bar. There is one thread, because a second one gained nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jobs import CONFIG, FoldJob, scaled, windows
from on_lightning import one_thread_and_quiet

if TYPE_CHECKING:
    from darts.models import BlockRNNModel
    from darts.utils.data import TorchTrainingDataset

TRAINER: dict[str, Any] = {
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "logger": False,
    "gradient_clip_val": CONFIG.gradient_clip,
}
LOADER = {"pin_memory": False}  # there is no accelerator to pin it for


def forecasts(jobs: Sequence[FoldJob]) -> list[np.ndarray]:
    """One array of forecasts per fold."""
    one_thread_and_quiet()
    return [_fit_one(job, seed) for seed, job in enumerate(jobs)]


def _fit_one(job: FoldJob, seed: int) -> np.ndarray:
    from darts import TimeSeries

    fold = scaled(job)
    model = _model(seed)
    examples = _training_set(windows(fold.rows), fold.targets[CONFIG.lookback - 1 :])
    model.fit_from_dataset(examples, dataloader_kwargs=dict(LOADER))
    ahead = [TimeSeries.from_values(window) for window in windows(fold.used)]
    nothing = [TimeSeries.from_values(_no_past())] * len(ahead)
    made = model.predict(1, nothing, past_covariates=ahead, dataloader_kwargs=dict(LOADER), show_warnings=False)
    return fold.location + fold.scale * np.array([float(series.values()[0, 0]) for series in made])


def _model(seed: int) -> BlockRNNModel:
    from darts.models import BlockRNNModel

    return BlockRNNModel(
        input_chunk_length=CONFIG.lookback,
        output_chunk_length=1,
        model="LSTM",
        hidden_dim=CONFIG.hidden_size,
        n_rnn_layers=1,
        batch_size=CONFIG.batch_size,
        n_epochs=CONFIG.epochs,
        optimizer_kwargs={"lr": CONFIG.learning_rate},  # of torch.optim.Adam; the loss is MSELoss
        random_state=seed,
        save_checkpoints=False,
        pl_trainer_kwargs=TRAINER,
    )


def _training_set(x: np.ndarray, y: np.ndarray) -> TorchTrainingDataset:
    """Windows (examples, L, F) and the label at the end of each (examples,), without the past of the target."""
    from darts.utils.data import TorchTrainingDataset, TorchTrainingSample

    class Examples(TorchTrainingDataset):
        def __len__(self) -> int:
            return len(x)

        def __getitem__(self, index: int) -> TorchTrainingSample:
            label = y[index].reshape(1, 1)
            return TorchTrainingSample(past_target=past, past_covariates=x[index], future_target=label)

    past = _no_past()
    return Examples()


def _no_past() -> np.ndarray:
    return np.zeros((CONFIG.lookback, 1), dtype=np.float32)
