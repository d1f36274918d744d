"""``lstmstrat COMMAND``: every command line in one parser. ``python -m lstmstrat`` is the same."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType

from lstmstrat.commands import audit, compare, new, run, show, sweep, trials
from lstmstrat.commands.console import exit_code
from lstmstrat.version import __version__

COMMANDS: dict[str, ModuleType] = {
    "run": run,
    "show": show,
    "compare": compare,
    "sweep": sweep,
    "audit": audit,
    "trials": trials,
    "new": new,
}
"""The module of each command: its HELP and DESCRIPTION, `configure` for its options, `work` for what it does."""

SHELLS = ("bash", "zsh", "tcsh")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    made = argparse.ArgumentParser(
        prog="lstmstrat",
        description="Backtest strategies on a rolling LSTM forecast, and say honestly whether they beat holding.",
        epilog="lstmstrat COMMAND --help says more. Begin with: lstmstrat new mine",
    )
    made.add_argument("--version", action="version", version=f"lstmstrat {__version__}")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.HELP, description=module.DESCRIPTION, epilog=module.EPILOG)
        module.configure(command)
        command.set_defaults(work=module.work)
    completion = commands.add_parser(
        "completion",
        help="print what completes these commands in a shell",
        description="Print a script that completes lstmstrat in a shell.",
        epilog="Example: lstmstrat completion bash > ~/.local/share/bash-completion/completions/lstmstrat",
    )
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(work=_complete)
    return made


def _complete(options: argparse.Namespace) -> int:
    import shtab

    def work() -> int:
        print(shtab.complete(parser(), options.shell))
        return 0

    return exit_code(work)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code is 0, 2 for what you can mend, 130 after Ctrl-C, 1 or 3 of an audit."""
    options = parser().parse_args(arguments)
    code: int = options.work(options)
    return code


def door(name: str, prog: str, arguments: Sequence[str] | None = None) -> int:
    """One command under the name of a module, such as ``python -m lstmstrat.backtest``."""
    module = COMMANDS[name]
    alone = argparse.ArgumentParser(prog=prog, description=module.DESCRIPTION, epilog=module.EPILOG)
    module.configure(alone)
    code: int = module.work(alone.parse_args(arguments))
    return code


if __name__ == "__main__":
    sys.exit(main())
