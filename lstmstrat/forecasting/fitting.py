"""The fits of the folds that are due, as one job."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.forecasting import trainer
from lstmstrat.forecasting.cost import SAID, check_memory, cost
from lstmstrat.forecasting.fitted_fold import FittedFold, constant_fold, fitted_fold
from lstmstrat.forecasting.models import linear_part
from lstmstrat.forecasting.models.base import FitTask, FittedModel, Model
from lstmstrat.forecasting.reasons import Log, equal_labels
from lstmstrat.forecasting.schedule import Fold
from lstmstrat.forecasting.session import Session
from lstmstrat.forecasting.training_set import TrainingSet
from lstmstrat.store import Kind


class Due(NamedTuple):
    """A fold that is due."""

    fold: Fold
    training: TrainingSet
    cutoff: str  # its time
    group: str = ""  # of the assets that it learns from, with ``pool: group``


def fit_due(
    session: Session,
    model: Model,
    config: ForecastConfig,
    due: Sequence[Due],
    previous: FittedFold | None,
    log: Log,
) -> list[FittedFold]:
    """The folds after their fits, as one job; with a warm start in turn, the first from the fold `previous`.

    Raises
    ------
    ConfigError
        The job does not fit into the memory of this machine.
    """
    fitted: list[FittedFold] = []
    if not due:  # nearly always, if the bars come one by one
        return fitted
    linear = linear_part(config)
    jobs = [[one] for one in due] if config.warm_start else [due]
    for k, job in enumerate(jobs):
        _say_cost(session, model, config, job, log)
        previous = fitted[-1] if fitted else previous
        tasks = [_tasks(one, config, _starts(config, previous)) for one in job]
        before, after = config.members * k, config.members * (len(jobs) - k - 1)
        fits = iter(trainer.fit(session, model, [task for each in tasks for task in each], before, after))
        parts = _linear_parts(session, linear, [one for one, each in zip(job, tasks, strict=True) if each])
        for one, each in zip(job, tasks, strict=True):
            members = [next(fits) for _ in each]
            fitted.append(_fitted(config, one, members, parts.get(one.fold.number), log))
    return fitted


def _say_cost(session: Session, model: Model, config: ForecastConfig, job: Sequence[Due], log: Log) -> None:
    """Logs what a large job will take, and refuses one that does not fit into the memory."""
    bars = [len(one.training.rows) for one in job]
    estimate = cost(model, config.members, bars, job[0].training.rows.shape[1], session.jobs)
    check_memory(estimate)
    if estimate.large:
        log.once(SAID, lambda: str(estimate))


def _fitted(
    config: ForecastConfig, due: Due, fits: Sequence[FittedModel | None], linear: FittedModel | None, log: Log
) -> FittedFold:
    """A fold with its members and its linear part; where the labels are equal, it forecasts their constant."""
    if due.training.constant and _has_enough_samples(due.training, config):
        constant = constant_fold(due.fold, due.training, config)
        log.once("equal labels", lambda: equal_labels(constant))
        return constant
    fold = fitted_fold(due.fold, due.training, fits)
    return replace(fold, linear=linear) if fold.members else fold


def _starts(config: ForecastConfig, previous: FittedFold | None) -> Sequence[FittedModel]:
    """The members to start from; none without a warm start, or if the fold before is a constant."""
    return previous.members if config.warm_start and previous and not previous.record.constant else ()


def _tasks(due: Due, config: ForecastConfig, starts: Sequence[FittedModel]) -> list[FitTask]:
    """The fit of each member; none if the fold has too few samples, or labels that are all equal."""
    if due.training.constant or not _has_enough_samples(due.training, config):
        return []
    start = dict(enumerate(starts))
    seeds = [seed(config.seed, due.cutoff, member, due.group) for member in range(config.members)]
    return [FitTask(due.training, s, start.get(k)) for k, s in enumerate(seeds)]


def seed(run: int, cutoff: str, member: int, group: str = "") -> int:
    """The seed of a member of a fold: a hash of the run's seed, the cutoff date, its number and its group."""
    text = f"{run} {cutoff} {member} {group}".rstrip()
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _has_enough_samples(training: TrainingSet, config: ForecastConfig) -> bool:
    """Whether there is a block of losses to train on and, with early stopping, a sample to validate on.

    The rule is that of the LSTM for every model, so that all rungs of a ladder skip the same folds.
    """
    end, held_out = training.split(config.val_size)
    enough = training.usable[:end].sum() >= config.loss_steps
    return bool(enough and (not config.val_size or training.usable[held_out:].any()))


def _linear_parts(session: Session, linear: Model | None, folds: Sequence[Due]) -> dict[int, FittedModel]:
    """The linear parts of folds by their number, with calibration; from the session, its store or a new fit.

    They are neither counted nor shown: all of them take as long as a few networks.
    """
    if linear is None:
        return {}
    keys = {one.fold.number: FitTask(one.training, 0).key(linear) for one in folds}
    unknown = [key for key in keys.values() if key not in session.models]
    session.models.update({key: linear.load(data) for key, data in session.store.get(unknown).items()})
    missing = [(keys[one.fold.number], one) for one in folds if keys[one.fold.number] not in session.models]
    new = {key: fitted for key, one in missing if (fitted := linear.fit(one.training, 0)) is not None}
    session.store.put({key: fitted.to_bytes() for key, fitted in new.items()}, Kind.MODEL)
    session.models.update(new)
    return {number: session.models[key] for number, key in keys.items() if key in session.models}
