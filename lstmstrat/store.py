"""The cache: results in one SQLite file, with their content as the key.

The key of a result (a fitted network, the forecasts of networks, a statistic, a replica, an audit) is a hash of
everything that the result is known to depend on: the data, the settings, the release and, where the user's code
takes part, that code as it is in memory (`config.identity`) and what it did in the run. What cannot be seen there
cannot be in a key: a file that a strategy reads only on other prices than those of the run. Each row contains a
hash of its payload; a row that does not match its hash is deleted and the result is computed again.

The cache only saves time and may be deleted at any time. It is bounded: beyond its size the fitted models go, then
what was computed from them, the least recently used first. A file that is damaged is set aside, and a new one
is begun; one that cannot be opened or written stays as it is, and the run continues in memory. `notices` says so.
What must not be lost is in the ledger (`ledger.py`), a file of its own.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from lstmstrat import database
from lstmstrat.errors import ConfigError

_log = logging.getLogger(__name__)

SCHEMA = 1
"""The version of the tables. Those of an older version are dropped, those of a newer one are not used."""

_TABLES = (
    "CREATE TABLE results (key TEXT PRIMARY KEY, kind INTEGER NOT NULL, used INTEGER NOT NULL, "
    "size INTEGER NOT NULL, payload BLOB NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX by_use ON results (kind, used, size)",
)
_INTO = "INTO results (key, kind, used, size, payload, sha256) VALUES (?, ?, ?, ?, ?, ?)"
_DEFAULT_SIZE = "2GB"
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SMALLEST = 10**6
_FULL = 0.9  # share of the size that is left after room was made
_STEP = 0.02  # share of the size that a process writes before it looks at the size again
_OVERHEAD = 200  # bytes of a row beside its payload
_FIRST_PAGES = 2**16  # bytes
_HOUR = 3600  # seconds; a use is noted once in an hour
_KEYS_PER_QUERY = 500


def default_path() -> Path:
    """``$LSTMSTRAT_CACHE``, or lstmstrat.sqlite in the user's cache directory."""
    path = os.environ.get("LSTMSTRAT_CACHE")
    return Path(path) if path else _own_path()


def _own_path() -> Path:
    return platformdirs.user_cache_path("lstmstrat") / "lstmstrat.sqlite"


def size_in_bytes(text: str) -> int:
    """The bytes of a size such as 500MB or 2GB.

    Raises
    ------
    ConfigError
        The text is no such size, or less than a megabyte.

    Examples
    --------
    >>> size_in_bytes("1.5 GB")
    1500000000
    """
    found = re.fullmatch(r"(\d{1,15}(?:\.\d+)?)\s*([KMGT]?B?)", text.strip().upper())
    unit = f"{found[2].removesuffix('B')}B" if found and found[2] not in ("", "B") else ""
    size = int(float(found[1]) * _UNITS[unit]) if found else 0
    if size < _SMALLEST:
        raise ConfigError(f"cache size: {text!r} given, expected 1MB or more, such as 500MB or {_DEFAULT_SIZE}")
    return size


def default_size() -> int:
    """``$LSTMSTRAT_CACHE_SIZE`` in bytes, or 2 GB."""
    return size_in_bytes(os.environ.get("LSTMSTRAT_CACHE_SIZE") or _DEFAULT_SIZE)


class Kind(IntEnum):
    """What a result is; if room is needed, the smallest kind goes first."""

    MODEL = 0
    OTHER = 1  # forecasts and what was computed from them: small, and longer to make


