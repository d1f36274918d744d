"""``python -m lstmstrat.new``: the same as ``lstmstrat new``."""

import sys

from lstmstrat.commands.interrupt import code_130

with code_130:
    from lstmstrat.commands.main import door

    if __name__ == "__main__":
        sys.exit(door("new", "python -m lstmstrat.new"))
