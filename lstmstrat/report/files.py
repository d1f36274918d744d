"""The run folder: seven files, and the page where one is asked for, that appear together or not at all."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from lstmstrat.errors import ConfigError
from lstmstrat.result import Result
from lstmstrat.yamlfile import dump


def check_free(folder: Path) -> None:
    """Call before any training, so that no run is lost for want of a place to put it.

    Raises
    ------
    ConfigError
        `folder` is a file, holds something already, or cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; give another folder, such as --out {folder}_run")
    if folder.is_dir() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty; give another folder, such as --out {folder}_2")
    parent = next(p for p in folder.absolute().parents if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise ConfigError(f"cannot make {folder}: no folder can be made in {parent}; give another --out")


def write(result: Result, folder: Path, page: str | None) -> None:
    """Write the run to `folder`, which must not hold anything yet.

    The files are written and synced in a hidden folder beside it, which is then renamed: `folder` is there
    complete or not at all, whatever stops the program.

    Parameters
    ----------
    page
        The text of report.html; None writes none.

    Raises
    ------
    ConfigError
        Something lies in `folder` already, no room, no permission.
    """
    check_free(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _whole(folder) as partial:
            for name, text in _texts(result, page):
                _put(partial / name, text)
    except OSError as error:
        raise ConfigError(
            f"cannot write the run to {folder}: {error.strerror}; nothing was left there. "
            "Make room or give another --out; fitted folds are kept in the cache"
        ) from error


def _texts(result: Result, page: str | None) -> Iterator[tuple[str, str]]:
    """Name and text of each file. Floats are written so that they read back equal."""
    yield "config.yaml", dump(result.config)
    yield "summary.json", json.dumps(result.summary, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    yield "equity.csv", _csv(result.equity.rename_axis("date").reset_index())
    yield "forecasts.csv", _csv(result.forecasts.rename_axis("date").reset_index())
    yield "folds.csv", _csv(result.folds)
    yield "orders.csv", _csv(result.orders)
    yield "trades.csv", _csv(result.trades)
    if page is not None:
        yield "report.html", page


def _csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n")


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A new folder that becomes `folder` if the block ends well, and is removed if it does not."""
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        partial.mkdir()
        yield partial
        _sync(partial)
        if folder.is_dir():
            folder.rmdir()  # an empty one; not every system renames onto it
        os.rename(partial, folder)
        _sync(folder.parent)
    except BaseException:  # Ctrl-C too
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _put(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the names in `folder` last through a power cut. Windows cannot, and opens no folders."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
