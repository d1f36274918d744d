"""``python -m lstmstrat.trials``: see commands/trials.py."""

import sys

from lstmstrat.commands.trials import main

if __name__ == "__main__":
    sys.exit(main())
