"""The list of the runs in a folder as one page, which links to theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from lstmstrat.report.cells import verdict
from lstmstrat.report.page.curves import bounds, points
from lstmstrat.report.page.render import render
from lstmstrat.results.index import Listed

SPARK = (100.0, 26.0)  # the size of a sparkline, as in the table of strategies


@dataclass(frozen=True)
class _Row:
    """A run in the list."""

    one: Listed
    link: str  # relative, from the folder of the list; its page, or its summary if it has none
    made: str
    verdicts: list[tuple[str, str, str]]  # strategy, words, colour
    sparks: list[tuple[str, str]]  # class of the line, and its points


def runs_page(runs: Sequence[Listed], sweeps: Sequence[Path], folder: Path, older: int = 0) -> str:
    """The text of index.html in `folder`, in which `runs` and `sweeps` lie. All names are escaped."""
    return render(
        "runs.html",
        title="Runs" if folder.resolve().name == "runs" else f"Runs in {folder.resolve().name}",
        rows=[_row(one, folder) for one in runs],
        sweeps=[(str(page.parent.relative_to(folder)), _link(page, folder)) for page in sweeps],
        older=older,
    )


def _row(one: Listed, folder: Path) -> _Row:
    return _Row(
        one=one,
        link=_link(one.folder / ("report.html" if one.page else "summary.json"), folder),
        made=one.made[:16].replace("T", " "),
        verdicts=[(name, *verdict(text)) for name, text in one.verdicts.items()],
        sparks=_sparks(one),
    )


def _link(path: Path, folder: Path) -> str:
    return quote(path.relative_to(folder).as_posix())


def _sparks(one: Listed) -> list[tuple[str, str]]:
    """Holding and the first strategy on one scale."""
    curves = [np.array(values) for values in one.curve().values() if values]
    if not curves:
        return []
    low, high = bounds(np.concatenate(curves))
    return [
        (css, points(curve, low, high, *SPARK)) for css, curve in zip(("hold", "chosen"), curves, strict=False)
    ]
