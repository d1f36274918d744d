"""``python -m lstmstrat.new``: see commands/new.py."""

import sys

try:
    from lstmstrat.commands.new import main
except KeyboardInterrupt:  # before there is anybody to say so
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main())
