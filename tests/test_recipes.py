"""Three recipes of CONTRIBUTING.md, followed to the letter on a copy of the package, are seen in a report."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers.command import TINY

ROOT = Path(__file__).parents[1]

MODEL = '''"""The mean label of the training set, whatever the window shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstmstrat.arrays import Floats
from lstmstrat.forecasting.models.base import FittedModel, Model, Stop, never
from lstmstrat.forecasting.training_set import TrainingSet


@dataclass(frozen=True)
class PastMean(Model):
    """The past average as a model."""

    scaler: str
    clip: float

    def fit(
        self, training: TrainingSet, seed: int, start: FittedModel | None = None, stop: Stop = never
    ) -> FittedModel | None:
        """The mean label."""
        unit = training.scaled(self.scaler, self.clip).inputs
        return FittedPastMean(unit, np.array([np.nan]), training.mean_label)


@dataclass(frozen=True, eq=False)
class FittedPastMean(FittedModel):
    """A constant."""

    mean: float

    def predict(self, windows: Floats) -> Floats:
        """(n, L, F) -> (n,)."""
        return np.full(len(windows), self.mean)
'''

CHECK = """

def _toy(run: Run) -> Check:
    return Check("toy check", PASSED, f"{len(run.accounts)} accounts")
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "lstmstrat", tmp_path / "lstmstrat", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "strategies", tmp_path / "strategies")
    return tmp_path / "lstmstrat"


def put(path: Path, before: str, after: str) -> None:
    """Writes `after` in place of the one line, or part of one, that is `before`."""
    text = path.read_text()
    assert text.count(before) == 1, f"{path.name} has {text.count(before)} places like {before!r}"
    path.write_text(text.replace(before, after))


def add_a_model(package: Path) -> None:
    (package / "forecasting" / "models" / "past_mean.py").write_text(MODEL)
    registry = package / "forecasting" / "models" / "__init__.py"
    put(registry, '    "always_up": AlwaysUp,\n', '    "past_mean": PastMean,\n    "always_up": AlwaysUp,\n')
    line = "from lstmstrat.forecasting.models.lstm.model import LSTM\n"
    put(registry, line, line + "from lstmstrat.forecasting.models.past_mean import PastMean\n")


def add_a_number(package: Path) -> None:
    assessment, judge = package / "results" / "assessment.py", package / "study" / "judge.py"
    put(
        assessment,
        "    total_return: float\n    cagr: float | None\n    sharpe: float | None\n",
        ("    toy_number: float\n    total_return: float\n    cagr: float | None\n    sharpe: float | None\n"),
    )
    put(
        judge,
        "        return VersusBenchmark(\n",
        "        return VersusBenchmark(\n            toy_number=42.25,\n",
    )
    columns = package / "report" / "columns.py"
    put(
        columns,
        "\nLEAD_ORIGIN: tuple[Entry[StrategyAssessment], ...] = (\n",
        (
            "\nLEAD_ORIGIN: tuple[Entry[StrategyAssessment], ...] = (\n"
            '    Entry("toy", lambda s: ratio(s.versus_benchmark.toy_number)),\n'
        ),
    )


def add_a_check(package: Path) -> None:
    checks = package / "study" / "checks.py"
    put(
        checks,
        "        check_orders(run.accounts),\n",
        "        check_orders(run.accounts),\n        _toy(run),\n",
    )
    checks.write_text(checks.read_text() + CHECK)


def test_a_model_a_number_and_a_check_are_in_the_report(package: Path, tmp_path: Path) -> None:
    add_a_model(package)
    add_a_number(package)
    add_a_check(package)
    config = {**TINY, "forecast": {**TINY["forecast"], "model": "past_mean", "members": 1}}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "lstmstrat.backtest", "toy.yaml", "--out", "out", "--no-cache", "--full"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    page = (tmp_path / "out" / "report.html").read_text()
    assert summary["walk_forward"]["model"] == "past_mean"
    assert summary["walk_forward"]["fitted"] == summary["walk_forward"]["folds"] > 0
    assert {s["versus_benchmark"]["toy_number"] for s in summary["strategies"]} == {42.25}
    assert {"name": "toy check", "status": "passed", "detail": "3 accounts", "strategy": ""} in summary["checks"]
    for text in (done.stdout, page):
        assert "42.25" in text
        assert "toy check" in text
        assert "past_mean" in text
