"""Replicas of a run over a universe: with other seeds, or in null worlds, in which no score orders what comes.

As for one asset: what a replica found is stored and its models are not, and a run that was stopped goes on after
the last complete one. They run in turn, and threads fit the models of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lstmstrat.config.schema import Config
from lstmstrat.errors import LSTMStratError, StrategyError, sentence
from lstmstrat.forecasting.models import model_class
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.ledger import Ledger
from lstmstrat.prices.null_panel import null_panel
from lstmstrat.prices.panel import Panel
from lstmstrat.results.assessment import Seeds, Worlds
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.store import Store
from lstmstrat.study import fingerprint
from lstmstrat.study.panel.simulate import simulate_panel
from lstmstrat.study.replicas import Traded, fan, judged_seeds, judged_worlds, traded, with_seed


def seeds(run: PanelRun, count: int, session: Session, progress: Progress) -> dict[str, Seeds]:
    """The portfolio with `count` seeds from that of the config on; empty if its model does not depend on one."""
    if not depends_on_a_seed(run):
        return {}
    first, (account,) = run.config.forecast.seed, run.strategies
    numbers = range(first + 1, first + count)
    found, failed = _all(run, [f"seed {k}" for k in numbers], session, progress)
    own = traded(account, run.benchmark, run.periods)
    each = [own, *found]
    values = [one.values for one in each if one is not None]
    differences = tuple(one and one.difference for one in each)
    return {account.name: judged_seeds(differences, failed, fan(run.dates, values))}


def depends_on_a_seed(run: PanelRun) -> bool:
    """Whether another seed could change anything."""
    return model_class(run.config.forecast.model).ensemble


def worlds(run: PanelRun, count: int, session: Session, progress: Progress) -> dict[str, Worlds]:
    """The portfolio, compared with itself in `count` null worlds."""
    (account,) = run.strategies
    found, failed = _all(run, [f"null world {k}" for k in range(1, count + 1)], session, progress)
    own = traded(account, run.benchmark, run.periods).difference
    return {account.name: judged_worlds(own, tuple(one and one.difference for one in found), failed)}


def _all(
    run: PanelRun, labels: Sequence[str], session: Session, progress: Progress
) -> tuple[list[Traded | None], int]:
    """What the portfolio did in each replica that ran, None for a lost account; and how many failed.

    Raises
    ------
    LSTMStratError
        Every replica failed.
    """
    found, errors = list[Traded | None](), list[str]()
    for one in _each(run, labels, session):
        progress(len(found) + len(errors), len(labels))
        if isinstance(one, str):
            errors.append(one)
        else:
            found.append(one)
    progress(len(labels), len(labels))
    if errors and not found:
        raise LSTMStratError(errors[0])
    return found, len(errors)


def _each(run: PanelRun, labels: Sequence[str], session: Session) -> Iterator[Traded | str | None]:
    """What came of each replica, from the store or anew; a sentence on an error."""
    for label in labels:
        key = fingerprint.of_panel_replica(run, label)
        stored = None if key is None else session.store.recorded(key)
        if stored is not None:
            yield Traded(*stored) if stored else None
            continue
        try:
            one = _replica(run, label, session)
        except LSTMStratError as error:
            yield f"{label}: {sentence(error)}"
            continue
        if key is not None:
            session.store.record(key, one or [])
        yield one


def _replica(run: PanelRun, label: str, session: Session) -> Traded | None:
    """One replica, in a session of its own whose models are not kept; None if the account is lost."""
    config, panel = _variation(run, label)
    inner = Session(
        Store(None), session.jobs, ledger=Ledger(None), executor=session.executor, given_up=session.given_up
    )
    inner.told = None  # what it has to say was said by the run itself
    with inner:
        try:
            again = simulate_panel(config, panel, inner)
        except StrategyError:
            return None
    found = traded(again.strategies[0], again.benchmark, run.periods)
    return found if label.startswith("seed") else found._replace(values=[])


def _variation(run: PanelRun, label: str) -> tuple[Config, Panel]:
    """The config and the panel of a replica."""
    kind, _, number = label.rpartition(" ")
    if kind == "seed":
        return with_seed(run.config, int(number)), run.panel
    return run.config, null_panel(run.panel, int(number))
