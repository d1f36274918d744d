"""Who may import whom, and what a light command must not load. The table is the design; the code is held to it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lstmstrat

PACKAGE = Path(lstmstrat.__file__).parent
MODULES = {
    path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text())
    for path in PACKAGE.rglob("*.py")
    if path.parent.name != "project"  # what `lstmstrat.new` copies: the user's
}

# What each part may import of ours, at any depth of indentation. A folder is one part.
ALLOWED = {
    "__init__": {
        "config",
        "errors",
        "forecast",
        "indicator",
        "plotting",
        "store",
        "strategy",
        "trainer",
        "audit",
    },  # the front door
    "errors": set(),
    "metrics": set(),
    "inference": {"metrics"},
    "trades": set(),
    "plotting": set(),
    "store": set(),
    "config": {"errors"},
    "yamlfile": {"config", "errors"},
    "loading": {"errors"},
    "features": {"config", "errors", "loading"},
    "folds": {"config", "errors", "features"},
    "lstm": {"config"},
    "prices": {"config", "errors"},
    "new": {"config", "errors"},
    "rungs": {"config", "lstm"},
    "trainer": {"config", "errors", "lstm", "rungs", "store"},
    "history": {"features"},
    "forecast": {"config", "features", "folds", "history", "lstm", "trainer"},
    "indicator": {"config", "errors", "features", "forecast"},
    "strategy": {"errors", "indicator", "loading"},
    "engine": {"config", "errors", "forecast", "indicator", "prices", "strategy", "trades"},
    "pipeline": {
        *{"config", "engine", "features", "folds", "forecast", "metrics", "prices", "strategy", "trainer"},
    },
    "checks": {"config", "engine", "features", "forecast", "metrics", "pipeline", "prices"},
    "identity": {"config", "loading", "prices"},
    "ledger": {"config", "engine", "identity", "metrics", "store"},
    "worlds": {"features", "prices"},
    "replicas": {
        *{"config", "engine", "errors", "folds", "identity", "metrics", "pipeline", "prices", "store", "trainer"},
        *{"worlds"},
    },
    "ladder": {"config", "errors", "inference", "metrics", "pipeline", "prices", "store", "trainer"},
    "on_request": {"errors", "ladder", "ledger", "pipeline", "replicas", "trainer"},
    "evidence": {
        *{"checks", "engine", "features", "identity", "inference", "ledger", "metrics", "on_request", "pipeline"},
        *{"replicas", "store"},
    },
    "summary": {
        *{"__init__", "checks", "config", "engine", "evidence", "forecast", "inference", "ladder", "ledger"},
        *{"metrics", "on_request", "pipeline", "prices", "trainer"},
    },
    "result": {
        *{"checks", "config", "engine", "evidence", "features", "folds", "forecast", "inference", "ledger"},
        *{"on_request", "pipeline", "summary", "trainer"},
    },
    "report": {"errors", "ledger", "result", "yamlfile"},  # values only
    "audit": {
        *{"backtest", "checks", "config", "engine", "errors", "features", "folds", "forecast", "identity"},
        *{"indicator", "prices", "report", "store", "strategy", "trainer"},
    },
    "backtest": {
        *{"config", "errors", "features", "folds", "forecast", "identity", "ledger", "on_request", "pipeline"},
        *{"prices", "report", "result", "store", "strategy", "trainer", "yamlfile"},
    },
    "trials": {"ledger", "report", "store"},
}

# Libraries with a door of their own.
DOORS = {
    "torch": {"lstm"},
    "arch": {"inference"},
    "statsmodels": {"inference"},
    "numba": {"lstm"},
    "sklearn": {"rungs"},
    "threadpoolctl": {"rungs"},
    "safetensors": {"lstm"},
    "yaml": {"yamlfile"},
    "pydantic": {"config"},
    "yfinance": {"prices"},
    "sqlite3": {"store"},
    "platformdirs": {"store"},
    "backtrader": {"indicator", "strategy", "engine", "plotting", "audit"},
    "matplotlib": {"plotting"},
    "plotly": {"report"},
    "rich": {"report"},
    "argparse": {"backtest", "new", "trials", "audit"},
}
WRITERS = ("print", "sys.stdout.write", "sys.stderr.write")
HEAVY = ("arch", "statsmodels", "matplotlib", "torch", "numba", "sklearn", "plotly", "yfinance", "backtrader")


def part(module: str) -> str:
    """``lstm/gpu.py`` belongs to lstm, ``folds.py`` to folds."""
    return module.split("/")[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all that is imported anywhere in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(module: str) -> set[str]:
    """The other parts of the package that a module imports."""
    found = {name.split(".")[1] for name in imports(MODULES[module]) if name.startswith("lstmstrat.")}
    found = {"__init__" if name.startswith("__") else name for name in found}
    return found - {part(module)}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_what_its_part_may(module: str) -> None:
    assert ours(module) <= ALLOWED[part(module)]


def test_the_table_has_no_edge_that_is_not_there() -> None:
    used: dict[str, set[str]] = {name: set() for name in ALLOWED}
    for module in MODULES:
        used[part(module)] |= ours(module)
    assert used == ALLOWED


def test_no_part_imports_itself_round_a_corner() -> None:
    # Each round takes away the parts that need nothing of what is left; a circle would be left over.
    left = {name: needs - {"__init__"} for name, needs in ALLOWED.items() if name != "__init__"}
    while free := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert left == {}


@pytest.mark.parametrize("library", DOORS)
def test_a_library_comes_in_by_its_own_door(library: str) -> None:
    users = {part(m) for m, tree in MODULES.items() if library in {n.split(".")[0] for n in imports(tree)}}
    assert users == DOORS[library]


def test_nothing_is_unpickled() -> None:
    banned = {"pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}
    for module, tree in MODULES.items():
        assert not banned & {name.split(".")[0] for name in imports(tree)}, module
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & {"torch.load", "torch.save", "np.load", "pd.read_pickle", "eval", "exec"}, module


def test_only_the_command_line_prints() -> None:
    printing = {
        module
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in WRITERS
    }
    assert printing == {"backtest.py", "new.py", "audit/__main__.py", "report/terminal.py", "trials.py"}


def test_the_command_line_defines_no_class() -> None:
    for module in ("backtest.py", "audit/__main__.py"):
        assert not [node for node in ast.walk(MODULES[module]) if isinstance(node, ast.ClassDef)]


def test_the_front_door_opens_on_every_name() -> None:
    for name in lstmstrat.__all__:
        assert getattr(lstmstrat, name) is not None
    assert dir(lstmstrat) == sorted(lstmstrat.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'LSTMForcast'"):
        lstmstrat.LSTMForcast  # noqa: B018


def test_help_and_a_wrong_config_load_nothing_heavy(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("dat: 1\n")
    script = f"""
import contextlib, json, runpy, sys
def loaded():
    return [name for name in {HEAVY!r} if name in sys.modules]
import lstmstrat
steps = [loaded()]
sys.argv = ["backtest", "--help"]
with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(SystemExit):
    runpy.run_module("lstmstrat.backtest", run_name="__main__")
steps.append(loaded())
sys.argv = ["audit", "--help"]
with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(SystemExit):
    runpy.run_module("lstmstrat.audit", run_name="__main__")
steps.append(loaded())
from lstmstrat.backtest import main
code = main([{str(tmp_path / "none.yaml")!r}])
steps.append(loaded())
main([{str(wrong)!r}])
steps.append([name for name in loaded() if name != "backtrader"])  # strategies are looked at
print(json.dumps([code, steps]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "usage: python -m lstmstrat.backtest" in done.stderr
    assert json.loads(done.stdout) == [2, [[], [], [], [], []]]


def test_training_on_a_cpu_never_loads_torch() -> None:
    script = """
import sys
sys.path.insert(0, "tests")
from walks import advanced, alone, market, small
prices = market()
walk = advanced(small(device="cpu"), prices.times, prices.bars)
assert walk.folds[0].members
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
