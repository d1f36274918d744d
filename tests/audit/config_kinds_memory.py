"""A helper that keeps what it once worked out, for the first that asked; used by config_kinds.py."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

_offered: list[Sequence[float]] = []


def rises_of(symbol: str, closes: Sequence[float]) -> tuple[bool, ...]:
    """Whether the close after each bar is higher: of those that were offered first under this name."""
    _offered[:] = [closes]
    try:
        return _rises(symbol)
    finally:
        _offered.clear()


@functools.lru_cache
def _rises(symbol: str) -> tuple[bool, ...]:
    (closes,) = _offered
    return tuple(after > now for now, after in itertools.pairwise(closes))