class Store:
    """Results by key, in a file or (`path` None) in memory.

    `size` is the number of bytes to which the file may grow, by default `default_size()`. A store can be shared
    between threads and processes: each process has its own connection, writers wait for each other, and a forked
    child opens the file again. A process that is killed loses at most the networks that it is training.

    Examples
    --------
    >>> import lstmstrat
    >>> store = lstmstrat.Store(None)  # in memory; a path names a file
    >>> store.put({"a": b"result"})
    >>> store.get(["a", "b"])
    {'a': b'result'}
    """

    def __init__(self, path: str | Path | None, size: int | None = None):
        """The file is opened at the first use."""
        self.path = None if path is None else Path(path).absolute()
        self.size = default_size() if size is None else size
        self.notices: list[str] = []
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._unseen = 0  # bytes that were written since the size was looked at
        self._begun_anew = False  # once is enough: a second damage is that of the disk
        self._used: set[str] = set()  # keys whose use is not noted in the file yet

    def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The results of those `keys` that are stored."""
        with self._tolerate_errors("read"):
            return self._select(keys)
        return self.get(keys)  # from a new file, or from memory

    def put(self, results: Mapping[str, bytes], kind: Kind = Kind.OTHER) -> None:
        """Writes all `results`, or none of them; a result that is stored already stays."""
        rows = [_row(key, kind, payload) for key, payload in results.items()]
        self._write(f"INSERT OR IGNORE {_INTO}", rows)

    def remembered(self, key: str, make: Callable[[], Any]) -> Any:
        """The JSON value under `key`; if there is none, `make` computes it first. The value may be null."""
        if key not in self.get([key]):
            self.record(key, make())
        return self.recorded(key)

    def record(self, key: str, value: Any) -> None:
        """Writes a JSON value, and replaces an older one."""
        row = _row(key, Kind.OTHER, json.dumps(value).encode())
        self._write(f"INSERT OR REPLACE {_INTO}", [row])

    def recorded(self, key: str) -> Any:
        """The JSON value under `key`; None if there is none."""
        payloads = self.get([key])
        return json.loads(payloads[key]) if payloads else None

    def close(self) -> None:
        """Closes the file. The next use opens it again."""
        if self._connection is not None and self._process == os.getpid():
            with suppress(sqlite3.Error):  # a file that only may be read
                self._note_uses()
            self._connection.close()
        self._connection = None

    def __del__(self) -> None:
        """Closes the connection: Python 3.13 warns about one that is left open."""
        with suppress(AttributeError, sqlite3.Error):  # if __init__ did not finish
            self._used.clear()
            self.close()

    def _select(self, keys: Sequence[str]) -> dict[str, bytes]:
        results, hour_ago = dict[str, bytes](), time.time() - _HOUR
        for i in range(0, len(keys), _KEYS_PER_QUERY):
            chunk = keys[i : i + _KEYS_PER_QUERY]
            marks = ",".join("?" * len(chunk))
            query = f"SELECT key, used, payload, sha256 FROM results WHERE key IN ({marks})"
            for key, used, payload, digest in self._rows(query, chunk):
                if hashlib.sha256(payload).hexdigest() != digest:
                    self._delete(key)
                    continue
                results[key] = payload
                if used < hour_ago:
                    self._used.add(key)
        return results

    def _write(self, query: str, rows: Sequence[_Row]) -> None:
        with self._tolerate_errors("write"):
            self._change(query, rows)
            self._note_uses()
            self._unseen += sum(row.size for row in rows)
            self._make_room()
            return
        self._write(query, rows)  # into a new file, or into memory

    def _note_uses(self) -> None:
        now, keys = int(time.time()), sorted(self._used)
        self._used.clear()
        if keys:
            self._change("UPDATE results SET used = ? WHERE key = ?", [(now, key) for key in keys])

    def _make_room(self) -> None:
        """Deletes results if the file is larger than its size."""
        if self.path is None or self._unseen < _STEP * self.size:
            return
        self._unseen = 0
        excess = self._bytes_in_use() - self.size
        if excess > 0:
            gone = self._first_to_go(excess + (1.0 - _FULL) * self.size)
            self._change("DELETE FROM results WHERE key = ?", gone)
            self._rows("PRAGMA incremental_vacuum")

    def _first_to_go(self, needed: float) -> list[tuple[str]]:
        """The keys of results that together have `needed` bytes."""
        gone = list[tuple[str]]()
        for key, size in self._rows("SELECT key, size FROM results ORDER BY kind, used"):
            if needed <= 0.0:
                break
            gone.append((key,))
            needed -= size + _OVERHEAD
        return gone

    def _bytes_in_use(self) -> int:
        names = ("page_size", "page_count", "freelist_count")
        page, pages, free = (self._rows(f"PRAGMA {name}")[0][0] for name in names)
        return int(page * (pages - free))

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        connection = self._open()
        return database.patiently(self.path, lambda: connection.execute(query, values).fetchall())

    def _change(self, query: str, rows: Sequence[tuple[object, ...]]) -> None:
        """One transaction."""
        connection = self._open()

        def transaction() -> None:
            with connection:
                connection.executemany(query, rows)

        database.patiently(self.path, transaction)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid():
            self._connection, self._process = database.connect(self.path, _prepare), os.getpid()
        return self._connection

    def _delete(self, key: str) -> None:
        self._notice(f"a result in the cache {self.path} did not match its hash and was made again ({key[:12]})")
        self._change("DELETE FROM results WHERE key = ?", [(key,)])

    @contextmanager
    def _tolerate_errors(self, verb: str) -> Iterator[None]:
        """Turns an error of the file into a notice; from then on the store is in a new file, or in memory."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if self.path is None:
                raise
            self._used.clear()
            self.close()
            if database.is_damaged(error) and self._begin_anew(error):
                return
            cure = "; to begin a new one, delete it or give another file" if database.is_damaged(error) else ""
            self._notice(
                f"the cache {self.path} could not be used ({verb}: {error}); this run goes on without it{cure}"
            )
            self.path = None

    def _begin_anew(self, error: Exception) -> bool:
        """Sets a damaged file aside, once; False if it cannot be moved, or may be a file of the user's."""
        if self.path is None or self._begun_anew or not _is_ours(self.path):
            return False
        try:
            aside = database.set_aside(self.path)
        except OSError:
            return False
        self._begun_anew = True
        self._notice(
            f"the cache {self.path} was damaged ({error}); it is now {aside}, which may be deleted, and a new one "
            "was begun"
        )
        return True

    def _notice(self, sentence: str) -> None:
        _log.warning(sentence)
        self.notices.append(sentence)


