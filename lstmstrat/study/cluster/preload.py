"""What a worker process of ``local:N`` does first: it leaves Ctrl-C to the process that started it."""

from __future__ import annotations

import signal

from distributed import Worker


def dask_setup(worker: Worker) -> None:
    """Called by Dask in the main thread of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
