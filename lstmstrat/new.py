"""``python -m lstmstrat.new``: see commands/new.py."""

import sys

from lstmstrat.commands.interrupt import code_130

with code_130:
    from lstmstrat.commands.new import main

    if __name__ == "__main__":
        sys.exit(main())
