"""A project of one's own, from an installed wheel, and the schema of its config."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lstmstrat.commands import new
from lstmstrat.commands.main import main
from lstmstrat.config.forecast import DEFAULT_FEATURES, ForecastConfig
from lstmstrat.config.names import CHANGES, FEATURES
from lstmstrat.config.schema import Config
from lstmstrat.forecasting.features import feature_set
from lstmstrat.forecasting.models import MODELS

ROOT = Path(__file__).parents[2]
STRATEGIES = sorted((ROOT / "strategies").glob("*.py"))


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my_feature.py").write_text("mine")
    assert main(["new", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path} has my_feature.py already; give another folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["my_feature.py"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["new", str(tmp_path / "file" / "mine")]) == 2
    assert "cannot write to" in capsys.readouterr().err


def test_the_bundled_strategies_come_along_from_their_one_source(tmp_path: Path) -> None:
    assert main(["new", str(tmp_path / "mine")]) == 0
    for path in STRATEGIES:
        assert (tmp_path / "mine" / "strategies" / path.name).read_bytes() == path.read_bytes()
    assert not (ROOT / "lstmstrat" / "commands" / "project" / "strategies").exists()


def test_a_strategies_folder_that_is_there_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "strategies").mkdir()
    assert main(["new", str(tmp_path)]) == 2
    assert f"{tmp_path} has strategies already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["strategies"]


def test_the_config_names_each_bundled_strategy_and_takes_all_of_them(tmp_path: Path) -> None:
    """In a process of its own, from elsewhere: the project's strategies, and not those of this checkout."""
    assert main(["new", str(tmp_path / "mine")]) == 0
    config = tmp_path / "mine" / "config.yaml"
    text = config.read_text()
    named = [path.stem for path in STRATEGIES if path.stem not in ("__init__", "buy_and_hold")]
    assert all(f"#  - class: strategies.{stem}:" in text for stem in named)
    config.write_text(re.sub(r"^#  ", "  ", text, flags=re.MULTILINE))
    script = (
        "import sys, lstmstrat; config = lstmstrat.load_config(sys.argv[1]); "
        "print(len(config.strategies), sys.modules['strategies'].__file__)"
    )
    done = subprocess.run([sys.executable, "-c", script, config], capture_output=True, text=True, check=True)
    assert done.stdout == f"{1 + len(named)} {tmp_path / 'mine' / 'strategies' / '__init__.py'}\n"


def test_a_name_with_a_blank_is_quoted_in_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", str(tmp_path / "my project")]) == 0
    assert capsys.readouterr().out == f"cd '{tmp_path / 'my project'}' && lstmstrat run config.yaml\n"


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_schema_takes_every_config_that_is_shipped(path: Path) -> None:
    values = json.loads(json.dumps(yaml.safe_load(path.read_text()), default=str))
    jsonschema.validate(values, json.loads(new.schema()))


