"""How the kernels are compiled: by numba, at the first call, once on a machine.

What numba keeps on disk saves time and nothing else: code that is damaged is compiled again, and where nothing can
be written, each process compiles for itself.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

from lstmstrat.forecasting.models.engines import source_hash

_log = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])

# contract: a product and a sum become one instruction with one rounding. Sums are never reordered.
_SETTINGS: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}


def jit(function: Function) -> Function:
    """`function`, compiled by numba at its first call and kept on disk; it releases the interpreter lock."""
    kernel: Any = numba.njit(**_SETTINGS)(function)
    try:
        kernel._cache = _Cache(function)
    except RuntimeError:
        _say("there is no folder that numba may write to: every process compiles for itself, for some seconds")
    return cast("Function", kernel)


def inline(function: Function) -> Function:
    """As `jit`, but a part of every kernel that calls it, and not kept by itself."""
    return cast("Function", numba.njit(forceinline=True, **_SETTINGS)(function))


class _HashedFiles(IndexDataCacheFile):
    """Files that end with the hash of what stands before: a flipped bit in compiled code is another number."""

    def _dump(self, obj: Any) -> bytes:
        data: bytes = super()._dump(obj)  # type: ignore[no-untyped-call]
        return data + hashlib.sha256(data).digest()  # whoever reads it stops at the end of the data

    def _load_data(self, name: str) -> Any:
        data = Path(self._data_path(name)).read_bytes()  # type: ignore[no-untyped-call]
        size = hashlib.sha256().digest_size
        if hashlib.sha256(data[:-size]).digest() != data[-size:]:
            raise ValueError(f"{name} does not match its hash")
        return super()._load_data(name)  # type: ignore[no-untyped-call]


class _Cache(FunctionCache):
    """The compiled functions on disk. numba knows them by the time of the file that they stand in.

    It would not see that another file of the engine has changed, whose functions and constants are a part of them.
    """

    def __init__(self, function: Callable[..., Any]):
        super().__init__(function)  # type: ignore[no-untyped-call]
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _HashedFiles(self._cache_path, self._impl.filename_base, stamp)  # type: ignore[no-untyped-call]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function; None if there is none, or none that can be read."""
        try:
            found = super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
            if found is not None and found.signature.args != tuple(sig):
                raise ValueError(f"code for {found.signature.args} in place of {sig}")
            return found
        except Exception as error:  # a damaged pickle raises anything
            _say(f"the compiled code in {self._cache_path} cannot be read ({error}) and is compiled again")
            with suppress(OSError):
                Path(self._cache_file._index_path).unlink()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Writes a compiled function, if that is possible."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except Exception as error:
            _say(f"the compiled code cannot be kept in {self._cache_path} ({error}); the next run compiles again")

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        key = super()._index_key(signature, codegen)  # type: ignore[no-untyped-call]
        return (*key, _source())


@cache
def _source() -> str:
    return source_hash(Path(__file__).parent.glob("*.py"))


@cache
def _say(sentence: str) -> None:
    """Logs a sentence once."""
    _log.warning(sentence)
