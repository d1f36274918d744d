"""`lstmstrat.cluster`: from an address to an executor. What is wrong with it is said before any work is sent."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from lstmstrat.errors import ConfigError, count
from lstmstrat.forecasting.executor import cores

if TYPE_CHECKING:
    from distributed import Client

    from lstmstrat.study.cluster.executor import ClusterExecutor

PATIENCE = 10.0  # seconds until nobody answers, or no worker has come
MOST = 4  # processes of ``local:N`` for each processor
FORMS = "expected local:N such as local:2, or tcp://host:port such as tcp://10.0.0.5:8786"
INSTALL = 'cluster: Dask is not installed; type: pip install "lstmstrat[cluster]"'
QUIET = logging.CRITICAL + 1
LIBRARIES = ("distributed", "tornado", "bokeh")
OF_DASK = (
    *(f"{library}_NUM_THREADS" for library in ("OMP", "MKL", "OPENBLAS")),
    *("MALLOC_TRIM_THRESHOLD_", "PYTHONHASHSEED", "__DASK_PARENT_PID"),
)
SELDOM = {
    "distributed.worker.profile.enabled": False,  # it stops every call a hundred times a second
    "distributed.admin.tick.interval": "1s",  # scheduler and workers look at their clocks; else 50 times a second
    "distributed.admin.system-monitor.interval": "10s",
}
"""What Dask shows on its pages, which nobody opens here: it took a second of processor time in twenty."""


class Address(NamedTuple):
    """Where the workers are."""

    text: str  # as it was given
    processes: int  # to start on this machine; 0 for a cluster that runs


def address_of(text: str) -> Address:
    """What ``local:N`` or ``tcp://host:port`` says.

    >>> address_of("local:2").processes, address_of("tcp://10.0.0.5:8786").processes
    (2, 0)

    Raises
    ------
    ConfigError
        It is neither, or N is 0 or far more than this machine has processors.
    """
    if found := re.fullmatch(r"local:(\d{1,9})", text):
        processes, most = int(found[1]), MOST * cores()
        if not 1 <= processes <= most:
            raise ConfigError(
                f"cluster: {text} given, expected local:1 to local:{most} with {count(cores(), 'processor')} here"
            )
        return Address(text, processes)
    found = re.fullmatch(r"tcp://(\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+):(\d{1,5})", text)
    if not found or not 0 < int(found[2]) < 65_536:
        raise ConfigError(f"cluster: {text!r:.80} given, {FORMS}")
    return Address(text, 0)


@contextmanager
def cluster(address: str) -> Iterator[ClusterExecutor]:
    """An executor on processes of this machine, or on a Dask cluster, for the `executor` of a `Session`.

    Forecasts have the bits that threads give, as long as the processors are of one kind. The workers open neither
    the store nor the ledger. At the end of the block the connection is closed, and processes of ``local:N`` end.

    Parameters
    ----------
    address
        ``local:N`` for N processes here, which end with the block; or ``tcp://host:port`` of a Dask scheduler.
        Scheduler and workers need the same versions as this process, and a worker one thread.

    Raises
    ------
    ConfigError
        Dask is not installed, nobody answers at the address, there are no workers, or one of them would come to
        other numbers; the message says what to do.

    Examples
    --------
    In a script this stands below ``if __name__ == "__main__":``, for new processes import the script.

    >>> import lstmstrat
    >>> config = {"data": {"start": "2011-01-03"}, "forecast": {"model": "ridge", "train_size": 250}}
    >>> config["strategies"] = [{"class": "strategies.long_flat:LongFlat"}]
    >>> with lstmstrat.cluster("local:1") as executor:
    ...     session = lstmstrat.Session(lstmstrat.Store(None), executor=executor)
    ...     result = lstmstrat.run(config, session=session)
    >>> result.assessment.walk_forward.fitted
    12
    """
    where = address_of(address)
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise ConfigError(INSTALL) from None
    from dask import config

    from lstmstrat.study.cluster.watch import watched

    large = {"distributed.admin.large-graph-warning-threshold": "1GB"}  # a training set has 12 MB
    with (
        TemporaryDirectory(prefix="lstmstrat-", ignore_cleanup_errors=True) as folder,
        config.set({"temporary-directory": folder, **large}),
        _quiet(),
        _connected(where, folder) as client,
    ):
        executor = _checked(client, where)
        with watched(client, where.text):
            yield executor


@contextmanager
def _quiet() -> Iterator[None]:
    """In the block Dask logs nothing; afterwards its loggers are as they were."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in LIBRARIES]
    loggers = [logging.getLogger(name) for name in {*names, *LIBRARIES}]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(QUIET)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _connected(where: Address, folder: str) -> Iterator[Client]:
    if not where.processes:
        with _client(where.text, where.text) as client:
            yield client
        return
    with _same_environment(), _processes(where, folder) as address, _client(address, where.text) as client:
        yield client


