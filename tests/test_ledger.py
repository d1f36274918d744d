"""The ledger: rows are only ever added, and nothing that befalls the file stops a run or hides a trial."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lstmstrat import database
from lstmstrat.ledger import VERSION, Contents, Ledger, ledger_path
from lstmstrat.store import default_path

ROWS = [{"a": 1}, {"a": 2}, {"a": 3}]
TRIAL = {
    "asset": 1, "symbol": "X", "strategy": "long_flat", "class_path": "a:B", "params": {}, "model": None,
    "refit_every": None, "first": "2010-01-04", "last": "2011-01-04", "bars": 252, "sharpe": 0.5, "failed": [],
}  # fmt: skip


def filled(path: Path) -> Ledger:
    ledger = Ledger(path)
    assert [ledger.enter("trial", content) for content in ROWS] == [1, 2, 3]
    return ledger


def by_sql(path: Path, *statements: str) -> None:
    """What somebody does with the file who knows SQL."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
            connection.commit()


OPEN_THE_LOCKS = ("DROP TRIGGER no_update", "DROP TRIGGER no_delete", "DROP TRIGGER no_replace")


@pytest.mark.parametrize("in_memory", [True, False])
def test_what_is_entered_is_there_by_kind_and_number(in_memory: bool, tmp_path: Path) -> None:
    path = None if in_memory else tmp_path / "deep" / "ledger"
    ledger = Ledger(path)
    assert ledger.read() == Contents((), 0)
    assert (ledger.enter("trial", {"x": [1, None]}), ledger.enter("strike", "why"), ledger.enter("trial", 2)) == (
        1,
        2,
        3,
    )
    assert [(row.number, row.content) for row in ledger.rows("trial")] == [(1, {"x": [1, None]}), (3, 2)]
    assert [row.kind for row in ledger.read().rows] == ["trial", "strike", "trial"]
    assert ledger.notices == []
    assert ledger.kept is not in_memory
    assert (Ledger(path).rows("strike") == []) is in_memory


@pytest.mark.parametrize("number", [float("nan"), float("inf"), {1, 2}])
def test_what_is_no_json_is_refused(number: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        Ledger(None).enter("trial", {"x": number})


def test_the_hash_is_that_of_everything_in_the_row(tmp_path: Path) -> None:
    filled(tmp_path / "ledger")
    with closing(sqlite3.connect(tmp_path / "ledger")) as connection:
        rows = connection.execute("SELECT number, kind, version, entered, content, sha256 FROM rows").fetchall()
    assert [(row[1], row[2]) for row in rows] == [("trial", VERSION)] * 3
    for *values, digest in rows:
        assert digest == hashlib.sha256(json.dumps(values).encode()).hexdigest()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rows SET content = '{}'",
        "DELETE FROM rows WHERE number = 3",
        "INSERT OR REPLACE INTO rows VALUES (2, 'trial', 1, '', '{}', '')",
        "REPLACE INTO rows VALUES (3, 'trial', 1, '', '{}', '')",
    ],
)
def test_a_row_cannot_be_changed_or_deleted(statement: str, tmp_path: Path) -> None:
    ledger = filled(tmp_path / "ledger")
    with pytest.raises(sqlite3.IntegrityError, match="rows are only ever added to the ledger"):
        by_sql(tmp_path / "ledger", statement)
    assert [row.content for row in ledger.rows("trial")] == ROWS


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE rows SET content = '{\"a\": 9}' WHERE number = 2", "1 rows (2) of the ledger"),
        ("UPDATE rows SET content = CAST(x'ff80' AS TEXT) WHERE number = 2", "do not match their hash"),
        ("UPDATE rows SET content = x'00' WHERE number = 2", "do not match their hash"),
        ("UPDATE rows SET kind = 'note' WHERE number = 2", "do not match their hash"),
        ("UPDATE rows SET entered = '2020-01-01 00:00:00' WHERE number = 2", "do not match their hash"),
        ("UPDATE rows SET version = 'one' WHERE number = 2", "do not match their hash"),
        ("UPDATE rows SET sha256 = '' WHERE number = 2", "do not match their hash"),
        ("UPDATE rows SET version = 99 WHERE number = 2", "by a newer version of lstmstrat"),
        ("DELETE FROM rows WHERE number = 2", "1 rows are missing"),
    ],
)
def test_a_row_that_cannot_be_read_is_counted_and_said(change: str, said: str, tmp_path: Path) -> None:
    filled(tmp_path / "ledger")
    by_sql(tmp_path / "ledger", *OPEN_THE_LOCKS, change)
    ledger = Ledger(tmp_path / "ledger")
    found = ledger.read()
    assert [row.content for row in found.rows] == [ROWS[0], ROWS[2]]
    assert found.unreadable == 1
    assert ledger.kept
    assert ledger.read() == found
    (notice,) = ledger.notices  # once, though it was read twice
    assert said in notice
    assert notice.count("counts as a trial") == 1
    with pytest.raises(sqlite3.IntegrityError):  # the locks are closed again
        by_sql(tmp_path / "ledger", "DELETE FROM rows")


