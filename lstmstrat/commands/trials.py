"""``python -m lstmstrat.trials``: lists every strategy that was tried, from the ledger of trials."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lstmstrat.store import Store, default_path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code, which is 0."""
    parser = argparse.ArgumentParser(
        prog="python -m lstmstrat.trials",
        description="List every strategy that was tried. The more were tried on the same prices, the better the "
        "best of them looks by luck alone: each report says how many there were.",
    )
    parser.add_argument("--symbol", help="trials on this asset only, such as AAPL")
    parser.add_argument("--cache", type=Path, metavar="FILE", help="the store they are in (the user's cache)")
    options = parser.parse_args(arguments)
    path = options.cache or default_path()
    if not path.exists():
        print(f"no trials: there is no {path}; python -m lstmstrat.backtest CONFIG makes it")
        return 0
    from lstmstrat.report.terminal import print_trials
    from lstmstrat.study.ledger import read_trials

    store = Store(path)
    print_trials(read_trials(store, options.symbol))
    store.close()
    return 0
