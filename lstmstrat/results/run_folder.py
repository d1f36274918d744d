"""Writes and reads the run folder: nine files, and the page if the config asks for it.

A folder is written completely or not at all.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.config.files import dump
from lstmstrat.config.files import read as read_yaml
from lstmstrat.config.schema import Config
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError, DataError, did_you_mean
from lstmstrat.prices import bars
from lstmstrat.results.account import ORDERS, TIME, TRADES
from lstmstrat.results.assessment import Assessment
from lstmstrat.results.csv_text import csv_text
from lstmstrat.results.panel import tables as panel
from lstmstrat.results.partial_folder import put, write_folder
from lstmstrat.results.result import Result
from lstmstrat.results.tables import FOLDS, forecast_types

CELL_KINDS = {TIME: "a date such as 2005-01-31", float: "a number or nothing", int: "a whole number"}
RERUN = "run the config.yaml beside it again"


def check_free(folder: Path) -> None:
    """Check that a run can be written to `folder`, before the training, so that no finished run is lost.

    Raises
    ------
    ConfigError
        `folder` is a file, is not empty, or cannot be made.
    """
    try:
        is_other = folder.exists() and not folder.is_dir()
    except OSError as error:  # a name of 300 letters
        raise ConfigError(f"cannot make {str(folder)[:100]!r}: {error.strerror}; give another --out") from None
    if is_other:
        raise ConfigError(f"{folder} is a file; give another folder, such as --out {folder}_run")
    if folder.is_dir() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty; give another folder, such as --out {folder}_2")
    parent = next(p for p in folder.absolute().parents if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise ConfigError(f"cannot make {folder}: no folder can be made in {parent}; give another --out")


def write(result: Result, folder: Path, page: str | None) -> Path:
    """Write the run to `folder`, and return where it is: beside it, as `folder`_2, if another run was faster.

    `folder` is either complete or not there, even if the program is stopped: see `partial_folder`.

    Parameters
    ----------
    page
        The text of report.html; None if there is to be none.

    Raises
    ------
    ConfigError
        The disk is full, or there is no permission to write.
    """
    return write_files(_texts(result, page), folder)


def write_files(texts: Iterable[tuple[str, str]], folder: Path) -> Path:
    """Write files of these names and texts to `folder`, all or none of them; see `write`."""
    try:
        return write_folder(texts, folder)
    except OSError as error:
        raise ConfigError(
            f"cannot write the run to {folder}: {error.strerror}; nothing was left there. "
            "Make room or give another --out"
        ) from error


def replace_file(path: Path, text: str) -> Path:
    """Write a file anew, whole or not at all, and return its path.

    Raises
    ------
    ConfigError
        The disk is full, or there is no permission to write.
    """
    partial = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.partial")
    try:
        put(partial, text)
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    return path


def _texts(result: Result, page: str | None) -> Iterator[tuple[str, str]]:
    """Name and text of each file."""
    summary = result.assessment.to_dict()
    yield "config.yaml", dump(result.config)
    yield "summary.json", json.dumps(summary, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    by_date = ["equity", "exposure", "prices", *(["forecasts"] if result.assessment.universe is None else [])]
    for name in by_date:
        yield f"{name}.csv", csv_text(getattr(result, name).rename_axis("date").reset_index())
    for name in sorted({"forecasts", "folds", "orders", "trades"} - {*by_date}):
        yield f"{name}.csv", csv_text(getattr(result, name))
    if page is not None:
        yield "report.html", page


def read(folder: str | Path) -> Result:
    """The numbers of a run, read back from its folder; types and errors are those of `lstmstrat.load_run`."""
    folder = Path(folder)
    _check_run(folder)
    assessment = _assessment(folder)
    names = ["buy_and_hold", *(strategy.name for strategy in assessment.strategies)]
    closes = assessment.period.bars
    equity = _numbers_by_date(folder / "equity.csv", names, closes)
    of_assets = _tables_of_one if assessment.universe is None else _tables_of_many
    return Result(
        config=_config(folder / "config.yaml"),
        assessment=assessment,
        equity=equity,
        exposure=_on(equity, _numbers_by_date(folder / "exposure.csv", names, closes), folder / "exposure.csv"),
        **of_assets(folder, assessment, equity),
    )


def _tables_of_one(folder: Path, assessment: Assessment, equity: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables of a run on one asset that are not of its accounts alone."""
    closes, folds = assessment.period.bars, assessment.walk_forward.folds
    return {
        "forecasts": _on(
            equity,
            _by_date(
                folder / "forecasts.csv",
                forecast_types(assessment.walk_forward.quantiles),
                closes,
                optional={"price"},
            ),
            folder / "forecasts.csv",
        ),
        "folds": _table(folder / "folds.csv", FOLDS, folds),
        "orders": _table(folder / "orders.csv", {"strategy": object, **ORDERS}),
        "trades": _table(folder / "trades.csv", {"strategy": object, **TRADES}),
        "prices": _on(
            equity, _numbers_by_date(folder / "prices.csv", bars.COLUMNS, closes), folder / "prices.csv"
        ),
    }


