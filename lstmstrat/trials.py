"""``python -m lstmstrat.trials``: see commands/trials.py."""

import sys

from lstmstrat.commands.interrupt import code_130

with code_130:
    from lstmstrat.commands.trials import main

    if __name__ == "__main__":
        sys.exit(main())
