"""Downloads that are kept: each in two files of a folder of their own, which lstmstrat never prunes.

`NAME.csv.gz` has the rows as Yahoo sent them, `NAME.json` what was asked, when, and the SHA-256 of both. A file
that was changed since is set aside. Many processes may use the folder at once: a file appears whole or not at all.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import json
import logging
import os
import re
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pandas as pd
import platformdirs

from lstmstrat.prices.download import Asked, Download

log = logging.getLogger(__name__)

ABANDONED = 3600.0  # seconds; writing takes less than one
VERSION = 1
"""The version of the files. Those of another version are not read."""


class Network(Enum):
    """When prices are downloaded."""

    DAILY = "where none are kept; of a history that goes on, once a day"
    NEVER = "--offline"
    NOW = "--refresh"


@dataclass(frozen=True)
class _Entry:
    """A download in the folder: its sidecar, the hash of its rows, and the rest."""

    path: Path
    sha256: str
    download: Download  # without rows


def default_folder() -> Path:
    """``$LSTMSTRAT_PRICES``, or prices in the user's data directory."""
    path = os.environ.get("LSTMSTRAT_PRICES")
    return Path(path) if path else platformdirs.user_data_path("lstmstrat") / "prices"


class Kept:
    """The folder of downloads.

    Attributes
    ----------
    notices
        Sentences that a report must show: about files that were set aside or could not be written.
    """

    def __init__(self, folder: Path | None = None):
        self.folder = folder or default_folder()
        self.notices: list[str] = []
        self._damaged: set[Path] = set()  # also those that could not be moved

    def find(self, asked: Asked, now: pd.Timestamp | None = None) -> Download | None:
        """The download that answers `asked`; None if there is none.

        If the end is over, it is the newest that was made for the very same question, so that only a refresh
        changes the numbers; else the newest that reaches from start to end. With `now`, an end that was not over
        must have been downloaded on the same day.
        """
        while entry := self._best(asked):
            found = entry.download
            if now is not None and not found.settles(asked) and found.day != found.day_at(now):
                return None
            rows = self._rows(entry)
            if rows is None:
                continue  # it was set aside
            found = replace(found, rows=rows)
            if found.settles(asked) and found.asked != asked:
                self.keep(replace(found, asked=asked))  # a later one that reaches as far must not take its place
            return found
        return None

    def _best(self, asked: Asked) -> _Entry | None:
        entries = [entry for entry in self._entries(asked) if entry.download.reaches(asked)]
        same = [entry for entry in entries if entry.download.asked == asked and entry.download.settles(asked)]
        return max(same or entries, key=lambda entry: (entry.download.when, entry.path.name), default=None)

    def keep(self, download: Download) -> None:
        """Write a download. If that fails, a notice says so: the run has its prices all the same."""
        text = _text(download.rows)
        sidecar = _sealed(_facts(download, text))
        base = f"{_stem(download.asked)}_{download.when:%Y%m%dT%H%M%SZ}_{sidecar['seal'][:12]}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _sweep(self.folder)
            _put(self.folder / f"{base}.csv.gz", gzip.compress(text, mtime=0))
            _put(self.folder / f"{base}.json", (json.dumps(sidecar, indent=1) + "\n").encode())
        except OSError as error:
            self._notice(
                f"the download could not be kept in {self.folder} ({error.strerror or error}), so it cannot be "
                "repeated; make room there, or name another folder in LSTMSTRAT_PRICES"
            )

    def pattern(self, asked: Asked) -> str:
        """The files with the rows of the symbol and interval."""
        return str(self.folder / f"{_stem(asked)}_*.csv.gz")

    def of_symbol(self, asked: Asked) -> list[Download]:
        """All downloads of the symbol and interval, the oldest first, without their rows."""
        return sorted((entry.download for entry in self._entries(asked)), key=lambda found: found.when)

    def _entries(self, asked: Asked) -> Iterator[_Entry]:
        """The downloads of the symbol and interval whose sidecars can be read."""
        for path in sorted(set(self.folder.glob(f"{_stem(asked)}_*.json")) - self._damaged):
            try:
                facts = json.loads(path.read_text(encoding="utf-8"))
                if isinstance(facts, dict) and facts.get("version", VERSION) != VERSION:
                    continue
                if facts != _sealed({key: value for key, value in facts.items() if key != "seal"}):
                    raise ValueError("it does not match its hash")
                found = _download(facts)
            except FileNotFoundError:
                continue  # another process has set it aside
            except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
                self._set_aside(path, error)
                continue
            if (found.asked.symbol, found.asked.interval) == (asked.symbol, asked.interval):
                yield _Entry(path, str(facts["sha256"]), found)

    def _rows(self, entry: _Entry) -> pd.DataFrame | None:
        try:
            text = gzip.decompress(entry.path.with_suffix(".csv.gz").read_bytes())
            if hashlib.sha256(text).hexdigest() != entry.sha256:
                raise ValueError("it does not match its hash")
            return _table(text)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            self._set_aside(entry.path, error)
            return None

    def _set_aside(self, path: Path, error: Exception) -> None:
        self._damaged.add(path)
        for file in (path, path.with_suffix(".csv.gz")):
            with suppress(OSError):
                os.replace(file, file.with_name(file.name + ".damaged"))
        self._notice(f"the kept download {path.stem} is damaged ({error}); it was set aside as *.damaged")

    def _notice(self, sentence: str) -> None:
        if sentence not in self.notices:
            log.warning(sentence)
            self.notices.append(sentence)


