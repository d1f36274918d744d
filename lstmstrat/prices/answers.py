"""One answer of a server, whole, or an error: within a time, however slowly it comes, and within a size."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

MOST = 50_000_000  # bytes: a century of days has 3
PART = 1 << 16  # bytes


class TooLongError(Exception):
    """The answer has more than `MOST` bytes."""


def whole(
    get: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], session: Any, limit: float
) -> Any:
    """The answer of `get`, a method of `session` (of `requests`, or of `curl_cffi`), with all of its content.

    The timeout of `requests` is that of each byte. So another thread asks, which is waited for `limit` seconds;
    one that comes too late ends by itself.

    Raises
    ------
    TimeoutError
        The answer is not there after `limit` seconds.
    TooLongError
        It is too long.
    """
    import requests

    read = _of_requests if isinstance(session, requests.Session) else _of_curl
    answer: Future[Any] = Future()

    def ask() -> None:
        try:
            answer.set_result(read(get, args, kwargs, late.is_set))
        except BaseException as error:  # it is raised where it is waited for
            answer.set_exception(error)

    late = threading.Event()
    threading.Thread(target=ask, name="lstmstrat-download", daemon=True).start()
    try:
        return answer.result(limit)
    finally:
        late.set()


class _Content:
    """The parts of an answer that have come."""

    def __init__(self, is_late: Callable[[], bool]) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._is_late = is_late
        self.too_long = False

    def add(self, part: bytes) -> int:
        self._parts.append(part)
        self._size += len(part)
        self.too_long = self._size > MOST
        if self.too_long or self._is_late():
            raise TooLongError
        return len(part)

    @property
    def bytes(self) -> bytes:
        return b"".join(self._parts)


def _of_requests(
    get: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], is_late: Callable[[], bool]
) -> Any:
    content = _Content(is_late)
    with get(*args, **kwargs, stream=True) as answer:
        for part in answer.iter_content(PART):
            content.add(part)
    set_content(answer, content.bytes)
    return answer


def _of_curl(
    get: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], is_late: Callable[[], bool]
) -> Any:
    content = _Content(is_late)
    try:
        answer = get(*args, **kwargs, content_callback=content.add)
    except Exception:
        if content.too_long:
            raise TooLongError from None
        raise
    set_content(answer, content.bytes)
    return answer


def set_content(answer: Any, content: bytes) -> None:
    """Makes `content` that of an answer, for its `content`, `text` and `json`."""
    import requests

    name = "_content" if isinstance(answer, requests.Response) else "content"
    setattr(answer, name, content)
