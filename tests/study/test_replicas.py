"""The same run with one thing changed: other seeds, null worlds, and the ladder of models."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.command import PLAIN, TINY, command, summary, tiny, written
from helpers.own_model import FOREST, NETWORK

import lstmstrat
from lstmstrat import Config, Session, Store
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError, LSTMStratError, StrategyError
from lstmstrat.evaluation.metrics import returns, sharpe
from lstmstrat.evaluation.sharpe import sharpe_difference
from lstmstrat.forecasting.models import MODELS
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.ledger import Ledger, ledger_path
from lstmstrat.prices.null_history import null_history
from lstmstrat.results.assessment import EquityFan
from lstmstrat.results.run import Run
from lstmstrat.study import ladder as ladders
from lstmstrat.study import replicas
from lstmstrat.study import simulate as simulation
from lstmstrat.study.extras import Extras, extra_checks
from lstmstrat.study.ladder import ladder
from lstmstrat.study.ledger import read_trials
from lstmstrat.study.prepare import prepare
from lstmstrat.study.simulate import simulate_all
from lstmstrat.study.tasks import Variation

pytestmark = pytest.mark.usefixtures("no_cuts")

RIDGE = {"model": "ridge", "members": 1}  # how often a model is refitted has nothing to do with which it is
FAN = EquityFan(1, (), (), (), ())


def quiet(done: int, total: int) -> None:
    pass


def config(**sections: Any) -> Config:
    return validated(Config, tiny(**sections), "")


def ran(session: Session, **sections: Any) -> Run:
    return simulate_all(*prepare(config(**sections)), session)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Session(Store(tmp_path / "store.sqlite"), jobs=1) as session:
        yield session


def alone(**forecast: Any) -> dict[str, float]:
    """Annual Sharpe differences of another whole run, worked from its result."""
    result = lstmstrat.run(config(forecast=forecast), session=Session(Store(None), jobs=1))
    accounts = {name: sharpe(returns(result.equity[name]), 252) for name in result.equity}
    return {name: accounts[name] - accounts["buy_and_hold"] for name in ("long_flat", "cross")}


def test_seeds_are_the_runs_with_these_seeds(session: Session) -> None:
    run = ran(session)
    found = replicas.seeds(run, 3, session, quiet)
    assert list(found) == ["long_flat"]  # the other has no forecast, so no seed
    expected = [alone(seed=seed)["long_flat"] for seed in (0, 1, 2)]
    assert found["long_flat"].differences == pytest.approx(expected, rel=1e-12)
    assert found["long_flat"].above == np.mean(np.array(expected) > 0.0)
    assert found["long_flat"].failed == 0
    assert len(set(expected)) > 1


def test_the_fan_is_of_the_accounts_of_the_runs_with_these_seeds(session: Session) -> None:
    """Three whole runs, and pandas over their equity."""
    fan = replicas.seeds(ran(session), 3, session, quiet)["long_flat"].fan
    runs = [
        lstmstrat.run(config(forecast={"seed": seed}), session=Session(Store(None), jobs=1)) for seed in (0, 1, 2)
    ]
    accounts = pd.DataFrame({k: one.equity["long_flat"] for k, one in enumerate(runs)})
    closes = pd.DatetimeIndex(fan.closes)
    assert (closes[0], closes[-1]) == (accounts.index[0], accounts.index[-1])
    assert len(closes) == 120 < len(accounts)
    assert set(np.diff(accounts.index.get_indexer(closes))) == {1, 2}  # evenly: 119 steps over fewer than 238 bars
    kept = accounts.loc[closes]
    for values, expected in (
        (fan.low, kept.min(axis=1)),
        (fan.median, kept.median(axis=1)),
        (fan.high, kept.max(axis=1)),
    ):
        assert values == pytest.approx(expected.to_numpy(), rel=6e-6)
    assert fan.accounts == 3
    assert fan.low[-1] < fan.high[-1]


def test_a_lost_account_is_left_out_of_the_fan_and_a_rerun_from_the_store_has_the_same(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, real = ran(session), replicas.simulate_one

    def sometimes(asked: Config, *rest: Any) -> Any:
        if asked.forecast.seed == 2:
            raise StrategyError("the account is down to -1.00")
        return real(asked, *rest)

    monkeypatch.setattr(replicas, "simulate_one", sometimes)
    first = replicas.seeds(run, 3, session, quiet)["long_flat"]
    assert (first.fan.accounts, first.differences[2]) == (2, None)
    monkeypatch.setattr(replicas, "simulate_one", None)  # nothing is simulated again
    assert replicas.seeds(run, 3, session, quiet)["long_flat"] == first


def test_of_a_null_world_no_account_is_kept(session: Session) -> None:
    run = ran(session)
    found = replicas.replica(Variation("null world 1", run.config, run.prices, world=1), session)
    assert [one and one.values for one in found.values()] == [[], []]


def test_without_a_forecast_there_is_nothing_to_seed(tmp_path: Path) -> None:
    cross = tiny(strategies=TINY["strategies"][1:])
    assert command(written(tmp_path, cross), "--out", tmp_path / "out", "--seeds", 5, "--quiet").code == 0
    (found,) = (check for check in summary(tmp_path / "out")["checks"] if check["name"] == "seeds")
    sentence = "no strategy trades a forecast of the config that depends on a seed"
    assert (found["status"], found["detail"]) == ("not run", sentence)


def test_worlds_are_the_runs_on_these_histories(session: Session) -> None:
    run = ran(session)
    found = replicas.worlds(run, 2, session, quiet)
    assert list(found) == ["long_flat", "cross"]
    world = null_history(run.prices, 2, schedule(run.config.forecast).first_fit)
    with Session(Store(None), jobs=1) as other:
        again = simulate_all(run.config, world, other)
    for name, one in found.items():
        own = replicas.differences(run)[name]
        assert own == pytest.approx(alone()[name], rel=1e-12)
        assert one.differences[1] == pytest.approx(replicas.differences(again)[name], rel=1e-12)
        assert one.p_value == (1 + np.sum(np.array(one.differences) >= own)) / 3
        assert one.failed == 0


def test_replicas_are_made_once_whatever_stopped_the_first_run(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, made = ran(session), []
    real = replicas.simulate_one

    def counted(asked: Config, *rest: Any) -> Any:
        made.append(asked.forecast.seed)
        if len(made) == 2:
            raise KeyboardInterrupt
        return real(asked, *rest)

    monkeypatch.setattr(replicas, "simulate_one", counted)
    with pytest.raises(KeyboardInterrupt):
        replicas.seeds(run, 4, session, quiet)
    told: list[tuple[int, int]] = []
    first = replicas.seeds(run, 4, session, lambda done, total: told.append((done, total)))
    assert made == [1, 2, 2, 3]
    assert told == [(1, 3), (2, 3), (3, 3)]  # the first is in the store
    assert replicas.seeds(run, 4, session, quiet) == first
    assert made == [1, 2, 2, 3]


def test_networks_of_replicas_do_not_fill_the_store(session: Session) -> None:
    run = ran(session)
    before = len(payloads(session.store))
    replicas.seeds(run, 3, session, quiet)
    made = payloads(session.store)
    assert len(made) == before + 2
    assert sum(b"long_flat" in payload for payload in made) == 2


def test_a_strategy_that_loses_its_account_in_a_replica_did_not_beat_anything(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In some world a short position may lose all: no bad luck to leave out; and the others still count."""
    run, real = ran(session), replicas.simulate_one

    def sometimes(asked: Config, prices: Any, strategy: Any, *rest: Any) -> Any:
        if strategy.label == "cross" and prices is not run.prices:
            raise StrategyError("the account is down to -1.00")
        return real(asked, prices, strategy, *rest)

    monkeypatch.setattr(replicas, "simulate_one", sometimes)
    found = replicas.worlds(run, 3, session, quiet)
    assert found["cross"].differences == (None, None, None)
    assert found["cross"].p_value == 0.25
    assert found["cross"].failed == 0  # no mistake: it is what the strategy did
    assert None not in found["long_flat"].differences
    seeds, worlds = replicas.judged_seeds((0.2, None, 0.1), 0, FAN), replicas.judged_worlds(0.2, (None, None), 0)
    assert (seeds.above, seeds.worst, seeds.median) == (2 / 3, None, 0.1)
    assert (worlds.worst, worlds.median) == (None, None)
    said = {check.name: check.detail for check in extra_checks(Extras(worlds=found))}
    assert said["null worlds"] == "3 histories with nothing to forecast; cross lost its account in 3"


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (("--seeds", 2), "seed 1: ZeroDivisionError: float division"),
        (("--worlds", 20), "null world 1: ZeroDivisionError: float division"),
        (("--ladder",), "long_flat: ZeroDivisionError: float division"),
    ],
)
def test_a_mistake_in_a_users_code_is_said_and_the_run_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: tuple[object, ...], sentence: str
) -> None:
    """It is no result: nothing is made of it, and nothing is stored."""
    real = simulation._simulate

    def broken(asked: Config, prices: Any, cls: Any, params: Any, named: tuple[str, str], *rest: Any) -> Any:
        if broken.calls > 2 and named[0] == "long_flat":  # the run itself: two strategies and buy-and-hold
            raise ZeroDivisionError("float division")
        broken.calls += 1
        return real(asked, prices, cls, params, named, *rest)

    broken.calls = 0
    monkeypatch.setattr(simulation, "_simulate", broken)
    told = command(written(tmp_path, TINY), "--out", tmp_path / "out", "--quiet", "--jobs", 1, *option)
    assert told.code == 0, told.err
    found = summary(tmp_path / "out")
    name = {"--seeds": "seeds", "--worlds": "null worlds", "--ladder": "ladder"}[str(option[0])]
    (check,) = (check for check in found["checks"] if check["name"] == name)
    assert (check["status"], check["detail"]) == ("not run", sentence)
    assert (found["strategies"][0]["luck"]["seeds"], found["strategies"][0]["luck"]["worlds"]) == (None, None)
    assert found["ladder"] is None
    if name == "ladder":
        assert f"Not run; {sentence}" in (tmp_path / "out" / "report.html").read_text()
    assert not any(b"long_flat" in payload for payload in payloads(Store(tmp_path / "cache.sqlite")))


