"""The extras of a run: seeds, null worlds and the ladder.

They are run only if the config asks for them, because they fit the models again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from lstmstrat.errors import sentence
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.results.assessment import NOT_RUN, RAN, Check, Ladder, Seeds, Worlds
from lstmstrat.results.base_run import BaseRun
from lstmstrat.results.run import Run
from lstmstrat.study.ladder import ladder
from lstmstrat.study.replicas import depends_on_a_seed, seeds, worlds
from lstmstrat.study.stages import Stages

T = TypeVar("T")


@dataclass(frozen=True)
class Extras:
    """The results of the extras; empty for an extra that was not run."""

    seeds: dict[str, Seeds] = field(default_factory=dict)  # by strategy
    worlds: dict[str, Worlds] = field(default_factory=dict)  # by strategy
    ladder: Ladder | None = None
    rungs: tuple[BaseRun, ...] = ()  # of the ladder, that are trials
    ladder_says: str = ""  # what the ladder changes; "" if it was not run
    not_run: dict[str, str] = field(default_factory=dict)  # why an extra was not run, by name of its check
    failed: dict[str, str] = field(default_factory=dict)  # what failed in an extra, by name of its check


class Attempts:
    """Runs the extras one by one. An error, also one in the user's code, is recorded and stops only its extra."""

    def __init__(self, stages: Stages):
        self.stages = stages
        self.not_run: dict[str, str] = {}

    def __call__(self, name: str, unit: str, work: Callable[[Progress], T]) -> T | None:
        """What `work` gives; None if it failed."""
        try:
            with self.stages(name, unit) as show:
                return work(show)
        except Exception as error:
            self.not_run[name] = sentence(error)
            return None


def extras(run: Run, session: Session, stages: Stages) -> Extras:
    """Run every extra that the ``report:`` section asks for."""
    section, attempt, failed = run.config.report, Attempts(stages), dict[str, str]()
    climb = attempt("ladder", "rungs", lambda show: ladder(run, session, show)) if section.ladder else None
    if climb and climb.errors:
        failed["ladder"] = failure_text(climb.errors)
    by_seed = by_world = None
    if not depends_on_a_seed(run):
        attempt.not_run["seeds"] = "no strategy trades a forecast of the config that depends on a seed"
    if section.seeds > 1:
        by_seed = attempt("seeds", "more seeds", lambda show: seeds(run, section.seeds, session, show))
    if section.worlds:
        by_world = attempt("null worlds", "worlds", lambda show: worlds(run, section.worlds, session, show))
    return Extras(
        seeds=by_seed or {},
        worlds=by_world or {},
        ladder=climb.ladder if climb else None,
        rungs=climb.runs if climb else (),
        ladder_says="cheaper models and rarer refits" if climb else "",
        not_run=attempt.not_run,
        failed=failed,
    )


def failure_text(errors: Sequence[str]) -> str:
    """How many failed, and why the first did."""
    return f"{len(errors)} failed, such as {errors[0]}"


def extra_checks(extras: Extras) -> list[Check]:
    """The checks of the extras: what was run, and how to run the rest."""
    by_seed = {name: (s.differences, s.failed) for name, s in extras.seeds.items()}
    by_world = {name: (w.differences, w.failed) for name, w in extras.worlds.items()}
    details = {
        "seeds": (_replica_detail(by_seed, "seeds"), "--seeds 20"),
        "null worlds": (_replica_detail(by_world, "histories with nothing to forecast"), "--worlds 40"),
        "ladder": (_ladder_detail(extras), "--ladder"),
    }
    return [
        Check(name, RAN, detail)
        if detail
        else Check(name, NOT_RUN, extras.not_run.get(name, f"to run it: add {option}"))
        for name, (detail, option) in details.items()
    ]


def _ladder_detail(extras: Extras) -> str:
    failure = extras.failed.get("ladder")
    return "; ".join(filter(None, (extras.ladder_says, failure))) if extras.ladder_says else ""


def _replica_detail(differences: dict[str, tuple[tuple[float | None, ...], int]], noun: str) -> str:
    """How many replicas ran and failed, and in how many a strategy lost its account; "" if there are none."""
    lost = {name: values.count(None) for name, (values, _) in differences.items() if None in values}
    losses = "".join(f"; {name} lost its account in {count}" for name, count in lost.items())
    failures = next((f"; {count} failed" for _, count in differences.values() if count), "")
    return next((f"{len(values)} {noun}{failures}{losses}" for values, _ in differences.values()), "")
