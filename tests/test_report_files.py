from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from results import result

from lstmstrat.config import Config
from lstmstrat.errors import ConfigError
from lstmstrat.report import files
from lstmstrat.yamlfile import read

TABLES = ["equity.csv", "folds.csv", "forecasts.csv", "orders.csv"]
NAMES = ["config.yaml", *TABLES, "report.html", "summary.json", "trades.csv"]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "aapl" / "one"
    files.write(result(), folder, "<p>page</p>")
    return folder


def test_the_folder_holds_the_contract_and_nothing_else(written: Path) -> None:
    assert sorted(p.name for p in written.iterdir()) == NAMES
    assert [p.name for p in written.parent.iterdir()] == ["one"]
    assert (written / "report.html").read_text() == "<p>page</p>"


@pytest.mark.parametrize(
    ("name", "columns"),
    [  # DESIGN of the run folder, word for word
        ("equity.csv", ["date", "buy_and_hold", *(s["name"] for s in result().summary["strategies"])]),
        ("forecasts.csv", ["date", "forecast", "spread", "distance", "fold", "cutoff"]),
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
def test_columns(written: Path, name: str, columns: list[str]) -> None:
    assert list(rows(written / name)[0]) == columns


def test_floats_read_back_equal(written: Path) -> None:
    read_back = [float(row["long_flat"]) for row in rows(written / "equity.csv")]
    assert read_back == result().equity["long_flat"].tolist()
    assert float(rows(written / "orders.csv")[0]["price"]) == 0.1 + 0.2  # 0.30000000000000004, not 0.3


def test_dates_are_iso_and_undefined_is_empty(written: Path) -> None:
    filled, rejected = rows(written / "orders.csv")[:2]
    assert (filled["created"], filled["executed"]) == ("2004-01-05", "2004-01-06")  # a Monday and a Tuesday
    assert (rejected["executed"], rejected["price"]) == ("", "")
    assert rows(written / "equity.csv")[0]["date"] == "2004-01-05"
    assert rows(written / "forecasts.csv")[0]["cutoff"] == "2004-01-01"


def test_stamps_with_a_time_of_day_keep_it(tmp_path: Path) -> None:
    given = result()
    hourly = given.equity.set_axis(pd.date_range("2004-01-05 09:30", periods=len(given.equity), freq="h"))
    files.write(replace(given, equity=hourly), tmp_path / "run", None)
    assert rows(tmp_path / "run" / "equity.csv")[0]["date"] == "2004-01-05 09:30:00"


def test_summary_and_config_read_back_equal(written: Path) -> None:
    given = result()
    assert json.loads((written / "summary.json").read_text(encoding="utf-8")) == given.summary
    assert (written / "summary.json").read_text(encoding="utf-8").endswith("}\n")
    assert Config.model_validate(read(written / "config.yaml")) == given.config


def test_no_page_where_none_is_wanted(tmp_path: Path) -> None:
    files.write(result(), tmp_path / "run", None)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [n for n in NAMES if n != "report.html"]


def test_an_empty_folder_is_free_and_is_used(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    files.check_free(tmp_path / "run")
    files.write(result(), tmp_path / "run", None)
    assert (tmp_path / "run" / "summary.json").exists()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_stopped_at_the_last_file_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    put, seen = files._put, []

    def fails_at_the_page(path: Path, text: str) -> None:
        put(path, text)
        seen.append(path)
        if path.name == "report.html":
            raise stop

    monkeypatch.setattr(files, "_put", fails_at_the_page)
    with pytest.raises(stop):
        files.write(result(), tmp_path / "run", "page")
    assert len(seen) == 8
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_json_cannot_hold_leaves_nothing(tmp_path: Path) -> None:
    given = result()
    given.summary["benchmark"]["sharpe"] = math.nan
    with pytest.raises(ValueError, match="JSON"):
        files.write(given, tmp_path / "run", None)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_one_clear_message(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")  # no such limits on Windows
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # equity.csv is larger
    try:
        with pytest.raises(ConfigError, match=r"cannot write the run to .*run: File too large; .*another --out"):
            files.write(result(), tmp_path / "run", None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_check_free_says_what_to_type(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"full is not empty; .*--out .*full_2"):
        files.check_free(tmp_path / "full")
    with pytest.raises(ConfigError, match=r"notes.txt is a file; .*--out"):
        files.check_free(tmp_path / "full" / "notes.txt")
    with pytest.raises(ConfigError, match=r"no folder can be made in .*notes.txt"):
        files.check_free(tmp_path / "full" / "notes.txt" / "a" / "b")
    files.check_free(tmp_path / "new" / "er")
    assert [p.name for p in tmp_path.iterdir()] == ["full"]  # looking makes nothing


def test_write_does_not_touch_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        files.write(result(), tmp_path, None)
    assert (tmp_path / "notes.txt").read_text() == "mine"
