"""``python -m lstmstrat.backtest``: see commands/run.py."""

import sys

from lstmstrat.commands.interrupt import code_130

with code_130:
    from lstmstrat.commands.run import main

    if __name__ == "__main__":
        sys.exit(main())
