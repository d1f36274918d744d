"""The folder of downloads: whole, sealed, and safe for many processes."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmstrat.prices.download import Asked, Download
from lstmstrat.prices.kept import Kept, as_read

ASKED = Asked("ABC", "1d", dt.date(2024, 1, 2), dt.date(2024, 1, 5))
WHEN = pd.Timestamp("2024-01-08 20:00", tz="UTC")


def rows(first: str = "2024-01-02", count: int = 4, seed: int = 0) -> pd.DataFrame:
    values = 100.0 * np.exp(np.random.default_rng(seed).normal(size=(count, 5)))  # digits to the last place
    names = ["Open", "High", "Low", "Close", "Adj Close"]
    return pd.DataFrame(values, index=pd.bdate_range(first, periods=count), columns=names)


def download(asked: Asked = ASKED, when: pd.Timestamp = WHEN, seed: int = 0) -> Download:
    return Download(asked, when, "USD", "NYSE", "America/New_York", "1.7.0", rows(seed=seed))


def test_what_is_read_is_what_was_kept(tmp_path: Path) -> None:
    Kept(tmp_path).keep(download())
    told, found = as_read(download()), Kept(tmp_path).find(ASKED)
    assert found is not None
    assert (found.asked, found.when, found.currency, found.time_zone) == (ASKED, WHEN, "USD", "America/New_York")
    for one in (told, found):
        assert one.rows.to_numpy().tobytes() == rows().to_numpy().tobytes()
        assert one.rows.index.tolist() == rows().index.tolist()
        assert one.rows.columns.tolist() == rows().columns.tolist()


def test_the_sidecar_says_what_the_rows_are(tmp_path: Path) -> None:
    Kept(tmp_path).keep(download())
    table, sidecar = sorted(tmp_path.iterdir())
    facts = json.loads(sidecar.read_text())
    assert facts["asked"] == {"symbol": "ABC", "interval": "1d", "start": "2024-01-02", "end": "2024-01-05"}
    assert (facts["rows"], facts["first"], facts["last"]) == (4, "2024-01-02", "2024-01-05")
    assert facts["downloaded"] == "2024-01-08T20:00:00+00:00"
    assert gzip.decompress(table.read_bytes()).decode().splitlines()[0] == "Date,Open,High,Low,Close,Adj Close"


def test_one_download_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        Kept(tmp_path / folder).keep(download())
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("a", "b"))
    assert first == second


@pytest.mark.parametrize("end", [".json", ".csv.gz"])
@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "missing"])
def test_a_damaged_download_is_set_aside_and_the_one_before_is_used(tmp_path: Path, end: str, damage: str) -> None:
    kept = Kept(tmp_path)
    kept.keep(download(seed=1))
    kept.keep(download(when=WHEN + pd.Timedelta(hours=1), seed=2))
    newest = sorted(tmp_path.glob(f"*{end}"))[-1]
    content = newest.read_bytes()
    if damage == "missing":
        newest.unlink()
    else:
        middle = bytes([content[len(content) // 2] ^ 1])
        changed = content[: len(content) // 2] + middle + content[len(content) // 2 + 1 :]
        newest.write_bytes({"cut": content[:-30], "empty": b"", "changed": changed}[damage])
    again = Kept(tmp_path)
    found = again.find(ASKED)
    assert found is not None
    assert found.rows.to_numpy().tobytes() == rows(seed=1).to_numpy().tobytes()
    if (end, damage) != (".json", "missing"):  # without it there never was a download
        assert "is damaged" in again.notices[0]
        assert list(tmp_path.glob("*.damaged"))
        assert Kept(tmp_path).find(ASKED) is not None  # and nothing is said twice
    assert len(again.notices) == (0 if (end, damage) == (".json", "missing") else 1)


@settings(max_examples=80, deadline=None)
@given(place=st.floats(0, 0.999999), bit=st.integers(0, 7), sidecar=st.booleans())
def test_no_bit_of_the_files_changes_a_number(
    tmp_path_factory: pytest.TempPathFactory, place: float, bit: int, sidecar: bool
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    Kept(folder).keep(download())
    path = next(folder.glob("*.json" if sidecar else "*.gz"))
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    found = Kept(folder).find(ASKED)  # raises nothing
    assert found is None or found.rows.to_numpy().tobytes() == rows().to_numpy().tobytes()
    assert found is None or replace(found, rows=rows()).currency == "USD"


def test_a_folder_that_cannot_be_written_costs_nothing_but_a_notice(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = Kept(tmp_path / "file" / "prices")
    kept.keep(download())
    assert "could not be kept" in kept.notices[0]
    assert "LSTMSTRAT_PRICES" in kept.notices[0]
    assert kept.find(ASKED) is None


def test_what_a_killed_process_left_goes_after_an_hour(tmp_path: Path) -> None:
    old, new = tmp_path / ".a.json.01234567.partial", tmp_path / ".b.json.01234567.partial"
    for path in (old, new):
        path.write_text("{")
    os.utime(old, (time.time() - 4000.0,) * 2)
    Kept(tmp_path).keep(download())
    assert (old.exists(), new.exists()) == (False, True)


def test_many_writers_and_readers_see_whole_downloads(tmp_path: Path) -> None:
    def work(number: int) -> bool:
        kept = Kept(tmp_path)
        kept.keep(download(when=WHEN + pd.Timedelta(seconds=number % 3), seed=number % 3))
        found = kept.find(ASKED)
        return found is not None and not kept.notices

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(60)))
    assert not list(tmp_path.glob(".*"))
    assert len(list(tmp_path.iterdir())) == 6


@pytest.mark.parametrize("symbol", ["../../X", "A/B", "CON", ".", "X" * 300, "A*", "[A]", "É", "A\\B"])
def test_any_symbol_has_a_file_of_its_own_inside_the_folder(tmp_path: Path, symbol: str) -> None:
    kept = Kept(tmp_path / "prices")
    kept.keep(download(replace(ASKED, symbol=symbol)))
    kept.keep(download(replace(ASKED, symbol=symbol + "1")))
    assert [path.name for path in tmp_path.iterdir()] == ["prices"]
    found = kept.find(replace(ASKED, symbol=symbol))
    assert found is not None
    assert found.asked.symbol == symbol


# Worked by hand: days of January of the download, made on the 8th, and of the question.


@pytest.mark.parametrize(
    ("mine", "asked", "offline", "later"),  # later: without --offline a day later
    [
        ((2, 5), (2, 5), True, True),
        ((2, 5), (3, 4), True, True),
        ((2, 5), (1, 5), False, False),
        ((2, 5), (2, 6), False, False),
        ((2, 5), (2, None), False, False),
        ((2, 5), (None, 5), False, False),
        ((None, 5), (None, 5), True, True),
        ((2, None), (2, 7), True, True),  # the 7th was over
        ((2, None), (2, 8), True, False),  # the 8th was not
        ((2, None), (3, None), True, False),
        ((2, 31), (2, 31), True, False),
        ((2, 31), (2, None), True, False),
    ],
)
def test_what_reaches_what(
    tmp_path: Path,
    mine: tuple[int | None, int | None],
    asked: tuple[int | None, int | None],
    offline: bool,
    later: bool,
) -> None:
    def question(days: tuple[int | None, int | None]) -> Asked:
        start, end = (None if day is None else dt.date(2024, 1, day) for day in days)
        return Asked("ABC", "1d", start, end)

    Kept(tmp_path).keep(download(question(mine)))
    assert (Kept(tmp_path).find(question(asked)) is not None) == offline
    assert (Kept(tmp_path).find(question(asked), WHEN) is not None) == offline  # the same day
    assert (Kept(tmp_path).find(question(asked), WHEN + pd.Timedelta(days=1)) is not None) == later


def test_weeks_of_another_start_are_other_bars(tmp_path: Path) -> None:
    weekly = replace(ASKED, interval="1wk")
    Kept(tmp_path).keep(download(weekly))
    assert Kept(tmp_path).find(replace(weekly, start=dt.date(2024, 1, 3))) is None
    assert Kept(tmp_path).find(replace(weekly, end=dt.date(2024, 1, 4))) is not None


def test_files_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    Kept(tmp_path).keep(download())
    (path,) = tmp_path.glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    kept = Kept(tmp_path)
    assert kept.find(ASKED) is None
    assert kept.notices == []
    assert path.exists()
