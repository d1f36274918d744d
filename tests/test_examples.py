"""Every example runs, and prints what its README shows; what users copy is written with public names alone."""

from __future__ import annotations

import ast
import datetime as dt
import importlib
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lstmstrat
from lstmstrat import DataConfig, Prices, Session, Store, load_prices

EXAMPLES = Path(__file__).parent.parent / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))
OFFLINE = [name for name in SCRIPTS if name != "yahoo.py"]
ALONE = "optimise.py"  # Backtrader forks the script itself
STRATEGIES = EXAMPLES.parent / "strategies"
COPIED = sorted(path for folder in (EXAMPLES, STRATEGIES) for path in folder.rglob("*.py"))
README = (EXAMPLES / "README.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"### `(\w+\.py)`\n.*?```text\n(.*?)```", README, re.DOTALL))


def test_readme_shows_every_example() -> None:
    assert sorted(SHOWN) == SCRIPTS


@pytest.fixture
def _as_a_script(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The modules of an example are found, and forgotten after it."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(EXAMPLES.parent)
    yield
    for name in SCRIPTS:
        sys.modules.pop(name.removesuffix(".py"), None)


@pytest.mark.usefixtures("_as_a_script")
@pytest.mark.parametrize("name", sorted({*OFFLINE} - {ALONE}))
def test_an_example_prints_what_readme_shows(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In this process: that a script works in one of its own is seen below."""
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    assert capsys.readouterr().out == SHOWN[name]


def test_an_example_that_starts_processes_prints_it_as_a_command() -> None:
    command = [sys.executable, str(EXAMPLES / ALONE)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=EXAMPLES.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout == SHOWN[ALONE]


@pytest.mark.usefixtures("_as_a_script")
def test_the_yahoo_example_prints_it_on_bundled_prices(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[DataConfig] = []

    def bundled(config: DataConfig) -> Prices:
        asked.append(config)
        return load_prices(DataConfig(start=dt.date(2008, 1, 1)))

    yahoo = importlib.import_module("yahoo")
    monkeypatch.setattr(yahoo, "load_prices", bundled)
    with Session(Store(None)).active():
        yahoo.main("AAPL")
    assert capsys.readouterr().out == SHOWN["yahoo.py"]
    assert (asked[0].source, asked[0].symbol) == ("yahoo", "AAPL")


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_is_short(name: str) -> None:
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) < 60


def inner(source: str) -> list[str]:
    """What `source` takes from lstmstrat and is not one of its public names, as written."""
    public, found = {f"lstmstrat.{name}" for name in lstmstrat.__all__}, []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name for name in names if _ours(name) and name not in public]
        elif isinstance(node, ast.Import):  # `import lstmstrat.audit` would load the package behind the function
            found += [alias.name for alias in node.names if _ours(alias.name) and alias.name != "lstmstrat"]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "lstmstrat":
            found += [name for name in [ast.unparse(node)] if name not in public]
    return found


def _ours(name: str) -> bool:
    return name.split(".")[0] == "lstmstrat"


@pytest.mark.parametrize("path", COPIED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_users_copy_imports_no_inner_module(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert inner(source) == []
    assert "import_module(" not in source


def test_an_inner_module_would_be_found() -> None:
    wrong = {
        "from lstmstrat.prices import load": ["lstmstrat.prices.load"],
        "from lstmstrat import prices": ["lstmstrat.prices"],
        "from lstmstrat import _HOME, Prices": ["lstmstrat._HOME"],
        "import lstmstrat.store as s": ["lstmstrat.store"],
        "import lstmstrat.audit": ["lstmstrat.audit"],
        "def f():\n    from lstmstrat.store import Store": ["lstmstrat.store.Store"],
        "import lstmstrat\nlstmstrat.prices.load()": ["lstmstrat.prices"],
    }
    assert {source: inner(source) for source in wrong} == wrong
    assert inner("import lstmstrat, lstmstratagem.x\nlstmstrat.audit(1)\nfrom lstmstrat import Prices") == []
