"""Standard output and error that end no run: a full disk, a closed stream, a reader (``head``) who goes away."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TextIO


class _Output(io.TextIOBase):
    """Text for `stream` (None: it is closed). After the first write that fails there are no others."""

    def __init__(self, stream: TextIO | None):
        super().__init__()
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def write(self, text: str) -> int:
        self._do(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._do(lambda stream: stream.flush())

    def _do(self, action: Callable[[TextIO], object]) -> None:
        if self._stream is None:
            return
        try:
            action(self._stream)
        except (OSError, ValueError) as error:  # ValueError: code of the user's has closed it
            stream, self._stream = self._stream, None
            _lead_nowhere(stream)
            if not isinstance(error, BrokenPipeError):  # who reads a few lines with `head` wants no more
                print(f"nothing more can be printed ({error}); the run goes on", file=sys.stderr)


def _lead_nowhere(stream: TextIO) -> None:
    """Python writes what is left in `stream` when it ends, and would fail once more."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextmanager
def lasting_streams() -> Iterator[None]:
    """In the block nothing that is printed raises: a result is worth more than what is said about it."""
    with redirect_stdout(_Output(sys.stdout)), redirect_stderr(_Output(sys.stderr)):
        yield
