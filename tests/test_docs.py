"""README and docs/ say what there is, and what they show runs."""

from __future__ import annotations

import dataclasses
import re
import runpy
import shlex
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
from lstmstrat.trading.portfolio.optimiser import Optimiser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    path: path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
DOCS = "\n".join(PAGES.values())
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def test_docs_show_every_key_as_the_config_file_has_it() -> None:
    _, text = (
        (ROOT / "configs" / "every_key.yaml").read_text(encoding="utf-8").split("\n", 1)
    )  # without the schema
    assert text in DOCS


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
def test_every_config_is_valid_and_in_docs(path: Path) -> None:
    assert load_config(path).name == path.stem
    assert f"configs/{path.name}" in DOCS


def test_every_metric_has_a_formula() -> None:
    for field in dataclasses.fields(Performance):
        assert f"| `{field.name}` |" in DOCS, field.name


def test_every_feature_is_in_docs() -> None:
    for name in names.KNOWN_FEATURES:
        assert f"`{name}`" in DOCS, name


def test_every_model_is_in_docs() -> None:
    for name in MODELS:
        assert f"| `{name}` |" in DOCS, name


def test_what_is_generated_is_new() -> None:
    """Commands, keys, metrics and glossary: ``python docs/generate.py`` writes them."""
    made = runpy.run_path(str(ROOT / "docs" / "generate.py"))["with_parts"]
    old = [path.name for path, text in PAGES.items() if made(text) != text]
    assert old == []


def test_readme_is_short_enough_to_be_read() -> None:
    assert len(README.splitlines()) <= 150


def test_the_program_of_readme_prints_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other programs and commands are run by ``python docs/run_commands.py``, which takes long."""
    code, said = re.findall(r"```(?:python|text)\n(.*?)```", README.partition("## In Python")[2], re.DOTALL)[:2]
    monkeypatch.chdir(ROOT)
    exec(code, {"__name__": "__main__"})
    assert capsys.readouterr().out == said


def test_every_command_of_docs_can_be_typed() -> None:
    lines = [
        line
        for text in PAGES.values()
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]
    commands = [
        words
        for line in lines
        for part in re.split(r"&&|\|\||;", line)
        if (words := shlex.split(part, comments=True))[:1] == ["lstmstrat"]
    ]
    assert len(commands) > 10
    for words in commands:
        parser().parse_args(words[1:])  # exits if there is no such command or option


def test_every_link_leads_somewhere() -> None:
    for path, text in PAGES.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            place, _, mark = target.partition("#")
            if target.startswith("http"):
                continue
            file = (path.parent / place).resolve() if place else path
            assert file.exists(), f"{path.name}: {target}"
            if mark:
                heads = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
                slugs = {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads}
                assert mark in slugs, f"{path.name}: {target}"


def test_every_page_of_docs_is_in_its_index() -> None:
    index = PAGES[ROOT / "docs" / "README.md"]
    for path in PAGES:
        assert path.name in ("README.md",) or f"]({path.name}" in index, path.name


def test_every_strategy_is_in_a_config() -> None:
    used = {s.class_ for path in CONFIGS for s in load_config(path).strategies}
    for path in (ROOT / "strategies").glob("[a-z]*.py"):
        assert any(name.startswith(f"strategies.{path.stem}:") for name in used) or path.stem == "buy_and_hold"


def test_the_strategies_of_docs_run() -> None:
    """Both snippets, on a short history with a small network."""
    found = dict[str, object]()
    for snippet in re.findall(r"```python\n(.*?)```", PAGES[ROOT / "docs" / "backtrader.md"], re.DOTALL):
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
def test_the_models_of_docs_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    (code,) = (block for block in blocks if f"class {name}(" in block)
    (tmp_path / f"my_{name}.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    assert_forecasts({"model": f"my_{name}:{name}"})


def test_the_regressor_of_docs_runs() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    (text,) = (block for block in blocks if "model: sklearn" in block)
    assert_forecasts(files.parse(text)["forecast"])


def assert_forecasts(forecast: dict[str, Any]) -> None:
    prices = market()
    walk = advanced(small(**forecast), prices.times, prices.bars)
    assert walk.folds
    assert np.isfinite(walk.forecasts.forecast[walk.folds[0].fold.fitted_at :]).all()


def test_the_optimiser_of_docs_runs() -> None:
    """The mean of the three worst of 63 days, about the 5% of CVaR, is nearer to 0 than with equal weights."""
    (block,) = re.findall(r"```python\n(from skfolio.*?)```", DOCS, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(block, namespace)
    returns = np.random.default_rng(0).normal(0.0, 0.01, (63, 5))
    found = Optimiser("LeastShortfall", namespace["LeastShortfall"]).weights(returns)
    assert found.sum() == pytest.approx(1.0)
    least = [-np.sort(returns @ weights)[:3].mean() for weights in (found, np.full(5, 0.2))]
    assert least[0] < least[1]
