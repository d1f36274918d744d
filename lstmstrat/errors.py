"""Everything lstmstrat raises on purpose.

    LSTMStratError
    ├── ConfigError      the YAML, a command-line option or an indicator parameter is wrong
    ├── DataError        the prices are missing, broken or too few
    └── StrategyError    a strategy class cannot be found or used

Each message says what was given, what was expected and what to type instead. The command line prints the
message alone and exits with 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LSTMStratError(Exception):
    """Base class: the user can mend this."""


class ConfigError(LSTMStratError, ValueError):
    """A key or a value in a config is wrong; the message lists every mistake found."""


class DataError(LSTMStratError, ValueError):
    """The price data cannot be used; the message names the row."""


class StrategyError(LSTMStratError, TypeError):
    """A strategy class cannot be found, is not one, or was given unknown parameters."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'lookback'?"`` for the nearest known word, else every known word."""
    words = sorted(known)
    near = difflib.get_close_matches(word, words, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(words)}" if words else ""
