"""``python -m lstmstrat.audit``: see commands/audit.py."""

import sys

from lstmstrat.commands.audit import main

if __name__ == "__main__":
    sys.exit(main())
