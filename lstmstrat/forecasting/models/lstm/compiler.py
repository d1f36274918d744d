"""How the kernels are compiled: by numba, at the first call, once on a machine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache

from lstmstrat.forecasting.models.engines import source_hash

Function = TypeVar("Function", bound=Callable[..., Any])

# contract: a product and a sum become one instruction with one rounding. Sums are never reordered.
_SETTINGS: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}


def jit(function: Function) -> Function:
    """`function`, compiled by numba at its first call and kept on disk; it releases the interpreter lock."""
    kernel: Any = numba.njit(**_SETTINGS)(function)
    with suppress(RuntimeError):  # there is no folder that numba may write to
        kernel._cache = _Cache(function)  # type: ignore[no-untyped-call]
    return cast("Function", kernel)


def inline(function: Function) -> Function:
    """As `jit`, but a part of every kernel that calls it, and not kept by itself."""
    return cast("Function", numba.njit(forceinline=True, **_SETTINGS)(function))


class _Cache(FunctionCache):
    """The compiled functions on disk. numba knows them by the time of the file that they stand in.

    It would not see that another file of the engine has changed, whose functions and constants are a part of them.
    """

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        key = super()._index_key(signature, codegen)  # type: ignore[no-untyped-call]
        return (*key, _source())


@cache
def _source() -> str:
    return source_hash(Path(__file__).parent.glob("*.py"))
