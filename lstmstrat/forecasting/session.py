"""What the parts of a run share: the store, the ledger, the threads, the progress and the counts.

A command or `lstmstrat.run` creates one `Session` and passes it on. Backtrader creates the indicators by itself,
so inside ``cerebro.run()``, and nowhere else, an indicator uses the session that is active. A user's script needs
no session: by default one with the user's cache and one thread per core serves the whole program. A script can
activate another one:

    with Session(Store(path), jobs=2).active():
        cerebro.run()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Self
from weakref import WeakValueDictionary

from lstmstrat.errors import ConfigError
from lstmstrat.forecasting.executor import Distant, Inline, cores, processor
from lstmstrat.forecasting.models.base import FittedModel, Stop, never
from lstmstrat.ledger import Ledger, ledger_path
from lstmstrat.store import Store, default_path

if TYPE_CHECKING:
    from lstmstrat.forecasting.walk_forward import WalkForward

Progress = Callable[[int, int], None]  # (done, total)


class Session:
    """Store, ledger, executor, progress and counts of a run: the only object that changes during it.

    Parameters
    ----------
    store
        Where fitted models and their forecasts are kept.
    jobs
        The number of threads that fit models, by default one per core, and with a cluster as executor one per
        worker. The forecasts do not depend on it.
    ledger
        Where trials are entered, by default the user's ledger. ``Ledger(None)`` keeps them for this session only,
        and then no edge can be supported.
    executor
        Any object with the interface of `concurrent.futures.Executor`, in place of threads; `jobs` is then the
        number of tasks that it runs at once. Seeds, null worlds and rungs of a ladder run on it side by side; a
        process must be able to import the user's modules. The session does not shut it down. `lstmstrat.cluster`
        has one for processes here or on other machines.
    progress
        Called with (done, total), two numbers of models, during each job.
    given_up
        Called now and then by long work; returns True once the work has been given up.

    Attributes
    ----------
    fitted, cached, failed
        The numbers of models that were fitted, found in the store, or could not be fitted, in the last run.
    seconds
        Wall-clock time of fitting.

    Examples
    --------
    >>> import lstmstrat
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2011-01-03"))
    >>> config = lstmstrat.ForecastConfig(model="ridge", train_size=250)
    >>> with lstmstrat.Session(lstmstrat.Store(None), jobs=2) as session:
    ...     _ = lstmstrat.WalkForward(config, session).advance(prices.times, prices.bars)
    ...     print(session.fitted, session.cached, session.failed)
    12 0 0
    """

    def __init__(
        self,
        store: Store,
        jobs: int | None = None,
        *,
        ledger: Ledger | None = None,
        executor: Executor | None = None,
        progress: Progress | None = None,
        given_up: Stop = never,
    ):
        if jobs is not None and jobs < 1:
            raise ConfigError(f"jobs: {jobs} given, expected at least 1")
        self.store = store
        self.ledger = Ledger(ledger_path()) if ledger is None else ledger
        self.jobs = jobs or (executor.slots if isinstance(executor, Distant) else cores())
        self.progress = progress
        self.given_up = given_up
        self.fitted = self.cached = self.failed = 0
        self.seconds = 0.0
        self.models: MutableMapping[str, FittedModel] = {}  # by key
        self.broken: set[str] = set()  # keys of fits that failed
        self.counted: set[str] = set()  # keys that are in `fitted`, `cached` or `failed`
        self.told: set[str] | None = set()  # what was logged, so that it is logged once; None: nothing is logged
        self.walks: dict[str, WalkForward] | None = None  # by what they depend on; None: each walks by itself
        self.executor = executor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drops the models and closes the store; session and store can be used again."""
        self.models.clear()
        self.store.close()

    @property
    def notices(self) -> list[str]:
        """Sentences about the cache and the ledger that a report must show."""
        return [*self.store.notices, *self.ledger.notices]

    @property
    def distant(self) -> bool:
        """Whether calls travel to processes elsewhere."""
        return isinstance(self.executor, Distant)

    @property
    def processors(self) -> tuple[str, ...]:
        """The kinds of processor that have worked for this session: that of this machine first."""
        elsewhere = self.executor.processors if isinstance(self.executor, Distant) else ()
        return tuple(dict.fromkeys([processor(), *elsewhere]))

    def start_counting(self) -> None:
        """Begins the counts anew, for the next run."""
        self.fitted = self.cached = self.failed = 0
        self.seconds = 0.0
        self.counted.clear()

    @contextmanager
    def one_walk_for_all(self) -> Iterator[None]:
        """In the block, equal walks over equal bars are worked out once, and each goes on from there by itself.

        It is for the strategies of one run. A check that runs one of them again must not stand in the block. What
        the user's code reads and its identity does not hold, such as a variable of the environment, is read once.
        """
        before, self.walks = self.walks, {}
        try:
            yield
        finally:
            self.walks = before

    @contextmanager
    def workers(self, in_turn: bool = False) -> Iterator[Executor]:
        """The executor, for one block.

        At its end the session does not wait for threads of its own, and cancels the calls that have not begun.
        With `in_turn` the calls run one after the other in this thread. Work on a GPU needs that: while one call
        records its graph, no other may even allocate memory.
        """
        if in_turn:
            yield Inline()
            return
        if self.executor is not None:
            yield self.executor
            return
        pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="lstmstrat")
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def active(self) -> Iterator[Session]:
        """Makes this the session of every indicator that is created in the block."""
        token = _active.set(self)
        try:
            yield self
        finally:
            _active.reset(token)


_active: ContextVar[Session | None] = ContextVar("lstmstrat_session", default=None)


@cache
def _default() -> Session:
    session = Session(Store(default_path()))
    # This session lives as long as the program, a model only as long as its user.
    session.models = WeakValueDictionary()
    session.told = _Forgetful()  # the next walk-forward is another run
    return session


class _Forgetful(set[str]):
    """A set to which nothing can be added."""

    def add(self, _: str) -> None:
        """Does nothing."""


def current() -> Session:
    """The active session, else the default one of the program, with the user's cache."""
    return _active.get() or _default()
