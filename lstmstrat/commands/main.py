"""``lstmstrat COMMAND``: every command line in one parser. ``python -m lstmstrat`` is the same."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from lstmstrat.commands.console import exit_code
from lstmstrat.version import __version__

COMMANDS = {
    "run": "backtest the strategies of a config and write a report",
    "show": "print a run that was written before, or list a folder of runs",
    "compare": "several runs side by side: what differs, and by more than luck?",
    "sweep": "run a config at many settings; every point counts as a trial",
    "audit": "look whether a strategy or a forecast depends on later bars",
    "trials": "list every strategy that was tried",
    "new": "write a project of your own, ready to run",
}
"""Each command, and what it is for. Its module has its DESCRIPTION, `configure` for its options, and `work`."""

SHELLS = ("bash", "zsh", "tcsh")


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of all commands; of `only` one the others are named, and their modules are not imported."""
    made = argparse.ArgumentParser(
        prog="lstmstrat",
        description="Backtest strategies on a rolling LSTM forecast, and say honestly whether they beat holding.",
        epilog="lstmstrat COMMAND --help says more. Begin with: lstmstrat new mine",
    )
    made.add_argument("--version", action="version", version=f"lstmstrat {__version__}")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose)
        if only in (None, name):
            _configure(command, name)
    completion = commands.add_parser(
        "completion",
        help="print what completes these commands in a shell",
        description="Print a script that completes lstmstrat in a shell.",
        epilog="Example: lstmstrat completion bash > ~/.local/share/bash-completion/completions/lstmstrat",
    )
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(work=_complete)
    return made


def _configure(command: argparse.ArgumentParser, name: str) -> None:
    module = import_module(f"lstmstrat.commands.{name}")
    command.description, command.epilog = module.DESCRIPTION, module.EPILOG
    module.configure(command)
    command.set_defaults(work=module.work)


def _complete(options: argparse.Namespace) -> int:
    import shtab

    def work() -> int:
        print(shtab.complete(parser(), options.shell))
        return 0

    return exit_code(work)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code is 0, 2 for what you can mend, 130 after Ctrl-C, 1 or 3 of an audit."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parser(only=next(iter(arguments), "")).parse_args(arguments)
    code: int = options.work(options)
    return code


def door(name: str, prog: str, arguments: Sequence[str] | None = None) -> int:
    """One command under the name of a module, such as ``python -m lstmstrat.backtest``."""
    alone = argparse.ArgumentParser(prog=prog)
    _configure(alone, name)
    options = alone.parse_args(arguments)
    code: int = options.work(options)
    return code


if __name__ == "__main__":
    sys.exit(main())
