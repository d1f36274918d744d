"""``lstmstrat new DIR``: writes a project of your own, ready to run."""

from __future__ import annotations

import argparse
import json
from importlib.resources import files
from pathlib import Path

from lstmstrat.commands.console import at_home, exit_code
from lstmstrat.errors import ConfigError

FILES = ("config.yaml", "my_strategy.py", "my_feature.py")
SCHEMA_FILE = "config.schema.json"


def schema() -> str:
    """The JSON Schema of a config, for editors, with the names of the models."""
    from lstmstrat.config.schema import Config
    from lstmstrat.forecasting.models import MODELS

    values = Config.model_json_schema(by_alias=True)
    model = values["$defs"]["ForecastConfig"]["properties"]["model"]
    own_model = {"type": "string", "pattern": r"^[\w.]+:\w+$"}
    model |= {"anyOf": [{"enum": list(MODELS)}, own_model]}
    return json.dumps(values, indent=2) + "\n"


def create(folder: Path) -> None:
    """Write a config, its schema, a strategy and a feature into `folder`, which is created if it does not exist.

    Raises
    ------
    ConfigError
        One of the files exists already; then nothing is written.
    """
    existing = [name for name in (*FILES, SCHEMA_FILE) if (folder / name).exists()]
    if existing:
        raise ConfigError(f"{folder} has {', '.join(existing)} already; give another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            text = (files("lstmstrat.commands") / "project" / name).read_text(encoding="utf-8")
            (folder / name).write_text(text, encoding="utf-8")
        (folder / SCHEMA_FILE).write_text(schema(), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error}") from None


HELP = "write a project of your own, ready to run"
DESCRIPTION = "Write a config, a strategy and a feature with comments into a folder, ready to run."
EPILOG = "Example: lstmstrat new mine"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "folder", type=at_home, help="made if it is not there; files that are there are left alone"
    )


def work(options: argparse.Namespace) -> int:
    """Run the command and return the exit code: 0, or 2 for an error that the user can correct."""
    return exit_code(lambda: _main(options.folder))


def _main(folder: Path) -> int:
    create(folder)
    print(f"cd {folder} && lstmstrat run {FILES[0]}")
    return 0
