"""A config runs from any directory: its modules and its files of prices are found beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from helpers.command import lstmstrat, summary, tiny

from lstmstrat import DataConfig, load_prices
from lstmstrat.audit.sources import of_subjects
from lstmstrat.audit.trace import Subject
from lstmstrat.errors import ConfigError
from lstmstrat.study.prepare import load_config, prepare

ROOT = Path(__file__).parents[2]
STRATEGY = """
from lstmstrat import ForecastStrategy

WHO = {who!r}

class Here(ForecastStrategy):
    def target_exposure(self):
        import there_{who}  # only now
        return there_{who}.ALL_IN if self.forecast[0] > 0.0 else 0.0
"""


def project(folder: Path, who: str, module: str = "here_module") -> Path:
    """A folder with a config, a strategy, a module that it imports late, prices and a column."""
    folder.mkdir(parents=True)
    (folder / f"{module}.py").write_text(STRATEGY.format(who=who))
    (folder / f"there_{who}.py").write_text("ALL_IN = 1.0\n")
    frame = load_prices(DataConfig(start="2005-01-03", end="2006-03-31")).frame
    frame.to_csv(folder / "prices.csv", index_label="date")
    frame["close"].rename("mood").to_csv(folder / "mood.csv", index_label="date")
    values = tiny(
        data={
            "symbol": who,
            "source": "csv",
            "path": "prices.csv",
            "extra": [{"name": "mood", "path": "mood.csv"}],
            "peers": [{"name": "peer", "symbol": "PEER", "source": "csv", "path": "prices.csv"}],
        },
        forecast={
            "model": "ridge",
            "members": 1,
            "features": ["return_1", "column:mood"],
            "peer_features": ["gap"],
        },
    )
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**values, "strategies": [{"class": f"{module}:Here"}]}))
    return path


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """What a test imports from its folders is forgotten after it."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if "here" in name:
            del sys.modules[name]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_config_runs_from_elsewhere_and_the_path_is_what_it_was(tmp_path: Path, elsewhere: Path) -> None:
    config, before = project(tmp_path / "mine", "a"), list(sys.path)
    told = lstmstrat("run", config, "--out", "out", "--quiet", "--jobs", 1)
    assert told.code == 0, told.err
    assert sys.path == before
    assert summary(elsewhere / "out")["strategies"][0]["class"] == "here_module:Here"
    again = lstmstrat("run", "out/config.yaml", "--out", "again", "--quiet")  # of the run: the module is loaded
    assert again.code == 0, again.err


def test_the_library_leaves_the_path_and_the_directory_alone(tmp_path: Path, elsewhere: Path) -> None:
    path, before = project(tmp_path / "mine", "b"), list(sys.path)
    config = load_config(os.path.relpath(path))
    assert sys.path == before
    assert Path.cwd() == elsewhere
    _, prices = prepare(config)
    assert prices.outside.extra[0].path == os.path.join("..", "mine", "mood.csv")
    assert sys.path == before


def test_an_audit_from_elsewhere_finds_the_modules_in_its_child_processes(tmp_path: Path, elsewhere: Path) -> None:
    path = project(tmp_path / "mine", "c")
    for probe in ("P0", "P12"):
        told = lstmstrat("audit", path, "--strategy", "here", "--only", probe, "--quiet")
        assert (told.code, told.err) == (0, ""), told.out
    config = load_config(path)  # and where nothing extends the path
    here, forecast = sys.modules["here_module"].Here, {"model": "ridge", "train_size": 60, "lookback": 5}
    sources = of_subjects(
        [Subject("here", here, {"forecast": forecast}, prepare(config)[1].frame, path="here_module:Here")]
    )
    # The module beside it, which it imports late, is on no path but that of the new process.
    assert [found.error for found in sources] == [""]


