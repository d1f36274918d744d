"""The main job, from config to run folder: the contract of the files, and the manners of the library."""

from __future__ import annotations

import dataclasses
import json
import shlex
import signal
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.command import TINY, Told, command, summary, table, tiny, what_it_found, written

from lstmstrat.config.files import parse
from lstmstrat.config.schema import Config
from lstmstrat.config.validation import validated
from lstmstrat.evaluation.metrics import (
    annual_volatility,
    cagr,
    calmar,
    max_drawdown,
    returns,
    sharpe,
    sortino,
    total_return,
)
from lstmstrat.prices import load
from lstmstrat.study.prepare import load_config
from lstmstrat.study.run import run

FILES = {"config.yaml", "summary.json", "report.html"}
FILES |= {f"{name}.csv" for name in ("equity", "exposure", "forecasts", "folds", "orders", "trades", "prices")}
PURGE = 2  # horizon + 1 for target open
NUMBER, COUNT = (int, float), (int,)
MAYBE = (int, float, type(None))
METRICS = {
    "total_return": NUMBER,
    "cagr": MAYBE,
    "annual_volatility": MAYBE,
    "sharpe": MAYBE,
    "sortino": MAYBE,
    "max_drawdown": NUMBER,
    "calmar": MAYBE,
    "exposure": MAYBE,
    "turnover": MAYBE,
    "trades": COUNT,
    "hit_rate": MAYBE,
    "profit_factor": MAYBE,
    "commission_paid": NUMBER,
    "orders_rejected": COUNT,
    "final_value": NUMBER,
}
SUMMARY: dict[str, Any] = {  # DESIGN, part 6
    "schema": COUNT,
    "name": str,
    "made": {"when": str, "command": str, "processors": list},
    "data": {
        "symbol": str,
        "source": str,
        "first": str,
        "last": str,
        "bars": COUNT,
        "sha256": str,
        "currency": type(None),
        "time_zone": type(None),
        "downloaded": type(None),
        "notices": list,
        "faults": list,
        "outside": list,
    },
    "costs": {"cash": NUMBER, "commission": NUMBER, "slippage": NUMBER, "fractional": bool},
    "walk_forward": {
        "model": str,
        "folds": COUNT,
        "members": COUNT,
        "train_size": COUNT,
        "refit_every": (int, str),
        "lookback": COUNT,
        "horizon": COUNT,
        "purge": COUNT,
        "mode": str,
        "calibration": str,
        "quantiles": list,
        "up_threshold": NUMBER,
        "seed": COUNT,
        "first_forecast": str,
        "fitted": COUNT,
        "cached": COUNT,
        "failed": COUNT,
        "fit_seconds": NUMBER,
    },
    "period": {
        "first": str,
        "last": str,
        "bars": COUNT,
        "years": NUMBER,
        "periods_per_year": NUMBER,
        "counted_per_year": NUMBER,
    },
    "benchmark": METRICS,
    "strategies": list,
    "forecast_skill": {
        "observations": COUNT,
        "correlation": MAYBE,
        "hit_rate": MAYBE,
        "always_up": MAYBE,
        "r2_against_zero": MAYBE,
        "r2_against_mean": MAYBE,
        "slope": MAYBE,
        "clark_west": MAYBE,
        "clark_west_mean": MAYBE,
        "diebold_mariano": MAYBE,
        "pesaran_timmermann": MAYBE,
        "folds": {"known": COUNT, "median_correlation": MAYBE, "above_zero": MAYBE},
        "reliability": {"observations": COUNT, "quantiles": list, "up": list},
        "network": {"r2": MAYBE, "linear_r2": MAYBE, "p_value": MAYBE},
    },
    "ladder": type(None),
    "verdict": {"rule": str, "text": str, "by_strategy": dict, "superior_predictive_ability": MAYBE},
    "trials": {"count": COUNT, "variance": MAYBE, "kept": bool, "struck": COUNT, "begun": str},
    "checks": list,
    "versions": dict,
    "universe": type(None),  # of one asset
    "panel": type(None),
}


