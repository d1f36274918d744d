"""A made-up Result of realistic size, for the tests of the report."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from lstmstrat.config.schema import Config
from lstmstrat.evaluation.verdict import NEVER_TRADED
from lstmstrat.results.account import ORDERS, TRADES
from lstmstrat.results.assessment import SCHEMA, Assessment, EquityFan
from lstmstrat.results.result import Result
from lstmstrat.results.run_folder import FOLDS as FOLD_COLUMNS

T = TypeVar("T")

NAMES = ("long_flat", "long_short", "proportional", "vol_target", "sma_cross", "hysteresis", "coin_flip")
BARS, FOLDS = 2448, 117
CONDITIONS = (("Sharpe above", True, "+0.30"), ("adjusted p", False, "0.280"), ("worlds p", None, "not run"))
QUANTILES = {0.05: -0.03, 0.5: 0.0, 0.95: 0.03}  # level, and distance from the forecast
SENTENCE = "No strategy can be told apart from buy-and-hold: every interval of the Sharpe difference holds 0."


def put(value: T, path: str, new: Any) -> T:
    """`value` with `new` at a path of fields and positions, such as ``strategies.0.metrics.cagr``."""
    key, _, rest = path.partition(".")
    if isinstance(value, tuple):
        at = int(key)
        return (*value[:at], put(value[at], rest, new) if rest else new, *value[at + 1 :])  # type: ignore[return-value]
    return replace(value, **{key: put(getattr(value, key), rest, new) if rest else new})  # type: ignore[type-var]


def result(names: tuple[str, ...] = NAMES) -> Result:
    """Random equity curves of `names` over 2,448 business days and 117 folds. Numbers mean nothing."""
    rng = np.random.default_rng(7)
    dates = pd.bdate_range("2004-01-05", periods=BARS, name="date").as_unit("ns")
    closes = pd.Series(10.0 * np.exp(np.cumsum(rng.normal(8e-4, 0.02, BARS))), dates)
    exposure = pd.DataFrame({"buy_and_hold": np.ones(BARS)}, dates)
    for name in names:
        exposure[name] = rng.choice([0.0, 0.5, 1.0], BARS // 24).repeat(24)
    returns = exposure.mul(closes.pct_change().fillna(0.0), axis=0)
    equity = 100_000.0 * (1.0 + returns).cumprod()
    config = Config.model_validate(
        {"name": "made-up", "strategies": [{"class": "a.b:C", "name": name} for name in names]}
    )
    return Result(
        config=config,
        assessment=Assessment.from_dict(_summary(equity, names)),
        equity=equity,
        exposure=exposure,
        forecasts=_forecasts(dates, rng),
        folds=_folds(dates, rng),
        orders=_orders(dates, names),
        trades=_trades(dates, names),
        prices=_prices(closes),
    )


UNUSUAL = ("no trades", "one trade", "no forecast", "failed folds", "undefined", "lost account", "two bars")


def unusual(kind: str, names: tuple[str, ...] = NAMES) -> Result:
    """A run of which something is missing."""
    run, nothing = result(names), float("nan")
    if kind == "no trades":
        found = run.assessment
        for place in range(len(names)):
            found = _never_traded(found, f"strategies.{place}")
        return replace(run, trades=run.trades.iloc[:0], orders=run.orders.iloc[:0], assessment=found)
    if kind == "one trade":
        return replace(run, trades=run.trades.iloc[:1])
    if kind == "no forecast":
        assessment = put(run.assessment, "forecast_skill.observations", 0)
        forecasts = run.forecasts.assign(forecast=nothing)
        return replace(run, assessment=assessment, folds=run.folds.iloc[:0], forecasts=forecasts)
    if kind == "failed folds":
        losses = dict.fromkeys(("train_loss", "first_loss", "correlation"), nothing)
        return replace(run, folds=run.folds.assign(status="failed", **losses))
    if kind == "undefined":
        return replace(run, assessment=_undefined(run.assessment))
    if kind == "lost account":
        equity = run.equity.copy()
        equity.iloc[100:, 1] = -5.0
        return replace(run, equity=equity)
    tables = {name: getattr(run, name).iloc[:2] for name in ("equity", "exposure", "forecasts", "prices", "folds")}
    assessment = put(run.assessment, "strategies.0.luck.seeds.fan", _fan(tables["equity"][names[0]]))
    nothing_traded = {"trades": run.trades.iloc[:0], "orders": run.orders.iloc[:0]}
    return replace(run, **tables, **nothing_traded, assessment=assessment)


def _never_traded(found: Assessment, strategy: str) -> Assessment:
    for field in ("sharpe", "sortino", "calmar", "hit_rate"):
        found = put(found, f"{strategy}.metrics.{field}", None)
    for field in ("sharpe", "sharpe_low", "sharpe_high", "p_value", "p_adjusted"):
        found = put(found, f"{strategy}.versus_benchmark.{field}", None)
    found = put(found, f"{strategy}.metrics.trades", 0)
    found = put(found, f"{strategy}.metrics.final_value", 100_000.0)
    return put(found, f"{strategy}.versus_benchmark.verdict", NEVER_TRADED)


def _undefined(found: Assessment) -> Assessment:
    for field in ("sharpe", "cagr", "hit_rate"):
        found = put(found, f"strategies.0.metrics.{field}", None)
    for field in ("sharpe", "sharpe_low", "sharpe_high", "break_even_cost", "delay_cost"):
        found = put(found, f"strategies.0.versus_benchmark.{field}", None)
    return found


def _prices(closes: pd.Series) -> pd.DataFrame:
    """Bars around `closes`, which are all that the report shows."""
    near = {"open": closes * 0.999, "high": closes * 1.01, "low": closes * 0.99, "close": closes}
    return pd.DataFrame(near | {"volume": np.full(len(closes), 1_234_567.0)})


def _forecasts(dates: pd.DatetimeIndex, rng: np.random.Generator) -> pd.DataFrame:
    fold = np.minimum(np.arange(BARS) // 21, FOLDS - 1)
    forecast = rng.normal(0.0, 0.004, BARS)
    lines = {"forecast": forecast, "spread": np.nan, "distance": 0.0, "sigma": 0.02, "up": 0.52}
    quantiles = {f"quantile_{level}": forecast + distance for level, distance in QUANTILES.items()}
    frame = pd.DataFrame(
        lines | quantiles | {"linear": 0.5 * forecast, "realised": rng.normal(0.0, 0.02, BARS), "fold": fold},
        dates,
    )
    frame["cutoff"] = dates[fold * 21] - pd.offsets.BDay(2)
    return frame


def _folds(dates: pd.DatetimeIndex, rng: np.random.Generator) -> pd.DataFrame:
    first = dates[np.arange(FOLDS) * 21]
    first_loss = 1.0 + 0.1 * rng.standard_normal(FOLDS)
    status = np.where(np.arange(FOLDS) == 40, "failed", "fitted")
    return pd.DataFrame(
        {
            "number": np.arange(FOLDS),
            "first_forecast": first,
            "last_forecast": first + pd.offsets.BDay(20),
            "cutoff": first - pd.offsets.BDay(2),
            "samples": 690,
            "status": status,
            "train_loss": np.where(status == "failed", np.nan, first_loss - 0.2),
            "first_loss": np.where(status == "failed", np.nan, first_loss),
            "network_weight": 0.4 + 0.05 * rng.standard_normal(FOLDS),
            "linear_weight": 0.4 + 0.05 * rng.standard_normal(FOLDS),
            "correlation": np.where(status == "failed", np.nan, rng.normal(0.02, 0.22, FOLDS)),
            "observations": 21,
        }
    ).astype(FOLD_COLUMNS)


def _orders(dates: pd.DatetimeIndex, names: tuple[str, ...]) -> pd.DataFrame:
    """One filled and one rejected order a strategy."""
    rows = [
        row
        for name in names
        for row in (
            (name, "completed", dates[0], dates[1], "buy", 1234.5678901234567, 0.1 + 0.2, 12.3),
            (name, "rejected", dates[5], pd.NaT, "sell", 10.0, np.nan, 0.0),
        )
    ]
    columns = ["strategy", "status", "created", "executed", "side", "size", "price", "commission"]
    return pd.DataFrame(rows, columns=columns).astype({"strategy": object, **ORDERS})


def _trades(dates: pd.DatetimeIndex, names: tuple[str, ...]) -> pd.DataFrame:
    """One closed and one open round trip a strategy."""
    rows = [
        row
        for name in names
        for row in (
            (name, dates[1], dates[9], "long", 100.0, 10.0, 11.0, 98.9, 1.1, 8),
            (name, dates[11], pd.NaT, "long", 100.0, 10.0, np.nan, -3.0, 1.0, 2389),
        )
    ]
    columns = [
        "strategy",
        "opened",
        "closed",
        "side",
        "size",
        "entry_price",
        "exit_price",
        "pnl",
        "commission",
        "bars",
    ]
    return pd.DataFrame(rows, columns=columns).astype({"strategy": object, **TRADES})


def _metrics(equity: pd.Series, position: int) -> dict[str, Any]:
    total = float(equity.iloc[-1] / equity.iloc[0] - 1.0)
    return {
        "total_return": total,
        "cagr": 0.0123 + 0.02 * position,
        "annual_volatility": 0.316,
        "sharpe": 0.45 - 0.1 * position,
        "sortino": 0.6,
        "max_drawdown": -0.6149,
        "calmar": 0.2,
        "exposure": 0.514,
        "turnover": 12.34,
        "trades": 1041,
        "hit_rate": 0.513,
        "profit_factor": None,
        "commission_paid": 12_345.6,
        "orders_rejected": 1,
        "final_value": float(equity.iloc[-1]),
    }


def _versus(position: int) -> dict[str, Any]:
    middle = 0.3 - 0.12 * position
    return {
        "total_return": -0.5,
        "cagr": -0.02,
        "sharpe": middle,
        "max_drawdown": 0.1,
        "sharpe_low": middle - 0.6,
        "sharpe_high": middle + 0.6,
        "p_value": 0.04 + 0.1 * position,
        "p_adjusted": min(1.0, 0.28 + 0.1 * position),
        "cagr_low": -0.08,
        "cagr_high": 0.04,
        "max_drawdown_low": -0.05,
        "max_drawdown_high": 0.2,
        "detectable": 0.86,
        "best_fold_share": None,
        "best_days_share": 0.42,
        "break_even_cost": 0.0027,
        "delay_cost": 0.12,
        "verdict": "not distinguishable from buy-and-hold",
        "missing": ["an adjusted p-value below 0.05 (0.280)"],
        "conditions": [
            {"name": name, "met": met, "found": found, "sentence": f"{name} ({found})"}
            for name, met, found in CONDITIONS
        ],
    }


def _fan(account: pd.Series) -> EquityFan:
    """A band around an account, whose median is a little above it."""
    kept = account.iloc[:: max(1, len(account) // 100)]
    low, median, high = (tuple((kept * share).round(2)) for share in (0.8, 1.05, 1.2))
    return EquityFan(4, tuple(kept.index.strftime("%Y-%m-%d")), low, median, high)


def _luck(position: int, account: pd.Series) -> dict[str, Any]:
    """The first strategy ran with seeds and null worlds, the others only in worlds."""
    return {
        "probabilistic_sharpe": 0.97,
        "published_deflated_sharpe": 0.58,
        "deflated_sharpe": 0.61,
        "deflated_lead": 0.44,
        "deflated_timing": 0.37,
        "exposure_matched": {
            "exposure": 0.51,
            "total_return": 0.4,
            "cagr": 0.03,
            "max_drawdown": -0.3,
        },
        "placebo": {
            "sharpe": 0.4,
            "low": -0.2,
            "median": 0.1,
            "high": 0.5,
            "p_value": 0.18,
            "score": 0.9,
            "shuffles": 2000,
            "band": 0.9,
        },
        "seeds": None
        if position
        else {
            "above": 0.75,
            "worst": -0.2,
            "median": 0.2,
            "differences": [0.3, -0.2, 0.2, 0.4],
            "failed": 0,
            "fan": asdict(_fan(account)),
        },
        "worlds": {
            "p_value": 0.25,
            "worst": None,
            "median": 0.0,
            "differences": [-0.3, 0.4, None, 0.0],
            "failed": 0,
        },
    }


def _rung(model: str, refit_every: int | str, minus: float | None) -> dict[str, Any]:
    return {
        "model": model,
        "refit_every": refit_every,
        "folds": FOLDS,
        "seconds": 1.23,
        "observations": 2399,
        "correlation": None if model == "always_up" else 0.021,
        "hit_rate": 0.52,
        "always_up": 0.52,
        "r2_against_zero": -0.01,
        "r2_against_mean": None,
        "slope": 0.4,
        "clark_west": 0.12,
        "clark_west_mean": 0.21,
        "diebold_mariano": 0.2,
        "pesaran_timmermann": None,
        "sharpe": 0.45,
        "own_minus": {
            "difference": minus,
            "low": None if minus is None else minus - 0.4,
            "high": None if minus is None else minus + 0.4,
            "p_value": None,
            "error": None if minus is None else 0.2,
        },
    }


def _summary(equity: pd.DataFrame, names: tuple[str, ...]) -> dict[str, Any]:
    first, last = (f"{date:%Y-%m-%d}" for date in (equity.index[0], equity.index[-1]))
    strategies = [
        {
            "name": name,
            "class": "strategies.long_flat:LongFlat",
            "params": {"threshold": 0.0},
            "metrics": _metrics(equity[name], position),
            "versus_benchmark": _versus(position),
            "luck": _luck(position, equity[name]),
        }
        for position, name in enumerate(names)
    ]
    return {
        "schema": SCHEMA,
        "name": "made-up",
        "made": {
            "when": "2026-01-31T12:00:00+00:00",
            "command": "lstmstrat run configs/made-up.yaml",
        },
        "costs": {"cash": 100_000.0, "commission": 0.001, "slippage": 0.0005, "fractional": True},
        "data": {
            "symbol": "MADE",
            "source": "bundled",
            "first": "2000-03-01",
            "last": last,
            "bars": 3270,
            "sha256": "5abadf99" * 8,
            "currency": None,
            "time_zone": None,
            "downloaded": None,
            "notices": ["Bundled prices end on 2013-03-01.", "2 rows without volume were dropped."],
            "faults": [],
        },
        "walk_forward": {
            "model": "lstm",
            "folds": FOLDS,
            "members": 1,
            "train_size": 750,
            "refit_every": 21,
            "lookback": 60,
            "horizon": 1,
            "purge": 2,
            "mode": "expanding",
            "calibration": "learned",
            "quantiles": [*QUANTILES],
            "up_threshold": 0.0,
            "seed": 0,
            "first_forecast": first,
            "fitted": 100,
            "cached": 16,
            "failed": 1,
            "fit_seconds": 12.34,
        },
        "period": {
            "first": first,
            "last": last,
            "bars": BARS,
            "years": round(BARS / 252, 2),
            "periods_per_year": 252.0,
            "counted_per_year": 260.9,
        },
        "benchmark": _metrics(equity["buy_and_hold"], 0),
        "strategies": strategies,
        "forecast_skill": {
            "observations": 2399,
            "correlation": 0.0213,
            "hit_rate": 0.512,
            "always_up": 0.523,
            "r2_against_zero": -0.011,
            "r2_against_mean": -0.014,
            "slope": 0.31,
            "reliability": {
                "observations": 2399,
                "quantiles": [{"level": level, "below": level + 0.004} for level in QUANTILES],
                "up": [
                    {"low": 0.45, "high": 0.5, "observations": 1200, "stated": 0.48, "realised": 0.49},
                    {"low": 0.5, "high": 0.55, "observations": 1190, "stated": 0.52, "realised": 0.53},
                    {"low": 0.9, "high": 0.95, "observations": 9, "stated": 0.92, "realised": 0.4},
                ],
            },
            "network": {"r2": 0.004, "linear_r2": 0.003, "p_value": 0.21},
            "folds": {"known": FOLDS - 1, "median_correlation": 0.02, "above_zero": 0.53},
            "clark_west": 0.12,
            "clark_west_mean": 0.2,
            "diebold_mariano": 0.034,
            "pesaran_timmermann": None,
        },
        "ladder": {
            "strategy": "long_flat",
            "models": [_rung("always_up", 21, 0.0), _rung("lstm", 21, None)],
            "refits": [_rung("lstm", "never", -0.1), _rung("lstm", 21, None)],
        },
        "verdict": {
            "superior_predictive_ability": 0.31,
            "rule": "An edge is supported only if the adjusted p-value of the Sharpe difference is below 5 %.",
            "text": SENTENCE,
            "by_strategy": {name: f"{name}: not distinguishable, difference within chance." for name in names},
        },
        "trials": {"count": 12, "variance": 0.0252, "kept": True, "struck": 0, "begun": "2026-01-02"},
        "checks": [
            {"name": "Chunk law", "status": "passed", "detail": "Fed bar by bar, the forecasts were equal."},
            {"name": "Look-ahead audit", "status": "not run", "detail": "Add --audit to run it."},
            {"name": "One broker", "status": "failed", "detail": "Always long differs by 2e-3."},
            {"name": "Seeds", "status": "ran", "detail": "4 seeds"},
        ],
        "versions": {"lstmstrat": "0.1.0", "python": "3.11.7", "torch": "2.13.0", "backtrader": "1.9.78.123"},
    }
