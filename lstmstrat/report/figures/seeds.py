"""Is it luck: the account of each strategy among those of the same run with other seeds."""

from __future__ import annotations

from itertools import chain

import pandas as pd

from lstmstrat.report import cells
from lstmstrat.report.figures.values import Json, date_axis, label, line, log_axis, money, of, packed, times
from lstmstrat.results.assessment import EquityFan
from lstmstrat.results.result import HOLDING, Result

VALUE = "%{y:,.0f}"


def seeds(result: Result) -> Json | None:
    """The accounts with all seeds as a band with its median, beside the run's own and holding; None without.

    All of it is at the closes of the band, so that the hover compares values of one day.
    """
    found = result.assessment.strategies
    fans = [None if strategy.luck.seeds is None else strategy.luck.seeds.fan for strategy in found]
    known = [fan for fan in fans if fan]
    if not known:
        return None
    index = pd.DatetimeIndex(known[0].closes)
    equity = result.equity.loc[index]
    data = [
        trace
        for place, (strategy, fan) in enumerate(zip(found, fans, strict=True))
        if fan
        for trace in (
            *_band(fan, index, place),
            _line(label(strategy.name), index, equity[strategy.name], "--chosen", **of(place)),
        )
    ]
    data.append(_line(cells.HOLDING, index, equity[HOLDING], "--hold"))
    names = [strategy.name for strategy in found]
    return {
        "data": data,
        "layout": {
            "height": 340,
            "margin": {"t": 10, "b": 30, "l": 58, "r": 10},
            "xaxis": date_axis(index),
            "yaxis": log_axis([*chain(*(fan.low + fan.high for fan in known)), *equity[HOLDING]]),
        },
        "why": [
            None if fan else f"{name} does not trade the forecast of this config, so no seed changes it."
            for name, fan in zip(names, fans, strict=True)
        ],
    }


def _band(fan: EquityFan, index: pd.DatetimeIndex, place: int) -> list[Json]:
    """The lowest account, the band from it to the highest, and the median."""
    low, high, median = (pd.Series(values) for values in (fan.low, fan.high, fan.median))
    none = {"color": "--seed", "width": 0}
    says = f"{fan.accounts} seeds"
    return [
        _line(f"lowest of {says}", index, low, "--seed", showlegend=False, **of(place)) | {"line": none},
        _line(says, index, high, "--seed", fill="tonexty", fillcolor="--seed-soft", **of(place))
        | {"line": none, "hovertemplate": f"highest {VALUE}"},
        _line("their median", index, median, "--seed", **of(place))
        | {"line": {"color": "--seed", "width": 1.5, "dash": "dash"}},
    ]


def _line(name: str, index: pd.DatetimeIndex, values: pd.Series[float], colour: str, **more: object) -> Json:
    above = values.where(values > 0.0)
    drawn = line(name, [], colour, VALUE, **more)
    return drawn | {"x": times(index), "y": packed(money(above))}