class Run(NamedTuple):
    """A finished run, its cache, and what it said."""

    folder: Path
    cache: Path
    told: Told


LUCK: dict[str, Any] = {
    "probabilistic_sharpe": MAYBE,
    "published_deflated_sharpe": MAYBE,
    "deflated_sharpe": MAYBE,
    "deflated_lead": MAYBE,
    "deflated_timing": MAYBE,
    "exposure_matched": {
        "exposure": NUMBER,
        "total_return": NUMBER,
        "cagr": MAYBE,
        "max_drawdown": NUMBER,
    },
    "placebo": {
        **dict.fromkeys(("sharpe", "low", "median", "high", "p_value", "score"), MAYBE),
        **{"shuffles": COUNT, "band": NUMBER},
    },
    "seeds": type(None),
    "worlds": type(None),
}
VERSUS: dict[str, Any] = {
    **dict.fromkeys(("total_return", "cagr", "sharpe", "max_drawdown"), MAYBE),
    **dict.fromkeys(("sharpe_low", "sharpe_high", "cagr_low", "cagr_high"), MAYBE),
    **dict.fromkeys(("max_drawdown_low", "max_drawdown_high", "p_value", "p_adjusted", "detectable"), MAYBE),
    **dict.fromkeys(("best_fold_share", "best_days_share", "break_even_cost", "delay_cost"), MAYBE),
    "verdict": str,
    "missing": list,
    "conditions": list,
}


def start(home: Path, values: dict[str, Any], name: str, *options: object) -> Run:
    folder, cache = home / name, home / "cache.sqlite"
    config = written(home / f"{name}_config", values)
    told = command(config, "--out", folder, "--cache", cache, "--jobs", 1, *options)
    assert told.code == 0, told.err
    return Run(folder, cache, told)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def first(home: Path) -> Run:
    return start(home, TINY, "first")


@pytest.fixture(scope="module")
def classical(home: Path) -> Run:
    """The single split: no refits, a fraction to train on, closes forecast, no page."""
    forecast = {"train_size": 0.5, "refit_every": "never", "target": "close", "horizon": 3}
    return start(home, tiny(forecast=forecast, report={"html": False}), "classical", "--quiet")


def assert_shape(values: Any, shape: Any, where: str = "summary") -> None:
    if isinstance(shape, dict):
        assert list(values) == list(shape), where
        for key in shape:
            assert_shape(values[key], shape[key], f"{where}.{key}")
    else:
        assert isinstance(values, shape), where
        assert isinstance(values, bool) == (shape is bool), where


def test_the_run_folder_holds_the_ten_files_and_nothing_lies_beside_it(first: Run, classical: Run) -> None:
    assert {p.name for p in first.folder.iterdir()} == FILES
    assert {p.name for p in classical.folder.iterdir()} == FILES - {"report.html"}
    assert [p.name for p in first.folder.parent.iterdir() if p.name.startswith(".")] == []


def test_the_columns_of_the_tables_are_those_of_the_contract(first: Run, classical: Run) -> None:
    tables = {
        "equity": ["date", "buy_and_hold", "long_flat", "cross"],
        "exposure": ["date", "buy_and_hold", "long_flat", "cross"],
        "forecasts": [
            "date",
            "forecast",
            "spread",
            "distance",
            "sigma",
            "up",
            *(f"quantile_{q}" for q in (0.05, 0.5, 0.95)),
            "linear",
            "realised",
            "fold",
            "cutoff",
        ],
        "folds": [
            *["number", "first_forecast", "cutoff", "samples", "last_forecast", "status"],
            *["first_loss", "train_loss", "network_weight", "linear_weight", "correlation", "observations"],
        ],
        "orders": ["strategy", "status", "created", "executed", "side", "size", "price", "commission"],
        "trades": [
            *["strategy", "opened", "closed", "side", "size", "entry_price", "exit_price", "pnl"],
            *["commission", "bars"],
        ],
        "prices": ["date", "open", "high", "low", "close", "volume"],
    }
    assert {name: list(table(first.folder, name)) for name in tables} == tables
    assert list(table(classical.folder, "forecasts")) == [*tables["forecasts"], "price"]


