"""``python -m lstmstrat COMMAND``: the same as ``lstmstrat COMMAND``."""

import sys

from lstmstrat.commands.interrupt import code_130

with code_130:
    from lstmstrat.commands.main import main

    if __name__ == "__main__":
        sys.exit(main())
