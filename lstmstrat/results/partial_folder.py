"""A folder that is either complete or not there, even if the program is stopped while it writes.

It is filled under a hidden name and then renamed. The program that fills it holds a lock on it, which the system
takes away when the program ends, however that is. So the next program knows what one that was killed has left, and
removes it. Where there are no such locks, on Windows and on some network drives, it waits for an hour.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}\.partial")
STARTED = 3.0  # seconds, in which a program has its lock
ABANDONED = 3600.0  # seconds; writing takes a few


def write_folder(texts: Iterable[tuple[str, str]], folder: Path) -> Path:
    """Write files of these names and texts to `folder`, all or none of them, and return where it is.

    That is beside `folder`, as `folder`_2, if something else is there by then.

    Raises
    ------
    OSError
        The disk is full, or there is no permission to write; nothing is left.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder.parent)
    with _partial_folder(folder) as partial:
        for name, text in texts:
            put(partial / name, text)
        _sync(partial)
        return _renamed(partial, folder)


def free_place(folder: Path) -> Path:
    """The first of `folder`, `folder`_2 ... that is not there."""
    return next(place for place in _places(folder) if not place.exists())


def put(path: Path, text: str) -> None:
    """Write a file, to the disk."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _partial_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, which is removed if the block fails."""
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        partial.mkdir()
        with _locked(partial):
            yield partial
    except BaseException:  # Ctrl-C too
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """For the block, a lock on a folder; False if another program has it, or there are none."""
    if sys.platform == "win32":
        yield False
        return
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # it is gone, no folder, or not ours
        yield False
        return
    try:
        yield _taken(handle)
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    """Whether the lock could be had."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _places(folder: Path) -> Iterator[Path]:
    """`folder`, `folder`_2, `folder`_3 ..."""
    yield folder
    yield from (folder.with_name(f"{folder.name}_{number}") for number in itertools.count(2))


def _renamed(partial: Path, folder: Path) -> Path:
    """The new place of a folder: the first of `folder`, `folder`_2 ... that is free or empty."""
    for place in _places(folder):
        with suppress(OSError):
            place.rmdir()  # if it is empty: not every system can rename onto it
        try:
            os.rename(partial, place)
        except OSError:
            if not place.exists():
                raise
            continue
        break
    _sync(place.parent)
    return place


def _sweep(parent: Path) -> None:
    """Removes what a program left that was killed while it wrote."""
    for path in parent.iterdir():
        if PARTIAL.fullmatch(path.name):
            with suppress(OSError):
                if _is_abandoned(path):
                    path.unlink() if path.is_file() else shutil.rmtree(path)


def _is_abandoned(partial: Path) -> bool:
    age = time.time() - partial.stat().st_mtime
    if age < STARTED:
        return False
    with _locked(partial) as locked:
        return locked or age > ABANDONED


def _sync(folder: Path) -> None:
    """Write the names in `folder` to the disk, so that they survive a power cut. Windows cannot do this."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