def test_the_summary_has_the_keys_and_types_of_the_contract(first: Run) -> None:
    found = summary(first.folder)  # refuses NaN and Infinity
    assert_shape(found, SUMMARY)
    for strategy in found["strategies"]:
        assert list(strategy) == ["name", "class", "params", "metrics", "versus_benchmark", "luck"]
        assert_shape(strategy["metrics"], METRICS)
        assert_shape(strategy["luck"], LUCK)
        assert_shape(strategy["versus_benchmark"], VERSUS)
    assert [s["name"] for s in found["strategies"]] == ["long_flat", "cross"]
    assert found["strategies"][1]["params"] == {"fast": 5, "slow": 10, "band": 0.05}
    assert {check["status"] for check in found["checks"]} <= {"passed", "not run"}
    assert list(found["verdict"]["by_strategy"]) == ["long_flat", "cross"]


def test_the_walk_forward_of_the_summary_is_that_of_the_config(first: Run) -> None:
    found = summary(first.folder)
    # 49 bars of warm-up (distance_50), 60 to train on, 2 of purge: the first forecast is at bar 111 of 314, the
    # next ones 60 bars later each: 111, 171, 231, 291. Two members a fold.
    walk = found["walk_forward"]
    assert (walk["folds"], walk["fitted"], walk["cached"], walk["failed"]) == (4, 8, 0, 0)
    assert (walk["train_size"], walk["refit_every"], walk["purge"], walk["members"]) == (60, 60, PURGE, 2)
    assert found["period"]["bars"] == 314 - 111
    assert found["data"]["bars"] == 314
    assert walk["first_forecast"] == found["period"]["first"]


def test_the_period_is_the_rows_of_the_equity_and_begins_with_the_cash(first: Run) -> None:
    found, equity = summary(first.folder), table(first.folder, "equity")
    period = {"first": equity["date"].iloc[0], "last": equity["date"].iloc[-1], "bars": len(equity)}
    span = (pd.Timestamp(period["last"]) - pd.Timestamp(period["first"])).days / 365.25
    counted = found["period"]["counted_per_year"]
    assert found["period"] == {**period, "years": span, "periods_per_year": 252.0, "counted_per_year": counted}
    assert counted == pytest.approx(252.0, rel=0.05)
    assert (equity.drop(columns="date").iloc[0] == 100_000.0).all()
    for name in ("exposure", "forecasts", "prices"):
        assert list(table(first.folder, name)["date"]) == list(equity["date"])


def test_the_metrics_follow_from_the_equity_in_the_file(first: Run) -> None:
    found = summary(first.folder)
    equity = table(first.folder, "equity", "date").set_index("date")
    stated = {s["name"]: s["metrics"] for s in found["strategies"]} | {"buy_and_hold": found["benchmark"]}
    for name, account in equity.items():
        earned = returns(account)
        assert stated[name]["final_value"] == account.iloc[-1]
        assert stated[name]["total_return"] == total_return(account)
        assert stated[name]["cagr"] == cagr(account)
        assert stated[name]["annual_volatility"] == annual_volatility(earned, 252)
        assert stated[name]["sharpe"] == sharpe(earned, 252)
        assert stated[name]["sortino"] == sortino(earned, 252)
        assert stated[name]["max_drawdown"] == max_drawdown(account)
        assert stated[name]["calmar"] == calmar(account)


