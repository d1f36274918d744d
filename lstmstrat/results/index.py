"""The runs in a folder, found by their summaries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Listed:
    """What a list of runs says of one; read from summary.json of any version, "" where it does not say."""

    folder: Path
    name: str
    symbol: str
    made: str  # UTC, ISO
    verdicts: dict[str, str]  # by strategy
    page: bool  # whether report.html is there


def runs_in(folder: Path) -> list[Listed]:
    """The runs below a folder, the newest first; what cannot be read is left out."""
    found = [listed for path in sorted(folder.glob("**/summary.json")) for listed in _listed(path)]
    return sorted(found, key=lambda one: (one.made, str(one.folder)), reverse=True)


def _listed(path: Path) -> Iterator[Listed]:
    if any(part.startswith(".") for part in path.parts[-3:]):
        return  # one that is being written
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        yield Listed(
            folder=path.parent,
            name=str(values["name"]),
            symbol=str(values["data"]["symbol"]),
            made=str(values.get("made", {}).get("when", "")),
            verdicts={str(s["name"]): str(s["versus_benchmark"]["verdict"]) for s in values["strategies"]},
            page=(path.parent / "report.html").exists(),
        )
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return