def _tables_of_many(folder: Path, assessment: Assessment, equity: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The same of a run over a universe, with a column for the asset; `prices` has the close of each."""
    closes = folder / "prices.csv"
    assets = [name for name in _cells(closes).columns if name != "date"]
    return {
        "forecasts": _table(folder / "forecasts.csv", panel.FORECASTS),
        "folds": _table(folder / "folds.csv", panel.FOLDS),
        "orders": _table(folder / "orders.csv", {"strategy": object, **panel.ASSET_ORDERS}),
        "trades": _table(folder / "trades.csv", {"strategy": object, **panel.ASSET_TRADES}),
        "prices": _on(equity, _by_date(closes, dict.fromkeys(assets, float), assessment.period.bars), closes),
    }


def _check_run(folder: Path) -> None:
    """Raise unless `folder` is a folder with a summary.json."""
    if folder.is_file():
        of_run = (folder.parent / "summary.json").exists()
        cure = f"; give the folder: {folder.parent}" if of_run else ", such as runs/aapl/2026-01-31_120000"
        raise DataError(f"{folder} is a file; expected the folder of a run{cure}")
    if not folder.is_dir():
        hint = (
            did_you_mean(folder.name, [run.name for run in folders_in(folder.parent)])
            or "; give the folder that a run was written to"
        )
        raise DataError(f"there is no folder {folder}; expected the folder of a run{hint}")
    if not (folder / "summary.json").exists():
        runs = folders_in(folder)
        example = f"such as {runs[-1]}" if runs else "such as runs/aapl/2026-01-31_120000"
        raise DataError(f"{folder} is no run folder: it has no summary.json; give the folder of a run, {example}")


def folders_in(folder: Path) -> list[Path]:
    """The run folders that lie directly in a folder, by their names, which for most is the order of time."""
    return sorted(path.parent for path in folder.glob("[!.]*/summary.json"))


def _assessment(folder: Path) -> Assessment:
    path = folder / "summary.json"
    try:
        values = json.loads(_text(path), parse_constant=_refuse)
    except ValueError as error:
        raise DataError(f"{path} is broken: expected JSON, {error}; {RERUN}") from None
    if not isinstance(values, dict):
        raise DataError(f"{path} is broken: expected keys and values, found {values!r:.40}; {RERUN}")
    try:
        return Assessment.from_dict(values)
    except DataError as error:
        raise DataError(f"{folder}: {error}") from None


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _config(path: Path) -> Config:
    _text(path)  # if the file is missing, the folder is at fault, not the command that the user typed
    try:
        return validated(Config, read_yaml(path), f"{path} is broken:")
    except ConfigError as error:
        raise DataError(f"{error}\n  undo the change, or take the folder of another run") from None


def _by_date(
    path: Path, types: Mapping[str, Any], rows: int, optional: Collection[str] = frozenset()
) -> pd.DataFrame:
    frame = _table(path, {"date": TIME, **types}, rows, optional).set_index("date")
    if frame.index.hasnans or not frame.index.is_monotonic_increasing or not frame.index.is_unique:
        raise DataError(f"{path} is broken: expected a date in each row, each after the one before; {RERUN}")
    return frame


def _numbers_by_date(path: Path, names: Sequence[str], rows: int) -> pd.DataFrame:
    """A table by date in which no number is missing."""
    frame = _by_date(path, dict.fromkeys(names, float), rows)
    gaps = frame.index[~np.isfinite(frame.to_numpy()).all(axis=1)]
    if len(gaps):
        raise DataError(f"{path} is broken: a number is missing on {gaps[0]}; undo the change, or {RERUN}")
    return frame


def _on(equity: pd.DataFrame, frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """`frame`, which must have the dates of `equity`."""
    if not frame.index.equals(equity.index):
        raise DataError(f"{path} has other dates than equity.csv; undo the change, or {RERUN}")
    return frame


def _table(
    path: Path, types: Mapping[str, Any], rows: int | None = None, optional: Collection[str] = frozenset()
) -> pd.DataFrame:
    """A CSV file with `rows` rows (None: any number) and columns of these `types`, in the order of the file."""
    cells = _cells(path)
    columns, required = list(cells.columns), [name for name in types if name not in optional]
    if not set(required) <= set(columns) <= set(types) or not cells.columns.is_unique:
        raise DataError(
            f"{path} has the columns {', '.join(columns) or 'none'}; expected {', '.join(required)}; "
            f"undo the change, or {RERUN}"
        )
    if rows is not None and len(cells) != rows:
        raise DataError(f"{path} has {len(cells):,} rows; expected {rows:,}, as summary.json says; {RERUN}")
    return pd.DataFrame({name: _column(path, cells[name], types[name]) for name in columns})


def _cells(path: Path) -> pd.DataFrame:
    """The cells of a CSV file as text.

    `pd.read_csv` is not used: it would accept a first row that is too long, as a row with an index, and would fill
    up short rows.
    """
    text = _text(path)
    if not text.endswith("\n"):
        raise DataError(f"{path} is empty or cut off: expected a line end at its end; {RERUN}")
    try:
        heading, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    except csv.Error as error:
        raise DataError(f"{path} is broken: expected a table, {error}; undo the change, or {RERUN}") from None
    for number, row in enumerate(rows, 1):
        if len(row) != len(heading):
            raise DataError(
                f"{path} is broken: row {number} has {len(row)} cells; expected {len(heading)}; "
                f"undo the change, or {RERUN}"
            )
    return pd.DataFrame(rows, columns=heading, dtype=object)


def _column(path: Path, cells: pd.Series, kind: Any) -> pd.Series:
    """The text of `cells` as values of the type `kind`."""
    try:
        return _convert(cells, kind)
    except (ValueError, TypeError):  # TypeError: a date with a time zone
        for k in range(len(cells) if len(cells) > 1 else 0):
            _column(path, cells.iloc[k : k + 1], kind)  # raises at the first wrong cell
        raise DataError(
            f"{path} is broken: {cells.iloc[0]!r} in column {cells.name}, row {cells.index[0] + 1}; "
            f"expected {CELL_KINDS[kind]}; undo the change, or {RERUN}"
        ) from None


def _convert(cells: pd.Series, kind: Any) -> pd.Series:
    if kind == TIME:
        return pd.to_datetime(cells, format="ISO8601").astype(TIME)
    if kind is float:
        return cells.where(cells != "", math.nan).astype(float)  # Python's float is the one nearest to the text
    return cells.astype(kind)


def _text(path: Path) -> str:
    """The text of a file with its line ends, which `Path.read_text` would translate."""
    try:
        return path.read_bytes().decode("utf-8-sig")  # some editors put a mark at the beginning
    except FileNotFoundError:
        raise DataError(
            f"{path.parent} is no run folder: it has no {path.name}; give the folder of another run, or {RERUN}"
        ) from None
    except OSError as error:
        raise DataError(
            f"cannot read {path}: {error.strerror}; give the folder of another run, or {RERUN}"
        ) from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is broken: expected text in UTF-8; {RERUN}") from None
