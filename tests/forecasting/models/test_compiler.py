"""What numba keeps on disk saves time and nothing else, whatever happens to it."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from lstmstrat.forecasting.models.lstm import compiler

SOURCE = """
def function(x):
    total = 0.0
    for value in x:
        total += value * value
    return total
"""
X = np.arange(5.0)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where numba keeps what is compiled in this test."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setitem(sys.modules, "module", None)  # a module of this test alone
    (tmp_path / "module.py").write_text(SOURCE)
    return tmp_path / "kept"


def compiled(kept: Path) -> Any:
    """The function as in a new process: nothing of it is in memory."""
    compiler._say.cache_clear()
    spec = importlib.util.spec_from_file_location("module", kept.parent / "module.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules["module"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return compiler.jit(module.function)


def was_found(kernel: Any) -> bool:
    assert kernel(X) == 30.0  # 0 + 1 + 4 + 9 + 16
    return bool(sum(kernel.stats.cache_hits.values()))


def change(kept: Path, ending: str, how: Callable[[bytes], bytes]) -> None:
    (file,) = kept.rglob(f"*.{ending}")
    file.write_bytes(how(file.read_bytes()))


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": half,
    "noise": lambda data: random.Random(0).randbytes(len(data)),
    "text": lambda _: b"<html>no such page</html>",
    "twice": lambda data: data[: len(data) // 3] * 3,
}


def test_it_is_compiled_once(kept: Path) -> None:
    assert [was_found(compiled(kept)) for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_code_is_compiled_again_and_kept(
    kept: Path, ending: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not was_found(compiled(kept))
    change(kept, ending, DAMAGES[damage])
    assert [was_found(compiled(kept)) for _ in range(2)] == [False, True]
    (record,) = caplog.records
    assert record.message.startswith(f"the compiled code in {kept}")
    assert record.message.endswith("and is compiled again")


def test_a_flipped_bit_never_runs(kept: Path) -> None:
    """Most of the file is machine code, and a pickle does not see a change in it."""
    assert not was_found(compiled(kept))
    (file,) = kept.rglob("*.nbc")
    sound, rng = file.read_bytes(), random.Random(1)
    for place in (rng.randrange(len(sound)) for _ in range(40)):
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 1 << rng.randrange(8)]) + sound[place + 1 :])
        was_found(compiled(kept))


def test_code_for_other_arguments_never_runs(kept: Path) -> None:
    """As if the index named the file of another signature."""
    assert not was_found(compiled(kept))
    single = compiled(kept)
    assert single(np.arange(5.0, dtype=np.float32)) == 30.0
    one, other = sorted(kept.rglob("*.nbc"))
    one.write_bytes(other.read_bytes())
    assert not was_found(compiled(kept))


def full(*_: object) -> None:
    raise OSError(28, os.strerror(28))


def test_a_full_disk_costs_only_time(
    kept: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("numba.core.caching.os.replace", full)
    assert not was_found(compiled(kept))
    assert not was_found(compiled(kept))
    assert {record.message.split(" (")[0] for record in caplog.records} == {
        f"the compiled code cannot be kept in {next(kept.iterdir())}"
    }
    assert "No space left" in caplog.text


def test_without_a_folder_each_process_compiles(
    kept: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("numba.core.caching.CompileResultCacheImpl._locator_classes", [])
    assert not was_found(compiled(kept))
    assert "no folder that numba may write to" in caplog.text
