"""The cache: results in one SQLite file, with their content as the key.

The key of a result (a fitted network, the forecasts of networks, a statistic, a replica, an audit) is a hash of
everything that the result is known to depend on: the data, the settings, the release and, where the user's code
takes part, that code as it is in memory (`config.identity`) and what it did in the run. What cannot be seen there
cannot be in a key: a file that a strategy reads only on other prices than those of the run. Each row contains a
hash of its payload; a row that does not match its hash is deleted and the result is computed again.

The cache only saves time and may be deleted at any time. If the file cannot be opened or written, `notices` says
so once and the run continues in memory. What must not be lost is in the ledger (`ledger.py`), a file of its own.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs

_log = logging.getLogger(__name__)

_TABLES = """
CREATE TABLE IF NOT EXISTS results (
    key TEXT PRIMARY KEY,
    payload BLOB NOT NULL,
    sha256 TEXT NOT NULL,
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID
"""
_WAIT_SECONDS = 60.0  # for another process that writes
_KEYS_PER_QUERY = 500


def default_path() -> Path:
    """``$LSTMSTRAT_CACHE``, or lstmstrat.sqlite in the user's cache directory."""
    path = os.environ.get("LSTMSTRAT_CACHE")
    return Path(path) if path else platformdirs.user_cache_path("lstmstrat") / "lstmstrat.sqlite"


class Store:
    """Results by key, in a file or (`path` None) in memory.

    A store can be shared between threads and processes: each process has its own connection, writers wait for each
    other, and a forked child opens the file again. A process that is killed loses at most the networks that it is
    training.

    Examples
    --------
    >>> import lstmstrat
    >>> store = lstmstrat.Store(None)  # in memory; a path names a file
    >>> store.put({"a": b"result"})
    >>> store.get(["a", "b"])
    {'a': b'result'}
    """

    def __init__(self, path: str | Path | None):
        """The file is opened at the first use."""
        self.path = None if path is None else Path(path)
        self.notices: list[str] = []
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The results of those `keys` that are stored."""
        results: dict[str, bytes] = {}
        with self._tolerate_errors("read"):
            for i in range(0, len(keys), _KEYS_PER_QUERY):
                chunk = keys[i : i + _KEYS_PER_QUERY]
                marks = ",".join("?" * len(chunk))
                query = f"SELECT key, payload, sha256 FROM results WHERE key IN ({marks})"
                for key, payload, digest in self._open().execute(query, chunk).fetchall():
                    if hashlib.sha256(payload).hexdigest() == digest:
                        results[key] = payload
                    else:
                        self._delete(key)
        return results

    def put(self, results: Mapping[str, bytes]) -> None:
        """Writes all `results`, or none of them; a result that is stored already stays."""
        rows = [(key, payload, hashlib.sha256(payload).hexdigest()) for key, payload in results.items()]
        self._write("INSERT OR IGNORE INTO results (key, payload, sha256) VALUES (?, ?, ?)", rows)

    def remembered(self, key: str, make: Callable[[], Any]) -> Any:
        """The JSON value under `key`; if there is none, `make` computes it first. The value may be null."""
        if key not in self.get([key]):
            self.record(key, make())
        return self.recorded(key)

    def record(self, key: str, value: Any) -> None:
        """Writes a JSON value, and replaces an older one."""
        payload = json.dumps(value).encode()
        row = (key, payload, hashlib.sha256(payload).hexdigest())
        self._write("INSERT OR REPLACE INTO results (key, payload, sha256) VALUES (?, ?, ?)", [row])

    def recorded(self, key: str) -> Any:
        """The JSON value under `key`; None if there is none."""
        payloads = self.get([key])
        return json.loads(payloads[key]) if payloads else None

    def _write(self, query: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._tolerate_errors("write"):
            self._insert(query, rows)
            return
        self._insert(query, rows)  # the file could not be used, so the store is in memory now

    def _insert(self, query: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._open() as transaction:
            transaction.executemany(query, rows)

    def close(self) -> None:
        """Closes the file. The next use opens it again."""
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None

    def __del__(self) -> None:
        """Closes the connection: Python 3.13 warns about one that is left open."""
        with suppress(AttributeError, sqlite3.Error):  # if __init__ did not finish
            self.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid():
            connection = connect(self.path, _TABLES)
            connection.execute("PRAGMA synchronous = NORMAL")  # after a crash of the machine, the newest are lost
            self._connection, self._process = connection, os.getpid()
        return self._connection

    def _delete(self, key: str) -> None:
        self._notice(f"a stored result did not match its hash and was made again ({key[:12]})")
        with self._open() as transaction:
            transaction.execute("DELETE FROM results WHERE key = ?", (key,))

    @contextmanager
    def _tolerate_errors(self, verb: str) -> Iterator[None]:
        """Turns an error of the file into a notice; from then on the store is in memory."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._notice(f"the cache {self.path} could not be used ({verb}: {error}); this run goes on without it")
            self.close()
            self.path = None

    def _notice(self, sentence: str) -> None:
        _log.warning(sentence)
        self.notices.append(sentence)


def connect(path: Path | None, tables: str) -> sqlite3.Connection:
    """A connection to the SQLite file `path` (None: in memory) with `tables`, for many processes at once.

    Any thread may use the connection, and close it: SQLite itself admits one thread at a time.

    Raises
    ------
    sqlite3.Error, OSError
        The file cannot be opened, or is no such file.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path or ":memory:", timeout=_WAIT_SECONDS, check_same_thread=False)
    try:
        _write_ahead(connection)
        connection.executescript(tables)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Lets readers and a writer work at once. Only this statement does not wait for other processes by itself."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
