"""``python -m lstmstrat.backtest``: the same as ``lstmstrat run``."""

import sys

from lstmstrat.commands.interrupt import code_130

with code_130:
    from lstmstrat.commands.main import door

    if __name__ == "__main__":
        sys.exit(door("run", "python -m lstmstrat.backtest"))
