"""Code of the user's that decides something, as P12 watches it: here, and where nothing ran before.

A strategy with its bars is one such thing (subject_code.py), the portfolio of a universe another one, which
knows more than this part does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Json = dict[str, Any]


@dataclass(frozen=True)
class Did:
    """What came of one run."""

    decisions: tuple[str, ...]  # in words, to the sixth digit
    error: str = ""  # that it ended with
    code: tuple[Any, ...] = ()  # functions and classes that it used beside those of `OwnCode.code`


class OwnCode(Protocol):
    """Code of the user's that can be run, here and in another process."""

    @property
    def names(self) -> tuple[str, ...]:
        """The ``module:attribute`` of the code, as far as it has one."""
        ...

    @property
    def importable(self) -> bool:
        """Whether another process can import all of the code."""
        ...

    @property
    def decides(self) -> bool:
        """Whether what it decides is the user's own doing, so that a run alone must decide the same."""
        ...

    @property
    def values(self) -> Mapping[str, Any]:
        """The parameters that the code is given."""
        ...

    @property
    def code(self) -> tuple[Any, ...]:
        """Its functions and classes."""
        ...

    @property
    def roots(self) -> Sequence[tuple[str, Any]]:
        """From where all that it may keep can be reached, each with its name."""
        ...

    def did(self, streamed: bool) -> Did:
        """What it decides; streamed, a bar exists only from the moment on at which its turn comes."""
        ...

    def sent(self) -> Json | None:
        """What the function `made_by` makes it of; None if another process cannot make it."""
        ...

    @property
    def made_by(self) -> str:
        """The ``module:function`` that makes it from what was sent and its bars."""
        ...

    @property
    def bars(self) -> Any:
        """Its bars, which several may share."""
        ...

    def bars_sent(self) -> Json:
        """The bars as JSON."""
        ...
