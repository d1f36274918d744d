"""The audit of a config covers what it says: every bar of the traded period, and what the user's code opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.command import tiny
from helpers.own_model import FOREST, NETWORK

from lstmstrat import Config, Prices
from lstmstrat.audit import AuditResult, suite
from lstmstrat.audit.finding import NOT_ASSESSED, PASSED
from lstmstrat.audit.subjects import of_config, parts
from lstmstrat.config.schema import StrategyConfig
from lstmstrat.forecasting.schedule import schedule
from lstmstrat.study.prepare import prepare


def prepared(*strategies: str, end: str = "2006-03-31", **forecast: Any) -> tuple[Config, Prices]:
    values = tiny(forecast={"refit_every": 20, **forecast}, data={"end": end})
    values["strategies"] = [{"class": f"config_kinds:{name}", "name": name} for name in strategies]
    return prepare(Config(**values), offline=True)


def audited(config: Config, prices: Prices, only: str) -> AuditResult:
    subjects = [(subject, lambda probe, day: f"{probe} {day}") for subject in of_config(config, prices)]
    return AuditResult(suite.findings(subjects, only=only), ())


def test_one_month_of_look_ahead_is_found_wherever_it_lies() -> None:
    """The newest bars alone, as the audit once had them, begin after that month."""
    result = audited(*prepared("OneMonth"), only="P0")
    (failure,) = result.failures
    assert failure.difference is not None
    assert failure.difference.date.startswith("2005-10")
    assert failure.period[0] < "2005-10" < "2006-03" < failure.period[1]


def test_the_dates_of_what_was_audited_are_those_of_the_traded_period() -> None:
    config, prices = prepared("Plain")
    result = audited(config, prices, only="P0")
    first = prices.frame.index[schedule(config.forecast).first_fit].date().isoformat()
    last = prices.frame.index[-1].date().isoformat()
    ((begin, end),) = result.periods["Plain"]
    assert begin <= first
    assert end == last
    forecast = result.periods["forecast"]
    assert (forecast[0][0], forecast[-1][1]) == (first, last)
    assert f"{begin} to {end}" in result.sentence


def test_long_histories_are_covered_at_their_beginning_middle_and_end() -> None:
    _, prices = prepared("Plain")
    begin, middle, end = parts(prices.frame, 100, 80)
    assert (begin.index[0], end.index[-1]) == (prices.frame.index[0], prices.frame.index[-1])
    assert prices.frame.index.get_loc(middle.index[0]) == (len(prices.frame) - 80) // 2
    assert parts(prices.frame, len(prices.frame), 80)[0] is prices.frame


def test_files_that_the_code_of_a_config_opens_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("1 0 1")
    monkeypatch.setenv("LSTMSTRAT_TEST_LABELS", str(labels))
    config, prices = prepared("ReadsLate", "Plain", features=["return_1", "config_kinds:by_file"])
    at_import = StrategyConfig(**{"class": "config_kinds_at_import:AtImport"})
    config = config.model_copy(update={"strategies": (*config.strategies, at_import)})
    result = audited(config, prices, only="P12")
    named = {f.subject for f in result.findings if f.status == NOT_ASSESSED and str(labels) in f.detail}
    assert named == {"forecast", "ReadsLate", "at_import"}
    assert {f.subject for f in result.findings if f.status == PASSED} == {"Plain"}
    assert result.exit_code == 3


def test_what_a_helper_keeps_from_an_earlier_run_is_found_in_a_new_process() -> None:
    """Here it has seen all bars, so cut bars and streams move nothing any more."""
    config, prices = prepared("Remembers", "Plain")
    result = audited(config, prices, only="P12")
    (failure,) = result.failures
    assert failure.subject == "Remembers"
    assert "it uses what an earlier run left behind: alone in a new process its order is " in failure.detail


def test_a_model_of_the_users_that_looks_along_its_batch_is_found() -> None:
    """It does so after a large move only, of which there are few in the parts that the forecast is audited on."""
    forecast = {"model": "config_kinds:LooksAlong", "members": 1, "features": ["return_1"]}
    result = audited(*prepared("Plain", **forecast), only="P0")
    assert {f.subject for f in result.failures} == {"forecast"}
    assert any(f.period[0] < "2005-06" and f.period[1] > "2006-03" for f in result.failures)


LIBRARIES: dict[str, dict[str, Any]] = {NETWORK: {"width": 3}, FOREST: {"n_estimators": 3}}
SHORT = "2005-09-30"  # 188 bars: one part for the forecast, with seven folds


@pytest.mark.parametrize("only", ["P0", "P2"])
@pytest.mark.parametrize("model", LIBRARIES)
def test_a_network_of_torch_and_a_regressor_of_scikit_learn_are_no_alarm(model: str, only: str) -> None:
    result = audited(*prepared("Plain", end=SHORT, model=model, model_params=LIBRARIES[model]), only=only)
    assert {f.status for f in result.findings} == {PASSED}, [f.detail for f in result.findings]
    assert {"forecast", "Plain"} <= {f.subject for f in result.findings}


def test_what_torch_and_scikit_learn_load_and_open_is_not_the_users() -> None:
    """One new process for the forecasts of both; a strategy is watched on cheaper ones."""
    rarely: dict[str, Any] = {"end": SHORT, "refit_every": 60}
    asked = [prepared("Plain", model=m, model_params=params, **rarely) for m, params in LIBRARIES.items()]
    forecasts = [s for pair in asked for s in of_config(*pair) if s.name == "forecast" and "P12" not in s.probes]
    found = suite.findings([(subject, lambda probe, day: "") for subject in forecasts], only="P12")
    assert [f.status for f in found] == [PASSED, PASSED], [f.detail for f in found]


def test_the_strategies_of_the_project_open_nothing() -> None:
    """No false alarm, with the forecast in a process of its own."""
    config, prices = prepare(Config(**tiny()), offline=True)
    result = audited(config, prices, only="P12")
    assert {f.status for f in result.findings} == {"passed"}, [f.detail for f in result.findings]
