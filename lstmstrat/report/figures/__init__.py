"""The charts of the page as plain plotly.js data: dicts, lists, numbers and text.

    values      numbers, dates and names in the form that plotly.js needs
    history     accounts, prices with trades and forecasts, folds
    chance      is it luck
    seeds       the accounts with other seeds
    skill       does the forecast know anything
    trust       stated and realised frequencies, weights of the parts of the forecast
    trades      profits and costs
    ranks       of a universe: do the scores order what comes, and what does their order earn
    portfolio   of a universe: its exposure

Colours are names of CSS variables (``--ink``), and one colour has one meaning on the whole page. The page replaces
them, so that one chart works in light and dark mode. An ``x`` of ``"dates"`` stands for the closes that are drawn,
which the page contains once; such a trace has a number in ``series`` as its ``y``, and these are packed (`packed`,
`times`). ``meta.of`` is the number of the strategy that a trace belongs to; the page shows that of its menu.
``why`` is what stands in the place of a chart without data: a line, or one or None for each strategy. A value that
is not finite becomes None, a gap.
"""

from __future__ import annotations

import pandas as pd

from lstmstrat.report.figures.chance import differences, shuffles
from lstmstrat.report.figures.history import answer, dates, fold_skill, folds, prices, through_time
from lstmstrat.report.figures.portfolio import exposures
from lstmstrat.report.figures.ranks import fold_ranks, lags, one_row_a_fold, patience, rungs, tenths, years
from lstmstrat.report.figures.seeds import seeds
from lstmstrat.report.figures.skill import ladder, outcomes, rolling
from lstmstrat.report.figures.trades import costs, profits, spread
from lstmstrat.report.figures.trust import reliability, weights
from lstmstrat.report.figures.values import Json, exact, nothing, packed, shared, times
from lstmstrat.results.result import Result


def payload(result: Result) -> Json:
    """The data of all charts: ``dates``, ``series``, ``figures`` by name, and ``trades`` by strategy."""
    assessment, of_many = result.assessment, result.assessment.panel is not None
    figures: dict[str, Json | None] = {
        "answer": answer(result.equity),
        "differences": differences(assessment),
        "seeds": seeds(result),
        "time": through_time(result),
        "costs": costs(result),
        **(_of_a_universe(result) if of_many else _of_one_asset(result)),
    }
    kept = {name: figure for name, figure in figures.items() if figure}
    return {
        "dates": dates(result),
        "series": shared(kept),
        "figures": kept,
        "trades": [] if of_many else _round_trips(result),
    }


def _of_one_asset(result: Result) -> dict[str, Json | None]:
    assessment = result.assessment
    return {
        "shuffles": shuffles(assessment),
        "outcomes": outcomes(result.forecasts),
        "reliability": reliability(assessment.forecast_skill.reliability),
        "rolling": rolling(result),
        "foldskill": fold_skill(result.folds),
        "ladder": ladder(assessment.ladder),
        "prices": prices(result),
        "profits": profits(result),
        "spread": spread(result),
        "folds": folds(result.folds),
        "weights": weights(result.folds),
    }


def _of_a_universe(result: Result) -> dict[str, Json | None]:
    panel, by_fold = result.assessment.panel, one_row_a_fold(result.folds)
    assert panel is not None
    return {
        "shuffles": nothing(NO_SHUFFLES),
        "rankyears": years(panel.skill),
        "tenths": tenths(panel.books),
        "lags": lags(panel.skill),
        "patience": patience(panel.books, result.assessment.costs),
        "rankladder": rungs(panel.ladder),
        "exposures": exposures(result),
        "folds": folds(by_fold),
        "foldranks": fold_ranks(by_fold),
    }


NO_SHUFFLES = (
    "The holdings of a portfolio are not shuffled. Of one asset, the same holdings on other days are a strategy "
    "without skill. A portfolio chooses assets, too: what is left of that choice on other days is no test of it. "
    "Whether its scores know anything is judged by their rank correlation, below."
)


def _round_trips(result: Result) -> list[Json]:
    strategies = result.assessment.strategies
    return [_trades(result.trades, s.name, MOST_TRADES // len(strategies)) for s in strategies]


TRADES = ("opened", "closed", "side", "size", "entry_price", "exit_price", "pnl", "bars")
"""The columns of the table of trades."""
MOST_TRADES = 12_000  # of all strategies in a page: the newest of each; trades.csv has all


def _trades(frame: pd.DataFrame, name: str, most: int) -> Json:
    """The newest `most` round trips of a strategy by column, and how many there are in `all`."""
    every = frame[frame["strategy"] == name]
    rows = every.tail(most)
    found: Json = {"all": len(every)} | {column: _times(rows[column]) for column in ("opened", "closed")}
    found["side"] = [int(side == "short") for side in rows["side"]]
    found |= {column: packed(exact(rows[column], 2)) for column in ("entry_price", "exit_price")}
    return found | {column: exact(rows[column], 0) for column in ("size", "pnl", "bars")}


def _times(values: pd.Series) -> Json:
    """Times, packed; those that are missing are left out, and their places are in ``missing``."""
    known = values.notna().to_numpy()
    return times(pd.DatetimeIndex(values[known])) | {"missing": [k for k, there in enumerate(known) if not there]}
