"""The ladder of a universe: the same run with other models, pools and relations.

It shows what the LSTM adds to cheaper models, whether one model over all assets does better than one for each, and
what labels within the session do. Last comes the control: the model of the config on labels that were dealt out by
chance within each session, whose scores must order nothing. Panel, folds, features and costs stay the same, and
the portfolio of the config trades every rung. Each rung but the control is a trial.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lstmstrat.arrays import Floats
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.errors import sentence
from lstmstrat.evaluation.metrics import sharpe
from lstmstrat.evaluation.rank_books import rank_books
from lstmstrat.evaluation.ranks import paired_ic, rank_ic, rank_skill
from lstmstrat.forecasting.models import MODELS
from lstmstrat.forecasting.panel.samples import LabelMaker, sample_labels
from lstmstrat.forecasting.panel.shuffled import shuffled_labels
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.ledger import Ledger
from lstmstrat.results.panel.facts import RankRung
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.study.panel.evidence import scored
from lstmstrat.study.panel.simulate import simulate_panel

TRAINING = "epochs", "batch_size", "learning_rate"
ALONE = {name: ForecastConfig.model_fields[name].default for name in TRAINING}
"""How a network of one asset is trained: the defaults, which are made for the bars of one asset."""
TOGETHER = {"epochs": 4, "batch_size": 960, "learning_rate": 3e-3}
"""How a network of many assets is trained, as in configs/us_stocks.yaml: large minibatches of many samples."""


@dataclass(frozen=True, eq=False)
class PanelClimb:
    """The rungs of a ladder, the runs of those that are trials, and the errors of the rungs that are missing."""

    rungs: tuple[RankRung, ...] = ()
    runs: tuple[PanelRun, ...] = ()
    errors: tuple[str, ...] = ()


def panel_ladder(run: PanelRun, session: Session, progress: Progress) -> PanelClimb:
    """The ladder of the scores of `run`, whose own rung comes first and the control last.

    Fitted models are kept in the store of `session`, so a ladder that was stopped goes on.
    """
    own = run.config.forecast
    planned = [(forecast, sample_labels) for forecast in _others(own)] + [(own, shuffled_labels)]
    rungs, runs, errors = [_rung(run, run, session, shuffled=False)], list[PanelRun](), list[str]()
    progress(0, len(planned))
    for k, (forecast, labels) in enumerate(planned, 1):
        try:
            rung, found = _climb(run, forecast, labels, session)
        except Exception as error:
            errors.append(f"{_label(forecast, labels)}: {sentence(error)}")
        else:
            rungs.append(rung)
            runs += [] if rung.shuffled else [found]
        progress(k, len(planned))
    return PanelClimb(tuple(rungs), tuple(runs), tuple(errors))


def _others(own: ForecastConfig) -> Iterator[ForecastConfig]:
    """The forecast with another relation, with another pool, with both, and with each cheaper model."""
    relation = "rank" if own.relation == "none" else "none"
    yield own.model_copy(update={"relation": relation})
    yield _in_another_pool(own)
    yield _in_another_pool(own).model_copy(update={"relation": relation})
    for name, cls in MODELS.items():
        if cls.calibrated and name != own.model:  # the others are rules that order no assets
            yield cls.instead(name, own)


def _in_another_pool(own: ForecastConfig) -> ForecastConfig:
    """A model for each asset in place of one for many, or the other way round, trained as one of its size is."""
    alone = own.pool != "none"
    return own.model_copy(update={"pool": "none", **ALONE} if alone else {"pool": "all", **TOGETHER})


def _climb(
    run: PanelRun, forecast: ForecastConfig, labels: LabelMaker, session: Session
) -> tuple[RankRung, PanelRun]:
    """One rung and its run, in a session of its own."""
    inner = Session(
        session.store,
        session.jobs,
        ledger=Ledger(None),
        executor=session.executor,
        given_up=session.given_up,
    )
    inner.told = None  # what it has to say was said by the run itself
    config = run.config.model_copy(update={"forecast": forecast})
    found = simulate_panel(config, run.panel, inner, labels=labels)
    return _rung(found, run, inner, shuffled=labels is shuffled_labels), found


def _rung(found: PanelRun, own: PanelRun, fits: Session, shuffled: bool) -> RankRung:
    """What the scores of `found` are worth; `fits` has counted its fits."""
    config, broker, of = found.config.forecast, found.config.broker, scored(found)
    skill, books = rank_skill(of), rank_books(of, broker.commission + broker.slippage)
    return RankRung(
        model=config.model,
        pool=config.pool,
        relation=config.relation,
        shuffled=shuffled,
        epochs=config.epochs,
        batch_size=config.batch_size,
        models=fits.fitted + fits.cached,
        seconds=None if fits.cached else fits.seconds,
        ic=skill.ic,
        hit_rate=skill.hit_rate,
        break_even_bp=books.books[0].break_even,
        own_minus=paired_ic(_ic(own), _ic(found), config.horizon),
        sharpe=sharpe(found.strategies[0].returns, found.periods),
    )


def _ic(run: PanelRun) -> Floats:
    """The rank IC of each session of the traded window; (n,)."""
    return rank_ic(scored(run).of_members, run.realised[run.window])


def _label(forecast: ForecastConfig, labels: LabelMaker) -> str:
    control = ", labels shuffled" if labels is shuffled_labels else ""
    return f"{forecast.model}, pool {forecast.pool}, relation {forecast.relation}{control}"
