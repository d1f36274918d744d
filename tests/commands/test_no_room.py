"""A library that cannot be loaded, and memory that is used up, are a sentence and cost nothing that was done."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.command import command, lstmstrat, summary, tiny, what_it_found, written

from lstmstrat.study import run as study_run


@pytest.mark.parametrize("cached", [True, False])
def test_a_library_that_cannot_be_loaded_is_found_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "scipy", None)  # what Python says of a library that is broken
        options = [] if cached else ["--no-cache"]
        told = command(written(tmp_path, tiny()), "--out", tmp_path / "run", *options)
    assert told.code == 2
    assert "error: a library cannot be loaded (ModuleNotFoundError: " in told.err
    assert "Traceback" not in told.err
    assert "ulimit -v" in told.err
    assert "fold" not in told.out  # nothing was trained
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "words", [["sweep", "--over", "forecast.epochs=1,2", "--out", "out"], ["compare", "b/tiny.yaml"]]
)
def test_nor_does_a_sweep_or_a_comparison_train_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """They end with the same statistics as a run."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "b", tiny(forecast={"epochs": 2}))
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setattr("lstmstrat.forecasting.trainer.fit", lambda *_: pytest.fail("it trains"))
    told = lstmstrat(words[0], written(tmp_path / "a", tiny()), *words[1:])
    assert told.code == 2
    assert "a library cannot be loaded" in told.err


@pytest.mark.parametrize(
    "error", [MemoryError("Unable to allocate 8.0 GiB"), ImportError("failed to map segment")]
)
def test_what_ends_a_run_at_its_end_costs_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    config, cache = written(tmp_path, tiny()), ("--cache", tmp_path / "cache")

    def ends(*_: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(study_run, "finish", ends)
        told = command(config, "--out", tmp_path / "run", *cache)
    assert told.code == 2
    assert str(error) in told.err
    assert told.err.rstrip().endswith("stopped; the same command goes on from what is in the cache")
    assert "Traceback" not in told.err
    again = command(config, "--out", tmp_path / "again", *cache)
    assert again.code == 0
    calm = command(config, "--out", tmp_path / "calm", "--no-cache")
    assert calm.code == 0
    found = [summary(tmp_path / name) for name in ("again", "calm")]
    assert what_it_found(found[0]) == what_it_found(found[1])
