"""The store: results come back as they were, and nothing that befalls the file stops a run."""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.market import advanced, bits, market, small

from lstmstrat import ConfigError, Ledger, Session, database
from lstmstrat.store import Kind, Store, default_path, size_in_bytes

PRICES = market()
Damage = Callable[[Path], None]


def spoil(path: Path, column: str, value: object) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(f"UPDATE results SET {column} = ?", (value,))
    connection.close()


@pytest.mark.parametrize("in_memory", [True, False])
def test_what_is_put_comes_back(in_memory: bool, tmp_path: Path) -> None:
    store = Store(None if in_memory else tmp_path / "deep" / "store")
    many = {f"key {i}": bytes([i % 256]) * i for i in range(1200)}  # more than one query holds
    store.put(many)
    store.put({"key 3": b"another"})
    assert store.get([*many, "unknown"]) == many
    assert store.get([]) == {}
    assert store.notices == []
    store.close()


def test_the_file_is_found_again_after_it_was_closed(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.put({"a": b"1"})
    store.close()
    assert store.get(["a"]) == {"a": b"1"}
    store.close()
    other = Store(tmp_path / "store")
    assert other.get(["a"]) == {"a": b"1"}
    other.close()


def test_a_changed_row_is_dropped_with_a_notice_and_made_again(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with Session(Store(path)) as session:
        first = advanced(small(), PRICES.times, PRICES.bars, session=session)
    spoil(path, "payload", b"\x00" * 40)
    with Session(Store(path)) as session:
        again = advanced(small(), PRICES.times, PRICES.bars, session=session)
    assert (session.fitted, session.cached) == (len(first.folds), 0)
    assert "did not match its hash and was made again" in session.store.notices[0]
    assert np.array_equal(bits(first), bits(again))
    with Session(Store(path)) as session:
        advanced(small(), PRICES.times, PRICES.bars, session=session)
    assert (session.fitted, session.store.notices) == (0, [])


@pytest.mark.parametrize("column", ["key", "sha256"])
def test_a_row_whose_text_is_damaged_costs_itself_alone(tmp_path: Path, column: str) -> None:
    """Python raises for a byte that is no UTF-8, and every later run would have gone without the cache."""
    store = Store(tmp_path / "store")
    store.put({"a": b"1"})
    store.close()
    connection = sqlite3.connect(tmp_path / "store")
    with connection:
        connection.execute(f"UPDATE results SET {column} = CAST(X'FF61' AS TEXT)")
    connection.close()
    assert store.get(["a"]) == {}
    store.put({"a": b"1"})
    assert store.get(["a"]) == {"a": b"1"}
    assert not any("could not be used" in notice for notice in store.notices)
    store.close()


def a_file_of_the_user(path: Path) -> None:
    path.write_text("this is no database at all, only text that somebody put here\n" * 20)


def a_directory(path: Path) -> None:
    path.mkdir()


def another_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (name TEXT)")
    connection.close()


def a_ledger(path: Path) -> None:
    Ledger(path).enter("note", {})


def a_newer_lstmstrat(path: Path) -> None:
    filled(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1000")
    connection.close()


UNUSABLE = [a_file_of_the_user, a_directory, another_program, a_ledger, a_newer_lstmstrat]


def runs_twice(path: Path) -> Session:
    """The session of two equal walks, of which the second finds the models of the first."""
    with Session(Store(path)) as session:
        walks = [advanced(small(), PRICES.times, PRICES.bars, session=session) for _ in range(2)]
        assert session.fitted == len(walks[0].folds)
    expected = bits(advanced(small(), PRICES.times, PRICES.bars))
    for walk in walks:
        assert np.array_equal(bits(walk), expected)
    return session


@pytest.mark.parametrize("other", UNUSABLE)
def test_a_file_that_is_no_cache_stays_as_it_is_and_the_run_goes_on(other: Damage, tmp_path: Path) -> None:
    path = tmp_path / "store"
    other(path)
    before = path.read_bytes() if path.is_file() else b""
    (notice,) = runs_twice(path).store.notices
    assert f"the cache {path} could not be used" in notice
    assert "goes on without it" in notice
    assert (path.read_bytes() if path.is_file() else b"") == before
    assert [file.name for file in tmp_path.iterdir() if "damaged" in file.name] == []


def filled(path: Path) -> None:
    store = Store(path)
    store.put({str(i): os.urandom(4000) for i in range(50)})
    store.close()


def cut_short(path: Path) -> None:
    filled(path)
    os.truncate(path, path.stat().st_size // 3)


def without_header(path: Path) -> None:
    filled(path)
    path.write_bytes(b"\0" * 40 + path.read_bytes()[40:])


def page_of_noise(path: Path) -> None:
    filled(path)
    data = bytearray(path.read_bytes())
    data[4096:12288] = os.urandom(8192)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("damage", [cut_short, without_header, page_of_noise])
def test_a_damaged_cache_is_set_aside_and_a_new_one_begun(damage: Damage, tmp_path: Path) -> None:
    path = tmp_path / "store"
    damage(path)
    (notice,) = runs_twice(path).store.notices
    (aside,) = (file for file in tmp_path.iterdir() if "damaged" in file.name)
    assert notice.startswith(f"the cache {path} was damaged (")
    assert f"it is now {aside}, which may be deleted" in notice
    with Session(Store(path)) as session:
        advanced(small(), PRICES.times, PRICES.bars, session=session)
    assert (session.fitted, session.store.notices) == (0, [])


def test_the_tables_of_an_older_version_are_begun_anew(tmp_path: Path) -> None:
    """The file of the release before had no version."""
    path = tmp_path / "store"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE results (key TEXT PRIMARY KEY, payload BLOB, sha256 TEXT) WITHOUT ROWID")
    connection.close()
    store = Store(path)
    store.put({"a": b"1"})
    assert (store.get(["a"]), store.notices) == ({"a": b"1"}, [])
    store.close()


MEGABYTE = 10**6


def size_on_disk(path: Path) -> int:
    return sum(file.stat().st_size for file in path.parent.iterdir() if file.name.startswith(path.name))


def test_the_file_does_not_grow_beyond_its_size(tmp_path: Path) -> None:
    """5 MB are written into a file of 1 MB."""
    path = tmp_path / "store"
    store = Store(path, MEGABYTE)
    for i in range(500):
        store.put({f"{i}": os.urandom(10_000)}, Kind.MODEL)
        assert path.stat().st_size < 1.05 * MEGABYTE
    store.close()
    assert size_on_disk(path) < 1.05 * MEGABYTE


def test_models_go_first_and_what_was_used_last_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, clock = tmp_path / "store", [1.7e9]
    monkeypatch.setattr("lstmstrat.store.time.time", lambda: clock[0])

    def day_later() -> Store:
        clock[0] += 86_400.0
        return Store(path, 2_450_000)  # 10 KB take three pages of 4 KB, so all five are 2.6 MB

    def put(store: Store, name: str, kind: Kind) -> None:
        store.put({f"{name} {i}": os.urandom(10_000) for i in range(40)}, kind)
        store.close()

    put(day_later(), "forecast", Kind.OTHER)  # the oldest of all
    put(day_later(), "old", Kind.MODEL)
    put(day_later(), "used again", Kind.MODEL)
    put(day_later(), "idle", Kind.MODEL)
    reader = day_later()
    reader.get([f"used again {i}" for i in range(40)])
    reader.close()
    put(day_later(), "new", Kind.MODEL)
    store = day_later()
    left = {
        name: len(store.get([f"{name} {i}" for i in range(40)]))
        for name in ("forecast", "old", "used again", "idle", "new")
    }
    store.close()
    assert left.pop("old") < 40
    assert set(left.values()) == {40}


def test_a_run_in_a_cache_that_is_too_small_gives_the_same(tmp_path: Path) -> None:
    with Session(Store(tmp_path / "store", size=20_000)) as session:
        walk = advanced(small(), PRICES.times, PRICES.bars, session=session)
    assert np.array_equal(bits(walk), bits(advanced(small(), PRICES.times, PRICES.bars)))
    assert session.store.notices == []


def test_a_long_wait_for_another_process_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database, "_SILENT", 0.1)
    store, path = Store(tmp_path / "store"), tmp_path / "store"
    store.put({"a": b"1"})
    other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.close()  # the next connection waits a tenth of a second at a time
    threading.Timer(0.5, lambda: other.execute("COMMIT")).start()
    store.put({"b": b"2"})
    assert store.get(["a", "b"]) == {"a": b"1", "b": b"2"}
    assert [record.message for record in caplog.records] == [
        f"another process is writing to {path}; waiting for it, 60 s at most"
    ]
    other.close()
    store.close()


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 * 10**9), ("1.5 gb", 1.5e9), ("500M", 5e8), ("20000000", 2e7), ("1000 kb", 1e6), ("1tB", 1e12)],
)
def test_sizes_as_people_write_them(text: str, size: float) -> None:
    assert size_in_bytes(text) == size


