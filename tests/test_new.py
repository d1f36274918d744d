"""A project of one's own, from an installed wheel, and the schema of its config."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest
import yaml

from lstmstrat import new
from lstmstrat.config import Config

ROOT = Path(__file__).parent.parent


def test_the_project_runs_as_it_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    assert new.main([str(folder)]) == 0
    told = capsys.readouterr().out.strip()
    assert told == f"cd {folder} && python -m lstmstrat.backtest config.yaml"
    fast = ["--set", "forecast.members=1", "--set", "forecast.epochs=1", "--set", "data.start=2008-01-01"]
    command = [sys.executable, "-m", "lstmstrat.backtest", "config.yaml", "--out", "out", "--no-cache", *fast]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert summary["strategies"][0]["class"] == "my_strategy:MyStrategy"
    checked = next(check for check in summary["checks"] if check["name"] == "features")
    assert checked["status"] == "passed"
    assert "my_feature:up_days" in checked["detail"]


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my_feature.py").write_text("mine")
    assert new.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path} has my_feature.py already; give another folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["my_feature.py"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert new.main([str(tmp_path / "file" / "mine")]) == 2
    assert "cannot write to" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_schema_takes_every_config_that_is_shipped(path: Path) -> None:
    values = json.loads(json.dumps(yaml.safe_load(path.read_text()), default=str))
    jsonschema.validate(values, json.loads(new.schema()))


def test_the_schema_knows_wrong_keys_and_values() -> None:
    right = {"strategies": [{"class": "a:B"}]}
    schema = json.loads(new.schema())
    jsonschema.validate(right, schema)
    for wrong in ({"forecast": {"lookbak": 5}}, {"forecast": {"lookback": "5"}}, {"data": {"source": "yaho"}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**right, **wrong}, schema)
    assert schema["properties"].keys() == Config.model_fields.keys()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"lstmstrat"}
    for needed in ("project/config.yaml", "project/my_strategy.py", "report/page.html", "py.typed"):
        assert f"lstmstrat/{needed}" in names, needed


def test_from_the_wheel_alone_a_project_is_made_and_its_config_read(wheel: Path, tmp_path: Path) -> None:
    """Python with the unpacked wheel in front and no checkout: what an installation has."""
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    script = f"""
import sys
sys.path.insert(0, {str(installed)!r})
import lstmstrat, lstmstrat.new, lstmstrat.backtest
assert lstmstrat.__file__.startswith({str(installed)!r})
assert lstmstrat.new.main([{str(tmp_path / "mine")!r}]) == 0
import os; os.chdir({str(tmp_path / "mine")!r})
from pathlib import Path
print(lstmstrat.backtest.prepare(lstmstrat.backtest.load_config(Path("config.yaml")))[0].name)
"""
    done = subprocess.run([sys.executable, "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "mine"
