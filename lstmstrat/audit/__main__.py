"""``python -m lstmstrat.audit``: see commands/audit.py."""

import sys

from lstmstrat.commands.interrupt import code_130

with code_130:
    from lstmstrat.commands.audit import main

    if __name__ == "__main__":
        sys.exit(main())
