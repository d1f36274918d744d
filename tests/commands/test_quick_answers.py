"""What a mistake in a config must not load: the answer takes 0.2 s, most of it Python itself and pydantic."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "backtrader",
    "numba",
    "torch",
    "sklearn",
    "rich",
    "jinja2",
    "shtab",
    "sqlite3",
)
STRATEGIES = "strategies: [{class: strategies.long_flat:LongFlat}]\n"
MISTAKES = {
    "not YAML": ("data: [\n", []),
    "a key given twice": ("name: a\nname: b\n" + STRATEGIES, []),
    "no sections": ("hello\n", []),
    "an unknown key": ("dat: {symbol: AAPL}\n" + STRATEGIES, []),
    "an unknown key of a section": ("forecast: {lokback: 20}\n" + STRATEGIES, []),
    "a wrong value": ("forecast: {members: none}\n" + STRATEGIES, []),
    "a value out of range": ("broker: {commission: 2.0}\n" + STRATEGIES, []),
    "values that contradict each other": ("forecast: {train_size: 10}\n" + STRATEGIES, []),
    "a missing key": ("name: a\n", []),
    "a wrong setting": (STRATEGIES, ["--set", "forecast.epochs=many"]),
    "a setting without a value": (STRATEGIES, ["--set", "forecast.epochs"]),
    "wrong names beside a wrong key": (
        "forecast: {lokback: 20, features: [retrun_1, 'strategies.long_flat:f'], model: 'nowhere:Mine'}\n"
        "strategies: [{class: strategies.long_flat:LongFlt}, {class: strategies.long_flt:LongFlat}]\n",
        [],
    ),
    "no file": (None, []),
}


def answer(command: str, arguments: list[str]) -> tuple[int, list[str], str]:
    """Exit code, heavy libraries that were loaded, and the message of a command in a fresh interpreter."""
    script = f"""
import json, sys
from lstmstrat.commands.main import main
code = main({[command, *arguments]!r})
print(json.dumps([code, [name for name in {HEAVY!r} if name in sys.modules]]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return (*json.loads(done.stdout), done.stderr)


@pytest.mark.parametrize("command", ["run", "audit"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_config_loads_nothing_heavy(mistake: str, command: str, tmp_path: Path) -> None:
    text, options = MISTAKES[mistake]
    path = tmp_path / "config.yaml"
    if text is not None:
        path.write_text(text)
    code, loaded, message = answer(command, [str(path), *options])
    assert (code, loaded) == (2, [])
    assert message.startswith("error: ")


def test_a_sound_config_loads_what_it_names(tmp_path: Path) -> None:
    """The test above sees a library that is loaded: the mistake here is in the strategy itself."""
    path = tmp_path / "config.yaml"
    path.write_text("strategies: [{class: strategies.long_flat:LongFlt}]\n")
    code, loaded, message = answer("run", [str(path)])
    assert (code, {"numpy", "backtrader"} <= {*loaded}) == (2, True)
    assert "LongFlat" in message
