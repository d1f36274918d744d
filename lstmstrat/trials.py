"""``python -m lstmstrat.trials``: see commands/trials.py."""

import sys

try:
    from lstmstrat.commands.trials import main
except KeyboardInterrupt:  # before there is anybody to say so
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main())
