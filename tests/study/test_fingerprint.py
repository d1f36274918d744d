"""The keys of what is kept: another number, another key; the same number, whatever shows it, the same."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Callable
from math import inf, nextafter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.command import tiny
from helpers.market import market

import lstmstrat
from lstmstrat import Config, Session, Store
from lstmstrat.config.identity import Identity
from lstmstrat.config.validation import validated
from lstmstrat.results.run import Run
from lstmstrat.study import fingerprint
from lstmstrat.study.simulate import simulate_all

PACKAGE = Path(lstmstrat.__file__).parent
PRICES = market()

Keys = dict[str, str | None]


def config(**sections: Any) -> Config:
    return validated(Config, tiny(**sections), "")


@pytest.fixture(scope="module")
def run() -> Run:
    with Session(Store(None), jobs=1) as session:
        return simulate_all(config(), PRICES, session)


def keys(run: Run, asked: Config | None = None, prices: lstmstrat.Prices = PRICES, label: str = "seed 1") -> Keys:
    """Of everything that is kept, for a config that would have done the same as `run`."""
    asked = asked or config()
    code = {strategy.label: fingerprint.of_code(asked, strategy) for strategy in asked.strategies}
    run = dataclasses.replace(run, prices=prices, strategies=(), code=code)
    return {
        "replica": fingerprint.of_replica(run, "did", asked, label),
        "audit": fingerprint.of_audit(asked, prices, asked.strategies[0], code[asked.strategies[0].label]),
        "statistic": fingerprint.of_statistic("SPA", np.arange(4.0)),
    }


def moved(before: Keys, after: Keys) -> set[str]:
    return {name for name, key in before.items() if after[name] != key}


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Callable[[str], set[str]]:
    """Which keys another comment in a file of the package moves; the package is a copy."""
    copy = tmp_path / "lstmstrat"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    monkeypatch.setattr(fingerprint, "__file__", str(copy / "study" / "fingerprint.py"))

    def found() -> Keys:
        forget()
        return keys(run)

    def edit(file: str) -> set[str]:
        before, path = found(), copy / file
        assert found() == before
        path.write_text((path.read_text() if path.exists() else "") + "# another comment\n")
        return moved(before, found())

    yield edit
    forget()


def forget() -> None:
    fingerprint.code_version.cache_clear()
    fingerprint._versions.cache_clear()


@pytest.mark.parametrize(
    "file",
    [
        "report/page/view.py",
        "report/figures/chance.py",
        "report/terminal/run.py",
        "report/page/templates/page.html",
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
        "config/data.py",
        "config/forecast.py",
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
    """A statistic is a function of its numbers alone."""
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
        ({"forecast": {"seed": 1}}, {"replica", "audit"}),
        ({"forecast": {"model": "ridge", "members": 1}}, {"replica", "audit"}),
        ({"broker": {"commission": 0.0}}, {"replica", "audit"}),
        (
            {"strategies": [{"class": "strategies.long_flat:LongFlat", "params": {"band": 0.1}}]},
            {"replica", "audit"},
        ),
        ({"report": {"periods_per_year": 365}}, {"replica"}),
        ({"strategies": [{"class": "strategies.long_flat:LongFlat", "name": "renamed"}]}, {"replica"}),
        ({"forecast": {"device": "cuda"}}, set()),
        ({"data": {"symbol": "IBM", "end": "2006-03-30"}}, set()),  # the prices count, however they are called
        ({"report": {"html": False, "seeds": 20}}, set()),
        ({"name": "renamed"}, set()),
    ],
)
def test_a_setting_moves_what_it_decides_on(run: Run, sections: dict[str, Any], expected: set[str]) -> None:
    assert moved(keys(run), keys(run, config(**sections))) == expected


def test_prices_and_what_is_done_with_them_move_what_is_run_on_them(run: Run) -> None:
    assert moved(keys(run), keys(run, prices=market(seed=1))) == {"replica", "audit"}
    assert moved(keys(run), keys(run, label="seed 2")) == {"replica"}
    numbers = np.arange(4.0)
    others = (("skill", numbers), ("SPA", numbers + 1e-15), ("SPA", numbers[:3]), ("SPA", numbers.reshape(2, 2)))
    assert len({fingerprint.of_statistic(kind, array) for kind, array in (("SPA", numbers), *others)}) == 5


def test_what_a_strategy_did_is_its_orders_and_its_account_and_not_its_name(run: Run) -> None:
    """To the last bit: of each number the next one that a float can be is another account."""
    account = run.strategies[0]
    assert len(account.orders) > 3
    did = fingerprint.of_account(account)
    renamed = dataclasses.replace(account, name="other", class_path="other:Other", params={"a": 1})
    assert fingerprint.of_account(renamed) == did
    others = [dataclasses.replace(account, equity=np.nextafter(account.equity, np.inf))]
    words = {"side": "hold", "status": "Lost", **account.orders[["created", "executed"]].iloc[0]}
    for column in account.orders:
        orders = account.orders.copy()
        first = orders[column].iloc[0]
        orders[column] = [words[column] if column in words else nextafter(first, inf), *orders[column].iloc[1:]]
        others.append(dataclasses.replace(account, orders=orders))
    later = account.orders.assign(executed=account.orders["executed"] + np.timedelta64(1, "ns"))
    others.append(dataclasses.replace(account, orders=later))
    others.append(dataclasses.replace(account, orders=account.orders.iloc[:-1]))
    found = [fingerprint.of_account(other) for other in others]
    assert found.count(did) == 2  # the two whose dates were left as they were
    assert len(set(found)) == len(others) - 1
    benchmark = dataclasses.replace(run, benchmark=account)
    assert len({fingerprint.of_run(each) for each in (run, run, benchmark)}) == 2


def test_code_without_an_identity_has_no_key(run: Run) -> None:
    asked = config()
    unknown = Identity(None, "mine.LOG, a TextIOWrapper")
    one_unknown = dataclasses.replace(run, code={**run.code, "cross": unknown})
    assert fingerprint.of_replica(run, "did", asked, "seed 1") is not None
    assert fingerprint.of_replica(one_unknown, "did", asked, "seed 1") is None
    alone = asked.model_copy(update={"strategies": asked.strategies[:1]})
    assert fingerprint.of_replica(one_unknown, "did", alone, "seed 1") is not None
    assert fingerprint.of_audit(asked, PRICES, asked.strategies[1], unknown) is None


def test_a_run_knows_the_code_of_all_its_strategies(run: Run) -> None:
    with pytest.raises(ValueError, match="code: there is none of cross"):
        dataclasses.replace(run, code={"long_flat": run.code["long_flat"]})


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
def test_another_strategy_feature_or_model_of_the_users_moves_them(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # edits within one second
    sections: dict[str, dict[str, Any]] = {
        "strategy": {"strategies": [{"class": "fingerprint_mine:Mine"}]},
        "feature": {"forecast": {"features": ["fingerprint_mine:mine"]}},
        "model": {"forecast": {"model": "fingerprint_mine:Mine", "members": 1}},
    }

    def found(value: int) -> Keys:
        (tmp_path / "fingerprint_mine.py").write_text(OWN[kind].format(value))
        monkeypatch.delitem(sys.modules, "fingerprint_mine", raising=False)
        return keys(run, config(**sections[kind]))

    assert found(1) == found(1)
    assert moved(found(1), found(2)) == {"replica", "audit"}
