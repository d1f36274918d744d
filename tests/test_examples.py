"""Every example runs, and prints what its README shows."""

from __future__ import annotations

import datetime as dt
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lstmstrat.config import DataConfig
from lstmstrat.prices import Prices, load
from lstmstrat.store import Store
from lstmstrat.trainer import Trainer

EXAMPLES = Path(__file__).parent.parent / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))
README = (EXAMPLES / "README.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"### `(\w+\.py)`\n.*?```text\n(.*?)```", README, re.DOTALL))


def test_readme_shows_every_example() -> None:
    assert sorted(SHOWN) == SCRIPTS


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != "yahoo.py"])
def test_an_example_prints_what_readme_shows(name: str, tmp_path: Path) -> None:
    environment = {**os.environ, "LSTMSTRAT_CACHE": str(tmp_path / "cache.sqlite")}
    command = [sys.executable, str(EXAMPLES / name)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=EXAMPLES.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout == SHOWN[name]


def test_the_yahoo_example_prints_it_on_bundled_prices(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[DataConfig] = []

    def bundled(config: DataConfig) -> Prices:
        asked.append(config)
        return load(DataConfig(start=dt.date(2008, 1, 1)))

    monkeypatch.syspath_prepend(str(EXAMPLES))
    yahoo = importlib.import_module("yahoo")
    monkeypatch.setattr(yahoo, "load", bundled)
    with Trainer(Store(None)).active():
        yahoo.main("AAPL")
    assert capsys.readouterr().out == SHOWN["yahoo.py"]
    assert (asked[0].source, asked[0].symbol) == ("yahoo", "AAPL")


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_is_short(name: str) -> None:
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) < 60
