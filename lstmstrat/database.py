"""SQLite files that many processes use at once: opened, waited for, and set aside if they are damaged."""

from __future__ import annotations

import datetime as dt
import errno
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

_SILENT, _LONGEST = 2.0, 60.0  # seconds of waiting for another process without a word, and in all
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BESIDE = ("", "-wal", "-shm")  # the endings of a database and of the files that SQLite has beside it


Prepare = Callable[[sqlite3.Connection], None]


def connect(path: Path | None, prepare: Prepare) -> sqlite3.Connection:
    """A connection to the SQLite file `path` (None: in memory), after `prepare`, which makes its tables.

    Any thread may use the connection, and close it: SQLite itself admits one thread at a time.

    Raises
    ------
    sqlite3.Error, OSError
        The file cannot be opened, or `prepare` refuses it.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path or ":memory:", timeout=_SILENT, check_same_thread=False)
    connection.text_factory = _text
    try:
        patiently(path, lambda: prepare(connection))
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection to a file in which nothing can be written, such as one in a folder that is read-only.

    SQLite needs files beside a database that is open for many. Where it cannot make them, the database is read
    alone, unless rows are left in a file beside it.

    Raises
    ------
    sqlite3.Error, OSError
        It cannot be read.
    """
    log = path.with_name(f"{path.name}-wal")
    alone = not log.exists() or not log.stat().st_size
    mode = "immutable=1" if alone else "mode=ro"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, check_same_thread=False)
    connection.text_factory = _text
    return connection


def _text(data: bytes) -> str:
    """Damaged text too: no hash fits it, so its row is dropped, where an error would cost the whole file."""
    return data.decode(errors="replace")


def for_many_processes(connection: sqlite3.Connection) -> None:
    """Sets up a file of our own: readers and a writer work at once, and what is deleted can make it smaller."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a file that has no tables yet
    connection.execute("PRAGMA journal_mode = WAL")


def patiently(path: Path | None, work: Callable[[], Result]) -> Result:
    """The result of `work`, which is begun again while another process has locked the file, for a minute at most.

    A wait of more than two seconds is logged. `work` must have no effect if it raises, as a transaction has none.

    Raises
    ------
    sqlite3.Error
        Another one than for a lock, or the file is still locked.
    """
    begin, told = time.monotonic(), False
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            waited = time.monotonic() - begin
            if _code(error) not in _BUSY or waited > _LONGEST:
                raise
        if waited > _SILENT and not told:
            _log.warning("another process is writing to %s; waiting for it, %g s at most", path, _LONGEST)
            told = True
        time.sleep(0.02)  # some statements do not wait by themselves


def is_damaged(error: Exception) -> bool:
    """Whether an error says that a file is damaged, or no database at all."""
    return isinstance(error, sqlite3.DatabaseError) and _code(error) in _DAMAGED


def is_locked(error: Exception) -> bool:
    """Whether an error says that another process has the file."""
    return isinstance(error, sqlite3.OperationalError) and _code(error) in _BUSY


def is_read_only(error: Exception) -> bool:
    """Whether an error says that a file, or the folder that it is in, may be read and not written."""
    if isinstance(error, sqlite3.OperationalError):
        return _code(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
    return isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)


def set_aside(path: Path) -> Path:
    """Renames a database and what SQLite has beside it, and returns the new name.

    Raises
    ------
    OSError
        A file cannot be renamed.
    """
    stamp = f"{dt.datetime.now():%Y%m%d-%H%M%S-%f}"
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for ending in _BESIDE:
        file = path.with_name(path.name + ending)
        if file.exists():
            file.rename(aside.with_name(aside.name + ending))
    return aside


def _code(error: sqlite3.Error) -> int:
    """The primary result code; 0 for an error that is not SQLite's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
