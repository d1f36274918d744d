"""A run with columns and peers of a config: what it says of them, and that another value makes another run."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.market import alone

import lstmstrat
from lstmstrat import Config, Result, Session
from lstmstrat.arrays import Floats, Times
from lstmstrat.prices.null_history import null_history
from lstmstrat.results.assessment import Assessment
from lstmstrat.study import fingerprint
from lstmstrat.study.prepare import prepare
from lstmstrat.study.simulate import simulate_all

FRIDAYS = np.datetime64("2011-01-07") + 7 * np.arange(100)
MOODS = np.random.default_rng(0).normal(size=100)


def written(folder: Path, moods: Floats = MOODS) -> Path:
    rows = [f"{day},{mood:.6f}" for day, mood in zip(FRIDAYS, moods, strict=True)]
    path = folder / "mood.csv"
    path.write_text("\n".join(["date,mood", *rows]) + "\n", encoding="utf-8")
    return path


def config(path: Path, features: tuple[str, ...] = ("return_1", "column:mood"), **extra: Any) -> Config:
    return Config.model_validate(
        {
            "data": {
                "symbol": "IBM",
                "start": "2011-01-03",
                "extra": [{"name": "mood", "path": str(path), **extra}],
                "peers": [{"name": "msft", "symbol": "MSFT"}],
            },
            "forecast": {"model": "ridge", "train_size": 250, "refit_every": 63, "features": features},
            "strategies": [{"class": "strategies.long_flat:LongFlat"}],
        }
    )


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return lstmstrat.run(config(written(tmp_path_factory.mktemp("run"))), session=alone())


def test_the_report_names_each_with_rows_hash_and_lag(result: Result) -> None:
    column, peer = result.assessment.data.outside
    assert (column.kind, column.name, column.rows, column.lag) == ("column", "mood", 100, "1d")
    assert (column.first, column.last) == ("2011-01-08", "2012-12-01")  # a day after the first and the last Friday
    assert (peer.kind, peer.name, peer.path, peer.lag) == ("peer", "msft", "bundled MSFT", "0d")
    assert len(column.sha256) == 64
    assert Assessment.from_dict(result.assessment.to_dict()) == result.assessment


def test_the_strategy_trades_on_a_forecast_of_all_inputs(result: Result) -> None:
    forecasts = result.forecasts["forecast"].dropna()
    assert len(forecasts) > 200
    assert forecasts.nunique() > 200


def test_another_value_in_the_file_is_another_run(tmp_path: Path) -> None:
    changed = MOODS.copy()
    changed[99] += 1e-6
    runs = []
    for k, moods in enumerate((MOODS, MOODS, changed)):
        folder = tmp_path / str(k)
        folder.mkdir()
        ready, prices = prepare(config(written(folder, moods)))
        with alone() as session:
            run = simulate_all(ready, prices, session)
        strategy = ready.strategies[0]
        keys = (
            prices.sha256,
            fingerprint.of_audit(ready, prices, strategy, run.code[strategy.label]),
            fingerprint.of_replica(run, fingerprint.of_run(run), ready, "seed 1"),
        )
        runs.append(keys)
    assert None not in runs[0]
    assert runs[0] == runs[1]  # whatever the file is called
    assert all(one != other for one, other in zip(runs[0], runs[2], strict=True))


def test_a_null_world_keeps_what_is_outside(tmp_path: Path) -> None:
    _, prices = prepare(config(written(tmp_path)))
    assert null_history(prices, 1).outside is prices.outside


class OnMood(lstmstrat.ForecastStrategy):
    params = (("forecast", {"model": "ridge", "train_size": 250, "features": ("column:mood",)}),)

    def target_exposure(self) -> float:
        return 1.0 if self.forecast[0] > 0.0 else 0.0


def test_a_class_is_audited_with_what_is_outside_of_its_prices(tmp_path: Path) -> None:
    _, prices = prepare(config(written(tmp_path)))
    audited = lstmstrat.audit(OnMood, prices, only="P2")
    assert (audited.exit_code, audited.failures) == (0, [])
    with pytest.raises(lstmstrat.ConfigError, match="there is no column 'mood'"):
        lstmstrat.audit(OnMood, prices.frame, only="P2")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = types.ModuleType("joined_features")
    monkeypatch.setitem(sys.modules, "joined_features", module)
    return module


def check_of_features(path: Path, feature: str) -> tuple[str, str]:
    found = lstmstrat.run(config(path, ("return_1", f"joined_features:{feature}")), session=alone())
    check = next(check for check in found.assessment.checks if check.name == "features")
    return check.status, check.detail


def test_a_file_that_is_joined_by_position_fails_and_one_joined_by_times_passes(tmp_path: Path, own: Any) -> None:
    path = written(tmp_path)
    table = np.random.default_rng(3).normal(size=2000)

    def by_position(bars: Floats) -> Floats:
        return table[: len(bars)]

    def by_position_with_times(bars: Floats, times: Times) -> Floats:
        return table[: len(times)]

    def by_time(bars: Floats, times: Times) -> Floats:
        rows = np.searchsorted(FRIDAYS + np.timedelta64(1, "D"), times, side="right") - 1
        return np.where(rows >= 0, MOODS[np.maximum(rows, 0)], np.nan)

    own.by_position, own.by_position_with_times, own.by_time = by_position, by_position_with_times, by_time
    for name in ("by_position", "by_position_with_times"):
        status, detail = check_of_features(path, name)
        assert status == "failed"
        assert "goes by the position of a bar" in detail
        assert "data.extra and use column:NAME, or join it by f(bars, times)" in detail
    assert check_of_features(path, "by_time")[0] == "passed"


def test_the_column_is_what_a_function_of_the_times_makes_of_the_same_file(tmp_path: Path, own: Any) -> None:
    """The second origin of the join: the same as-of by hand, in a feature of one's own."""

    def by_hand(bars: Floats, times: Times) -> Floats:
        values = np.full(len(times), np.nan)
        for k, time in enumerate(times):
            known = [
                mood for day, mood in zip(FRIDAYS, MOODS, strict=True) if day + np.timedelta64(1, "D") <= time
            ]
            values[k] = round(known[-1], 6) if known else np.nan
        return values

    own.by_hand = by_hand
    path = written(tmp_path)
    lines = []
    for name in ("column:mood", "joined_features:by_hand"):
        ready, prices = prepare(config(path, ("return_1", name)))
        walk = lstmstrat.WalkForward(ready.forecast, Session(lstmstrat.Store(None)), outside=prices.outside)
        lines.append(walk.advance(prices.times, prices.bars))
    assert np.array_equal(lines[0], lines[1], equal_nan=True)
