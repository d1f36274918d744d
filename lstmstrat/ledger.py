"""The ledger: what was tried, in an SQLite file of its own to which rows are only ever added.

It is no cache: nothing in it can be computed again, so lstmstrat never prunes or deletes it. A row has a number, a
kind ("trial", "asset", "strike"), the version of its format, the time of its entry, a content (JSON) and a SHA-256
of all of these. Triggers refuse to change or to delete a row.

A row that cannot be read is never an error. It is counted, because an upper bound of the number of trials is
honest, and `notices` says so. If the file as a whole cannot be used, the rows of this process are kept in memory,
and `kept` is False.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from lstmstrat import database

_log = logging.getLogger(__name__)

VERSION = 1
"""The version of the format of a row. A row of a newer version is counted, but not read."""

_TABLES = """
CREATE TABLE IF NOT EXISTS rows (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    entered TEXT NOT NULL,
    content TEXT NOT NULL,
    sha256 TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON rows
BEGIN SELECT RAISE(ABORT, 'rows are only ever added to the ledger'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON rows
BEGIN SELECT RAISE(ABORT, 'rows are only ever added to the ledger'); END;
CREATE TRIGGER IF NOT EXISTS no_replace BEFORE INSERT ON rows
WHEN EXISTS (SELECT 1 FROM rows WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'rows are only ever added to the ledger'); END
"""
_SEQUENCE = "SELECT CAST(max(seq) AS INTEGER) FROM sqlite_sequence WHERE name = 'rows'"
_NEWEST = f"SELECT max(ifnull(max(number), 0), ifnull(({_SEQUENCE}), 0)) FROM rows"
_FIELDS = "number, kind, version, entered, content, sha256"
_MOST = 10**9  # a number above this was not given by a ledger
WRITABLE = "make the file and its folder writable, or name another file in LSTMSTRAT_LEDGER"
_EXAMPLES = 5  # row numbers that a notice lists


def ledger_path() -> Path:
    """``$LSTMSTRAT_LEDGER``, or ledger.sqlite in the user's data directory."""
    path = os.environ.get("LSTMSTRAT_LEDGER")
    return Path(path) if path else platformdirs.user_data_path("lstmstrat") / "ledger.sqlite"


@dataclass(frozen=True)
class Row:
    """One entry of a ledger."""

    number: int
    kind: str
    entered: str  # UTC, "2026-11-26 14:51:04"
    content: Any  # a JSON value


@dataclass(frozen=True)
class Contents:
    """All that a ledger holds at one moment."""

    rows: tuple[Row, ...]  # those that can be read, by number
    unreadable: int  # rows that are damaged, of a newer version or missing

    @property
    def begun(self) -> str | None:
        """The date (UTC) of the oldest row that can be read; None if there is none."""
        return self.rows[0].entered[:10] if self.rows else None

    def of_kind(self, kind: str) -> list[Row]:
        """The rows of one kind, the oldest first."""
        return [row for row in self.rows if row.kind == kind]


class Ledger:
    """Rows that are only ever added, in a file or (`path` None) in memory.

    Many processes may use one file at once. The file is opened for each call and closed at its end.

    Attributes
    ----------
    path
        The file; None in memory.
    kept
        Whether the rows outlive the process: False in memory, and once the file could not be used.
    notices
        Sentences that a report must show: about rows that cannot be read, or about the file.

    Examples
    --------
    >>> import lstmstrat
    >>> ledger = lstmstrat.Ledger(None)  # in memory; a path names a file
    >>> ledger.enter("note", {"text": "begun"})
    1
    >>> [(row.number, row.content) for row in ledger.rows("note")]
    [(1, {'text': 'begun'})]
    """

    def __init__(self, path: str | Path | None):
        """Nothing is opened before the first call."""
        self.path = None if path is None else Path(path).absolute()
        self.kept = path is not None
        self.notices: list[str] = []
        self._contents = Contents((), 0)  # as last read; without a file, all that there is

    def enter(self, kind: str, content: Any) -> int:
        """Add a row with a JSON value as its content, and return its number.

        Raises
        ------
        TypeError, ValueError
            The content is not JSON: NaN is not, nor a date.
        """
        text = json.dumps(content, sort_keys=True, allow_nan=False)
        if self.kept:
            with self._tolerate_errors("write"):
                return self._insert(kind, text)
        rows = self._contents.rows
        number = rows[-1].number + 1 if rows else 1
        row = Row(number, kind, _now(), json.loads(text))
        self._contents = Contents((*rows, row), self._contents.unreadable)
        return number

    def rows(self, kind: str) -> list[Row]:
        """The rows of one kind that can be read, the oldest first."""
        return self.read().of_kind(kind)

    def read(self) -> Contents:
        """All rows that can be read, and the number of those that cannot."""
        if self.kept:
            with self._tolerate_errors("read"):
                self._contents = self._select()
        return self._contents

    def _insert(self, kind: str, content: str) -> int:
        with closing(database.connect(self.path, _prepare)) as connection:
            return database.patiently(self.path, lambda: _enter(connection, kind, content))

    def _select(self) -> Contents:
        with closing(self._to_read()) as connection:
            connection.text_factory = lambda text: text.decode(
                errors="replace"
            )  # else one bad byte hides all rows
            connection.execute("BEGIN")  # both queries see the same rows
            stored = connection.execute(f"SELECT {_FIELDS} FROM rows ORDER BY number").fetchall()
            newest = _newest(connection)
        newer = [values[0] for values in stored if isinstance(values[2], int) and values[2] > VERSION]
        damaged = [v[0] for v in stored if v[0] not in newer and _digest(*v[:5]) != v[5]]
        missing = max(newest - len(stored), 0)
        self._tell(newer, damaged, missing)
        skipped = {*newer, *damaged}
        rows = tuple(
            Row(number, kind, entered, json.loads(content))
            for number, kind, _, entered, content, _ in stored
            if number not in skipped
        )
        return Contents(rows, len(skipped) + missing)

    def _to_read(self) -> sqlite3.Connection:
        """A connection to the file; to one that is read-only, too, which a notice says."""
        try:
            return database.connect(self.path, _prepare)
        except (sqlite3.Error, OSError) as error:
            if self.path is None or not (database.is_read_only(error) and self.path.is_file()):
                raise
            connection = database.connect_to_read(self.path)
        self._notice(f"the ledger {self.path} can be read and not written, so nothing is added to it; {WRITABLE}")
        return connection

    def _tell(self, newer: list[int], damaged: list[int], missing: int) -> None:
        counted = "each counts as a trial"
        if newer:
            self._notice(
                f"{_rows(newer)} of the ledger {self.path} were written by a newer version of lstmstrat; "
                f"{counted} (to read them: pip install --upgrade lstmstrat)"
            )
        if damaged:
            self._notice(f"{_rows(damaged)} of the ledger {self.path} do not match their hash; {counted}")
        if missing:
            self._notice(f"{missing} rows are missing from the ledger {self.path}; {counted}")

    @contextmanager
    def _tolerate_errors(self, verb: str) -> Iterator[None]:
        """Turns an error of the file into a notice; from then on the ledger is in memory."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self.kept = False
            self._notice(
                f"the ledger {self.path} could not be used ({verb}: {error}), so other trials are not known and "
                f"no edge can be supported; {_cure(error)}"
            )

    def _notice(self, sentence: str) -> None:
        if sentence not in self.notices:
            _log.warning(sentence)
            self.notices.append(sentence)


def _cure(error: Exception) -> str:
    if database.is_locked(error):
        return "run again when that process has ended"
    return WRITABLE if database.is_read_only(error) else "to begin a new one, move that file away"


def _prepare(connection: sqlite3.Connection) -> None:
    database.for_many_processes(connection)
    connection.executescript(_TABLES)


def _enter(connection: sqlite3.Connection, kind: str, content: str) -> int:
    with connection:
        connection.execute("BEGIN IMMEDIATE")  # no other process may take the number
        number = _newest(connection) + 1
        values = number, kind, VERSION, _now(), content
        insert = f"INSERT INTO rows ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?)"
        connection.execute(insert, (*values, _digest(*values)))
    return number


def _newest(connection: sqlite3.Connection) -> int:
    """The largest number that was ever given, also to a row that is gone."""
    newest = int(connection.execute(_NEWEST).fetchone()[0])
    if newest > _MOST:
        raise sqlite3.DatabaseError(f"row number {newest}")
    return newest


def _digest(*values: object) -> str:
    return hashlib.sha256(json.dumps(values, default=repr).encode()).hexdigest()


def _now() -> str:
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S}"


def _rows(numbers: list[int]) -> str:
    listed = ", ".join(map(str, numbers[:_EXAMPLES])) + (", ..." if len(numbers) > _EXAMPLES else "")
    return f"{len(numbers)} rows ({listed})"
