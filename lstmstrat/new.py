"""``python -m lstmstrat.new DIR``: a project of one's own, ready to run."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from lstmstrat.config import Config
from lstmstrat.errors import ConfigError

FILES = ("config.yaml", "my_strategy.py", "my_feature.py")
SCHEMA = "config.schema.json"


def schema() -> str:
    """JSON Schema of a config, for editors."""
    return json.dumps(Config.model_json_schema(by_alias=True), indent=2) + "\n"


def create(folder: Path) -> None:
    """Writes a config, its schema, a strategy and a feature into `folder`, which is made if it is not there.

    Raises
    ------
    ConfigError
        One of the files is there already; nothing is written then.
    """
    there = [name for name in (*FILES, SCHEMA) if (folder / name).exists()]
    if there:
        raise ConfigError(f"{folder} has {', '.join(there)} already; give another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            text = (files("lstmstrat") / "project" / name).read_text(encoding="utf-8")
            (folder / name).write_text(text, encoding="utf-8")
        (folder / SCHEMA).write_text(schema(), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0, or 2 for what the user can mend."""
    parser = argparse.ArgumentParser(
        prog="python -m lstmstrat.new",
        description="Write a config, a strategy and a feature with comments into a folder, ready to run.",
    )
    parser.add_argument("folder", type=Path, help="made if it is not there; files that are there are left alone")
    folder = parser.parse_args(arguments).folder
    try:
        create(folder)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"cd {folder} && python -m lstmstrat.backtest {FILES[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
