"""``python -m lstmstrat.audit``: see commands/audit.py."""

import sys

try:
    from lstmstrat.commands.audit import main
except KeyboardInterrupt:  # before there is anybody to say so
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main())
