"""What a run does only when asked to, for it trains the pipeline again: seeds, null worlds and the ladder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from lstmstrat.errors import ConfigError
from lstmstrat.ladder import Ladder, ladder
from lstmstrat.ledger import enter
from lstmstrat.pipeline import Runs
from lstmstrat.replicas import Seeds, Worlds, seeds, worlds
from lstmstrat.trainer import Progress, Trainer

ProgressBar = Callable[[str, str], AbstractContextManager[Progress]]  # of a task, counting units


@dataclass(frozen=True)
class OnRequest:
    """What was asked for and could be run; None or empty where it was not."""

    seeds: dict[str, Seeds] = field(default_factory=dict)  # by strategy, those with a forecast
    worlds: dict[str, Worlds] = field(default_factory=dict)  # by strategy
    ladder: Ladder | None = None
    not_run: dict[str, str] = field(default_factory=dict)  # why, although asked for; by name of the check


def on_request(runs: Runs, trainer: Trainer, progress: ProgressBar) -> OnRequest:
    """All that the ``report:`` section of the config asks for; the rungs of a ladder are entered as trials.

    A ladder that cannot be climbed, or seeds that change nothing, are said and cost nothing else of the run.
    """
    asked, not_run, rungs = runs.config.report, dict[str, str](), None
    if asked.ladder:
        try:
            rungs = _climbed(runs, trainer, progress)
        except ConfigError as error:
            not_run["ladder"] = str(error)
    of_seeds, of_worlds = dict[str, Seeds](), dict[str, Worlds]()
    if asked.seeds > 1:
        with progress("seeds", "more seeds") as tell:
            of_seeds = seeds(runs, trainer, asked.seeds, tell)
        if not of_seeds:
            not_run["seeds"] = "nothing of this run depends on a seed"
    if asked.worlds:
        with progress("null worlds", "worlds") as tell:
            of_worlds = worlds(runs, trainer, asked.worlds, tell)
    return OnRequest(of_seeds, of_worlds, rungs, not_run)


def _climbed(runs: Runs, trainer: Trainer, progress: ProgressBar) -> Ladder:
    with progress("ladder", "rungs") as tell:
        found, rungs = ladder(runs, trainer.jobs, tell)
    for rung in rungs:
        enter(trainer.store, rung.config, rung.strategies)
    return found