def test_the_schema_knows_wrong_keys_and_values() -> None:
    right = {"strategies": [{"class": "a:B"}]}
    schema = json.loads(new.schema())
    jsonschema.validate(right, schema)  # which looks at the schema itself too
    validator = jsonschema.validators.validator_for(schema)(schema)
    for name in (*MODELS, "my_models:Mine"):
        validator.validate({**right, "forecast": {"model": name}})
    for name in (*DEFAULT_FEATURES, *FEATURES, "return_7", "volume_ratio_20", "mine:one", "column:mood.change_5"):
        validator.validate({**right, "forecast": {"features": [name], "peer_features": [name]}})
    for value in (1, 21, "week", "month", "quarter", "year", "never"):
        validator.validate({**right, "forecast": {"refit_every": value}})
    for wrong in (
        {"forecast": {"lookbak": 5}},
        {"forecast": {"lookback": "5"}},
        {"forecast": {"model": "ols"}},
        {"forecast": {"features": ["retrun_1"]}},
        {"forecast": {"features": ["return_0"]}},
        {"forecast": {"features": []}},
        {"forecast": {"refit_every": "mouth"}},
        {"forecast": {"refit_every": 0}},
        {"data": {"source": "yaho"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate({**right, **wrong})
    assert schema["properties"].keys() == Config.model_fields.keys()


def keys(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each key of each section, with what the schema says of it."""
    for name, section in {"": schema, **schema["$defs"]}.items():
        yield from ((f"{name}.{key}", values) for key, values in section.get("properties", {}).items())


def test_every_key_has_a_description() -> None:
    found = dict(keys(json.loads(new.schema())))
    assert len(found) > 70
    assert [key for key, values in found.items() if len(values.get("description", "")) < 8] == []
    assert "ForecastConfig.members" in found
    assert "StrategyConfig.class" in found


def offered(values: dict[str, Any]) -> set[str]:
    return {name for branch in values["anyOf"] for name in branch.get("enum", [])}


def test_an_editor_offers_the_names_of_features_models_and_refits() -> None:
    forecast = json.loads(new.schema())["$defs"]["ForecastConfig"]["properties"]
    assert offered(forecast["model"]) == set(MODELS)
    assert offered(forecast["refit_every"]) == {"week", "month", "quarter", "year", "never"}
    for key in ("features", "peer_features"):
        names = offered(forecast[key]["items"])
        assert set(DEFAULT_FEATURES) <= names
        feature_set([name for name in names if not name.startswith(CHANGES)])  # raises if one of them is unknown


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_config_that_is_shipped_names_the_schema_beside_it(path: Path) -> None:
    assert path.read_text().splitlines()[0] == f"# yaml-language-server: $schema=./{new.SCHEMA_FILE}"
    assert (ROOT / "configs" / new.SCHEMA_FILE).read_text() == new.schema()  # lstmstrat new writes it anew


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
    project = [f"commands/project/{name}" for name in ("config.yaml", "my_strategy.py", "my_feature.py")]
    project += [f"commands/project/strategies/{path.name}" for path in STRATEGIES]
    assert not [name for name in names if "__pycache__" in name]
    for needed in (
        *project,
        "report/page/templates/page.html",
        "report/page/static/page.css",
        "prices/snapshots/PROVENANCE.json",
        "py.typed",
    ):
        assert f"lstmstrat/{needed}" in names, needed


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a new environment with the wheel in it and no checkout; the libraries are lent by this one.

    A line in a .pth file brings the libraries in, and not what the .pth files beside them bring: no checkout.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    (lib,) = (Path(p) for p in folder.glob("[Ll]ib/**/site-packages"))
    found = [folder / "bin" / "python", folder / "Scripts" / "python.exe"]
    python = next(path for path in found if path.exists())
    install = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True)
    _lend_machine_code(lib / "lstmstrat")
    (lib / "lent.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
    return python


def _lend_machine_code(package: Path) -> None:
    """What Numba has compiled for the checkout, if it has: it takes a file of the same time as the same."""
    for source in (ROOT / "lstmstrat").rglob("*.py"):
        installed = package / source.relative_to(ROOT / "lstmstrat")
        compiled = list((source.parent / "__pycache__").glob(f"{source.stem}.*.nb[ic]"))
        if compiled:
            assert installed.read_bytes() == source.read_bytes()
            shutil.copystat(source, installed)
            (installed.parent / "__pycache__").mkdir(exist_ok=True)
            for file in compiled:
                shutil.copy2(file, installed.parent / "__pycache__")


def ran(python: Path, *arguments: str, cwd: Path) -> str:
    """What a command printed; in the folder of a user, and nothing of ours on the path."""
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([python, *arguments], cwd=cwd, env=plain, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_the_wheel_alone_a_project_is_made_and_runs_as_it_is_printed(python: Path, tmp_path: Path) -> None:
    assert ran(python, "-c", "import lstmstrat; print(lstmstrat.__file__)", cwd=tmp_path).startswith(
        str(python.parent.parent)
    )
    told = ran(python, "-m", "lstmstrat.new", "mine", cwd=tmp_path)
    assert told == "cd mine && lstmstrat run config.yaml\n"
    assert {path.name for path in (tmp_path / "mine" / "strategies").iterdir()} == {
        path.name for path in STRATEGIES
    }
    fast = ["--set", "forecast.members=1", "--set", "forecast.epochs=1", "--set", "data.start=2008-01-01"]
    folder = tmp_path / "mine"
    told = ran(python, "-m", "lstmstrat.backtest", "config.yaml", "--out", "out", *fast, cwd=folder)
    assert told.endswith("out/report.html\n")
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert summary["strategies"][0]["class"] == "my_strategy:MyStrategy"
    checked = next(check for check in summary["checks"] if check["name"] == "features")
    assert checked["status"] == "passed"
    assert "my_feature:up_days" in checked["detail"]


def test_from_the_wheel_alone_the_indicator_works_and_explains_itself(python: Path, tmp_path: Path) -> None:
    script = tmp_path / "plain.py"
    script.write_text((ROOT / "examples" / "live.py").read_text())
    assert "equal to the last bit: True" in ran(python, str(script), cwd=tmp_path)
    told = ran(python, "-c", "import lstmstrat; help(lstmstrat.LSTMForecast)", cwd=tmp_path)
    assert all(f"{name} = " in told for name in ForecastConfig.model_fields)