def test_the_benchmark_is_buy_and_hold_worked_by_hand(first: Run) -> None:
    # 100,000 buys at the open of the second bar of the period, 0.05 % above it, with 0.1 % commission; all of it
    # is worth the last close.
    frame = load(validated(Config, TINY, "").data).frame
    second = table(first.folder, "equity", "date")["date"].iloc[1]
    shares = 100_000.0 / (frame.loc[second, "open"] * 1.0005 * 1.001)
    expected = shares * frame["close"].iloc[-1]
    assert summary(first.folder)["benchmark"]["final_value"] == pytest.approx(expected, rel=1e-9)


def test_fold_law_seen_from_the_files(first: Run, classical: Run) -> None:
    for found, purge in ((first, PURGE), (classical, 3)):  # classical: close, horizon 3
        forecasts = table(found.folder, "forecasts", "date", "cutoff")
        bars = load(load_config(found.folder / "config.yaml").data).frame.index
        at, cutoff = bars.get_indexer(forecasts["date"]), bars.get_indexer(forecasts["cutoff"])
        assert (at >= 0).all()
        assert (cutoff >= 0).all()
        assert (at - cutoff > purge).all()
        starts = forecasts["fold"].diff().fillna(1.0) == 1.0
        assert (at[starts] - cutoff[starts] == purge + 1).all()  # and no bar is wasted


def test_price_is_the_close_moved_by_the_forecast(classical: Run) -> None:
    forecasts = table(classical.folder, "forecasts", "date").set_index("date")
    close = load(validated(Config, TINY, "").data).frame["close"]
    expected = close.loc[forecasts.index] * np.exp(forecasts["forecast"])
    np.testing.assert_allclose(forecasts["price"], expected, rtol=1e-15)


def test_a_fraction_is_turned_into_bars_once(classical: Run) -> None:
    walk = summary(classical.folder)["walk_forward"]
    # Half of 314 bars is 157; 49 of them are warm-up.
    assert (walk["folds"], walk["train_size"], walk["refit_every"]) == (1, 157 - 49, "never")


def test_a_warm_start_is_said(tmp_path: Path) -> None:
    options = ["--no-cache", "--quiet", "--set", "forecast.warm_start=true", "--set", "report.html=false"]
    assert command(written(tmp_path, TINY), "--out", tmp_path / "out", *options).code == 0
    found = summary(tmp_path / "out")
    assert any(notice.startswith("warm_start: a fold began") for notice in found["data"]["notices"])
    assert found["walk_forward"]["fitted"] == found["walk_forward"]["folds"] * found["walk_forward"]["members"]


def test_the_last_line_is_the_path_of_the_report(first: Run, classical: Run) -> None:
    assert first.told.out.splitlines()[-1] == str(first.folder / "report.html")
    assert len(first.told.out.splitlines()) > 5
    assert classical.told.out == f"{classical.folder / 'summary.json'}\n"  # --quiet, and no page was asked for
    assert classical.told.err == ""


@pytest.mark.parametrize("name", ["first", "classical"])
def test_the_config_of_a_run_gives_the_same_run_and_trains_nothing(
    name: str, home: Path, request: pytest.FixtureRequest
) -> None:
    before: Run = request.getfixturevalue(name)
    values = parse((before.folder / "config.yaml").read_text())
    again = start(home, values, f"{name}_again", "--quiet")
    assert summary(again.folder)["walk_forward"]["fitted"] == 0
    assert summary(again.folder)["walk_forward"]["cached"] == summary(before.folder)["walk_forward"]["fitted"]
    for file in FILES - {"summary.json", "report.html"}:
        assert (again.folder / file).read_bytes() == (before.folder / file).read_bytes(), file
    assert what_it_found(summary(again.folder)) == what_it_found(summary(before.folder))


def test_trained_anew_the_numbers_are_the_same(first: Run, tmp_path: Path) -> None:
    again = start(tmp_path, TINY, "again", "--quiet")
    assert summary(again.folder)["walk_forward"]["fitted"] == 8
    assert what_it_found(summary(again.folder)) == what_it_found(summary(first.folder))


