"""The keys of what is kept: another number, another key; the same number, whatever shows it, the same."""

from __future__ import annotations

import linecache
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.command import tiny
from helpers.market import market

import lstmstrat
from lstmstrat import Config
from lstmstrat.config.validation import validated
from lstmstrat.study import fingerprint

PACKAGE = Path(lstmstrat.__file__).parent
PRICES = market()

Keys = dict[str, str]


def config(**sections: Any) -> Config:
    return validated(Config, tiny(**sections), "")


def keys(asked: Config | None = None, prices: lstmstrat.Prices = PRICES, label: str = "seed 1") -> Keys:
    """Of everything that is kept."""
    asked = asked or config()
    return {
        "trial": fingerprint.of_trial(asked, asked.strategies[0].class_, dict(asked.strategies[0].params)),
        "replica": fingerprint.of_replica(asked, prices, label),
        "audit": fingerprint.of_audit(asked, prices),
        "statistic": fingerprint.of_statistic("SPA", np.arange(4.0)),
    }


def moved(before: Keys, after: Keys) -> set[str]:
    return {name for name, key in before.items() if after[name] != key}


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], set[str]]:
    """Which keys another comment in a file of the package moves; the package is a copy."""
    copy = tmp_path / "lstmstrat"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    monkeypatch.setattr(fingerprint, "__file__", str(copy / "study" / "fingerprint.py"))

    def found() -> Keys:
        fingerprint.code_version.cache_clear()
        return keys()

    def edit(file: str) -> set[str]:
        before, path = found(), copy / file
        assert found() == before
        path.write_text((path.read_text() if path.exists() else "") + "# another comment\n")
        return moved(before, found())

    yield edit
    fingerprint.code_version.cache_clear()


@pytest.mark.parametrize(
    "file",
    [
        "report/html.py",
        "report/figures/chance.py",
        "report/terminal/run.py",
        "report/page.html",
        "commands/run.py",
        "commands/audit.py",
        "commands/project/my_strategy.py",
        "backtest.py",
    ],
)
def test_what_only_shows_a_number_moves_no_key(file: str, edited: Callable[[str], set[str]]) -> None:
    assert (PACKAGE / file).exists()
    assert edited(file) == set()


@pytest.mark.parametrize(
    "file",
    [
        "arrays.py",
        "errors.py",
        "config/schema.py",
        "prices/null_history.py",
        "forecasting/walk_forward.py",
        "forecasting/models/baselines.py",
        "forecasting/models/lstm/kernels.py",
        "results/account.py",
        "trading/simulation.py",
        "study/simulate.py",
        "evaluation/metrics.py",
    ],
)
def test_what_decides_on_a_number_moves_replicas_and_audits(file: str, edited: Callable[[str], set[str]]) -> None:
    """A statistic is a function of its numbers alone; a trial is what was tried, whatever release tried it."""
    assert (PACKAGE / file).exists()
    of_statistics = {"statistic"} if file.split("/")[0] in ("arrays.py", "errors.py", "evaluation") else set()
    assert edited(file) == {"replica", "audit"} | of_statistics


def test_a_new_file_moves_them_too(edited: Callable[[str], set[str]]) -> None:
    assert edited("forecasting/models/another.py") == {"replica", "audit"}


def test_the_audit_moves_audits_alone(edited: Callable[[str], set[str]]) -> None:
    assert edited("audit/perturb.py") == {"audit"}


def test_no_part_is_forgotten() -> None:
    """A new folder of the package decides on numbers, or stands here."""
    parts = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert parts - set(fingerprint.NUMBERS) == {"audit", "commands", "report"}
    assert set(fingerprint.NUMBERS) <= parts


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"forecast": {"seed": 1}}, {"trial", "replica", "audit"}),
        ({"forecast": {"model": "ridge", "members": 1}}, {"trial", "replica", "audit"}),
        ({"broker": {"commission": 0.0}}, {"trial", "replica", "audit"}),
        ({"data": {"end": "2006-03-30"}}, {"trial", "replica", "audit"}),
        ({"strategies": [{"class": "strategies.long_flat:LongFlat", "params": {"threshold": 0.1}}]}, None),
        ({"report": {"periods_per_year": 365}}, {"replica"}),
        ({"forecast": {"device": "cuda"}}, set()),
        ({"report": {"html": False, "seeds": 20}}, set()),
        ({"name": "renamed"}, set()),
    ],
)
def test_a_setting_moves_what_it_decides_on(sections: dict[str, Any], expected: set[str] | None) -> None:
    expected = {"trial", "replica", "audit"} if expected is None else expected
    assert moved(keys(), keys(config(**sections))) == expected


def test_prices_and_what_is_done_with_them_move_what_is_run_on_them() -> None:
    assert moved(keys(), keys(prices=market(seed=1))) == {"replica", "audit"}
    assert moved(keys(), keys(label="seed 2")) == {"replica"}
    numbers = np.arange(4.0)
    others = (("skill", numbers), ("SPA", numbers + 1e-15), ("SPA", numbers[:3]), ("SPA", numbers.reshape(2, 2)))
    assert len({fingerprint.of_statistic(kind, array) for kind, array in (("SPA", numbers), *others)}) == 5


OWN = {
    "strategy": "import backtrader as bt\nclass Mine(bt.Strategy):\n    size = {}\n",
    "feature": "def mine(bars):\n    return bars[:, {}]\n",
    "model": (
        "from dataclasses import dataclass\nfrom lstmstrat import Model\n"
        "@dataclass(frozen=True)\nclass Mine(Model):\n    size: int = {}\n"
        "    def fit(self, training, seed, start=None, stop=None):\n        return None\n"
    ),
}


@pytest.mark.parametrize("kind", OWN)
def test_an_edited_strategy_feature_or_model_of_the_users_moves_them(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    sections: dict[str, dict[str, Any]] = {
        "strategy": {"strategies": [{"class": "fingerprint_mine:Mine"}]},
        "feature": {"forecast": {"features": ["fingerprint_mine:mine"]}},
        "model": {"forecast": {"model": "fingerprint_mine:Mine", "members": 1}},
    }

    def found(value: int) -> Keys:
        (tmp_path / "fingerprint_mine.py").write_text(OWN[kind].format(value))
        monkeypatch.delitem(sys.modules, "fingerprint_mine", raising=False)
        linecache.clearcache()
        return keys(config(**sections[kind]))

    assert found(1) == found(1)
    assert moved(found(1), found(2)) == {"trial", "replica", "audit"}
