"""The store: results come back as they were, and nothing that befalls the file stops a run."""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from helpers.market import advanced, bits, market, small

from lstmstrat import Session
from lstmstrat.store import Store, default_path

PRICES = market()


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


def not_a_database(path: Path) -> None:
    path.write_text("this is no database at all, only text that somebody put here\n" * 20)


def a_directory(path: Path) -> None:
    path.mkdir()


def another_schema(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE results (name TEXT)")
    connection.close()


def cut_short(path: Path) -> None:
    store = Store(path)
    store.put({str(i): os.urandom(4000) for i in range(50)})
    store.close()
    os.truncate(path, path.stat().st_size // 3)


@pytest.mark.parametrize("damage", [not_a_database, a_directory, another_schema, cut_short])
def test_a_file_that_cannot_be_used_is_said_and_the_run_goes_on(damage: object, tmp_path: Path) -> None:
    path = tmp_path / "store"
    damage(path)  # type: ignore[operator]
    with Session(Store(path)) as session:
        walk = advanced(small(), PRICES.times, PRICES.bars, session=session)
        second = advanced(small(), PRICES.times, PRICES.bars, session=session)
        assert session.fitted == len(walk.folds)
    assert any("could not be used" in n and "goes on without it" in n for n in session.store.notices)
    expected = bits(advanced(small(), PRICES.times, PRICES.bars))
    assert np.array_equal(bits(walk), expected)
    assert np.array_equal(bits(second), expected)


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
