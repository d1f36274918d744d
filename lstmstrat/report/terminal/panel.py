"""The universe of a run, before anything is trained."""

from __future__ import annotations

import sys
from typing import TextIO

from lstmstrat.errors import count
from lstmstrat.prices.panel import Panel

SHOWN = 3  # symbols in a list


def print_panel(panel: Panel, file: TextIO | None = None) -> None:
    """Print how many assets and sessions there are, and which assets are left out or in quarantine."""
    days = panel.times.astype("datetime64[D]")
    members = panel.tradable.sum(axis=1)
    lines = [
        f"{panel.universe.name}: {count(len(panel.symbols), 'asset')}, {len(days):,} sessions from {days[0]} to "
        f"{days[-1]}, {int(members.min())} to {int(members.max())} members a session"
    ]
    stays = [f"{stay.symbol} from {stay.first} ({stay.text})" for stay in panel.quarantines]
    if stays:
        lines.append(f"in quarantine for a while: {_listed(stays)}")
    if panel.left_out:
        reasons = [f"{symbol} ({why.splitlines()[0]})" for symbol, why in panel.left_out.items()]
        lines.append(f"left out: {_listed(reasons)}")
    print("\n".join(lines), file=file or sys.stdout)


def _listed(names: list[str]) -> str:
    more = f"; and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return "; ".join(names[:SHOWN]) + more
