"""The ledger of trials: what counts as another one, over all runs on an asset, and the command that lists them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.command import command, summary, tiny, written

from lstmstrat.commands import trials
from lstmstrat.results.trial import Trial
from lstmstrat.store import Store

CROSS = {"class": "strategies.sma_cross:SmaCross", "params": {"fast": 5, "slow": 10}, "name": "cross"}
SLOWER = {**CROSS, "params": {"fast": 5, "slow": 12}, "name": "slower"}


def ran(tmp_path: Path, values: dict[str, Any], *options: object) -> dict[str, Any]:
    """The trials in the summary of a run with the store of `tmp_path`."""
    out = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
    options = options or ("--cache", tmp_path / "store")
    told = command(written(tmp_path, values), "--out", out, "--quiet", *options)
    assert told.code == 0, told.err
    found: dict[str, Any] = summary(out)["trials"]
    return found


def test_each_setting_is_a_trial_and_the_same_run_again_is_none(tmp_path: Path) -> None:
    both = tiny()  # two strategies
    assert ran(tmp_path, both)["count"] == 2
    assert ran(tmp_path, both)["count"] == 2
    assert ran(tmp_path, tiny(name="renamed", report={"html": False}))["count"] == 2
    assert ran(tmp_path, {**both, "strategies": [SLOWER]})["count"] == 3
    assert ran(tmp_path, {**both, "strategies": [SLOWER, CROSS]})["count"] == 3
    assert ran(tmp_path, tiny(forecast={"seed": 1}))["count"] == 5
    assert ran(tmp_path, tiny(broker={"commission": 0.0}))["count"] == 7


def test_other_assets_and_other_years_are_counted_apart(tmp_path: Path) -> None:
    assert ran(tmp_path, tiny())["count"] == 2
    assert ran(tmp_path, tiny(data={"symbol": "IBM"}))["count"] == 2
    assert ran(tmp_path, tiny(data={"start": "2009-01-02", "end": "2010-03-31"}))["count"] == 2
    assert ran(tmp_path, tiny(data={"start": "2005-02-01", "end": "2006-03-31"}))["count"] == 4


def test_an_edited_strategy_is_another_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    code = "import backtrader as bt\nclass Mine(bt.Strategy):\n    def next(self): self.buy(size={})\n"
    counts = []
    for size in (1, 1, 2):
        (tmp_path / "ledger_mine.py").write_text(code.format(size))
        monkeypatch.delitem(sys.modules, "ledger_mine", raising=False)
        counts.append(ran(tmp_path, tiny() | {"strategies": [{"class": "ledger_mine:Mine"}]})["count"])
    assert counts == [1, 1, 2]


def test_the_variance_is_that_of_the_ratios_of_all_trials(tmp_path: Path) -> None:
    """By numpy, from what the store holds."""
    found = ran(tmp_path, tiny())
    ratios = [json.loads(record)["sharpe"] for _, _, record in Store(tmp_path / "store").entered()]
    assert found["variance"] == pytest.approx(np.var(ratios, ddof=1), rel=1e-12)
    assert ran(tmp_path, {**tiny(data={"symbol": "IBM"}), "strategies": [CROSS]})["variance"] is None


def test_without_a_cache_the_report_says_that_earlier_trials_are_not_known(tmp_path: Path) -> None:
    ran(tmp_path, tiny())
    assert ran(tmp_path, {**tiny(), "strategies": [SLOWER]}, "--no-cache") == {
        "count": 1,
        "variance": None,
        "kept": False,
    }


def test_the_command_lists_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "store"
    assert trials.main(["--cache", str(store)]) == 0
    assert capsys.readouterr().out.startswith("no trials: there is no ")
    ran(tmp_path, tiny())
    ran(tmp_path, tiny(data={"symbol": "IBM"}))
    assert trials.main(["--cache", str(store)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == "4 trials"
    assert sum("strategies.sma_cross:SmaCross" in line and "fast=5, slow=10" in line for line in out) == 2
    assert trials.main(["--cache", str(store), "--symbol", "ibm"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 trials"


def test_two_windows_overlap_if_they_share_a_day() -> None:
    trial = Trial("X", "", "a", "a:A", {}, "2005-01-03", "2006-01-02", 10, None)
    assert trial.overlaps("2006-01-02", "2007-01-01")
    assert trial.overlaps("2004-01-01", "2005-01-03")
    assert trial.overlaps("2005-06-01", "2005-07-01")
    assert not trial.overlaps("2006-01-03", "2007-01-01")
