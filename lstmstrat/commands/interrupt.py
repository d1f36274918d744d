"""Ctrl-C while a command is imported, or before it can say a sentence: `code_130`. It imports next to nothing."""

from __future__ import annotations

import sys


class _Code130:
    """Makes an interrupt in the block exit code 130, and no traceback."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        # pydantic makes an error of its own, without a cause, of one that comes while it builds its validators
        swallowed = isinstance(error, Exception) and KeyboardInterrupt.__name__ in str(error)
        if swallowed or isinstance(error, KeyboardInterrupt):
            sys.exit(130)


code_130 = _Code130()
