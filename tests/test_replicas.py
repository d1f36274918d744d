"""The pipeline again: other seeds, null worlds, and the ladder of models. The same run with one thing changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import TINY, command, summary, tiny, written

from lstmstrat import Config, Store, Trainer, pipeline, replicas
from lstmstrat.backtest import prepare, run
from lstmstrat.config import validated
from lstmstrat.errors import StrategyError
from lstmstrat.folds import schedule
from lstmstrat.inference.sharpe import sharpe_difference
from lstmstrat.ladder import MODELS, ladder
from lstmstrat.ledger import listed
from lstmstrat.metrics import returns, sharpe
from lstmstrat.on_request import OnRequest
from lstmstrat.pipeline import Runs, earned, simulate_all
from lstmstrat.replicas import Seeds, Worlds
from lstmstrat.summary import _on_request, _spread
from lstmstrat.worlds import null_world


def quiet(done: int, total: int) -> None:
    pass


def config(**sections: Any) -> Config:
    return validated(Config, tiny(**sections), "")


def ran(trainer: Trainer, **sections: Any) -> Runs:
    asked, prices, _ = prepare(config(**sections))
    with trainer.active():
        return simulate_all(asked, prices, trainer)


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    return Trainer(Store(tmp_path / "store.sqlite"), jobs=1)


def alone(runs: Runs, **forecast: Any) -> dict[str, float]:
    """Annual Sharpe differences of another whole run, worked from its result."""
    result = run(config(forecast=forecast), trainer=Trainer(Store(None), jobs=1))
    accounts = {name: sharpe(returns(result.equity[name]), 252) for name in result.equity}
    return {name: accounts[name] - accounts["buy_and_hold"] for name in ("long_flat", "cross")}


def test_seeds_are_the_runs_with_these_seeds(trainer: Trainer) -> None:
    runs = ran(trainer)
    found = replicas.seeds(runs, trainer, 3, quiet)
    assert list(found) == ["long_flat"]  # the other has no forecast, so no seed
    expected = [alone(runs, seed=seed)["long_flat"] for seed in (0, 1, 2)]
    assert found["long_flat"].differences == pytest.approx(expected, rel=1e-12)
    assert len(set(expected)) > 1


def test_without_a_forecast_there_is_nothing_to_seed(tmp_path: Path) -> None:
    cross = tiny(strategies=TINY["strategies"][1:])
    assert command(written(tmp_path, cross), "--out", tmp_path / "out", "--seeds", 5, "--quiet").code == 0
    (found,) = (check for check in summary(tmp_path / "out")["checks"] if check["name"] == "seeds")
    assert (found["status"], found["detail"]) == ("not run", "no strategy trades the LSTM forecast of the config")


def test_worlds_are_the_runs_on_these_histories(trainer: Trainer) -> None:
    runs = ran(trainer)
    found = replicas.worlds(runs, trainer, 2, quiet)
    assert list(found) == ["long_flat", "cross"]
    with Trainer(Store(None), jobs=1).active() as other:
        again = simulate_all(
            runs.config, null_world(runs.prices, 2, schedule(runs.config.forecast).first_fit), other
        )
    for name, one in found.items():
        assert one.own == pytest.approx(replicas.differences(runs)[name])
        assert one.differences[1] == pytest.approx(replicas.differences(again)[name], rel=1e-12)


def test_replicas_are_made_once_whatever_stopped_the_first_run(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, made = ran(trainer), []
    real = replicas.simulate_one

    def counted(asked: Config, *rest: Any) -> Any:
        made.append(asked.forecast.seed)
        if len(made) == 2:
            raise KeyboardInterrupt
        return real(asked, *rest)

    monkeypatch.setattr(replicas, "simulate_one", counted)
    with pytest.raises(KeyboardInterrupt):
        replicas.seeds(runs, trainer, 4, quiet)
    told: list[tuple[int, int]] = []
    first = replicas.seeds(runs, trainer, 4, lambda done, total: told.append((done, total)))
    assert made == [1, 2, 2, 3]
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert replicas.seeds(runs, trainer, 4, quiet) == first
    assert made == [1, 2, 2, 3]


def test_networks_of_replicas_do_not_fill_the_store(trainer: Trainer) -> None:
    runs = ran(trainer)
    before = trainer.store._open().execute("SELECT count(*) FROM results").fetchone()[0]
    replicas.seeds(runs, trainer, 3, quiet)
    assert trainer.store._open().execute("SELECT count(*) FROM results").fetchone()[0] == before + 2


def test_a_strategy_that_loses_its_account_in_a_replica_did_not_beat_anything(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In some world a short position may lose all: no bad luck to leave out; and the others still count."""
    runs, real = ran(trainer), replicas.simulate_one

    def sometimes(asked: Config, prices: Any, strategy: Any) -> Any:
        if strategy.label == "cross" and prices is not runs.prices:
            raise StrategyError("the account is down to -1.00")
        return real(asked, prices, strategy)

    monkeypatch.setattr(replicas, "simulate_one", sometimes)
    found = replicas.worlds(runs, trainer, 3, quiet)
    assert found["cross"].differences == (None, None, None)
    assert found["cross"].p_value == 0.25
    assert None not in found["long_flat"].differences
    told = summarised(Seeds((0.2, None, 0.1)), Worlds(0.2, (None, None)))
    assert (told["seeds"]["above"], told["seeds"]["worst"], told["seeds"]["median"]) == (2 / 3, None, 0.1)
    assert (told["worlds"]["worst"], told["worlds"]["median"]) == (None, None)
    said = {check.name: check.detail for check in _on_request(OnRequest(worlds=found))}
    assert said["null worlds"] == "3 histories with nothing to forecast; cross lost its account in 3"


