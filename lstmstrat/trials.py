"""``python -m lstmstrat.trials``: the same as ``lstmstrat trials``."""

import sys

try:
    from lstmstrat.commands.main import door
except KeyboardInterrupt:  # before there is anybody to say so
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(door("trials", "python -m lstmstrat.trials"))