def payloads(store: Store) -> list[bytes]:
    """Of all results that are kept."""
    return [payload for (payload,) in store._open().execute("SELECT payload FROM results")]


def fails(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *labels: str) -> None:
    """Makes a mistake of the work of the variations with these labels; it runs in threads of this process."""
    real = getattr(module, name)

    def work(variation: Variation, session: Session) -> Any:
        if variation.label in labels:
            raise ZeroDivisionError(variation.label)
        return real(variation, session)

    monkeypatch.setattr(module, name, work)


def test_a_seed_that_fails_fails_alone_and_counts_against_the_strategy(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing of it is stored: the next run tries it again."""
    run = ran(session)
    whole = replicas.seeds(run, 4, Session(Store(None), jobs=1), quiet)["long_flat"]
    told: list[tuple[int, int]] = []
    with monkeypatch.context() as broken:
        fails(broken, replicas, "replica", "seed 2")
        found = replicas.seeds(run, 4, session, lambda done, total: told.append((done, total)))["long_flat"]
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert found.differences == (*whole.differences[:2], whole.differences[3])
    assert found.failed == 1
    assert found.above == sum(d > 0.0 for d in found.differences) / 4
    assert replicas.seeds(run, 4, session, quiet)["long_flat"] == whole
    said = {check.name: (check.status, check.detail) for check in extra_checks(Extras({"long_flat": found}))}
    assert said["seeds"] == ("ran", "3 seeds; 1 failed")


def test_a_world_that_fails_fails_alone_and_counts_against_the_strategy(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ran(session)
    whole = replicas.worlds(run, 3, Session(Store(None), jobs=1), quiet)
    with monkeypatch.context() as broken:
        fails(broken, replicas, "replica", "null world 1", "null world 3")
        found = replicas.worlds(run, 3, session, quiet)
    for name, own in replicas.differences(run).items():
        assert found[name].differences == whole[name].differences[1:2]
        assert found[name].failed == 2
        assert found[name].p_value == (1 + 2 + (whole[name].differences[1] >= own)) / 4
    said = {check.name: (check.status, check.detail) for check in extra_checks(Extras(worlds=found))}
    assert said["null worlds"] == ("ran", "1 histories with nothing to forecast; 2 failed")
    assert replicas.worlds(run, 3, session, quiet) == whole


def test_where_all_fail_there_is_nothing_to_say(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ran(session)
    fails(monkeypatch, replicas, "replica", "seed 1", "seed 2", "null world 1", "null world 2")
    with pytest.raises(LSTMStratError, match=r"^seed 1: ZeroDivisionError: seed 1$"):
        replicas.seeds(run, 3, session, quiet)
    with pytest.raises(LSTMStratError, match=r"^null world 1: ZeroDivisionError: null world 1$"):
        replicas.worlds(run, 2, session, quiet)


def test_a_rung_that_fails_fails_alone(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ran(session)
    whole = ladder(run, session, quiet)
    assert whole.errors == ()
    fails(monkeypatch, ladders, "run_rung", "ridge, refit every 60", "lstm, refit every never")
    climb = ladder(run, session, quiet)
    assert [rung.model for rung in climb.ladder.models] == ["always_up", "last_sign", "boosting", "lstm"]
    assert [rung.refit_every for rung in climb.ladder.refits] == [240, 60]
    assert sorted(climb.errors) == [
        "lstm, refit every never: ZeroDivisionError: lstm, refit every never",
        "ridge, refit every 60: ZeroDivisionError: ridge, refit every 60",
    ]
    assert len(climb.runs) == 5
    kept = {rung.model: rung.sharpe for rung in climb.ladder.models}
    assert kept.items() <= {rung.model: rung.sharpe for rung in whole.ladder.models}.items()
    fails(monkeypatch, ladders, "run_rung", "lstm, refit every 60")  # the forecast of the config itself
    with pytest.raises(ConfigError, match=r"^long_flat: ZeroDivisionError: lstm, refit every 60$"):
        ladder(run, session, quiet)


def test_shares_and_p_values_by_hand() -> None:
    assert (
        replicas.judged_seeds((0.1, -0.1, 0.2, 0.0), 0, FAN).above == 0.5
    )  # as good as buy-and-hold is not above it
    assert replicas.judged_seeds((0.1, -0.1, 0.2, 0.0), 4, FAN).above == 0.25  # what failed is not above it either
    assert replicas.judged_worlds(0.5, (0.4, 0.6, 0.5), 0).p_value == (1 + 2) / 4
    assert replicas.judged_worlds(9.0, tuple(np.zeros(39)), 0).p_value == 1 / 40
    assert (
        replicas.judged_worlds(9.0, tuple(np.zeros(36)), 3).p_value == 4 / 40
    )  # what failed may have been as good


def test_the_ladder_climbs_from_the_cheapest_model_to_the_config_itself(session: Session) -> None:
    run = ran(session, forecast={"features": ["range", "return_1", "volatility_5"]})
    climb = ladder(run, session, quiet)
    found, made = climb.ladder, climb.runs
    assert [rung.model for rung in found.models] == list(MODELS)
    assert list(MODELS) == ["always_up", "last_sign", "ridge", "boosting", "lstm"]
    assert [rung.refit_every for rung in found.refits] == ["never", 240, 60]
    assert found.models[-1] is found.refits[-1]
    assert len(made) == 7
    assert {rung.folds for rung in found.models} == {len(run.forecasts.folds)}
    assert {rung.observations for rung in found.models} == {found.models[-1].observations}
    assert found.refits[0].folds == 1
    assert all(rung.seconds > 0.0 for rung in found.models)
    # The config itself is the run of the report, on its first strategy alone.
    assert found.strategy == "long_flat"
    assert found.models[-1].sharpe == pytest.approx(sharpe(run.strategies[0].returns, 252), rel=1e-12)
    assert found.models[-1].own_minus.difference is None


@pytest.mark.parametrize(("model", "params"), [(NETWORK, {"width": 3}), (FOREST, {"n_estimators": 3})])
def test_a_model_of_the_users_stands_above_the_lstm_on_the_same_folds(
    session: Session, model: str, params: dict[str, int]
) -> None:
    """Its parameters are its own: no other rung has them."""
    run = ran(session, forecast={"model": model, "model_params": params})
    climb = ladder(run, session, quiet)
    assert climb.errors == ()
    assert [rung.model for rung in climb.ladder.models] == [*MODELS, model]
    assert {rung.folds for rung in climb.ladder.models} == {len(run.forecasts.folds)}
    assert {rung.observations for rung in climb.ladder.models} == {climb.ladder.models[-1].observations}
    found = {made.forecasts.config.model: made.forecasts.config.model_params for made in climb.runs}
    assert {name: dict(given) for name, given in found.items() if given} == {model: params}
    assert climb.ladder.models[-1].sharpe == pytest.approx(sharpe(run.strategies[0].returns, 252), rel=1e-12)


def test_always_up_is_buy_and_hold_and_the_sign_is_that_of_the_last_return(session: Session) -> None:
    run = ran(session, forecast={"features": ["range", "return_1", "volatility_5"]})
    climb = ladder(run, session, quiet)
    up, sign = climb.runs[0], climb.runs[1]
    assert up.strategies[0].returns == pytest.approx(run.benchmark.returns, abs=1e-9)
    difference = sharpe_difference(run.strategies[0].returns, up.strategies[0].returns, 252)
    own_minus = climb.ladder.models[0].own_minus
    assert dataclasses.astuple(own_minus) == pytest.approx(dataclasses.astuple(difference))
    closes = run.prices.frame["close"].to_numpy()
    rose = np.sign(np.log(closes[1:] / closes[:-1]))[-len(run.benchmark.equity) :]
    assert np.array_equal(np.sign(sign.traded.forecast), rose)


def test_refits_by_the_calendar_get_rarer_by_the_calendar(session: Session) -> None:
    monthly = ladder(ran(session, forecast={**RIDGE, "refit_every": "month"}), session, quiet).ladder
    assert [rung.refit_every for rung in monthly.refits] == ["never", "quarter", "month"]
    never = ladder(ran(session, forecast={**RIDGE, "refit_every": "never"}), session, quiet).ladder
    assert [rung.refit_every for rung in never.refits] == ["never"]


def test_rarer_refits_are_rarer(session: Session) -> None:
    """A condition of the user's is left out of them; and what comes to the same folds is not shown twice."""
    own = ran(session, forecast={**RIDGE, "refit_when": "test_replicas:often", "refit_every": 60})
    found = ladder(own, session, quiet).ladder
    assert [rung.folds for rung in found.refits] == [1, 1, len(own.forecasts.folds)]
    assert len(own.forecasts.folds) > 10
    once = ladder(ran(session, forecast={**RIDGE, "refit_every": 500}), session, quiet)
    assert [rung.refit_every for rung in once.ladder.refits] == [500]
    assert len(once.runs) == len(MODELS)


def often(bars: np.ndarray) -> np.ndarray:
    return (np.arange(len(bars)) % 20 == 0).astype(float)


def test_the_ladder_takes_a_strategy_that_works_with_one_network(session: Session, tmp_path: Path) -> None:
    """Conviction needs an ensemble; the crossover has no forecast. Alone they get the rungs that have one."""
    conviction = {"class": "strategies.conviction:Conviction"}
    both = [conviction, TINY["strategies"][1], TINY["strategies"][0]]
    climb = ladder(ran(session, strategies=both), session, quiet)
    assert (climb.ladder.strategy, climb.errors) == ("long_flat", ())
    told = command(written(tmp_path, tiny(strategies=both[:2])), "--out", tmp_path / "out", "--ladder", "--quiet")
    assert told.code == 0, told.err
    told_of = summary(tmp_path / "out")
    (found,) = (check for check in told_of["checks"] if check["name"] == "ladder")
    assert found["status"] == "ran"
    assert found["detail"].startswith("cheaper models and rarer refits; 4 failed, such as ")
    assert ", refit every 60: Conviction compares the members of an ensemble" in found["detail"]
    assert told_of["ladder"]["strategy"] == "conviction"
    assert [rung["model"] for rung in told_of["ladder"]["models"]] == ["lstm"]
    assert [rung["refit_every"] for rung in told_of["ladder"]["refits"]] == ["never", 240, 60]


def test_without_a_strategy_on_the_forecast_there_is_no_ladder(session: Session, tmp_path: Path) -> None:
    cross = tiny(strategies=TINY["strategies"][1:])
    with pytest.raises(ConfigError, match=r"^no strategy trades the forecast of the config$"):
        ladder(ran(session, strategies=TINY["strategies"][1:]), session, quiet)
    assert command(written(tmp_path, cross), "--out", tmp_path / "out", "--ladder", "--quiet").code == 0
    (found,) = (check for check in summary(tmp_path / "out")["checks"] if check["name"] == "ladder")
    sentence = "no strategy trades the forecast of the config"
    assert (found["status"], found["detail"]) == ("not run", sentence)


def test_a_ladder_from_a_cheaper_model_and_without_a_warm_up(session: Session) -> None:
    """The last return needs one bar more than these features: the rungs are compared where both trade."""
    run = ran(session, forecast={"features": ["range", "body"], "model": "ridge", "members": 1})
    found = ladder(run, session, quiet).ladder
    assert [rung.model for rung in found.models] == list(MODELS)
    assert found.models[2].own_minus.difference is None  # itself
    assert found.models[1].own_minus.difference is not None
    assert replicas.seeds(run, 3, session, quiet) == {}  # ridge has no seed


def test_the_command_runs_them_and_the_report_tells(tmp_path: Path) -> None:
    options = ("--seeds", 3, "--worlds", 20, "--ladder", "--jobs", 1, "--full")
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
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<caption>Cheaper models</caption>" in page
    assert "<caption>Rarer refits</caption>" in page
    # The config that the run leaves asks for the same.
    assert "seeds: 3" in (tmp_path / "out" / "config.yaml").read_text()


def test_the_rungs_of_a_ladder_are_trials(tmp_path: Path) -> None:
    """The two strategies of the config; and the first of them on four other models and two other refits.

    On the rarer refits it holds from the first bar to the last, as on always_up: these three are one trial.
    """
    plain = tiny(forecast=PLAIN)
    told = command(written(tmp_path, plain), "--out", tmp_path / "out", "--ladder", "--quiet", "--no-cache")
    assert told.code == 0, told.err
    assert summary(tmp_path / "out")["trials"]["count"] == 2 + 4
    trials = read_trials(Ledger(ledger_path()))
    models = [trial.model for trial in trials if trial.strategy == "long_flat"]
    assert sorted(map(str, models)) == ["always_up", "boosting", "last_sign", "lstm", "ridge"]
    assert len(trials) == 6


def test_a_strategy_that_keeps_something_in_its_class_mixes_no_worlds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads would share the class: of 20 worlds at once some had another difference in each run."""
    (tmp_path / "keeping.py").write_text(
        "from lstmstrat import ForecastStrategy\n"
        "class Keeps(ForecastStrategy):\n"
        "    last = 0.0\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        Keeps.last = 0.0\n"
        "    def target_exposure(self):\n"
        "        rises, Keeps.last = self.forecast[0] > Keeps.last, self.forecast[0]\n"
        "        return 1.0 if rises else 0.0\n"
    )
    monkeypatch.chdir(tmp_path)
    data, report = {"end": "2005-12-30"}, {"html": False}
    strategies = [{"class": "keeping:Keeps"}]
    config = written(tmp_path, tiny(data=data, forecast=RIDGE, strategies=strategies, report=report))
    told = []
    for jobs in (1, 2):
        out = tmp_path / f"{jobs}"
        assert command(config, "--worlds", 20, "--jobs", jobs, "--no-cache", "--quiet", "--out", out).code == 0
        told.append(summary(out)["strategies"][0]["luck"]["worlds"])
    assert told[0] == told[1]
