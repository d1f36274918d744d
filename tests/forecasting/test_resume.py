"""A run that is killed goes on where it was, and two runs share a cache: real processes, a real file."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.command import command
from helpers.market import market
from helpers.parallel import fresh

CONFIG = """
name: resumed
data: {symbol: X, source: csv, path: %s}
forecast:
  lookback: 5
  loss_steps: 3
  hidden_size: 16
  epochs: 30
  train_size: 60
  refit_every: 1
  mode: rolling
  members: 1
  features: [return_1, range, volume_change, distance_3]
strategies:
  - class: strategies.long_flat:LongFlat
report: {html: false}
"""
RUN_DEPENDENT = ("fitted", "cached", "fit_seconds")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    prices = folder / "x.csv"
    market(330).frame.rename_axis("Date").to_csv(prices)
    path = folder / "config.yaml"
    path.write_text(CONFIG % prices)
    return path


def run(*options: object) -> None:
    told = command(*options, "--jobs", 1, "--offline", "--quiet")
    assert told.code == 0, told.err


def start(config: Path, out: Path, cache: Path) -> Any:
    """One process with one thread, so that a killed run has had time for some of its networks only."""
    process = fresh().Process(target=run, args=(config, "--out", out, "--cache", cache))
    process.start()
    return process


def finish(process: Any) -> None:
    process.join(120.0)
    assert process.exitcode == 0


def stored(cache: Path) -> int:
    """Rows in the cache; none before it is there."""
    if not cache.exists():
        return 0
    connection = sqlite3.connect(f"{cache.as_uri()}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM results").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def summary(out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The summary without the moment it was made and what depends on the cache, and that part."""
    whole = json.loads((out / "summary.json").read_text())
    del whole["made"]["when"]
    return whole, {name: whole["walk_forward"].pop(name) for name in RUN_DEPENDENT}


def same_tables(first: Path, second: Path) -> bool:
    names = ("equity.csv", "forecasts.csv", "orders.csv", "trades.csv")
    return all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


@pytest.fixture(scope="module")
def uninterrupted(config: Path) -> Path:
    out = config.parent / "whole"
    finish(start(config, out, config.parent / "whole.sqlite"))
    return out


def test_a_killed_run_goes_on_and_ends_as_if_nothing_had_been(
    config: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    cache, out = tmp_path / "cache.sqlite", tmp_path / "out"
    killed = start(config, out, cache)
    deadline = time.monotonic() + 60
    while not stored(cache):
        assert killed.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    killed.kill()
    killed.join()
    assert not out.exists()
    finish(start(config, out, cache))
    again, counted = summary(out)
    whole, at_once = summary(uninterrupted)
    assert again == whole
    assert at_once["cached"] == 0
    assert counted["cached"] > 0
    assert counted["fitted"] > 0
    assert counted["cached"] + counted["fitted"] == at_once["fitted"] == 330 - 64
    assert same_tables(out, uninterrupted)


def test_two_runs_at_once_share_a_cache(config: Path, uninterrupted: Path, tmp_path: Path) -> None:
    outs = [tmp_path / "a", tmp_path / "b"]
    for process in [start(config, out, tmp_path / "cache.sqlite") for out in outs]:
        finish(process)
    assert all(same_tables(out, uninterrupted) for out in outs)
    assert all(summary(out)[0] == summary(uninterrupted)[0] for out in outs)
