"""``lstmstrat new DIR``: writes a project of your own, ready to run."""

from __future__ import annotations

import argparse
import json
import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from lstmstrat.commands.console import at_home, exit_code
from lstmstrat.errors import ConfigError

FILES = ("config.yaml", "my_strategy.py", "my_feature.py")
SCHEMA_FILE = "config.schema.json"


def schema() -> str:
    """The JSON Schema of a config, for editors: every key with its description, and the names that it may have."""
    from lstmstrat.config.schema import Config

    return json.dumps(Config.model_json_schema(by_alias=True), indent=2) + "\n"


def create(folder: Path) -> None:
    """Write a config, its schema, strategies and a feature into `folder`, which is created if it does not exist.

    Raises
    ------
    ConfigError
        One of the files exists already; then nothing is written.
    """
    texts = _texts()
    existing = [
        name for name in dict.fromkeys(name.partition("/")[0] for name in texts) if (folder / name).exists()
    ]
    if existing:
        raise ConfigError(f"{folder} has {', '.join(existing)} already; give another folder")
    try:
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error}") from None


def _texts() -> dict[str, str]:
    """The text of each file of a project, by its name."""
    project = files("lstmstrat.commands") / "project"
    texts = {name: (project / name).read_text(encoding="utf-8") for name in FILES}
    texts[SCHEMA_FILE] = schema()
    strategies = sorted(
        (file for file in _strategies().iterdir() if file.name.endswith(".py")), key=lambda f: f.name
    )
    return texts | {f"strategies/{file.name}": file.read_text(encoding="utf-8") for file in strategies}


def _strategies() -> Traversable:
    """The folder of the bundled strategies: in a wheel beside the files of a project, at the top of a checkout."""
    packed = files("lstmstrat.commands") / "project" / "strategies"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "strategies"


DESCRIPTION = (
    "Write a config, a strategy and a feature with comments into a folder, ready to run, with the bundled "
    "strategies beside them."
)
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
    print(f"cd {shlex.quote(str(folder))} && lstmstrat run {FILES[0]}")
    return 0
