from __future__ import annotations

import contextlib
import csv
import json
import math
import os
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
import pytest
from helpers.command import tiny
from helpers.made_up import BARS, FOLDS, NAMES, put, result

import lstmstrat
from lstmstrat import Session, Store
from lstmstrat.config import files
from lstmstrat.config.schema import Config
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError, DataError
from lstmstrat.report.page import page
from lstmstrat.results import partial_folder, run_folder
from lstmstrat.results.result import Result
from lstmstrat.results.run_folder import read

TABLES = ["equity.csv", "exposure.csv", "folds.csv", "forecasts.csv", "orders.csv", "prices.csv"]
FILES = ["config.yaml", *TABLES, "report.html", "summary.json", "trades.csv"]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "aapl" / "one"
    run_folder.write(result(), folder, "<p>page</p>")
    return folder


def test_the_folder_holds_the_contract_and_nothing_else(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == FILES
    assert [p.name for p in folder.parent.iterdir()] == ["one"]
    assert (folder / "report.html").read_text() == "<p>page</p>"


@pytest.mark.parametrize(
    ("name", "columns"),
    [  # DESIGN of the run folder, word for word
        ("equity.csv", ["date", "buy_and_hold", *NAMES]),
        ("exposure.csv", ["date", "buy_and_hold", *NAMES]),
        ("prices.csv", ["date", "open", "high", "low", "close", "volume"]),
        (
            "forecasts.csv",
            [
                "date",
                "forecast",
                "spread",
                "distance",
                "sigma",
                "up",
                *(f"quantile_{q}" for q in (0.05, 0.5, 0.95)),
                "linear",
                "realised",
                "fold",
                "cutoff",
            ],
        ),
        ("orders.csv", ["strategy", "status", "created", "executed", "side", "size", "price", "commission"]),
        (
            "trades.csv",
            [
                *("strategy", "opened", "closed", "side", "size"),
                *("entry_price", "exit_price", "pnl", "commission", "bars"),
            ],
        ),
    ],
)
def test_columns(folder: Path, name: str, columns: list[str]) -> None:
    assert list(rows(folder / name)[0]) == columns


def test_floats_read_back_equal(folder: Path) -> None:
    read_back = [float(row["long_flat"]) for row in rows(folder / "equity.csv")]
    assert read_back == result().equity["long_flat"].tolist()
    assert float(rows(folder / "orders.csv")[0]["price"]) == 0.1 + 0.2  # 0.30000000000000004, not 0.3


def test_dates_are_iso_and_undefined_is_empty(folder: Path) -> None:
    filled, rejected = rows(folder / "orders.csv")[:2]
    assert (filled["created"], filled["executed"]) == ("2004-01-05", "2004-01-06")  # a Monday and a Tuesday
    assert (rejected["executed"], rejected["price"]) == ("", "")
    assert rows(folder / "equity.csv")[0]["date"] == "2004-01-05"
    assert rows(folder / "forecasts.csv")[0]["cutoff"] == "2004-01-01"


def test_stamps_with_a_time_of_day_keep_it(tmp_path: Path) -> None:
    original = result()
    hourly = original.equity.set_axis(pd.date_range("2004-01-05 09:30", periods=len(original.equity), freq="h"))
    run_folder.write(replace(original, equity=hourly), tmp_path / "run", None)
    assert rows(tmp_path / "run" / "equity.csv")[0]["date"] == "2004-01-05 09:30:00"


def test_summary_and_config_read_back_equal(folder: Path) -> None:
    original = result()
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8")) == original.summary
    assert (folder / "summary.json").read_text(encoding="utf-8").endswith("}\n")
    assert Config.model_validate(files.read(folder / "config.yaml")) == original.config


def test_no_page_where_none_is_wanted(tmp_path: Path) -> None:
    run_folder.write(result(), tmp_path / "run", None)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [n for n in FILES if n != "report.html"]


def test_an_empty_folder_is_free_and_is_used(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    run_folder.check_free(tmp_path / "run")
    run_folder.write(result(), tmp_path / "run", None)
    assert (tmp_path / "run" / "summary.json").exists()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_stopped_at_the_last_file_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    original, paths = partial_folder.put, []

    def fails_at_the_page(path: Path, text: str) -> None:
        original(path, text)
        paths.append(path)
        if path.name == "report.html":
            raise stop

    monkeypatch.setattr(partial_folder, "put", fails_at_the_page)
    with pytest.raises(stop):
        run_folder.write(result(), tmp_path / "run", "page")
    assert len(paths) == len(FILES)
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_json_cannot_hold_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        run_folder.write(put(result(), "assessment.benchmark.sharpe", math.nan), tmp_path / "run", None)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_one_clear_message(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")  # no such limits on Windows
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # equity.csv is larger
    try:
        with pytest.raises(ConfigError, match=r"cannot write the run to .*run: File too large; .*another --out"):
            run_folder.write(result(), tmp_path / "run", None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_check_free_says_what_to_type(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"full is not empty; .*--out .*full_2"):
        run_folder.check_free(tmp_path / "full")
    with pytest.raises(ConfigError, match=r"notes.txt is a file; .*--out"):
        run_folder.check_free(tmp_path / "full" / "notes.txt")
    with pytest.raises(ConfigError, match=r"no folder can be made in .*notes.txt"):
        run_folder.check_free(tmp_path / "full" / "notes.txt" / "a" / "b")
    run_folder.check_free(tmp_path / "new" / "er")
    assert [p.name for p in tmp_path.iterdir()] == ["full"]  # looking makes nothing


def test_what_another_run_has_written_meanwhile_stays_and_this_one_is_written_beside_it(tmp_path: Path) -> None:
    """Three runs were begun in the same second, and all found the folder free."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    assert [run_folder.write(result(), folder, None).name for _ in range(3)] == ["run_2", "run_3", "run_4"]
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    for name in ("run_2", "run_4"):
        assert_equal(run_folder.read(tmp_path / name), result())


WRITES = """
import signal, sys, time
from pathlib import Path
from lstmstrat.results.partial_folder import write_folder
def texts():
    yield "equity.csv", ""
    print("writes", flush=True)
    time.sleep(60.0)
    yield "orders.csv", ""
write_folder(texts(), Path(sys.argv[1]))
"""


def test_what_a_killed_run_has_left_is_removed_by_the_next_and_what_another_writes_stays(tmp_path: Path) -> None:
    """Two programs write; one is killed. What others have there stays, whatever its name."""
    for name in (".run.0123abcd", ".mine.partial"):
        (tmp_path / name).mkdir()
    programs = [
        subprocess.Popen([sys.executable, "-c", WRITES, tmp_path / name], stdout=subprocess.PIPE)
        for name in ("killed", "goes_on")
    ]
    with contextlib.ExitStack() as stack:
        for program in programs:
            stack.callback(program.communicate)
            stack.callback(program.kill)
            assert program.stdout is not None
            assert program.stdout.readline() == b"writes\n"
        programs[0].kill()
        programs[0].wait()
        for path in tmp_path.glob(".*.????????.partial"):
            os.utime(path, (time.time() - 10.0,) * 2)
        run_folder.write(result(), tmp_path / "run", None)
        left = {path.name.split(".")[1] for path in tmp_path.glob(".*.????????.partial")}
        assert left == {"goes_on"}
        assert {".run.0123abcd", ".mine.partial", "run"} < {path.name for path in tmp_path.iterdir()}


def test_what_only_has_the_name_of_a_partial_folder_holds_nobody_up(tmp_path: Path) -> None:
    """A pipe waits for somebody who writes into it."""
    left = tmp_path / ".run.0123abcd.partial"
    os.mkfifo(left)
    os.utime(left, (time.time() - 10.0,) * 2)
    run_folder.write(result(), tmp_path / "run", None)
    assert left.exists()


@pytest.mark.parametrize(("seconds", "stays"), [(10.0, True), (3700.0, False)])
def test_what_was_left_of_a_single_file_is_removed_after_an_hour(
    seconds: float, stays: bool, tmp_path: Path
) -> None:
    """Of index.html, which each run writes anew: nobody can lock it, and it stayed for good."""
    left = tmp_path / ".index.0123abcd.partial"
    left.write_text("<html>")
    os.utime(left, (time.time() - seconds,) * 2)
    run_folder.write(result(), tmp_path / "run", None)
    assert left.exists() == stays


@pytest.mark.parametrize(("seconds", "stays"), [(1.0, True), (3500.0, True), (3700.0, False)])
def test_without_locks_what_was_left_is_removed_after_an_hour(
    seconds: float, stays: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partial_folder, "_locked", lambda _: contextlib.nullcontext(False))
    left = tmp_path / ".run.0123abcd.partial"
    left.mkdir()
    os.utime(left, (time.time() - seconds,) * 2)
    run_folder.write(result(), tmp_path / "run", None)
    assert left.exists() == stays


def assert_equal(one: Result, other: Result) -> None:
    assert one.config == other.config
    assert one.assessment == other.assessment
    for field in fields(Result)[2:]:
        pd.testing.assert_frame_equal(getattr(one, field.name), getattr(other, field.name), check_freq=False)


def round_trip(original: Result, folder: Path) -> Result:
    run_folder.write(original, folder, None)
    return read(folder)


def test_a_run_reads_back_equal_and_gives_the_same_page(folder: Path) -> None:
    assert_equal(read(folder), result())
    assert page(read(folder)) == page(result())


def test_names_that_look_like_something_else_read_back_equal(tmp_path: Path) -> None:
    names = ("NA", "1", 'a "quoted", name', "a, b", "two  spaces", "Unnamed: 0", "名前")
    original = result(names)
    assert_equal(round_trip(original, tmp_path / "run"), original)


def test_bars_of_an_hour_and_fractions_of_a_second_read_back_equal(tmp_path: Path) -> None:
    original = result()
    hours = pd.date_range("2004-01-05 09:30", periods=BARS, freq="h", name="date").as_unit("ns")
    tables = ("equity", "exposure", "forecasts", "prices")
    original = replace(original, **{name: getattr(original, name).set_axis(hours) for name in tables})
    original.orders["created"] += pd.Timedelta("1.000000001s")
    original.trades["closed"] += pd.Timedelta("9h")
    assert_equal(round_trip(original, tmp_path / "run"), original)


def test_a_price_forecast_and_extreme_numbers_read_back_equal(tmp_path: Path) -> None:
    original = result()
    original.forecasts["price"] = original.prices["close"]
    original.forecasts.iloc[:5, 0] = [5e-324, 1.7976931348623157e308, 2 / 3, -0.0, math.nan]
    original.equity.iloc[0, 1] = 9007199254740993.0
    original.forecasts["cutoff"] = pd.NaT
    original = replace(original, forecasts=original.forecasts.astype({"cutoff": "datetime64[ns]"}))
    assert_equal(round_trip(original, tmp_path / "run"), original)


def test_a_run_without_folds_and_orders_reads_back_equal(tmp_path: Path) -> None:
    original = put(result(), "assessment.walk_forward.folds", 0)
    original = replace(
        original, folds=original.folds.head(0), orders=original.orders.head(0), trades=original.trades.head(0)
    )
    assert_equal(round_trip(original, tmp_path / "run"), original)


def test_a_config_with_params_dates_and_small_numbers_reads_back_equal(tmp_path: Path) -> None:
    values = {
        "data": {"symbol": "X", "source": "csv", "path": "x.csv", "start": "2004-01-05"},
        "forecast": {"learning_rate": 1e-5, "weight_decay": 1 / 3, "refit_every": "month"},
        "strategies": [
            {"class": "a.b:C", "name": "on", "params": {"yes": True, "no": None, "x": [1, 2.5], "s": "1e3"}}
        ],
    }
    original = replace(result(), config=Config.model_validate(values))
    assert_equal(round_trip(original, tmp_path / "run"), original)


def error_of(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(folder)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_a_folder_that_is_not_there_is_guessed_from_the_runs_beside_it(folder: Path, tmp_path: Path) -> None:
    missing = folder.with_name("onne")
    assert error_of(missing) == f"there is no folder {missing}; expected the folder of a run; did you mean 'one'?"
    assert "give the folder that a run was written to" in error_of(tmp_path / "nothing" / "here")


def test_a_file_is_no_folder(folder: Path) -> None:
    message = error_of(folder / "report.html")
    assert message.endswith(f"report.html is a file; expected the folder of a run; give the folder: {folder}")


def test_a_file_outside_of_a_run_leads_to_no_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "aapl.yaml").write_text("data: {symbol: AAPL}")
    message = error_of(tmp_path / "aapl.yaml")
    assert message.endswith(" is a file; expected the folder of a run, such as runs/aapl/2026-01-31_120000")


def test_a_folder_around_runs_is_answered_with_one_of_them(folder: Path, tmp_path: Path) -> None:
    message = error_of(folder.parent)
    assert f"{folder.parent} is no run folder: it has no summary.json; give the folder of a run" in message
    assert message.endswith(f"such as {folder}")
    assert error_of(tmp_path).endswith("give the folder of a run, such as runs/aapl/2026-01-31_120000")


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    """A run folder to break."""
    run_folder.write(result(), tmp_path / "run", None)
    return tmp_path / "run"


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("report.html", "summary.json")])
def test_the_missing_file_is_named(own_folder: Path, name: str) -> None:
    (own_folder / name).unlink()
    assert f"{own_folder} is no run folder: it has no {name}; give the folder of another run" in error_of(
        own_folder
    )


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_run_of_an_older_version_is_refused_by_name(own_folder: Path) -> None:
    edit(own_folder / "summary.json", '"schema": 9', '"schema": 3')
    (own_folder / "exposure.csv").unlink()  # older runs have none: the version is the reason, not the file
    message = error_of(own_folder)
    assert message.startswith(
        f"{own_folder}: summary.json has schema 3, and this version of lstmstrat reads schema 9"
    )
    assert message.endswith("run the config.yaml beside it again")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"schema": 9,', '"schema": 9', "summary.json is broken: expected JSON, Expecting ',' delimiter: line 3"),
        (
            '"bars": 3270',
            '"bars": "many"',
            "summary.json cannot be read: data.bars: Input should be a valid integer",
        ),
        (
            '"status": "ran"',
            '"status": "went"',
            "summary.json cannot be read: checks.3: Value error, status 'went'",
        ),
        (
            '"commission": 0.001',
            '"commission": -1',
            "summary.json cannot be read: costs.commission: Input should be",
        ),
    ],
)
def test_a_broken_summary_is_one_sentence(own_folder: Path, old: str, new: str, words: str) -> None:
    edit(own_folder / "summary.json", old, new)
    assert words in error_of(own_folder)


def test_a_summary_that_is_a_list_is_refused(own_folder: Path) -> None:
    (own_folder / "summary.json").write_text("[1]\n")
    assert "summary.json is broken: expected keys and values, found [1]; run the" in error_of(own_folder)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("lookback: 20", "lookback: sixty", "forecast.lookback: 'sixty' given, expected a whole number"),
        ("lookback: 20", "lokback: 20", "forecast.lokback: unknown key; did you mean 'lookback'?"),
        ("name: made-up", "name: [", "not valid YAML"),
    ],
)
def test_a_broken_config_is_named_with_the_mistake(own_folder: Path, old: str, new: str, words: str) -> None:
    edit(own_folder / "config.yaml", old, new)
    message = error_of(own_folder)
    assert str(own_folder / "config.yaml") in message
    assert words in message
    assert message.endswith("undo the change, or take the folder of another run")


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (
            "orders.csv",
            ",price,",
            ",cost,",
            "has the columns strategy, status, created, executed, side, size, cost,",
        ),
        ("trades.csv", ",bars\n", ",length\n", "expected strategy, opened, closed, side, size, entry_price,"),
        ("equity.csv", "date,", "day,", "expected date, buy_and_hold, long_flat,"),
        ("exposure.csv", "coin_flip", "coin", "expected date, buy_and_hold, long_flat,"),
        (
            "prices.csv",
            "2004-01-05",
            "5 January",
            "'5 January' in column date, row 1; expected a date such as 2005",
        ),
        (
            "prices.csv",
            "2004-01-06",
            "2004-01-06T00:00:00Z",
            "row 2; expected a date such as 2005-01-31; undo the",
        ),
        (
            "prices.csv",
            ",1234567.0",
            ",1,234",
            "row 1 has 7 cells; expected 6; undo the change",
        ),
        ("orders.csv", "12.3", "12.3 EUR", "'12.3 EUR' in column commission, row 1; expected a number or nothing"),
        ("orders.csv", ",12.3\n", "\n", "row 1 has 7 cells; expected 8"),
        ("orders.csv", "\n", "\n\n", "row 1 has 0 cells; expected 8"),
        ("orders.csv", "strategy,status", "status,status", "has the columns status, status, created,"),
        ("orders.csv", "long_flat,", '"long_flat,', "expected a table, unexpected end of data"),
        ("trades.csv", ",8\n", ",\n", "'' in column bars, row 1; expected a whole number"),
        ("folds.csv", ",690,", ",690.5,", "'690.5' in column samples, row 1; expected a whole number"),
    ],
)
def test_a_broken_table_is_named_with_its_column_and_row(
    own_folder: Path, name: str, old: str, new: str, words: str
) -> None:
    edit(own_folder / name, old, new)
    message = error_of(own_folder)
    assert message.startswith(str(own_folder / name))
    assert words in message
    assert message.endswith("run the config.yaml beside it again")


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("equity.csv", BARS),
        ("exposure.csv", BARS),
        ("forecasts.csv", BARS),
        ("prices.csv", BARS),
        ("folds.csv", FOLDS),
    ],
)
def test_rows_that_are_gone_are_missed(own_folder: Path, name: str, rows: int) -> None:
    lines = (own_folder / name).read_text().splitlines(keepends=True)
    (own_folder / name).write_text("".join(lines[:-1]))
    assert f"{name} has {rows - 1:,} rows; expected {rows:,}, as summary.json says" in error_of(own_folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "trades.csv is empty or cut off: expected a line end at its end"),
        (b"strategy,opened\nlong_flat,2004-0", "trades.csv is empty or cut off: expected a line end at its end"),
        (b"\n", "trades.csv has the columns none; expected strategy, opened, closed,"),
        (b"\xff\n", "trades.csv is broken: expected text in UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_one_sentence(own_folder: Path, content: bytes, words: str) -> None:
    (own_folder / "trades.csv").write_bytes(content)
    assert words in error_of(own_folder)


def test_a_file_that_cannot_be_opened_is_one_sentence(own_folder: Path) -> None:
    (own_folder / "trades.csv").unlink()
    (own_folder / "trades.csv").mkdir()  # root may read everything else
    assert "trades.csv: Is a directory; give the folder of another run" in error_of(own_folder)


def test_line_ends_of_windows_change_nothing(own_folder: Path) -> None:
    for path in own_folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert_equal(read(own_folder), result())


@pytest.mark.parametrize("target", ["open", "close"])
def test_a_run_is_read_back_as_it_was(target: str, tmp_path: Path) -> None:
    """Not a made-up result: what `lstmstrat.run` gives, to the last bit and type."""
    config = validated(Config, tiny(forecast={"target": target, "horizon": 2}), "")
    found = lstmstrat.run(config, session=Session(Store(None)))
    run_folder.write(found, tmp_path / "run", None)
    again = lstmstrat.load_run(str(tmp_path / "run"))
    assert again.config == found.config
    assert again.assessment == found.assessment
    for name in ("equity", "exposure", "forecasts", "folds", "orders", "trades", "prices"):
        there, here = getattr(again, name), getattr(found, name)
        pd.testing.assert_frame_equal(there, here, check_freq=False, check_exact=True)


def rows_of(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


@pytest.mark.parametrize("name", ["equity", "exposure", "prices"])
def test_a_number_that_is_missing_is_missed(own_folder: Path, name: str) -> None:
    path = own_folder / f"{name}.csv"
    heading, first, *rest = rows_of(path)
    path.write_text("".join([heading, first.rsplit(",", 1)[0] + ",\n", *rest]))
    assert f"{name}.csv is broken: a number is missing on 2004-01-05" in error_of(own_folder)


@pytest.mark.parametrize("name", ["equity", "exposure", "forecasts", "prices"])
def test_dates_out_of_order_or_of_another_run_are_refused(own_folder: Path, name: str) -> None:
    path = own_folder / f"{name}.csv"
    heading, *rest = rows_of(path)
    path.write_text("".join([heading, *reversed(rest)]))
    assert f"{name}.csv is broken: expected a date in each row, each after" in error_of(own_folder)
    path.write_text("".join([heading, rest[0], rest[0], *rest[2:]]))
    assert f"{name}.csv is broken: expected a date in each row, each after" in error_of(own_folder)
    path.write_text("".join([heading, "2004-01-04" + rest[0][10:], *rest[1:]]))
    assert "other dates than equity.csv" in error_of(own_folder)


def test_a_summary_with_a_word_for_a_number_is_refused(own_folder: Path) -> None:
    edit(own_folder / "summary.json", '"cash": 100000.0', '"cash": NaN')
    assert "summary.json is broken: expected JSON, NaN is no number" in error_of(own_folder)


def test_a_mark_that_an_editor_put_in_front_changes_nothing(own_folder: Path) -> None:
    before = read(own_folder)
    for name in ("equity.csv", "summary.json", "config.yaml"):
        path = own_folder / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read(own_folder).assessment == before.assessment
