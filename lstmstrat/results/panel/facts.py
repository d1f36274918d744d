"""What an `Assessment` says of a universe and of its forecasts; the shape of summary.json, key for key."""

from __future__ import annotations

from dataclasses import dataclass

from lstmstrat.evaluation.rank_books import RankBooks
from lstmstrat.evaluation.ranks import Estimate, RankSkill
from lstmstrat.evaluation.survivors import CoverageOfYear, StaticAndTiming
from lstmstrat.prices.panel import Quarantine


@dataclass(frozen=True)
class UniverseFacts:
    """The assets of a run."""

    assets: int  # that are there
    members: tuple[int, int]  # fewest and most that could be held at one session of the traded window
    quarantines: tuple[Quarantine, ...]
    left_out: dict[str, str]  # why an asset of the universe is not there, by symbol
    ended: int  # positions closed because their asset has no bar any more
    coverage: tuple[CoverageOfYear, ...]  # members with a price that may be used, by calendar year
    quarantined: int  # positions closed because the next bar of their asset must not be used
    index: str = ""  # the name of the index of which the universe is a part; "" where nothing says it
    index_coverage: tuple[CoverageOfYear, ...] = ()  # the same of the members of the index


@dataclass(frozen=True)
class RankRung:
    """The scores of one model, pool and relation, on the folds of the run."""

    model: str
    pool: str
    relation: str
    shuffled: bool  # the control: the labels of each session are dealt out among its assets by chance
    epochs: int  # of a network; a pool with fewer assets has others
    batch_size: int
    models: int  # fitted in all
    seconds: float | None  # of all fits; None if some were stored before
    ic: Estimate
    hit_rate: float | None
    break_even_bp: float | None
    own_minus: Estimate  # rank IC of the config less that of this rung, by session; 0 for its own rung
    sharpe: float | None  # annual, of the portfolio on these scores


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
    ladder: tuple[RankRung, ...] = ()  # the rung of the config first, the control last; empty if it was not run
