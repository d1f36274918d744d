"""Prints a comparison of runs."""

from __future__ import annotations

import sys
from typing import TextIO

from lstmstrat.report.comparison import notes, parts, sentences
from lstmstrat.report.terminal.rows import console_of_rows, print_rows
from lstmstrat.results.comparison import Comparison


def print_comparison(found: Comparison, file: TextIO | None = None) -> None:
    """Print what differs, the contenders side by side, and the sentences last, to `file` (standard output)."""
    console = console_of_rows(file or sys.stdout)
    for part in parts(found):
        console.print(f"{part.heading}{'' if part.heading.endswith('?') else ':'} {part.caption}")
        print_rows(console, part.rows)
    for note in notes(found):
        console.print(note)
    console.print()
    for sentence in sentences(found):
        console.print(sentence, style="bold")
