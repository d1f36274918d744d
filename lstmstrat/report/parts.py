"""A table as rows of text, with a heading: the same in the terminal, in Markdown and on the page."""

from __future__ import annotations

from typing import NamedTuple

Rows = list[list[str]]  # the heads first


class Part(NamedTuple):
    """A table with a heading, and what its rows are."""

    heading: str
    caption: str
    rows: Rows
