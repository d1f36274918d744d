"""One SQLite file of results, found again by content, and of the trials that were made.

The key of a result (a fitted network, what networks forecast, a statistic, a replica, an audit) is a hash of
everything it was made from, so a stale hit cannot happen: other data, other settings or another release are other
keys. Each row carries a hash of itself; one that does not fit is dropped and the result is made again.

The store only ever saves time. A file that cannot be opened or written is said once, in `notices`, and the run
goes on without it.
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
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trials (
    key TEXT PRIMARY KEY,
    symbol TEXT NOT NULL,
    record TEXT NOT NULL,
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID
"""
_WAIT_SECONDS = 60.0  # for another run that is writing
_MANY = 500  # keys a query


def default_path() -> Path:
    """``$LSTMSTRAT_CACHE``, or lstmstrat.sqlite in the user's cache directory."""
    named = os.environ.get("LSTMSTRAT_CACHE")
    return Path(named) if named else platformdirs.user_cache_path("lstmstrat") / "lstmstrat.sqlite"


class Store:
    """Results by key, in a file or (`path` None) in memory.

    Safe to share between threads and processes: each process has its own connection, writers wait for each other,
    and a forked child opens the file anew. A process that is killed loses at most the networks it was training.
    """

    def __init__(self, path: Path | None):
        """Opens the file at first use."""
        self.path = path
        self.notices: list[str] = []
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The results that are there, of those asked for."""
        found: dict[str, bytes] = {}
        with self._guarded("read"):
            for i in range(0, len(keys), _MANY):
                part = keys[i : i + _MANY]
                marks = ",".join("?" * len(part))
                query = f"SELECT key, payload, sha256 FROM results WHERE key IN ({marks})"
                for key, payload, digest in self._open().execute(query, part).fetchall():
                    if hashlib.sha256(payload).hexdigest() == digest:
                        found[key] = payload
                    else:
                        self._drop(key)
        return found

    def put(self, results: Mapping[str, bytes]) -> None:
        """Writes all of them, or none; one that is there already stays."""
        rows = [(key, payload, hashlib.sha256(payload).hexdigest()) for key, payload in results.items()]
        self._write("INSERT OR IGNORE INTO results (key, payload, sha256) VALUES (?, ?, ?)", rows)

    def remembered(self, key: str, make: Callable[[], Any]) -> Any:
        """What `make` gives, made only if it is not there; JSON, null too."""
        if key not in self.get([key]):
            self.record(key, make())
        return self.recorded(key)

    def record(self, key: str, value: Any) -> None:
        """Puts a JSON value in place of what was there."""
        payload = json.dumps(value).encode()
        row = (key, payload, hashlib.sha256(payload).hexdigest())
        self._write("INSERT OR REPLACE INTO results (key, payload, sha256) VALUES (?, ?, ?)", [row])

    def recorded(self, key: str) -> Any:
        """The JSON value under a key; None where there is none."""
        kept = self.get([key])
        return json.loads(kept[key]) if kept else None

    def enter(self, symbol: str, records: Mapping[str, str]) -> None:
        """Enters trials on an asset into the ledger, by key; one that is there keeps its first record."""
        rows = [(key, symbol, record) for key, record in records.items()]
        self._write("INSERT OR IGNORE INTO trials (key, symbol, record) VALUES (?, ?, ?)", rows)

    def entered(self, symbol: str | None = None) -> list[tuple[str, str, str]]:
        """Symbol, time (UTC) and record of the trials on an asset, or on all; the oldest first."""
        found: list[tuple[str, str, str]] = []
        with self._guarded("read"):
            query = (
                "SELECT symbol, created, record FROM trials WHERE ? IS NULL OR symbol = ? ORDER BY created, key"
            )
            found = self._open().execute(query, (symbol, symbol)).fetchall()
        return found

    def _write(self, query: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._guarded("write"):
            self._insert(query, rows)
            return
        self._insert(query, rows)  # the file could not be used: into memory

    def _insert(self, query: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._open() as transaction:
            transaction.executemany(query, rows)

    def close(self) -> None:
        """Closes the file; the next use opens it again."""
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None

    def __del__(self) -> None:
        """Python 3.13 warns of a connection that nobody closed."""
        with suppress(AttributeError, sqlite3.Error):  # half built
            self.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid():
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            # Any thread may use it, and close it when it is let go: SQLite itself lets one in at a time.
            connection = sqlite3.connect(self.path or ":memory:", timeout=_WAIT_SECONDS, check_same_thread=False)
            try:
                _write_ahead(connection)
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_TABLES)
            except sqlite3.Error:
                connection.close()
                raise
            self._connection, self._process = connection, os.getpid()
        return self._connection

    def _drop(self, key: str) -> None:
        self._notice(f"a stored result did not match its hash and was made again ({key[:12]})")
        with self._open() as transaction:
            transaction.execute("DELETE FROM results WHERE key = ?", (key,))

    @contextmanager
    def _guarded(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._notice(f"the cache {self.path} could not be used ({verb}: {error}); this run goes on without it")
            self.close()
            self.path = None

    def _notice(self, sentence: str) -> None:
        _log.warning(sentence)
        self.notices.append(sentence)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Lets readers and a writer work at once. The one statement that does not wait for others."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
