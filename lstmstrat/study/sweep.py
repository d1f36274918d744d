"""A config at every point of a grid: each point is a trial, and all of them deflate each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any, TypeVar

from lstmstrat.config.schema import Config
from lstmstrat.errors import ConfigError, LSTMStratError, StrategyError, sentence
from lstmstrat.forecasting.session import Session
from lstmstrat.prices import Prices
from lstmstrat.report.result import Sweep
from lstmstrat.results.sweep import Axis, Failure, Outcome, Place
from lstmstrat.study.kinds import Kind, Kinds, Worked
from lstmstrat.study.proof import entered, judged
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
        name=next(iter(ready.values())).config.name,
        symbol=", ".join(dict.fromkeys(of.symbol for place, of in ready.items() if place in judged_at)),
        axes=tuple(axes),
        outcomes=tuple(outcomes),
        kept=session.ledger.kept,
        failures=tuple(attempts.failures),
    )


@dataclass(frozen=True, eq=False)
class _Ready:
    """A point of the grid before it is run."""

    kind: Kind[Any, Any]
    config: Config  # as `Kind.prepare` gives it
    data: Any  # with the prices

    @property
    def symbol(self) -> str:
        return self.kind.symbol(self.config, self.data)


@dataclass(frozen=True, eq=False)
class _Point:
    """A point of the grid that was run and entered, before it is judged."""

    place: Place
    kind: Kind[Any, Any]
    worked: Worked[Any]


Ready = dict[Place, _Ready]


def _ready(
    made: Made, axes: Sequence[Axis], heading: str, offline: bool, refresh: bool, prices: Prices | None
) -> Ready:
    """The checked config of each point, and its prices, which equal points share."""
    ready, kinds = Ready(), Kinds()
    for place in product(*(range(len(axis.values)) for axis in axes)):
        settings = _settings(axes, place)
        with _named(f"{heading} {', '.join(settings)}"):
            config = made(settings)
            kind = kinds.of(config)
            ready[place] = _Ready(kind, *kind.prepare(config, offline, refresh, prices))
    return ready


def _run_all(ready: Ready, attempts: _Attempts, session: Session, stages: Stages) -> list[_Point]:
    """Run every point and enter it in the ledger; of each is kept what its judgement needs.

    Points of a universe that share forecasts are run one after the other, so that one of these is held at a time.
    """
    points = list[_Point]()
    in_turn = sorted(ready.items(), key=lambda item: item[1].kind.shared(item[1].config))
    with stages("sweep", "points") as show:
        for done, (place, of) in enumerate(in_turn):
            show(done, len(ready))
            found = attempts(place, lambda: _run(place, of, session, stages))  # noqa: B023
            points += [] if found is None else [found]
    return sorted(points, key=lambda point: point.place)


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


def _settings(axes: Sequence[Axis], place: Place) -> list[str]:
    return [f"{axis.key}={axis.values[k]}" for axis, k in zip(axes, place, strict=True)]


def _run(place: Place, ready: _Ready, session: Session, stages: Stages) -> _Point:
    """Run a point and enter it in the ledger; what no judgement reads is given up."""
    kind = ready.kind
    worked = kind.work(ready.config, ready.data, session, stages)
    entered(worked.run, worked.checks, worked.extras, session, kind.proof)
    rungs = tuple(kind.slim(rung) for rung in worked.extras.rungs)
    slim = replace(worked, run=kind.slim(worked.run), extras=replace(worked.extras, rungs=rungs))
    return _Point(place, kind, slim)


def _outcomes(point: _Point, session: Session, stages: Stages) -> list[Outcome]:
    of = point.worked
    judgement = judged(of.run, of.checks, of.extras, session, stages, point.kind.proof)
    return [
        Outcome(
            place=point.place,
            strategy=strategy.name,
            final_value=strategy.metrics.final_value,
            sharpe=strategy.metrics.sharpe,
            holding=of.run.benchmark.performance(of.run.periods).sharpe,
            lead=strategy.versus_benchmark.sharpe,
            trials=judgement.trials.count,
            deflated_sharpe=strategy.luck.deflated_sharpe,
            deflated_lead=strategy.luck.deflated_lead,
            verdict=strategy.versus_benchmark.verdict,
            cagr=strategy.metrics.cagr,
            rank_ic=of.rank_ic,
            break_even_bp=of.break_even_bp,
        )
        for strategy in judgement.strategies
    ]
