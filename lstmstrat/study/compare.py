"""Several runs side by side: what differs in their configs, and what they earned differently, luck allowed for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.errors import ConfigError
from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.evaluation.many_trials import bonferroni, superior_predictive_ability
from lstmstrat.evaluation.metrics import periods_per_year, returns, sharpe
from lstmstrat.evaluation.sharpe import sharpe_difference
from lstmstrat.report.result import Comparison
from lstmstrat.results.assessment import StrategyAssessment
from lstmstrat.results.comparison import Compared, Contender
from lstmstrat.results.result import HOLDING, Result

MOST_IN_A_LABEL = 2  # settings
LONGEST_LABEL = 40
NOT_COMPARED = ("name", "report")
"""Sections of a config that change no number of a strategy."""


def compare(results: Mapping[str, Result]) -> Comparison:
    """Compare runs; `results` maps the place of each to its result, and the first is the reference.

    All Sharpe ratios are of the common dates. The interval of a lead over holding is one of as many as there are
    contenders, and so is its p-value: the best of many may be luck.

    Raises
    ------
    ConfigError
        There are fewer than two runs.
    """
    if len(results) < 2:
        raise ConfigError(f"{len(results)} run given; expected at least two, such as runs/aapl/one runs/aapl/two")
    found = list(results.values())
    differing, settings = _differing([result.config.model_dump(mode="json", by_alias=True) for result in found])
    labels = _labels(list(results), differing, settings)
    runs = tuple(
        _compared(label, place, result, values)
        for label, (place, result), values in zip(labels, results.items(), settings, strict=True)
    )
    dates = _common(found)
    leads = _leads(found, dates)
    return Comparison(
        runs=runs,
        differing=differing,
        contenders=tuple(_contenders(labels, found, dates)),
        first=str(dates[0].date()) if len(dates) else None,
        last=str(dates[-1].date()) if len(dates) else None,
        bars=len(dates),
        best=superior_predictive_ability(leads, np.zeros(leads.shape[1])) if leads.size else None,
        equity=_equity(labels, found, dates),
    )


def _compared(label: str, place: str, result: Result, settings: tuple[str, ...]) -> Compared:
    assessment, skill = result.assessment, result.assessment.forecast_skill
    return Compared(
        label=label,
        place=place,
        symbol=assessment.data.symbol,
        first=assessment.period.first,
        last=assessment.period.last,
        forecasts=skill.observations,
        correlation=skill.correlation,
        clark_west=skill.clark_west_mean,
        settings=settings,
    )


def _differing(configs: Sequence[dict[str, Any]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The keys that are not the same in all configs, and their values in each."""
    flat = [dict(_flat({key: value for key, value in c.items() if key not in NOT_COMPARED})) for c in configs]
    keys = dict.fromkeys(key for values in flat for key in values)
    differing = tuple(key for key in keys if len({repr(values.get(key)) for values in flat}) > 1)
    return differing, [tuple(_text(values.get(key)) for key in differing) for values in flat]


def _flat(values: Any, path: str = "") -> list[tuple[str, Any]]:
    """Keys with dots, and their values: ``strategies.0.params.threshold``."""
    inside = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else None
    )
    if inside is None or (isinstance(values, list) and not any(isinstance(v, dict) for v in values)):
        return [(path, values)]
    return [pair for key, value in inside for pair in _flat(value, f"{path}.{key}" if path else str(key))]


def _text(value: Any) -> str:
    return "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _labels(places: Sequence[str], differing: Sequence[str], settings: Sequence[tuple[str, ...]]) -> list[str]:
    """Short and unique names of runs: what differs if that is little, else the last part of their places."""
    if 0 < len(differing) <= MOST_IN_A_LABEL and len(set(settings)) == len(settings):
        names = [key.rpartition(".")[2] for key in differing]
        labels = [
            " ".join(f"{n}={v or 'none'}" for n, v in zip(names, values, strict=True)) for values in settings
        ]
        if len(set(labels)) == len(labels) and max(map(len, labels)) <= LONGEST_LABEL:
            return labels
    ends = [place.rstrip("/").rpartition("/")[2] for place in places]
    return ends if len(set(ends)) == len(ends) else [f"{k}: {end}" for k, end in enumerate(ends, 1)]


