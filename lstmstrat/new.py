"""``python -m lstmstrat.new``: see commands/new.py."""

import sys

from lstmstrat.commands.new import main

if __name__ == "__main__":
    sys.exit(main())