def test_a_config_of_a_checkout_finds_the_modules_at_its_top(tmp_path: Path, elsewhere: Path) -> None:
    for mark in ("pyproject.toml", ".git"):
        top = tmp_path / mark.strip(".")
        path = project(top / "package", mark[-3:], f"here_{mark[-3:]}")
        (top / mark).write_text("")
        (top / "configs" / "deep").mkdir(parents=True)
        moved = top / "configs" / "deep" / "config.yaml"
        moved.write_text(path.read_text().replace(f"here_{mark[-3:]}:", f"package.here_{mark[-3:]}:"))
        assert load_config(moved).strategies[0].label == "here"
        for name in [name for name in sys.modules if name.startswith("package")]:
            del sys.modules[name]


def test_the_shipped_configs_work_from_elsewhere(elsewhere: Path) -> None:
    """In a process without a checkout on its path, but for the package itself."""
    script = f"""
import importlib.util, os, sys
sys.path[:] = [folder for folder in sys.path if not os.path.exists(os.path.join(folder or ".", "strategies"))]
spec = importlib.util.spec_from_file_location("lstmstrat", {str(ROOT / "lstmstrat" / "__init__.py")!r})
sys.modules["lstmstrat"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from lstmstrat.study.prepare import load_config
assert importlib.util.find_spec("strategies") is None
print(len(load_config({str(ROOT / "configs" / "aapl.yaml")!r}).strategies))
"""
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=plain, cwd=elsewhere)
    assert done.stdout == "6\n", done.stderr


def test_its_own_folder_comes_before_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = project(tmp_path / "mine", "d"), project(tmp_path / "other", "e")
    monkeypatch.chdir(other.parent)
    load_config(mine)
    assert sys.modules["here_module"].WHO == "d"


def test_two_projects_with_modules_of_one_name_are_not_mixed_up(tmp_path: Path, elsewhere: Path) -> None:
    mine, other = project(tmp_path / "mine", "f"), project(tmp_path / "other", "g")
    load_config(mine)
    with pytest.raises(ConfigError) as error:
        load_config(other)
    assert f"here_module was loaded from {mine.parent / 'here_module.py'}, and " in str(error.value)
    assert str(other.parent / "here_module.py") in str(error.value)
    told = lstmstrat("compare", mine, other)
    assert told.code == 2
    assert "give one of them another name, or run the two apart" in told.err


def test_a_module_that_is_nowhere_is_answered_with_where_was_looked(tmp_path: Path, elsewhere: Path) -> None:
    path = project(tmp_path / "mine", "h")
    text = path.read_text()
    for wrong in (
        text.replace("here_module", "here_modul"),
        text.replace("here_module", "here_modul") + "nme: 1\n",
    ):
        path.write_text(wrong)
        with pytest.raises(ConfigError) as error:
            load_config(path)
        said = "there is no module here_modul; did you mean 'here_module'? (looked in "
        assert f"{said}{path.parent}, the current directory)" in str(error.value)


def test_a_file_in_the_current_directory_comes_first_and_none_is_said(tmp_path: Path, elsewhere: Path) -> None:
    path = project(tmp_path / "mine", "i")
    assert load_config(path).data.path == str(path.parent / "prices.csv")
    (elsewhere / "prices.csv").write_text((path.parent / "prices.csv").read_text())
    config = load_config(path)
    assert (config.data.path, config.data.peers[0].path) == ("prices.csv", "prices.csv")
    assert config.data.extra[0].path == str(path.parent / "mood.csv")
    (elsewhere / "prices.csv").unlink()
    (path.parent / "prices.csv").unlink()
    told = lstmstrat("run", path, "--out", "out")
    assert told.code == 2
    assert f"no file prices.csv in {elsewhere}, nor beside the config: correct its path" in told.err


@pytest.mark.parametrize(
    "data", ["x", "[1]", "{path: 3}", "{path: [a]}", "{extra: {path: a}}", "{extra: [a, 3]}", '{path: "a\\0b"}']
)
def test_values_that_are_no_files_are_left_to_the_config(data: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(f"data: {data}\nstrategies: [{{class: strategies.long_flat:LongFlat}}]\n")
    with pytest.raises(ConfigError, match="data"):
        load_config(path)
