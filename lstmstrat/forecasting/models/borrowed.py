"""What a fit or a forecast borrows of the process, and gives back as it was.

scikit-learn and torch take the number of their threads from the process, and code of a user's often takes its
random numbers from there. A fitted model must depend on neither. One block at a time borrows them: of two at once,
each would see the other's settings, and give back what the other had set.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

LOCK = threading.RLock()


@contextmanager
def one_thread(module: str = "sklearn.ensemble") -> Iterator[None]:
    """Limits the libraries behind `module`, and their matrix products, to one thread, in this block alone.

    The rounding of their sums depends on the number of threads. Besides, threads wait for each other after every
    step of a tree, and take a hundred times as long as a single thread if another program uses one of the cores.
    """
    with LOCK, _controller(module).limit(limits=1):
        yield


@cache
def _controller(module: str) -> Any:
    import_module(module)  # its thread pools must be loaded before they are looked up
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # cached, because the look-up takes milliseconds


@contextmanager
def random_numbers(seed: int) -> Iterator[None]:
    """In this block the random numbers of the process, Python's and NumPy's, begin at `seed`."""
    with LOCK:
        python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  what code of a user's may draw from
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