class _Row(NamedTuple):
    key: str
    kind: int
    used: int  # seconds since 1970
    size: int  # bytes of the payload
    payload: bytes
    sha256: str


def _is_ours(path: Path) -> bool:
    """Whether a damaged file was a cache: it is in our own place, or has the text of our tables."""
    if path == _own_path():
        return True
    try:
        with path.open("rb") as file:
            return b"CREATE TABLE results" in file.read(_FIRST_PAGES)
    except OSError:
        return False


def _row(key: str, kind: Kind, payload: bytes) -> _Row:
    return _Row(key, int(kind), int(time.time()), len(payload), payload, hashlib.sha256(payload).hexdigest())


def _prepare(connection: sqlite3.Connection) -> None:
    """Creates the tables in a new file, and in place of those of an older version; refuses every other file."""
    if _version(connection) < SCHEMA:
        database.for_many_processes(connection)
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if _version(connection) < SCHEMA:  # no other process was faster
                connection.execute("DROP TABLE IF EXISTS results")
                for statement in (*_TABLES, f"PRAGMA user_version = {SCHEMA}"):
                    connection.execute(statement)
    connection.execute("PRAGMA synchronous = NORMAL")  # after a crash of the machine, the newest are lost


def _version(connection: sqlite3.Connection) -> int:
    """The version of the tables, 0 for a new file; raises if they are not ours, or newer."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if names - {"results"}:
        raise sqlite3.OperationalError("it is a database of another kind; give another file")
    if version > SCHEMA:
        raise sqlite3.OperationalError(
            f"it has version {version} of the tables, of a newer lstmstrat; give another file, or update with "
            "pip install --upgrade lstmstrat"
        )
    return version