@pytest.mark.parametrize("text", ["", "big", "-1GB", "0", "999KB", "1e9", "2 GiB", "9" * 400, "²GB"])
def test_what_is_no_size_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="expected 1MB or more, such as 500MB or 2GB"):
        size_in_bytes(text)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "store")
    store.put({"a": b"1"})
    assert "could not be used (write" in store.notices[0]
    assert store.get(["a"]) == {"a": b"1"}
    assert len(store.notices) == 1


def test_what_cannot_be_written_to_the_file_is_kept_for_the_run(tmp_path: Path) -> None:
    """As with a read-only file, which a test run by root could write all the same."""
    store = Store(tmp_path / "store")
    store.put({"old": b"0"})
    store._open().execute("PRAGMA query_only = 1")
    store.put({"new": b"1"})
    assert "readonly" in store.notices[0]
    assert store.get(["new"]) == {"new": b"1"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_opens_the_file_anew(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.put({"parent": b"1"})
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom lstmstrat.store import Store\n"
        "store = Store(Path(sys.argv[1])); store.get(['parent']); before = store._connection\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    found = store.get(['parent']) == {'parent': b'1'} and store._connection is not before\n"
        "    store.put({'child': b'2'}); store.close(); os._exit(0 if found else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert store.get(['child']) == {'child': b'2'} and store._connection is before\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "store")], check=True, timeout=60)
    assert store.get(["child", "parent"]) == {"child": b"2", "parent": b"1"}
    store.close()


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom lstmstrat.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for i in range(150): store.put({f'{sys.argv[2]} {i}': b'x' * 2000, f'shared {i}': b'y'})\n"
        "assert not store.notices, store.notices\n"
    )
    path = tmp_path / "store"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in ("a", "b")]
    assert [w.wait(60) for w in writers] == [0, 0]
    store = Store(path)
    keys = [f"{name} {i}" for name in ("a", "b", "shared") for i in range(150)]
    assert len(store.get(keys)) == 450
    store.close()


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTMSTRAT_CACHE", "/somewhere/else.sqlite")
    assert default_path() == Path("/somewhere/else.sqlite")
    monkeypatch.delenv("LSTMSTRAT_CACHE")
    assert default_path().name == "lstmstrat.sqlite"


def test_another_thread_may_use_it_and_let_it_go(tmp_path: Path) -> None:
    """Python 3.13 warns of a connection that the collector finds open, in whatever thread it runs."""
    stores = [Store(tmp_path / "store")]
    stores[0].put({"a": b"1"})
    found: list[dict[str, bytes]] = []

    def elsewhere() -> None:
        stores[0].put({"b": b"2"})
        found.append(stores.pop().get(["a", "b"]))
        gc.collect()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [{"a": b"1", "b": b"2"}]


def test_a_record_replaces_what_was_there(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    assert store.recorded("a") is None
    store.record("a", {"x": 1})
    store.record("a", [None])
    assert store.recorded("a") == [None]
    assert store.remembered("b", lambda: None) is None
    assert store.remembered("b", lambda: pytest.fail("made again")) is None
    store.close()
