"""Who may import whom, and what a light command must not load. The line in CONTRIBUTING.md is the whole design."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lstmstrat

PACKAGE = Path(lstmstrat.__file__).parent
MODULES = {
    path.relative_to(PACKAGE).as_posix(): path
    for path in PACKAGE.rglob("*.py")
    if path.parent.name != "project"  # what `lstmstrat.new` copies: the user's
}
THIN_DOORS = {
    "__main__.py",
    "backtest.py",
    "new.py",
    "trials.py",
    "audit/__main__.py",
}  # two lines each, for python -m
FACE = "__init__.py"  # loads any part, when a name of it is first used


@functools.cache
def tree_of(module: str) -> ast.Module:
    """What a module says, read when a test first asks."""
    return ast.parse(MODULES[module].read_text())


def trees() -> Iterator[tuple[str, ast.Module]]:
    for module in MODULES:
        yield module, tree_of(module)


def order() -> list[list[str]]:
    """The floors of the import order, each a list of parts, as CONTRIBUTING.md has them in one line."""
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text()
    (line,) = re.findall(r"^    1 .*$", text, re.MULTILINE)
    return [re.findall(r"[a-z]+", floor) for floor in re.split(r"\d", line)[1:]]


# Libraries with a door of their own.
DOORS = {
    "torch": {"forecasting"},
    "arch": set(),  # second origins of the tests
    "statsmodels": set(),
    "scipy": {"evaluation"},
    "numba": {"forecasting"},
    "sklearn": {"forecasting"},
    "threadpoolctl": {"forecasting"},
    "safetensors": {"forecasting", "prices"},
    "yaml": {"config"},
    "pydantic": {"config", "results"},
    "yfinance": {"prices"},
    "sqlite3": {"database", "store", "ledger"},
    "platformdirs": {"store", "ledger", "prices"},
    "backtrader": {"trading", "audit"},
    "distributed": {"study"},  # and there in study/cluster alone
    "dask": {"study"},
    "matplotlib": {"trading", "report"},
    "IPython": {"report"},
    "plotly": set(),  # its script goes into the page as it is published
    "jinja2": {"report"},
    "shtab": {"commands"},
    "rich": {"report"},
    "argparse": {"commands"},
}
WRITERS = ("print", "sys.stdout.write", "sys.stderr.write")
HEAVY = (
    "arch",
    "statsmodels",
    "matplotlib",
    "torch",
    "numba",
    "sklearn",
    "jinja2",
    "shtab",
    "yfinance",
    "backtrader",
    "distributed",
    "skfolio",
)


def part(module: str) -> str:
    """``report/page/view.py`` belongs to report, ``store.py`` to store, a thin door to commands."""
    return "commands" if module in THIN_DOORS else module.split("/")[0].removesuffix(".py")


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
    names = {name.split(".")[1] for name in imports(tree_of(module)) if name.startswith("lstmstrat.")}
    return names - {part(module)}


def test_the_line_names_every_part() -> None:
    assert {name for floor in order() for name in floor} == {part(m) for m in MODULES if m != FACE}


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {FACE}))
def test_a_part_imports_only_what_stands_before_it(module: str) -> None:
    floors = order()
    mine = next(k for k, floor in enumerate(floors) if part(module) in floor)
    before = {name for floor in floors[:mine] for name in floor}
    beside = set(floors[mine][: floors[mine].index(part(module))])
    if "trading" in beside | {part(module)}:  # trading and report do not know each other
        beside = set()
    assert ours(module) <= before | beside


@pytest.mark.parametrize("library", DOORS)
def test_a_library_comes_in_by_its_own_door(library: str) -> None:
    users = {part(m) for m in MODULES if library in {n.split(".")[0] for n in imports(tree_of(m))}}
    assert users == DOORS[library]


def test_nothing_is_unpickled() -> None:
    banned = {"pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}
    for module, tree in trees():
        assert not banned & {name.split(".")[0] for name in imports(tree)}, module
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & {"torch.load", "torch.save", "np.load", "pd.read_pickle", "eval", "exec"}, module


def test_only_the_command_line_prints() -> None:
    printing = {
        module
        for module, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in WRITERS
    }
    assert {module.rsplit("/", 1)[0] for module in printing} <= {"commands", "report/terminal"}


def test_a_thin_door_holds_nothing() -> None:
    """Under ``python -m`` a class in it would exist twice."""
    for module in THIN_DOORS:
        assert not [n for n in ast.walk(tree_of(module)) if isinstance(n, (ast.ClassDef, ast.FunctionDef))]
        assert len(ast.unparse(tree_of(module)).splitlines()) < 10


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
sys.argv = ["lstmstrat", "--help"]
with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(SystemExit):
    runpy.run_module("lstmstrat", run_name="__main__")
steps.append(loaded())
from lstmstrat.commands.main import main
code = main(["run", {str(tmp_path / "none.yaml")!r}])
steps.append(loaded())
main(["run", {str(wrong)!r}])
steps.append([name for name in loaded() if name != "backtrader"])  # strategies are looked at
print(json.dumps([code, steps]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "usage: python -m lstmstrat.backtest" in done.stderr
    assert json.loads(done.stdout) == [2, [[], [], [], [], [], []]]


def test_training_on_a_cpu_never_loads_torch() -> None:
    script = """
import sys
sys.path.insert(0, "tests")
from helpers.market import advanced, alone, market, small
prices = market()
walk = advanced(small(device="cpu"), prices.times, prices.bars)
assert walk.folds[0].members
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_universe_is_traded_without_backtrader() -> None:
    script = "import sys, lstmstrat.study.panel.run; print('backtrader' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