@pytest.mark.parametrize("option", [("--seeds", 2), ("--worlds", 20), ("--ladder",)])
def test_a_mistake_in_a_users_code_is_said_and_the_run_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: tuple[object, ...]
) -> None:
    """It is no result: nothing is made of it, and nothing is stored."""
    real = pipeline._simulated

    def broken(asked: Config, prices: Any, *rest: Any) -> Any:
        if broken.calls > 2 and rest[2] == "long_flat":  # the run itself: two strategies and buy-and-hold
            raise ZeroDivisionError("float division")
        broken.calls += 1
        return real(asked, prices, *rest)

    broken.calls = 0
    monkeypatch.setattr(pipeline, "_simulated", broken)
    told = command(written(tmp_path, TINY), "--out", tmp_path / "out", "--quiet", *option)
    assert told.code == 0, told.err
    found = summary(tmp_path / "out")
    name = {"--seeds": "seeds", "--worlds": "null worlds", "--ladder": "ladder"}[str(option[0])]
    (check,) = (check for check in found["checks"] if check["name"] == name)
    assert (check["status"], check["detail"]) == ("not run", "ZeroDivisionError: float division")
    assert found["strategies"][0]["luck"]["worlds"] is None
    if name == "ladder":
        assert "Not run; ZeroDivisionError" in (tmp_path / "out" / "report.html").read_text()


def summarised(seeds: Seeds, worlds: Worlds) -> dict[str, Any]:
    """What summary.json says of them."""
    return {
        "seeds": {"above": seeds.above, **_spread(seeds.differences)},
        "worlds": {"p_value": worlds.p_value, **_spread(worlds.differences)},
    }


def test_shares_and_p_values_by_hand() -> None:
    assert Seeds((0.1, -0.1, 0.2, 0.0)).above == 0.5  # as good as buy-and-hold is not above it
    assert Worlds(0.5, (0.4, 0.6, 0.5)).p_value == (1 + 2) / 4
    assert Worlds(9.0, tuple(np.zeros(39))).p_value == 1 / 40


def test_the_ladder_climbs_from_the_cheapest_model_to_the_config_itself(trainer: Trainer) -> None:
    runs = ran(trainer, forecast={"features": ["range", "return_1", "volatility_5"]})
    found, made = ladder(runs, jobs=1, progress=quiet)
    assert tuple(rung.model for rung in found.models) == MODELS
    assert MODELS == ("always_up", "last_sign", "ridge", "boosting", "lstm")
    assert [rung.refit_every for rung in found.refits] == ["never", 240, 60]
    assert found.models[-1] is found.refits[-1]
    assert len(made) == 7
    assert {rung.folds for rung in found.models} == {len(runs.walk.folds)}
    assert {rung.skill.observations for rung in found.models} == {found.models[-1].skill.observations}
    assert found.refits[0].folds == 1
    assert all(rung.seconds > 0.0 for rung in found.models)
    # The config itself is the run of the report, on its first strategy alone.
    assert found.strategy == "long_flat"
    assert found.models[-1].sharpe == pytest.approx(sharpe(earned(runs.strategies[0]), 252), rel=1e-12)
    assert found.models[-1].own_minus.difference is None


def test_always_up_is_buy_and_hold_and_the_sign_is_that_of_the_last_return(trainer: Trainer) -> None:
    runs = ran(trainer, forecast={"features": ["range", "return_1", "volatility_5"]})
    found, made = ladder(runs, jobs=1, progress=quiet)
    up, sign = made[0], made[1]
    assert earned(up.strategies[0]) == pytest.approx(earned(runs.benchmark), abs=1e-9)
    difference = sharpe_difference(earned(runs.strategies[0]), earned(up.strategies[0]), 252)
    assert dataclasses.astuple(found.models[0].own_minus) == pytest.approx(dataclasses.astuple(difference))
    closes = runs.prices.frame["close"].to_numpy()
    rose = np.sign(np.log(closes[1:] / closes[:-1]))[-len(runs.benchmark.equity) :]
    assert np.array_equal(np.sign(sign.traded_forecasts[0]), rose)