def _common(results: Sequence[Result]) -> pd.DatetimeIndex:
    dates = pd.DatetimeIndex(results[0].equity.index)
    for result in results[1:]:
        dates = dates.intersection(pd.DatetimeIndex(result.equity.index))
    return dates if len(dates) > 1 else dates[:0]


def _returns(result: Result, name: str, dates: pd.DatetimeIndex) -> Floats:
    """Simple returns from each common close to the next; (n - 1,). NaN if the account was lost before them."""
    if not len(dates):
        return np.empty(0)
    values = result.equity[name].loc[dates]
    if values.iloc[0] <= 0.0:
        return np.full(len(dates) - 1, np.nan)
    return np.asarray(returns(values), dtype=np.float64)


def _contenders(labels: Sequence[str], results: Sequence[Result], dates: pd.DatetimeIndex) -> list[Contender]:
    names = [strategy.name for result in results for strategy in result.assessment.strategies]
    references = [_reference(results[0], s.name) for result in results[1:] for s in result.assessment.strategies]
    pairs = sum(name is not None for name in references)
    periods = _periods(results, dates)
    found = []
    for place, (label, result) in enumerate(zip(labels, results, strict=True)):
        base = _returns(result, HOLDING, dates)
        for strategy in result.assessment.strategies:
            own = _returns(result, strategy.name, dates)
            reference = None
            if place and (name := _reference(results[0], strategy.name)):
                reference = _paired(own, _returns(results[0], name, dates), periods, pairs)
            found.append(_contender(label, strategy, own, base, reference, periods, len(names), pairs))
    return found


def _reference(first: Result, name: str) -> str | None:
    """The strategy of the first run that one of another run is held against: its namesake, or the only one."""
    names = [strategy.name for strategy in first.assessment.strategies]
    return name if name in names else names[0] if len(names) == 1 else None


def _periods(results: Sequence[Result], dates: pd.DatetimeIndex) -> float:
    """Bars a year of the common dates: what the runs say if they agree, else as the dates are counted."""
    said = {result.assessment.period.periods_per_year for result in results}
    if len(said) == 1 or len(dates) < 2:
        return results[0].assessment.period.periods_per_year
    return periods_per_year(dates)


def _contender(
    label: str,
    strategy: StrategyAssessment,
    own: Floats,
    base: Floats,
    reference: Difference | None,
    periods: float,
    count: int,
    pairs: int,
) -> Contender:
    lead = _paired(own, base, periods, count)
    return Contender(
        run=label,
        strategy=strategy.name,
        metrics=strategy.metrics,
        verdict=strategy.versus_benchmark.verdict,
        holding=sharpe(base, periods) if len(base) > 1 else None,
        sharpe=sharpe(own, periods) if len(own) > 1 else None,
        lead=lead,
        lead_p=bonferroni(lead.p_value, count),
        reference=reference,
        reference_p=None if reference is None else bonferroni(reference.p_value, pairs),
    )


def _paired(one: Floats, other: Floats, periods: float, comparisons: int) -> Difference:
    if not len(one):
        return Difference(None, None, None, None)
    return sharpe_difference(one, other, periods, comparisons)


def _leads(results: Sequence[Result], dates: pd.DatetimeIndex) -> Floats:
    """Returns of each contender minus those of holding its own asset, for Hansen's test; (contenders, n - 1)."""
    return np.stack(
        [
            _returns(result, strategy.name, dates) - _returns(result, HOLDING, dates)
            for result in results
            for strategy in result.assessment.strategies
        ]
    )


def _equity(labels: Sequence[str], results: Sequence[Result], dates: pd.DatetimeIndex) -> pd.DataFrame:
    columns: dict[str, pd.Series] = {}
    for label, result in zip(labels, results, strict=True):
        columns.setdefault(f"holding {result.assessment.data.symbol}", result.equity[HOLDING].loc[dates])
        for strategy in result.assessment.strategies:
            columns[f"{label}: {strategy.name}"] = result.equity[strategy.name].loc[dates]
    frame = pd.DataFrame(columns)
    if not len(frame):
        return frame
    first = frame.iloc[0]
    return frame / first.where(first > 0.0)  # NaN for an account that was lost before