def test_another_seed_is_another_forecast(first: Run, tmp_path: Path) -> None:
    told = command(written(tmp_path, TINY), "--out", tmp_path / "out", "--no-cache", "--jobs", 1, "--seed", 1)
    assert told.code == 0
    other, same = table(tmp_path / "out", "forecasts"), table(first.folder, "forecasts")
    assert (other["forecast"] != same["forecast"]).all()
    assert list(other["cutoff"]) == list(same["cutoff"])


def test_the_command_in_the_summary_gives_the_same_run(first: Run, tmp_path: Path) -> None:
    options = ("--seed", 1, "--set", "forecast.epochs=2", "--jobs", 1, "--quiet", "--no-cache")
    assert command(written(tmp_path, TINY), "--out", tmp_path / "out", *options).code == 0
    made = summary(tmp_path / "out")["made"]
    assert abs(pd.Timestamp.now("UTC") - pd.Timestamp(made["when"])) < pd.Timedelta(minutes=5)
    assert shlex.split(made["command"])[:3] == ["lstmstrat", "run", str(tmp_path / "tiny.yaml")]
    again = command(*shlex.split(made["command"])[2:], "--out", tmp_path / "again", "--quiet", "--no-cache")
    assert again.code == 0, again.err
    assert what_it_found(summary(tmp_path / "again")) == what_it_found(summary(tmp_path / "out"))
    equity = (tmp_path / "out" / "equity.csv").read_bytes()
    assert (tmp_path / "again" / "equity.csv").read_bytes() == equity != (first.folder / "equity.csv").read_bytes()


def test_without_a_strategy_that_asks_for_forecasts_nothing_is_trained(tmp_path: Path) -> None:
    told = start(tmp_path, tiny(strategies=TINY["strategies"][1:]), "out", "--quiet")
    found = summary(told.folder)
    assert (found["walk_forward"]["folds"], found["walk_forward"]["fitted"]) == (0, 0)
    assert found["walk_forward"]["first_forecast"] is None
    assert found["forecast_skill"]["correlation"] is None
    assert table(told.folder, "forecasts")["forecast"].isna().all()
    assert found["strategies"][0]["metrics"]["trades"] > 0


def test_the_default_folder_is_named_after_the_run_and_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "strategies").symlink_to(Path("strategies").resolve())
    monkeypatch.chdir(tmp_path)
    assert command(written(tmp_path, TINY), "--quiet", "--jobs", 1).code == 0
    (made,) = (tmp_path / "runs" / "tiny").iterdir()
    assert pd.Timestamp(made.name.replace("_", " ")[:10]) > pd.Timestamp("2020-01-01")
    assert (tmp_path / "cache.sqlite").is_file()  # $LSTMSTRAT_CACHE


def test_run_is_the_command_without_the_files(first: Run, capsys: pytest.CaptureFixture[str]) -> None:
    def manners() -> Any:
        return (
            torch.get_num_threads(),
            np.random.get_state()[1].tolist(),  # noqa: NPY002
            torch.random.get_rng_state().tolist(),
            {name: pd.get_option(name) for name in ("display.max_rows", "display.precision")},
            list(sys.path),
            list(warnings.filters),
            [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)],
            torch.is_grad_enabled(),
            np.geterr(),
        )

    before = manners()
    result = run(validated(Config, TINY, ""))
    assert manners() == before
    assert capsys.readouterr() == ("", "")

    for name in ("equity", "exposure", "prices"):
        written_frame = table(first.folder, name, "date").set_index("date")
        pd.testing.assert_frame_equal(
            getattr(result, name), written_frame, check_freq=False, check_names=False, check_index_type=False
        )
    assert json.loads(json.dumps(result.summary["benchmark"])) == summary(first.folder)["benchmark"]
    assert list(result.exposure) == list(result.equity)
    assert len(result.prices) == len(result.equity)
    for name in ("summary", "assessment"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(result, name, {})
