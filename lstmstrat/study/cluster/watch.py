"""Says when no worker of a cluster is left: its work then waits until one joins."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from distributed import Client

GONE = 5.0  # seconds: a worker of which a nanny takes care is back by then
LOOKS = 1.0  # seconds between two questions to the scheduler

_log = logging.getLogger(__name__)


@contextmanager
def watched(client: Client, name: str) -> Iterator[None]:
    """In the block a warning is logged when the last worker has gone, and one when there are workers again."""
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(client, name, ended), name="lstmstrat-cluster", daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join(LOOKS)  # it may wait for a scheduler that is lost


def _watch(client: Client, name: str, ended: threading.Event) -> None:
    seen, told = time.monotonic(), False
    while not ended.wait(LOOKS):
        alive = _has_workers(client)
        if ended.is_set():  # the answer took its time
            return
        if alive:
            if told:
                _log.warning("%s has a worker again; the work goes on", name)
            seen, told = time.monotonic(), False
        elif not told and time.monotonic() - seen >= GONE:
            _log.warning("%s has no workers any more; the work waits until one joins, and Ctrl-C ends it", name)
            told = True


def _has_workers(client: Client) -> bool:
    """Whether the scheduler knows one; a scheduler that is lost is somebody else's sentence."""
    try:
        return bool(client.scheduler_info(n_workers=1)["workers"])
    except Exception:
        return True
