"""Exit codes and error messages, which all command lines share."""

from __future__ import annotations

import sys
from collections.abc import Callable

from lstmstrat.errors import LSTMStratError


def exit_code(work: Callable[[], int], interrupted: str = "stopped") -> int:
    """The exit code of `work`; 2 with the message of an error that the user can correct, 130 after Ctrl-C."""
    try:
        return work()
    except LSTMStratError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return 130
