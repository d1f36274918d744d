"""``lstmstrat trials``: lists the strategies in the ledger, or strikes the ratio of one."""

from __future__ import annotations

import argparse

from lstmstrat.commands.console import at_home, exit_code
from lstmstrat.errors import ConfigError

DESCRIPTION = (
    "List every strategy that was tried. The more were tried on the same prices, the better the best of them "
    "looks by luck alone: each report says how many there were."
)
EPILOG = "Example: lstmstrat trials --symbol AAPL"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    _add_ledger(parser, default=None)
    parser.add_argument("--symbol", help="trials on this asset only, such as AAPL, whatever they called it")
    strike = parser.add_subparsers(dest="action", metavar="strike N --why REASON").add_parser(
        "strike",
        help="take the Sharpe ratio of trial N out of the variance of the ratios",
        description="Take the Sharpe ratio of a trial out of the variance by which later ratios are deflated, for "
        "example that of a strategy with a mistake. The trial still counts, and reports say how many were struck.",
    )
    strike.add_argument("number", type=int, metavar="N", help="the number of the trial, as listed")
    strike.add_argument("--why", default="", metavar="REASON", help="the reason, which is kept; required")
    _add_ledger(strike, default=argparse.SUPPRESS)  # else it would undo the option before the word strike


def _add_ledger(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument(
        "--ledger", type=at_home, metavar="FILE", default=default, help="the ledger (the user's ledger)"
    )


def work(options: argparse.Namespace) -> int:
    """Run the command; the exit code is 0, or 2 for an error that the user can correct."""
    return exit_code(lambda: _main(options))


def _main(options: argparse.Namespace) -> int:
    from lstmstrat.ledger import Ledger, ledger_path

    path = options.ledger or ledger_path()
    if not path.exists():
        nothing = f"there is no {path}; lstmstrat run CONFIG makes it"
        if options.action:
            raise ConfigError(f"strike {options.number}: {nothing}")
        print(f"no trials: {nothing}")
        return 0
    from lstmstrat.report.terminal import print_trials
    from lstmstrat.study.ledger import read_trials, strike

    ledger = Ledger(path)
    if options.action:
        trial = strike(ledger, options.number, options.why)
        if ledger.kept:
            print(f"struck the ratio of trial {trial.number}, {trial.strategy} on {trial.symbol}; it still counts")
    else:
        print_trials(read_trials(ledger, options.symbol))
    return 0 if ledger.kept else 2
