"""``python -m lstmstrat.backtest``: the same as ``lstmstrat run``."""

import sys

try:
    from lstmstrat.commands.main import door
except KeyboardInterrupt:  # before there is anybody to say so
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(door("run", "python -m lstmstrat.backtest"))