@contextmanager
def _same_environment() -> Iterator[None]:
    """After the block the variables that Dask sets for its processes, and so in this one, are what they were."""
    before = {name: os.environ.get(name) for name in OF_DASK}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _processes(where: Address, folder: str) -> Iterator[str]:
    """The address of a scheduler of our own, with one process a worker, on this machine and for nobody else."""
    import dask.config
    from distributed import LocalCluster

    loopback = "127.0.0.1:0"  # of the pages on which Dask shows its state
    try:
        with dask.config.set(SELDOM):  # of the scheduler, which is in this process
            processes = LocalCluster(
                n_workers=where.processes,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=loopback,
                worker_dashboard_address=loopback,
                scheduler_kwargs={"dashboard": False},
                memory_limit=None,
                local_directory=folder,
                silence_logs=QUIET,
                preload="lstmstrat.study.cluster.preload",
                config=SELDOM,
            )
    except Exception as error:
        raise ConfigError(
            f"cluster: {where.text}: the processes do not start ({type(error).__name__}: {error}); in a script "
            'the call must stand below if __name__ == "__main__":'
        ) from error
    with processes:
        yield str(processes.scheduler_address)


@contextmanager
def _client(address: str, text: str) -> Iterator[Client]:
    from distributed import Client

    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of versions of Dask's own packages that differ, which change no number
            client = Client(address, timeout=PATIENCE, set_as_default=False)
    except Exception as error:
        raise ConfigError(
            f"cluster: no Dask scheduler answers at {text} within {PATIENCE:.0f} s; start one with: "
            "dask scheduler, and give the address that it prints"
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=1.0)


def _checked(client: Client, where: Address) -> ClusterExecutor:
    """The executor, once scheduler and workers are found to be like this process."""
    from lstmstrat.study.cluster.executor import ClusterExecutor
    from lstmstrat.study.cluster.machine import own_folders, versions
    from lstmstrat.study.cluster.work import versions_here

    _wait_for_workers(client, where)
    here, folders = versions(), own_folders()
    if not where.processes:
        _check("the scheduler", _asked(lambda: client.run_on_scheduler(versions_here, folders)), here)
    for worker, said in client.run(versions_here, folders, on_error="return").items():
        _check(f"worker {worker}", said, here)
    _check_threads(client)
    return ClusterExecutor(client, where.text, here)


def _wait_for_workers(client: Client, where: Address) -> None:
    try:
        client.wait_for_workers(max(1, where.processes), timeout=PATIENCE)
    except TimeoutError as error:
        raise ConfigError(
            f"cluster: {where.text} has no workers; start some: "
            f"dask worker {where.text} --nworkers auto --nthreads 1"
        ) from error


def _asked(ask: Callable[[], Any]) -> Any:
    """The answer, or the error in its place."""
    try:
        return ask()
    except Exception as error:
        return error


def _check(who: str, said: dict[str, str] | Exception, here: Mapping[str, str]) -> None:
    """Refuses one that has no lstmstrat, or would come to other numbers."""
    from lstmstrat.study.cluster.machine import difference
    from lstmstrat.study.cluster.work import refusal

    if isinstance(said, Exception):
        raise ConfigError(
            f"{who} cannot load lstmstrat {here['lstmstrat']} ({type(said).__name__}: {said}); install there "
            "what is here, and start it anew"
        )
    if differs := difference(here, said):
        raise refusal(who, differs)


def _check_threads(client: Client) -> None:
    from lstmstrat.study.cluster.work import check_threads

    for worker, said in client.scheduler_info(n_workers=-1)["workers"].items():
        check_threads(f"worker {worker}", said["nthreads"])
