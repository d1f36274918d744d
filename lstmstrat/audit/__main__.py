"""``python -m lstmstrat.audit``: the same as ``lstmstrat audit``."""

import sys

from lstmstrat.commands.interrupt import code_130

with code_130:
    from lstmstrat.commands.main import door

    if __name__ == "__main__":
        sys.exit(door("audit", "python -m lstmstrat.audit"))
