"""The README says what there is, and what it shows runs."""

from __future__ import annotations

import argparse
import dataclasses
import re
import runpy
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import backtrader as bt
import numpy as np
import pytest
from helpers.market import advanced, market, small

from lstmstrat import load_config
from lstmstrat.commands.main import parser
from lstmstrat.config import files, names
from lstmstrat.config import schema as config
from lstmstrat.evaluation.metrics import Performance
from lstmstrat.forecasting.models import MODELS
from lstmstrat.prices import load

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def test_readme_shows_every_key_as_the_config_file_has_it() -> None:
    _, *lines = (
        (ROOT / "configs" / "every_key.yaml").read_text(encoding="utf-8").splitlines()
    )  # without the schema
    assert "\n".join(lines) in README


def test_every_key_is_in_every_key_yaml_at_its_default() -> None:
    values = files.read(ROOT / "configs" / "every_key.yaml")
    sections = {
        "data": config.DataConfig,
        "forecast": config.ForecastConfig,
        "broker": config.BrokerConfig,
        "report": config.ReportConfig,
    }
    shown_otherwise = {"start", "end", "members"}  # conviction needs members; dates show the form
    for name, section in sections.items():
        defaults = section().model_dump(mode="json")
        assert values[name].keys() == defaults.keys(), name
        differing = {key for key, default in defaults.items() if values[name][key] != default}
        assert differing <= shown_otherwise, name
    assert values.keys() == config.Config.model_fields.keys()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_config_is_valid_and_in_readme(path: Path) -> None:
    assert load_config(path).name == path.stem
    assert f"configs/{path.name}" in README


def test_every_metric_has_a_formula_in_readme() -> None:
    for field in dataclasses.fields(Performance):
        assert f"| `{field.name}` |" in README, field.name


def test_every_feature_is_in_readme() -> None:
    for name in names.KNOWN_FEATURES:
        assert f"`{name}`" in README, name


def test_every_model_is_in_readme() -> None:
    for name in MODELS:
        assert f"| `{name}` |" in README, name


def test_every_option_is_in_readme() -> None:
    commands = next(a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    said = "".join(commands.choices[name].format_help() for name in ("run", "audit"))
    for option in re.findall(r"--[a-z-]+", said):
        assert option in README or option == "--help", option


def test_every_strategy_is_in_a_config() -> None:
    used = {s.class_ for path in CONFIGS for s in load_config(path).strategies}
    for path in (ROOT / "strategies").glob("[a-z]*.py"):
        assert any(name.startswith(f"strategies.{path.stem}:") for name in used) or path.stem == "buy_and_hold"


def test_the_strategies_of_readme_run() -> None:
    """Both snippets, on a short history with a small network."""
    found = dict[str, object]()
    for snippet in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        small = snippet.replace("train_size=750", "lookback=5, train_size=60, epochs=1, loss_steps=5")
        exec(small, found)
    prices = load(config.DataConfig(start="2003-01-01", end="2003-09-30"))
    forecast = {"lookback": 5, "train_size": 60, "epochs": 1, "loss_steps": 5}
    for cls, params in ((found["Mine"], {}), (found["LongFlat"], {"forecast": forecast})):
        cerebro = bt.Cerebro(cheat_on_open=True)
        cerebro.adddata(bt.feeds.PandasData(dataname=prices.frame))
        cerebro.addstrategy(cls, **params)
        strategy = cerebro.run()[0]
        assert len(strategy.model.walk_forward.folds) > 1
        assert len(strategy.broker.orders) > 0


def test_what_the_benchmark_of_the_command_times_is_still_there() -> None:
    stages = runpy.run_path(str(ROOT / "benchmarks" / "command.py"))["STAGES"]
    assert all(callable(getattr(resolve_name(place), name)) for place, name in stages.values())


@pytest.mark.parametrize("name", ["Nearest", "Perceptron"])
def test_the_models_of_readme_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (code,) = (block for block in blocks if f"class {name}(" in block)
    (tmp_path / f"my_{name}.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    assert_forecasts({"model": f"my_{name}:{name}"})


def test_the_regressor_of_readme_runs() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (text,) = (block for block in blocks if "model: sklearn" in block)
    assert_forecasts(files.parse(text)["forecast"])


def assert_forecasts(forecast: dict[str, Any]) -> None:
    prices = market()
    walk = advanced(small(**forecast), prices.times, prices.bars)
    assert walk.folds
    assert np.isfinite(walk.forecasts.forecast[walk.folds[0].fold.fitted_at :]).all()
