"""Variations of a run, with something changed in each: a list of variations goes in, their outcomes come out.

A variation has a session of its own. Variations and outcomes can be pickled. If one variation fails, the others go
on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

from lstmstrat.config.schema import Config
from lstmstrat.errors import sentence
from lstmstrat.forecasting.executor import GivenUp, Inline, completed
from lstmstrat.forecasting.models import model_of
from lstmstrat.forecasting.models.base import Stop
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.forecasting.session import Session
from lstmstrat.prices import Prices
from lstmstrat.prices.null_history import null_history
from lstmstrat.store import Store

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Variation:
    """A config and prices for one more run."""

    label: str  # "seed 3", "null world 17", "ridge, refit every 21"; unique in a list
    config: Config  # train_size in bars
    prices: Prices
    world: int = 0  # number of the null history in place of the prices; 0 for the prices themselves

    def history(self) -> Prices:
        """The prices of the run. A null history is made only here, so it is not pickled with the variation."""
        if not self.world:
            return self.prices
        return null_history(self.prices, self.world, schedule(self.config.forecast).first_fit)


@dataclass(frozen=True, eq=False)
class Outcome(Generic[T]):
    """The outcome of a variation: a value, or the message of an error."""

    label: str
    value: T | None
    seconds: float  # of all fits
    error: str = ""


Work = Callable[[Variation, Session], T]  # defined at the top of a module, so that it can be pickled


def outcomes(work: Work[T], variations: Sequence[Variation], session: Session) -> Iterator[Outcome[T]]:
    """The outcomes of the variations, in the order in which they finish.

    On an executor of the user's they run side by side, and each fits its models in turn: no pool opens in a pool.
    Without one they run in turn, and threads fit the models of each. Threads share the classes and modules of the
    user's strategies: one that keeps something there would mix the variations that run at once.
    """
    stop = GivenUp(session.given_up)
    # A GPU serves the models of one variation together; several at once would only wait for each other.
    on_a_gpu = any(model_of(variation.config.forecast).at_once > 1 for variation in variations)
    in_turn = on_a_gpu or session.executor is None
    fitting = None if in_turn else Inline()  # the executor inside a variation; None for threads
    with session.workers(in_turn) as executor:
        try:
            calls = ((_attempt, work, variation, stop, session.jobs, fitting) for variation in variations)
            yield from completed(executor, calls, session.jobs)
        finally:  # after Ctrl-C, the variations that still run must stop
            stop.set()


def _attempt(work: Work[T], variation: Variation, stop: Stop, jobs: int, fitting: Executor | None) -> Outcome[T]:
    with Session(Store(None), jobs, executor=fitting, given_up=stop) as session:
        session.told = None  # what it has to say was said by the run itself, or is of prices that never were
        try:
            value = work(variation, session)
        except CancelledError:
            raise
        except Exception as error:
            return Outcome(variation.label, None, session.seconds, sentence(error))
        return Outcome(variation.label, value, session.seconds)
