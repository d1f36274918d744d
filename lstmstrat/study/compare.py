"""Several runs side by side: what differs in their configs, and what they earned differently, luck allowed for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.errors import ConfigError, count
from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.evaluation.many_trials import bonferroni, superior_predictive_ability
from lstmstrat.evaluation.metrics import (
    cagr,
    max_drawdown,
    mean_exposure,
    periods_per_year,
    returns,
    sharpe,
    total_return,
)
from lstmstrat.evaluation.sharpe import sharpe_difference
from lstmstrat.report.result import Comparison
from lstmstrat.results.assessment import StrategyAssessment
from lstmstrat.results.comparison import Compared, Contender, Figures, Holding, OwnRun
from lstmstrat.results.result import HOLDING, Result

MOST_IN_A_LABEL = 2  # settings
LONGEST_VALUE = 24  # letters of one in a label
NOT_COMPARED = ("name", "report")
"""Sections of a config that change no number of a strategy."""
SAME = 1e-9  # of a return: rounding
UNKNOWN = Figures(None, None, None, None, None)


def compare(results: Mapping[str, Result], labels: Sequence[str] = ()) -> Comparison:
    """Compare runs; `results` maps the place of each to its result, and the first is the reference.

    `labels` are what the runs are called; without them, what tells them apart.

    All figures are of the common dates, but for those in `OwnRun`. The interval of a lead over holding is one of
    as many as there are contenders, and so is its p-value: the best of many may be luck.

    Raises
    ------
    ConfigError
        There are fewer than two runs, or one of them twice.
    """
    found = list(results.values())
    _check(results)
    differing, settings = _differing([result.config.model_dump(mode="json", by_alias=True) for result in found])
    labels = labels or _labels([result.config.name for result in found], list(results), differing, settings)
    runs = tuple(
        _compared(label, place, result, values)
        for label, (place, result), values in zip(labels, results.items(), settings, strict=True)
    )
    dates = _common(found)
    periods = _periods(found, dates)
    leads = _leads(found, dates)
    held = _held(labels, found, dates)
    return Comparison(
        runs=runs,
        differing=differing,
        holdings=tuple(Holding(name, _figures(one, HOLDING, dates, periods)) for name, one in held.items()),
        contenders=tuple(_contenders(labels, found, dates, periods)),
        first=str(dates[0].date()) if len(dates) else None,
        last=str(dates[-1].date()) if len(dates) else None,
        bars=len(dates),
        best=superior_predictive_ability(leads, np.zeros(leads.shape[1])) if leads.size else None,
        equity=_equity(held, labels, found, dates),
    )


def _check(results: Mapping[str, Result]) -> None:
    if len(results) < 2:
        example = "such as runs/aapl/one runs/aapl/two"
        raise ConfigError(f"{count(len(results), 'run')} given; expected at least two, {example}")
    for (place, one), (again, other) in combinations(results.items(), 2):
        if _same(one, other):
            raise ConfigError(f"a run is given twice: {place} and {again}; give each once")


def _same(one: Result, other: Result) -> bool:
    """Whether two results are one run: made at the same time, from the same config, with the same accounts."""
    return one is other or (
        one.assessment == other.assessment and one.config == other.config and one.equity.equals(other.equity)
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
        panel=assessment.panel,
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


def _labels(
    names: Sequence[str], places: Sequence[str], differing: Sequence[str], settings: Sequence[tuple[str, ...]]
) -> list[str]:
    """Short and unique names of runs.

    The names of their configs if they tell the runs apart, else what differs in the configs too. Only runs that
    both leave alike are told apart by the last part of their places.
    """
    own = list(names) if len(set(names)) > 1 else [""] * len(names)
    if len(set(own)) == len(own):
        return own
    told = max(
        (
            [f"{name} {text}".strip() for name, text in zip(own, texts, strict=True)]
            for texts in _told(differing, settings)
        ),
        key=lambda texts: len(set(texts)),
    )
    told = [text or name for text, name in zip(told, names, strict=True)]
    if len(set(told)) == len(told):
        return told
    return [
        text if told.count(text) == 1 else end if end.startswith(text) else f"{text} ({end})"
        for text, end in zip(told, _ends(places), strict=True)
    ]


def _ends(places: Sequence[str]) -> list[str]:
    """The last parts of places, as many as tell all of them apart.

    >>> _ends(["runs/a/1", "runs/a/2"]), _ends(["runs/a/1", "runs/b/1"])
    (['1', '2'], ['a/1', 'b/1'])
    """
    parts = [place.rstrip("/").split("/") for place in places]
    for count_of_parts in range(1, max(map(len, parts))):
        ends = ["/".join(one[-count_of_parts:]) for one in parts]
        if len(set(ends)) == len(ends):
            return ends
    return list(places)


def _told(differing: Sequence[str], settings: Sequence[tuple[str, ...]]) -> Iterator[list[str]]:
    """What some of the keys say of each run: all of them if they are few, then none, each alone and each pair."""
    keys = range(len(differing))
    few = [tuple(keys)] if len(keys) <= MOST_IN_A_LABEL else []
    for chosen in [*few, (), *combinations(keys, 1), *combinations(keys, 2)]:
        yield [" ".join(_setting(differing[k], values[k]) for k in chosen) for values in settings]


def _setting(key: str, value: str) -> str:
    """``threshold=0.001``, ``class=LongFlat``; a long value is cut.

    >>> _setting("strategies.0.class", "strategies.long_flat:LongFlat"), _setting("forecast.peers", "")
    ('class=LongFlat', 'peers=none')
    """
    name = key.rpartition(".")[2]
    short = value.rpartition(":")[2] if name in ("class", "model") else value or "none"
    return f"{name}={short if len(short) <= LONGEST_VALUE else short[: LONGEST_VALUE - 1] + '…'}"


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


def _contenders(
    labels: Sequence[str], results: Sequence[Result], dates: pd.DatetimeIndex, periods: float
) -> Iterator[Contender]:
    names = [strategy.name for result in results for strategy in result.assessment.strategies]
    references = [_reference(results[0], s.name) for result in results[1:] for s in result.assessment.strategies]
    pairs = sum(name is not None for name in references)
    for place, (label, result) in enumerate(zip(labels, results, strict=True)):
        base = _returns(result, HOLDING, dates)
        for strategy in result.assessment.strategies:
            own = _returns(result, strategy.name, dates)
            reference = None
            if place and (name := _reference(results[0], strategy.name)):
                reference = _paired(own, _returns(results[0], name, dates), periods, pairs)
            lead = _paired(own, base, periods, len(names))
            yield Contender(
                run=label,
                strategy=strategy.name,
                figures=_figures(result, strategy.name, dates, periods),
                own_run=_own_run(result, strategy),
                holding=sharpe(base, periods) if len(base) > 1 else None,
                lead=lead,
                lead_p=bonferroni(lead.p_value, len(names)),
                reference=reference,
                reference_p=None if reference is None else bonferroni(reference.p_value, pairs),
            )


def _figures(result: Result, name: str, dates: pd.DatetimeIndex, periods: float) -> Figures:
    equity = result.equity[name].loc[dates]
    if not len(dates) or equity.iloc[0] <= 0.0:
        return UNKNOWN
    return Figures(
        total_return=total_return(equity),
        cagr=cagr(equity),
        max_drawdown=max_drawdown(equity),
        sharpe=sharpe(returns(equity), periods),
        exposure=mean_exposure(result.exposure[name].loc[dates]),
    )


def _own_run(result: Result, strategy: StrategyAssessment) -> OwnRun:
    period, metrics = result.assessment.period, strategy.metrics
    return OwnRun(
        first=period.first,
        last=period.last,
        final_value=metrics.final_value,
        turnover=metrics.turnover,
        trades=metrics.trades,
        verdict=strategy.versus_benchmark.verdict,
    )


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


def _held(labels: Sequence[str], results: Sequence[Result], dates: pd.DatetimeIndex) -> dict[str, Result]:
    """A run for each holding that earned something of its own on the common dates, by the name of that holding."""
    found = dict[str, list[tuple[str, Result]]]()
    for label, result in zip(labels, results, strict=True):
        others = found.setdefault(f"holding {result.assessment.data.symbol}", [])
        own = _returns(result, HOLDING, dates)
        if not any(np.allclose(own, _returns(one, HOLDING, dates), rtol=0.0, atol=SAME) for _, one in others):
            others.append((label, result))
    return {
        name if len(runs) == 1 else f"{name} in {label}": result
        for name, runs in found.items()
        for label, result in runs
    }


def _equity(
    held: Mapping[str, Result], labels: Sequence[str], results: Sequence[Result], dates: pd.DatetimeIndex
) -> pd.DataFrame:
    columns = {name: result.equity[HOLDING].loc[dates] for name, result in held.items()}
    for label, result in zip(labels, results, strict=True):
        for strategy in result.assessment.strategies:
            columns[f"{label}: {strategy.name}"] = result.equity[strategy.name].loc[dates]
    frame = pd.DataFrame(columns)
    if not len(frame):
        return frame
    first = frame.iloc[0]
    return frame / first.where(first > 0.0)  # NaN for an account that was lost before
