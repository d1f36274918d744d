"""What the scores of a run over a universe are worth."""

from __future__ import annotations

import numpy as np

from lstmstrat.evaluation.rank_books import rank_books
from lstmstrat.evaluation.ranks import Scored, estimate, rank_ic, rank_skill
from lstmstrat.evaluation.survivors import coverage, static_and_timing
from lstmstrat.results.panel.facts import PanelFacts, RankRung, UniverseFacts
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.trading.portfolio.columns import ENDED, QUARANTINED


def scored(run: PanelRun) -> Scored:
    """The scores of the traded window and the returns after them."""
    window = run.window
    return Scored(
        times=run.panel.times[window],
        scores=run.forecasts.forecast[window],
        members=run.panel.members[window],
        realised=run.realised[window],
        next_session=run.next_session[window],
        horizon=run.forecasts.config.horizon,
    )


def mean_rank_ic(run: PanelRun) -> float | None:
    """The mean rank correlation of scores and returns over the sessions, as in `panel_facts`."""
    of = scored(run)
    return estimate(rank_ic(of.of_members, of.realised), of.horizon).mean


def break_even_bp(run: PanelRun) -> float | None:
    """The cost at which the best less the worst tenth earns nothing, as in `panel_facts`."""
    return rank_books(scored(run), 0.0).books[0].break_even


def panel_facts(run: PanelRun, ladder: tuple[RankRung, ...] = ()) -> PanelFacts:
    """The skill of the scores, what their order earns, and how the portfolio was exposed."""
    of, config, broker = scored(run), run.forecasts.config, run.config.broker
    skill, books = rank_skill(of), rank_books(of, broker.commission + broker.slippage)
    return PanelFacts(
        pool=config.pool,
        relation=config.relation,
        rank_ic=skill.ic.mean,
        rank_ic_t=skill.ic.t,
        break_even_bp=books.books[0].break_even,
        skill=skill,
        books=books,
        survivors=static_and_timing(of),
        gross=float(np.mean(run.gross)),
        net=float(run.strategies[0].exposure.mean()),
        missing=dict(run.forecasts.missing),
        ladder=ladder,
    )


def universe_facts(run: PanelRun) -> UniverseFacts:
    """The assets, and what became of some of them."""
    panel, reasons, times = run.panel, run.strategies[0].orders["reason"], run.panel.times[run.window]
    count, held = (which[run.window].sum(axis=1) for which in (panel.members, panel.tradable))
    of_index = [each[run.window] for each in panel.of_index(panel.index)] if panel.index else None
    return UniverseFacts(
        assets=len(panel.symbols),
        members=(int(held.min()), int(held.max())),
        quarantines=panel.quarantines,
        left_out=dict(panel.left_out),
        ended=int((reasons == ENDED).sum()),
        coverage=coverage(times, panel.expected[run.window], count),
        quarantined=int((reasons == QUARANTINED).sum()),
        index=panel.index.name if panel.index else "",
        index_coverage=coverage(times, *of_index) if of_index else (),
    )
