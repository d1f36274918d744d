"""The runs in a folder, found by their summaries."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOLDING = "buy_and_hold"
DRAWN = 200  # bars of a line as wide as a word


@dataclass(frozen=True)
class Listed:
    """What a list of runs says of one; read from summary.json of any version, "" where it does not say."""

    folder: Path
    name: str
    symbol: str
    first: str  # traded
    last: str
    made: str  # UTC, ISO
    verdicts: dict[str, str]  # by strategy
    page: bool  # whether report.html is there

    def curve(self) -> dict[str, list[float]]:
        """The account values of holding and of the first strategy, from equity.csv; empty if it cannot be read.

        At the first bar, the last one, and so many between them that there are at most twice `DRAWN`.
        """
        with suppress(OSError, ValueError, LookupError, csv.Error), self._equity.open(encoding="utf-8") as file:
            names, *rows = csv.reader(file)
            rows = [*rows[: -1 : max(1, len(rows) // DRAWN)], *rows[-1:]]
            wanted = [name for name in (HOLDING, *list(self.verdicts)[:1]) if rows and name in names]
            return {name: [float(row[names.index(name)]) for row in rows] for name in wanted}
        return {}

    @property
    def _equity(self) -> Path:
        return self.folder / "equity.csv"


def runs_in(folder: Path, most: int | None = None) -> list[Listed]:
    """The runs below a folder, the newest first; what cannot be read is left out.

    With `most` only so many summaries are read, those that were written last.
    """
    paths = sorted(_below(folder, "summary.json"), key=lambda path: -_written(path))
    found = [listed for path in paths[:most] for listed in _listed(path)]
    return sorted(found, key=lambda one: (one.made, str(one.folder)), reverse=True)


def sweeps_in(folder: Path) -> list[Path]:
    """The pages of sweeps below a folder, those that were written last first."""
    return sorted(_below(folder, "sweep.html"), key=lambda path: -_written(path))


def _below(folder: Path, name: str) -> Iterator[Path]:
    """Every file of this name below a folder, but for those that are being written, in hidden folders."""
    for path in sorted(folder.glob(f"**/{name}")):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it was removed
        return 0.0


def _listed(path: Path) -> Iterator[Listed]:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        period = values.get("period", {})
        yield Listed(
            folder=path.parent,
            name=str(values["name"]),
            symbol=str(values["data"]["symbol"]),
            first=str(period.get("first", "")),
            last=str(period.get("last", "")),
            made=str(values.get("made", {}).get("when", "")),
            verdicts={str(s["name"]): str(s["versus_benchmark"]["verdict"]) for s in values["strategies"]},
            page=(path.parent / "report.html").exists(),
        )
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return
