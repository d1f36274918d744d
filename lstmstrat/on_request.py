"""What a run does only when asked to, for it trains the pipeline again: seeds, null worlds and the ladder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeVar

from lstmstrat.errors import LSTMStratError
from lstmstrat.ladder import Ladder, ladder
from lstmstrat.ledger import enter
from lstmstrat.pipeline import Runs
from lstmstrat.replicas import Seeds, Worlds, seeds, worlds
from lstmstrat.trainer import Progress, Trainer

T = TypeVar("T")
ProgressBar = Callable[[str, str], AbstractContextManager[Progress]]  # of a task, counting units


@dataclass(frozen=True)
class OnRequest:
    """What was asked for and could be run; None or empty where it was not."""

    seeds: dict[str, Seeds] = field(default_factory=dict)  # by strategy, those on the LSTM forecast of the config
    worlds: dict[str, Worlds] = field(default_factory=dict)  # by strategy
    ladder: Ladder | None = None
    not_run: dict[str, str] = field(default_factory=dict)  # why, although asked for; by name of the check


def on_request(runs: Runs, trainer: Trainer, progress: ProgressBar) -> OnRequest:
    """All that the ``report:`` section of the config asks for; the rungs of a ladder are entered as trials.

    What fails, in code of the user's too, is said and costs nothing else: the run itself is done.
    """
    asked, why = runs.config.report, dict[str, str]()

    def attempt(name: str, unit: str, work: Callable[[Progress], T]) -> T | None:
        try:
            with progress(name, unit) as tell:
                return work(tell)
        except Exception as error:
            why[name] = str(error) if isinstance(error, LSTMStratError) else f"{type(error).__name__}: {error}"
            return None

    found, of_seeds, of_worlds = None, None, None
    if asked.ladder:
        found = attempt("ladder", "rungs", lambda tell: _climbed(runs, trainer, tell))
    if asked.seeds > 1:
        of_seeds = attempt("seeds", "more seeds", lambda tell: seeds(runs, trainer, asked.seeds, tell))
        if of_seeds == {}:
            why["seeds"] = "no strategy trades the LSTM forecast of the config"
    if asked.worlds:
        of_worlds = attempt("null worlds", "worlds", lambda tell: worlds(runs, trainer, asked.worlds, tell))
    return OnRequest(of_seeds or {}, of_worlds or {}, found, why)


def _climbed(runs: Runs, trainer: Trainer, progress: Progress) -> Ladder:
    found, rungs = ladder(runs, trainer.jobs, progress)
    for rung in rungs:
        enter(trainer.store, rung.config, rung.strategies)
    return found
