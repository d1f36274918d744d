"""``python -m lstmstrat.trials``: the same as ``lstmstrat trials``."""

import sys

from lstmstrat.commands.interrupt import code_130

with code_130:
    from lstmstrat.commands.main import door

    if __name__ == "__main__":
        sys.exit(door("trials", "python -m lstmstrat.trials"))
