"""What a walk-forward will take, said before it starts: time and memory of its LSTMs, roughly.

Counted are the multiplications of the training, which take most of the time, and the arrays that grow with the
settings. Other models take as long as their code, which nobody knows.

Letters: n bars of a training set, L lookback, S loss steps, F features, H hidden units, D and P as in layout.py.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lstmstrat.errors import ConfigError
from lstmstrat.forecasting.models.base import Model
from lstmstrat.forecasting.models.lstm.layout import LANES, SEQUENCES, Layout, round_up
from lstmstrat.forecasting.models.lstm.model import LSTM
from lstmstrat.forecasting.training_set import TrainingSet

RATE = 60e9
"""Floating point operations a second of one core in training, measured with all else that a step takes.

On the machine of benchmarks/README.md: 66 with the defaults, 45 with 8 units, 83 with 128, 50 with 512, 79 with
loss_steps: 1 (in 1e9). So an estimate is right within a factor of two, on a machine like it.
"""
SMALL = 16  # units: a smaller layer takes about as long, because tanh and the rest of a step do
MINUTE, GIGABYTE = 60.0, 1e9
LONG, LARGE = MINUTE, 2.0 * GIGABYTE  # from here on it is said
SAID = "cost"  # the reason under which it is logged


@dataclass(frozen=True)
class Cost:
    """Estimates for a job. Fits that are in the cache take no time, which is not known here."""

    networks: int
    seconds: float
    memory: float  # bytes

    @property
    def large(self) -> bool:
        """Whether the user should know before it starts."""
        return self.seconds > LONG or self.memory > LARGE

    def __str__(self) -> str:
        return (
            f"{self.networks:,} networks to train: about {_duration(self.seconds)} and "
            f"{max(self.memory / GIGABYTE, 0.1):,.1f} GB of memory, less what is in the cache"
        )


def cost(model: Model, members: int, sets: Sequence[int], inputs: int, jobs: int, times: int = 1) -> Cost:
    """The cost of a walk-forward whose training sets have `sets` bars each, on `jobs` threads, `times` over.

    Examples
    --------
    5 members of 32 units on thirteen years of days, 2 threads: benchmarks/README.md has 3.5 to 5.3 s.

    >>> from lstmstrat import ForecastConfig
    >>> lstm = LSTM.of(ForecastConfig(lookback=60, hidden_size=32, epochs=8, device="cpu"))
    >>> print(cost(lstm, members=5, sets=[750] * 118, inputs=10, jobs=2))
    590 networks to train: about 5 seconds and 0.1 GB of memory, less what is in the cache
    """
    samples = sum(sets) * (4.0 * inputs + 13.0)  # scaled inputs and label in float32, label in float64, usable
    if not isinstance(model, LSTM):
        return Cost(0, 0.0, samples)
    layout, networks = Layout.of(model, inputs), len(sets) * members
    work = sum(_operations(model, layout, bars) for bars in sets) * members
    weights = 4.0 * layout.size  # bytes
    # The session keeps the weights of all networks; a variation (a seed, a null world) has a session of its own.
    memory = samples + networks * weights * min(times, 2) + jobs * (6.0 * weights + _buffers(model, layout))
    seconds = work * times / (RATE * jobs) if model.device == "cpu" else 0.0  # nobody has measured a GPU
    return Cost(networks * times, seconds, memory)


def seconds_of_fit(model: Model, training: TrainingSet) -> float:
    """How long one fit takes on a core; infinite if nobody knows, as of a subclass."""
    if type(model) is not LSTM:
        return math.inf
    return _operations(model, Layout.of(model, training.rows.shape[1]), len(training.rows)) / RATE


def check_memory(estimate: Cost) -> None:
    """Refuses what does not fit into this machine.

    Raises
    ------
    ConfigError
        The estimate is above the memory of the machine.
    """
    available = machine_memory()
    if available is not None and estimate.memory > available:
        raise ConfigError(
            f"forecast: {estimate.networks:,} networks of these settings need about "
            f"{estimate.memory / GIGABYTE:,.0f} GB of memory, and there are {available / GIGABYTE:,.0f} GB; "
            "give a smaller hidden_size, fewer layers or members, a smaller batch_size, a larger refit_every, or "
            "mode: rolling"
        )


def machine_memory() -> float | None:
    """The memory that this process may use, in bytes; None where the system does not tell."""
    try:
        installed = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return None
    try:  # the limit of a container; "max" if it has none
        return min(installed, float(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):
        return installed


def _sequences(model: LSTM) -> tuple[int, int, int]:
    """Sequences of a minibatch with losses, the same with those that fill up, and those processed at a time."""
    losses = math.ceil(model.batch_size / model.loss_steps)
    block = min(round_up(losses, LANES), SEQUENCES)
    return losses, round_up(losses, block), block


def _operations(model: LSTM, layout: Layout, bars: int) -> float:
    """Floating point operations of the training of one network."""
    losses, sequences, _ = _sequences(model)
    blocks = math.ceil((bars + model.loss_steps - 1) / model.loss_steps)
    minibatches, span = math.ceil(blocks / losses), model.lookback + model.loss_steps - 1
    bars_of_sequences = model.epochs * minibatches * sequences * span
    return bars_of_sequences * replace(layout, units=max(layout.units, SMALL)).operations


def _buffers(model: LSTM, layout: Layout) -> float:
    """Bytes of what one thread keeps of a minibatch: kernels.new_buffers, minibatches.py and masks of dropout."""
    _, sequences, block = _sequences(model)
    span, h = model.lookback + model.loss_steps - 1, layout.hidden
    width = h + max(layout.columns, layout.width - h)
    of_layer = (span + 1) * (width + h) + 5 * span * h  # inputs and cell; gates and the tanh of the cell
    activations = block * (layout.layers * of_layer + span * h + model.loss_steps)
    masks = 2 * (layout.layers - 1) * span * sequences * h if model.dropout else 0
    return 4.0 * (activations + masks) + 8.0 * sequences


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86_400.0), ("hours", 3_600.0), ("minutes", MINUTE)):
        if seconds >= 2.0 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{math.ceil(seconds)} seconds"