def test_the_last_row_is_missed_too_and_its_number_not_given_again(tmp_path: Path) -> None:
    filled(tmp_path / "ledger")
    by_sql(tmp_path / "ledger", *OPEN_THE_LOCKS, "DELETE FROM rows WHERE number > 1")
    ledger = Ledger(tmp_path / "ledger")
    assert ledger.read().unreadable == 2
    assert ledger.enter("trial", {}) == 4
    assert ledger.read().unreadable == 2


def not_a_database(path: Path) -> None:
    path.write_text("this is no database at all, only text that somebody put here\n" * 20)


def a_directory(path: Path) -> None:
    path.mkdir()


def another_schema(path: Path) -> None:
    by_sql(path, "CREATE TABLE rows (name TEXT)")


def a_number_that_no_ledger_gave(path: Path) -> None:
    filled(path)
    by_sql(path, "INSERT INTO rows VALUES (9223372036854775807, 'trial', 1, '', '{}', '')")


def cut_short(path: Path) -> None:
    ledger = Ledger(path)
    for _ in range(20):
        ledger.enter("trial", os.urandom(2000).hex())
    os.truncate(path, path.stat().st_size // 3)


@pytest.mark.parametrize(
    "damage", [not_a_database, a_directory, another_schema, a_number_that_no_ledger_gave, cut_short]
)
def test_a_file_that_cannot_be_used_is_said_and_the_run_goes_on(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    damage(tmp_path / "ledger")
    before = (tmp_path / "ledger").stat().st_size
    ledger = Ledger(tmp_path / "ledger")
    ledger.read()
    number = ledger.enter("trial", {"a": 1})
    assert [row.content for row in ledger.rows("trial") if row.number == number] == [{"a": 1}]
    assert not ledger.kept
    (notice,) = ledger.notices
    assert "could not be used" in notice
    assert "no edge can be supported" in notice
    assert (tmp_path / "ledger").stat().st_size == before  # it may be mended by somebody


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ledger = Ledger(tmp_path / "file" / "ledger")
    assert ledger.enter("trial", {}) == 1
    assert "could not be used (write" in ledger.notices[0]
    assert [row.number for row in ledger.rows("trial")] == [1]


def test_what_cannot_be_written_is_kept_for_the_process_with_what_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a full disk: another process holds the file for longer than anybody waits."""
    monkeypatch.setattr(database, "_SILENT", 0.1)
    monkeypatch.setattr(database, "_LONGEST", 0.1)
    ledger = filled(tmp_path / "ledger")
    ledger.read()
    with closing(sqlite3.connect(tmp_path / "ledger")) as other:
        other.execute("BEGIN IMMEDIATE")
        assert ledger.enter("trial", {"a": 4}) == 4
    assert not ledger.kept
    assert "locked" in ledger.notices[0]
    assert ledger.notices[0].endswith("run again when that process has ended")  # and do not move its file away
    assert [row.content for row in ledger.rows("trial")] == [*ROWS, {"a": 4}]
    assert [row.content for row in Ledger(tmp_path / "ledger").rows("trial")] == ROWS


def test_many_processes_enter_at_once(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom lstmstrat.ledger import Ledger\n"
        "ledger = Ledger(Path(sys.argv[1]))\n"
        "for i in range(60): ledger.enter('trial', [sys.argv[2], i]); ledger.read()\n"
        "assert ledger.kept and not ledger.notices, ledger.notices\n"
    )
    path = tmp_path / "ledger"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "abc"]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    rows = Ledger(path).rows("trial")
    assert [row.number for row in rows] == list(range(1, 181))
    assert sorted(row.content for row in rows) == [[name, i] for name in "abc" for i in range(60)]


def test_it_is_where_the_environment_says_and_never_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTMSTRAT_LEDGER", "/somewhere/else.sqlite")
    assert ledger_path() == Path("/somewhere/else.sqlite")
    for name in ("LSTMSTRAT_LEDGER", "LSTMSTRAT_CACHE"):
        monkeypatch.delenv(name)
    assert ledger_path().name == "ledger.sqlite"
    assert ledger_path().parent != default_path().parent


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A ledger of three rows in a folder that this user, and "nobody", may read and not write."""
    folder = Path(tempfile.mkdtemp(prefix="lstmstrat-"))  # the folders of pytest are closed to "nobody"
    filled(folder / "ledger")
    for key in ("a", "b"):
        Ledger(folder / "ledger").enter("trial", {**TRIAL, "key": key})
    (folder / "ledger").chmod(0o444)
    folder.chmod(0o555)
    yield folder / "ledger"
    folder.chmod(0o755)
    shutil.rmtree(folder)


def by_nobody(code: str, path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Code in a Python of a user whom permissions bind, as they do not bind root; modules are imported before."""
    bound = "\nimport os\nif os.geteuid() == 0: os.seteuid(65534)\n"
    first, _, then = code.partition("# from here on\n")
    command = [sys.executable, "-c", f"{first}{bound}{then}", str(path), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


LIST = """
import sys
from lstmstrat.commands.main import main
main(["trials", "--ledger", sys.argv[1]])
print("---")
# from here on
sys.exit(main(["trials", *sys.argv[2:], "--ledger", sys.argv[1]]))
"""
READ = """
import json, sys
from lstmstrat.ledger import Ledger
# from here on
ledger = Ledger(sys.argv[1])
rows = [row.content for row in ledger.rows("trial")]
print(json.dumps([rows, ledger.kept, ledger.enter("trial", {}), ledger.kept]))
"""


def test_trials_in_a_folder_that_is_read_only_are_listed(read_only: Path) -> None:
    done = by_nobody(LIST, read_only)
    assert done.returncode == 0, done.stderr
    assert "2 trials" in done.stdout.partition("---")[2]
    told = f"the ledger {read_only} can be read and not written, so nothing is added to it; make the file and its"
    assert done.stderr.count(told) == 1
    assert "move" not in done.stderr


def test_a_ratio_in_a_folder_that_is_read_only_is_not_said_to_be_struck(read_only: Path) -> None:
    done = by_nobody(LIST, read_only, "strike", "4", "--why", "a mistake")
    assert done.returncode == 2
    assert "struck" not in done.stdout
    assert "could not be used (write" in done.stderr


@pytest.mark.parametrize("log", [False, True])
def test_a_ledger_in_a_folder_that_is_read_only_is_read(read_only: Path, log: bool) -> None:
    """With rows in the log beside it, too, as a process that was killed leaves them."""
    if log:
        read_only.parent.chmod(0o755)
        read_only.chmod(0o644)
        with closing(sqlite3.connect(read_only)) as other:
            other.execute("SELECT * FROM rows").fetchall()  # while it is open, its log stays
            Ledger(read_only).enter("trial", {"a": 4})
            read_only.parent.chmod(0o555)
            done = by_nobody(READ, read_only)
    else:
        done = by_nobody(READ, read_only)
    rows, kept, number, kept_then = json.loads(done.stdout)
    assert rows[:3] == ROWS
    assert rows[5:] == [{"a": 4}] * log
    assert (kept, number, kept_then) == (True, 6 + log, False)
    assert "no edge can be supported; make the file and its folder writable" in done.stderr
