"""``python -m lstmstrat.backtest``: see commands/run.py."""

import sys

try:
    from lstmstrat.commands.run import main

    if __name__ == "__main__":
        sys.exit(main())
except KeyboardInterrupt:  # before `main` can say so, or after
    sys.exit(130)
except Exception as error:
    if "KeyboardInterrupt" in str(error):  # pydantic makes an error of its own of one that comes while it builds
        sys.exit(130)
    raise
