"""A config at every point of a grid: each point is a trial, and all of them deflate each."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import TypeVar

from lstmstrat.config.schema import Config
from lstmstrat.errors import ConfigError, LSTMStratError, StrategyError, sentence
from lstmstrat.forecasting.forecasts import Forecasts
from lstmstrat.forecasting.session import Session
from lstmstrat.prices import Prices
from lstmstrat.report.result import Sweep
from lstmstrat.results.account import Account
from lstmstrat.results.assessment import Check
from lstmstrat.results.run import Run
from lstmstrat.results.sweep import Axis, Failure, Outcome, Place
from lstmstrat.study import fingerprint
from lstmstrat.study.checks import run_checks
from lstmstrat.study.extras import Extras, extras
from lstmstrat.study.prepare import Loaded, prepare
from lstmstrat.study.proof import entered, judged
from lstmstrat.study.simulate import simulate_all
from lstmstrat.study.stages import Stages, silent

_log = logging.getLogger(__name__)

MOST_POINTS = 1000
Made = Callable[[list[str]], Config]  # a config from settings such as ``forecast.epochs=10``
T = TypeVar("T")


def axes_of(texts: Sequence[str]) -> tuple[Axis, ...]:
    """``KEY=V,V,V`` as axes; ``0..4`` stands for the whole numbers from 0 to 4.

    >>> axes_of(["forecast.seed=0..2", "forecast.model=ridge,lstm"])
    (Axis(key='forecast.seed', values=('0', '1', '2')), Axis(key='forecast.model', values=('ridge', 'lstm')))

    Raises
    ------
    ConfigError
        A text is not of this form, a key or a value is given twice, or there are more than `MOST_POINTS` points.
    """
    axes, mistakes = [], []
    for text in texts:
        key, equals, values = text.partition("=")
        if not (key and equals and values):
            mistakes.append(f"--over {text}: expected KEY=V,V,V such as forecast.epochs=6,10,20")
            continue
        try:
            axes.append(Axis(key, tuple(one for value in _parts(values) for one in _values(value.strip()))))
        except ValueError as error:
            mistakes.append(f"--over {error}")
    if len({axis.key for axis in axes}) < len(axes):
        mistakes.append("--over: a key is given twice; give all of its values at once")
    return sound(axes, mistakes, "--over")


def sound(axes: Sequence[Axis], mistakes: list[str], heading: str) -> tuple[Axis, ...]:
    """The axes, if nothing is wrong with them and they have not too many points."""
    points = prod(len(axis.values) for axis in axes)
    if points > MOST_POINTS:
        mistakes.append(f"{heading}: {points:,} points, expected at most {MOST_POINTS:,}; give fewer values")
    if mistakes:
        raise ConfigError("\n  ".join(mistakes))
    return tuple(axes)


def _parts(text: str) -> Iterator[str]:
    """What stands between the commas that are in no brackets and no quotes: ``[a,b],[c]`` is two lists."""
    depth, quote, begin = 0, "", 0
    for k, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        elif letter == "," and not depth:
            yield text[begin:k]
            begin = k + 1
    yield text[begin:]


def _values(text: str) -> list[str]:
    first, dots, last = text.partition("..")
    if dots and first.lstrip("-").isdecimal() and last.lstrip("-").isdecimal():
        return [str(value) for value in range(int(first), min(int(last), int(first) + MOST_POINTS) + 1)]
    return [text]


def sweep(
    made: Made,
    axes: Sequence[Axis],
    session: Session,
    stages: Stages = silent,
    offline: bool = False,
    refresh: bool = False,
    prices: Prices | None = None,
    heading: str = "--over",
) -> Sweep:
    """Run a config at every point of `axes`, in one session, so that equal forecasts are trained once.

    Every point is entered in the ledger before the first is judged. `prices` stand in place of those of ``data:``.
    `heading` stands before the settings of a point in the error that says why it cannot be run. A point that fails
    while it runs is a `Failure` of the sweep, and the others go on.

    Raises
    ------
    ConfigError, DataError, StrategyError
        A point cannot be run; nothing has been trained then.
    StrategyError
        All points failed while they ran.
    """
    ready = _ready(made, axes, heading, offline, refresh, prices)
    attempts = _Attempts()
    points = _run_all(ready, attempts, session, stages)
    outcomes = _judge_all(points, attempts, session, stages)
    if not outcomes:
        first = attempts.failures[0]
        raise StrategyError(f"every point failed; at {', '.join(_settings(axes, first.place))}: {first.error}")
    judged_at = {one.place for one in outcomes}
    return Sweep(
        name=next(iter(ready.values()))[0].name,
        symbol=", ".join(dict.fromkeys(bars.symbol for place, (_, bars) in ready.items() if place in judged_at)),
        axes=tuple(axes),
        outcomes=tuple(outcomes),
        kept=session.ledger.kept,
        failures=tuple(attempts.failures),
    )


Ready = dict[Place, tuple[Config, Prices]]


def _ready(
    made: Made, axes: Sequence[Axis], heading: str, offline: bool, refresh: bool, prices: Prices | None
) -> Ready:
    """The checked config of each point, and its prices, which equal points share."""
    ready, loaded = Ready(), Loaded()
    for place in product(*(range(len(axis.values)) for axis in axes)):
        settings = _settings(axes, place)
        with _named(f"{heading} {', '.join(settings)}"):
            ready[place] = prepare(made(settings), offline, refresh, prices, loaded)
    return ready


def _run_all(ready: Ready, attempts: _Attempts, session: Session, stages: Stages) -> list[_Point]:
    """Run every point and enter it in the ledger; of each is kept what its judgement needs."""
    points, slim = list[_Point](), _Slim()
    with stages("sweep", "points") as show:
        for done, (place, (config, prices)) in enumerate(ready.items()):
            show(done, len(ready))
            found = attempts(place, lambda: _run(place, config, prices, session, stages))  # noqa: B023
            points += [] if found is None else [found.slim(slim)]
    return points


def _judge_all(points: list[_Point], attempts: _Attempts, session: Session, stages: Stages) -> list[Outcome]:
    """Judge every point by all trials; each is given up when it is judged."""
    outcomes, count = list[Outcome](), len(points)
    with stages("judging by all trials", "points") as show:
        for done in range(count):
            show(done, count)
            point = points.pop(0)
            outcomes += attempts(point.place, lambda: _outcomes(point, session, stages)) or []  # noqa: B023
    return outcomes


@contextmanager
def _named(point: str) -> Iterator[None]:
    """In the block, an error says at which point of the grid it was."""
    try:
        yield
    except LSTMStratError as error:
        raise type(error)(f"{point}: {error}") from None


class _Attempts:
    """Does the work of one point after the other. An error, also one of the user's code, ends only its point."""

    def __init__(self) -> None:
        self.failures = list[Failure]()

    def __call__(self, place: Place, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except CancelledError:
            raise
        except Exception as error:
            if not isinstance(error, LSTMStratError):
                _log.exception("a point of the sweep failed")
            self.failures.append(Failure(place, sentence(error)))
            return None


@dataclass(frozen=True, eq=False)
class _Point:
    """A point of the grid that was run and entered, before it is judged."""

    place: Place
    run: Run
    extras: Extras
    checks: list[Check]

    def slim(self, slim: _Slim) -> _Point:
        """The same without what no judgement reads."""
        rungs = tuple(slim(rung) for rung in self.extras.rungs)
        return replace(self, run=slim(self.run), extras=replace(self.extras, rungs=rungs))


class _Slim:
    """Takes from runs what no judgement reads: the checks have read it, and a sweep has many runs.

    Equal forecasts and equal accounts are kept once, also those of different points: a key may change one strategy
    and leave the others and the benchmark as they are.
    """

    def __init__(self) -> None:
        self._forecasts = dict[str, Forecasts]()
        self._accounts = dict[tuple[str, ...], Account]()

    def __call__(self, run: Run) -> Run:
        accounts = tuple(self._account(account) for account in run.strategies)
        return replace(
            run, benchmark=self._account(run.benchmark), strategies=accounts, forecasts=self._once(run.forecasts)
        )

    def _account(self, account: Account) -> Account:
        forecasts = None if account.forecasts is None else self._once(account.forecasts)
        names = account.name, account.class_path, repr(account.params)
        key = (*names, str(id(forecasts)), fingerprint.of_account(account))
        if key not in self._accounts:
            self._accounts[key] = replace(
                account, placed=(), fills=(), targets=account.targets.iloc[:0], forecasts=forecasts
            )
        return self._accounts[key]

    def _once(self, found: Forecasts) -> Forecasts:
        parts = [found.times, found.forecast, found.spread, found.fold]
        key = hashlib.sha256(b"".join([repr(found.config).encode(), *(part.tobytes() for part in parts)]))
        return self._forecasts.setdefault(key.hexdigest(), found)


def _settings(axes: Sequence[Axis], place: Place) -> list[str]:
    return [f"{axis.key}={axis.values[k]}" for axis, k in zip(axes, place, strict=True)]


def _run(place: Place, config: Config, prices: Prices, session: Session, stages: Stages) -> _Point:
    run = simulate_all(config, prices, session, stages)
    point = _Point(place, run, extras(run, session, stages), run_checks(run, session))
    entered(run, point.checks, point.extras, session)
    return point


def _outcomes(point: _Point, session: Session, stages: Stages) -> list[Outcome]:
    judgement = judged(point.run, point.checks, point.extras, session, stages)
    return [
        Outcome(
            place=point.place,
            strategy=strategy.name,
            final_value=strategy.metrics.final_value,
            sharpe=strategy.metrics.sharpe,
            holding=point.run.benchmark.performance(point.run.periods).sharpe,
            lead=strategy.versus_benchmark.sharpe,
            trials=judgement.trials.count,
            deflated_sharpe=strategy.luck.deflated_sharpe,
            deflated_lead=strategy.luck.deflated_lead,
            verdict=strategy.versus_benchmark.verdict,
        )
        for strategy in judgement.strategies
    ]