def test_refits_by_the_calendar_get_rarer_by_the_calendar(trainer: Trainer) -> None:
    monthly, _ = ladder(ran(trainer, forecast={"refit_every": "month"}), jobs=1, progress=quiet)
    assert [rung.refit_every for rung in monthly.refits] == ["never", "quarter", "month"]
    never, _ = ladder(ran(trainer, forecast={"refit_every": "never"}), jobs=1, progress=quiet)
    assert [rung.refit_every for rung in never.refits] == ["never"]


def test_rarer_refits_are_rarer(trainer: Trainer) -> None:
    """A condition of the user's is left out of them; and what comes to the same folds is not shown twice."""
    own = ran(trainer, forecast={"refit_when": "test_replicas:often", "refit_every": 60})
    found, _ = ladder(own, jobs=1, progress=quiet)
    assert [rung.folds for rung in found.refits] == [1, 1, len(own.walk.folds)]
    assert len(own.walk.folds) > 10
    once, made = ladder(ran(trainer, forecast={"refit_every": 500}), jobs=1, progress=quiet)
    assert [rung.refit_every for rung in once.refits] == [500]
    assert len(made) == 5


def often(bars: np.ndarray) -> np.ndarray:
    return (np.arange(len(bars)) % 10 == 0).astype(float)


def test_the_ladder_takes_a_strategy_that_works_with_one_network(trainer: Trainer, tmp_path: Path) -> None:
    """Conviction needs an ensemble; the crossover has no forecast. Then there is no ladder, and all else is."""
    conviction = {"class": "strategies.conviction:Conviction"}
    both = [conviction, TINY["strategies"][1], TINY["strategies"][0]]
    assert ladder(ran(trainer, strategies=both), jobs=1, progress=quiet)[0].strategy == "long_flat"
    told = command(written(tmp_path, tiny(strategies=both[:2])), "--out", tmp_path / "out", "--ladder", "--quiet")
    assert told.code == 0, told.err
    (found,) = (check for check in summary(tmp_path / "out")["checks"] if check["name"] == "ladder")
    assert found["status"] == "not run"
    assert found["detail"].startswith("conviction: Conviction compares the members of an ensemble")


def test_a_ladder_from_a_cheaper_model_and_without_a_warm_up(trainer: Trainer) -> None:
    """The last return needs one bar more than these features: the rungs are compared where both trade."""
    runs = ran(trainer, forecast={"features": ["range", "body"], "model": "ridge", "members": 1})
    found, _ = ladder(runs, jobs=1, progress=quiet)
    assert tuple(rung.model for rung in found.models) == MODELS
    assert found.models[2].own_minus.difference is None  # itself
    assert found.models[1].own_minus.difference is not None
    assert replicas.seeds(runs, trainer, 3, quiet) == {}  # ridge has no seed


def test_the_command_runs_them_and_the_report_tells(tmp_path: Path) -> None:
    options = ("--seeds", 3, "--worlds", 20, "--ladder", "--jobs", 1)
    told = command(written(tmp_path, TINY), "--out", tmp_path / "out", *options)
    assert told.code == 0, told.err
    found = summary(tmp_path / "out")
    status = {check["name"]: (check["status"], check["detail"]) for check in found["checks"]}
    assert status["seeds"] == ("ran", "3 seeds")
    assert status["null worlds"] == ("ran", "20 histories with nothing to forecast")
    assert status["ladder"][0] == "ran"
    long_flat, cross = (s["luck"] for s in found["strategies"])
    assert (len(long_flat["seeds"]["differences"]), len(long_flat["worlds"]["differences"])) == (3, 20)
    assert long_flat["seeds"]["worst"] == min(long_flat["seeds"]["differences"])
    assert (cross["seeds"], 1 / 21 <= cross["worlds"]["p_value"] <= 1.0) == (None, True)
    assert len(found["ladder"]["models"]) == 5
    assert "always up" in told.out
    assert "ladder: 7 of 7 rungs" in told.err
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Does retraining pay?" in page
    # The config that the run leaves asks for the same.
    assert "seeds: 3" in (tmp_path / "out" / "config.yaml").read_text()


def test_the_rungs_of_a_ladder_are_trials(tmp_path: Path) -> None:
    """The two strategies of the config; and the first of them on four other models and two other refits."""
    cache = tmp_path / "cache.sqlite"
    told = command(written(tmp_path, TINY), "--out", tmp_path / "out", "--ladder", "--quiet", "--cache", cache)
    assert told.code == 0, told.err
    assert summary(tmp_path / "out")["trials"]["count"] == 2 + 4 + 2
    assert len(listed(Store(cache))) == 8
