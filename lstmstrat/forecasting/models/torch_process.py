"""The settings of torch that belong to the whole process, borrowed for one block of work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from lstmstrat.forecasting.models.borrowed import LOCK, random_numbers


@contextmanager
def torch_alone(device: str, seed: int) -> Iterator[None]:
    """A block in which torch depends on `seed` and nothing that the process has set; everything is given back.

    torch has one number of threads and one generator of random numbers for the process: dropout, and the first
    weights of a layer, can draw from no other. So one block at a time has them, whatever thread it runs on.
    """
    with LOCK, random_numbers(seed), ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng([torch.cuda.current_device()] if device == "cuda" else []))
        stack.enter_context(_one_thread())
        stack.enter_context(_single_precision())
        torch.default_generator.manual_seed(seed)
        if device == "cuda":
            torch.cuda.manual_seed(seed)
            stack.enter_context(torch.device(device))
            # Without cuDNN, whose recurrent layers are not the same to the last bit each time.
            stack.enter_context(torch.backends.cudnn.flags(enabled=False, deterministic=True, allow_tf32=False))
        yield


@contextmanager
def _one_thread() -> Iterator[None]:
    """The rounding of a sum depends on the number of threads that share it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _single_precision() -> Iterator[None]:
    """New tensors are float32, as the inputs are, whatever the process has chosen."""
    kept = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(kept)
