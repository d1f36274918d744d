"""What an `Assessment` says of a universe and of its forecasts; the shape of summary.json, key for key."""

from __future__ import annotations

from dataclasses import dataclass

from lstmstrat.evaluation.rank_books import RankBooks
from lstmstrat.evaluation.ranks import RankSkill
from lstmstrat.evaluation.survivors import StaticAndTiming
from lstmstrat.prices.panel import Quarantine


@dataclass(frozen=True)
class UniverseFacts:
    """The assets of a run."""

    assets: int  # that are there
    members: tuple[int, int]  # fewest and most at one session of the traded window
    quarantines: tuple[Quarantine, ...]
    left_out: dict[str, str]  # why an asset of the universe is not there, by symbol
    ended: int  # positions closed because their asset has no bar any more
    quarantined: int  # positions closed because the next bar of their asset must not be used


@dataclass(frozen=True)
class PanelFacts:
    """What the scores of a run over a universe are worth, over the traded window."""

    pool: str
    relation: str
    rank_ic: float | None  # mean over the sessions of the rank correlation of score and return
    rank_ic_t: float | None  # its t, by Newey and West
    break_even_bp: float | None  # cost of the value traded, each way, at which top minus bottom quantile earns 0
    skill: RankSkill
    books: RankBooks
    survivors: StaticAndTiming
    gross: float | None  # mean exposure of the portfolio, long and short added up
    net: float | None  # long less short
    missing: dict[str, int]  # sessions of members without a forecast, by reason
