"""The GPU engine as far as a CPU can show it: which device is meant, fixed places, how a graph is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from test_lstm_training import TorchOnCpu, a_task, batch_of, tiny
from torch.utils._python_dispatch import TorchDispatchMode

from lstmstrat import ConfigError
from lstmstrat.forecasting.models import engines
from lstmstrat.forecasting.models.base import never
from lstmstrat.forecasting.models.lstm import gpu, training
from lstmstrat.forecasting.models.lstm.cpu import CpuBatch
from lstmstrat.forecasting.models.lstm.gpu import TorchBatch


class RecordedShapes(TorchDispatchMode):
    """Keeps the shapes of the operands of every matrix product, in the order of the products."""

    def __init__(self, shapes: list[list[torch.Size]]):
        super().__init__()
        self._shapes = shapes

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "mm" in str(operation):
            self._shapes.append([one.shape for one in args if isinstance(one, torch.Tensor)])
        return operation(*args, **(kwargs or {}))


@pytest.fixture
def gpu_build(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if torch were built for a GPU; a build for the CPU alone is not even imported."""
    monkeypatch.setattr(engines, "version", lambda package: "2.13.0")
    engines.device_here.cache_clear()
    yield
    engines.device_here.cache_clear()


@pytest.mark.usefixtures("gpu_build")
@pytest.mark.parametrize(
    ("device", "gpu", "expected"),
    [("auto", False, "cpu"), ("cpu", True, "cpu"), ("auto", True, "cuda"), ("cuda", True, "cuda")],
)
def test_device(monkeypatch, device, gpu, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert engines.device_here(device) == expected


@pytest.mark.usefixtures("gpu_build")
def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="device: cuda, but torch finds no GPU here; set device: auto or cpu"):
        engines.device_here("cuda")


def test_a_gpu_has_its_own_engine():
    assert training.engine("cpu") is CpuBatch
    assert training.engine("cuda") is TorchBatch


def test_every_operation_has_the_same_shape_however_many_networks_there_are():
    """cuBLAS chooses a kernel by the shapes; one network alone had other bits than the same one beside others."""
    shapes = []
    for count in (1, 3, TorchOnCpu.size):
        batch, shapes_here = batch_of(TorchOnCpu, [a_task(seed) for seed in range(count)], tiny()), []
        with RecordedShapes(shapes_here):
            batch._minibatch()
        assert batch.weights().shape[0] == count
        shapes.append([shape for shape in shapes_here if shape])
    assert shapes[0] == shapes[1] == shapes[2] != []


@pytest.mark.parametrize("changes", [{}, {"layers": 2, "dropout": 0.3}], ids=str)
def test_a_minibatch_works_in_fixed_places_and_does_nothing_when_nobody_has_a_turn(changes):
    # A CUDA graph replays the addresses it was recorded with, and torch wants the step run before it is recorded.
    networks = batch_of(TorchOnCpu, [a_task(1), a_task(2)], tiny(**changes))
    kept = {name: t for name, t in vars(networks).items() if isinstance(t, torch.Tensor)}
    kept |= {f"adam{name}": t for name, t in vars(networks._adam).items() if isinstance(t, torch.Tensor)}
    before = {name: t.clone() for name, t in kept.items()}
    for _ in range(3):
        networks._minibatch()
    assert all(torch.equal(t, before[name]) for name, t in kept.items())
    networks.train(np.array([True, True]), 1, never)
    changed = {name for name, t in kept.items() if not torch.equal(t, before[name])}
    assert {
        "_theta",
        "_starts",
        "_turn",
        "_total",
        "adam_mean",
        "adam_square",
        "adam_steps",
    } <= changed


def test_a_graph_is_recorded_after_three_runs_aside(monkeypatch):
    told: list[str] = []

    class Stream:
        def wait_stream(self, other: Any) -> None:
            told.append("wait")

    class Graph:
        def replay(self) -> None:
            told.append("replay")

    @contextmanager
    def block(name: str) -> Iterator[None]:
        told.append(f"{name} begins")
        yield
        told.append(f"{name} ends")

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: block("aside"))
    monkeypatch.setattr(torch.cuda, "graph", lambda _: block("graph"))
    replay = gpu.record_graph(lambda: told.append("step"))
    replay()
    aside = ["wait", "aside begins", "step", "step", "step", "aside ends", "wait"]
    assert told == [*aside, "graph begins", "step", "graph ends", "replay"]
