"""Helpers for rich: a console, and the width of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPE_WIDTH = 100
"""The number of columns in a pipe or file, where the width of the reader's screen is not known."""


def console_on(file: TextIO) -> Console:
    """A console that writes to `file`.

    Markup, emoji codes and highlighting are switched off, because names come from users.
    """
    from rich.console import Console

    width = None if file.isatty() else PIPE_WIDTH
    return Console(file=file, width=width, markup=False, emoji=False, highlight=False)


def needed_width(table: Table) -> int:
    """The number of columns of a screen that `table` needs so that no cell is wrapped or cut."""
    from rich.console import Console

    return Console(width=1000, markup=False, emoji=False).measure(table).maximum