def as_read(download: Download) -> Download:
    """A download as it will be read once it is kept, so that the first run on it is no other than the next."""
    return replace(download, rows=_table(_text(download.rows)))


def _stem(asked: Asked) -> str:
    """The beginning of file names; the hash tells symbols apart whose letters a file name cannot have."""
    letters = re.sub(r"[^A-Z0-9.-]", "-", asked.symbol)[:20].lstrip(".") or "-"
    return f"{letters}_{asked.interval}_{hashlib.sha256(asked.symbol.encode()).hexdigest()[:8]}"


def _text(rows: pd.DataFrame) -> bytes:
    return rows.to_csv(index_label="Date", lineterminator="\n").encode()


def _table(text: bytes) -> pd.DataFrame:
    """The rows of a text; Python's float is the one nearest to the digits, on every version of pandas."""
    cells = pd.read_csv(io.BytesIO(text), index_col=0, dtype=str, keep_default_na=False)
    dates = pd.DatetimeIndex(pd.to_datetime(cells.index, format="%Y-%m-%d"), name="Date")
    numbers = {name: [float(cell or "nan") for cell in column] for name, column in cells.items()}
    return pd.DataFrame(numbers, index=dates)


def _facts(download: Download, text: bytes) -> dict[str, Any]:
    facts = {field: value for field, value in vars(download).items() if field not in ("asked", "rows", "when")}
    dates = {"first": str(download.rows.index.min())[:10], "last": str(download.rows.index.max())[:10]}
    asked = {key: value if value is None else str(value) for key, value in asdict(download.asked).items()}
    hashed = {"rows": len(download.rows), **dates, "sha256": hashlib.sha256(text).hexdigest()}
    return {"version": VERSION, "asked": asked, "downloaded": download.when.isoformat(), **facts, **hashed}


def _sealed(facts: dict[str, Any]) -> dict[str, Any]:
    """`facts` with a hash of them."""
    return {**facts, "seal": hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()}


def _download(facts: dict[str, Any]) -> Download:
    asked = facts["asked"]
    start, end = (asked[key] and dt.date.fromisoformat(asked[key]) for key in ("start", "end"))
    return Download(
        asked=Asked(asked["symbol"], asked["interval"], start, end),
        when=pd.Timestamp(facts["downloaded"]),
        currency=facts["currency"],
        exchange=facts["exchange"],
        time_zone=facts["time_zone"],
        yfinance=facts["yfinance"],
        rows=pd.DataFrame(),
        left_out=tuple(facts.get("left_out", ())),
    )


def _sweep(folder: Path) -> None:
    """Removes what a process left that was killed while it wrote."""
    for path in folder.glob(".*.partial"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink()


def _put(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
