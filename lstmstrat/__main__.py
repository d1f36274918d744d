"""``python -m lstmstrat COMMAND``: the same as ``lstmstrat COMMAND``."""

import sys

try:
    from lstmstrat.commands.main import main
except KeyboardInterrupt:  # before there is anybody to say so
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main())
