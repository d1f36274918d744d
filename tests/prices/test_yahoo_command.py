"""Prices of Yahoo in a whole run: the command and the library."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import requests
from helpers.command import command, summary, tiny, what_it_found, written
from helpers.yahoo import RATE, UNKNOWN, ZONE, Yahoo, chart
from yfinance.data import YfData

import lstmstrat
from lstmstrat.config.schema import DataConfig
from lstmstrat.errors import DataError
from lstmstrat.prices import yahoo_client


@pytest.fixture
def command_on_loopback(session: requests.Session, yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command asks the server on this machine, and does not wait."""
    YfData(session=session)  # yfinance keeps it for downloads that name none
    monkeypatch.setattr(yahoo_client.Patience, "waits", lambda self: iter((0.01, 0.01, 0.01)))
    yahoo.body = long_history()


def long_history(ratio: float = 1.0) -> str:
    """Three hundred days to 2024-01-05, with adjusted closes times `ratio`."""
    days = tuple(str(day.date()) for day in pd.bdate_range(end="2024-01-05", periods=300))
    closes = (100.0 * np.exp(np.random.default_rng(3).normal(0.0, 0.01, 300).cumsum())).round(2)
    answer = chart(days, closes.tolist())
    result = answer["chart"]["result"][0]  # type: ignore[index]
    result["meta"]["currency"] = "JPY"
    result["indicators"]["adjclose"][0]["adjclose"] = (closes / 2.0 * ratio).tolist()
    return json.dumps(answer)


def yahoo_config(folder: Path) -> Path:
    data = {"source": "yahoo", "symbol": "ABC", "start": None, "end": "2024-01-05"}
    return written(folder, tiny(data=data, forecast={"model": "ridge", "members": 1}))


@pytest.mark.usefixtures("command_on_loopback")
def test_the_config_of_a_run_gives_its_numbers_again_offline(yahoo: Yahoo, tmp_path: Path) -> None:
    told = command(yahoo_config(tmp_path), "--out", tmp_path / "first", "--jobs", 1, "--quiet")
    assert (told.code, told.err) == (0, "")
    asked = len(yahoo.asked)
    yahoo.status, yahoo.body = 500, "out of order"
    config_of_run = tmp_path / "first" / "config.yaml"
    for name, options in (("offline", ["--offline"]), ("again", [])):
        again = command(config_of_run, "--out", tmp_path / name, "--jobs", 1, "--quiet", "--no-cache", *options)
        assert again.code == 0, again.err
        for file in ("equity.csv", "prices.csv", "forecasts.csv", "orders.csv", "trades.csv", "folds.csv"):
            assert (tmp_path / "first" / file).read_bytes() == (tmp_path / name / file).read_bytes()
        assert what_it_found(summary(tmp_path / name)) == what_it_found(summary(tmp_path / "first"))
    assert len(yahoo.asked) == asked
    data = summary(tmp_path / "offline")["data"]
    assert (data["currency"], data["time_zone"]) == ("JPY", ZONE)
    assert data["downloaded"] == summary(tmp_path / "first")["data"]["downloaded"]
    assert "prices in JPY (NYSE, America/New_York)" in data["notices"][0]
    page = (tmp_path / "first" / "report.html").read_text()
    assert "ABC in JPY, yahoo, 2022-11-14 to 2024-01-05" in page  # once, under "How it was made"


@pytest.mark.usefixtures("command_on_loopback")
def test_refresh_says_what_changed_and_which_results_are_old(yahoo: Yahoo, tmp_path: Path) -> None:
    config_file = yahoo_config(tmp_path)
    command(config_file, "--out", tmp_path / "old", "--jobs", 1, "--quiet")
    yahoo.body = long_history(ratio=0.99)  # a dividend of 1% after the last bar
    told = command(config_file, "--out", tmp_path / "new", "--jobs", 1, "--refresh")
    assert told.code == 0
    text = " ".join(told.out.split())
    assert "refreshed: bars changed: 300, 2022-11-14 to 2024-01-05, by up to 0.01 of their size" in text
    assert "all prices until 2024-01-05 times 0.99: a dividend" in text
    assert f"data.sha256 {summary(tmp_path / 'old')['data']['sha256']}" in text
    yahoo.body = long_history()
    again = command(config_file, "--out", tmp_path / "again", "--jobs", 1, "--quiet", "--offline")
    assert again.code == 0
    both = [summary(tmp_path / name)["data"]["sha256"] for name in ("new", "again")]
    assert both[0] == both[1] != summary(tmp_path / "old")["data"]["sha256"]


@pytest.mark.usefixtures("command_on_loopback")
def test_the_command_says_why_it_waits_and_what_does_not_work(yahoo: Yahoo, tmp_path: Path) -> None:
    config_file = yahoo_config(tmp_path)
    yahoo.first = [RATE] * 4
    told = command(config_file, "--out", tmp_path / "out", "--jobs", 1, "--quiet")
    assert told.code == 0
    yahoo.status, yahoo.body = 404, UNKNOWN
    told = command(config_file, "--set", "data.symbol=ABD", "--quiet")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("error: ABD from Yahoo: No data found, symbol may be delisted. Check symbol:")
    assert "Traceback" not in told.err
    told = command(config_file, "--set", "data.symbol=ABD", "--offline", "--quiet")
    assert told.code == 2
    assert told.err.startswith("error: ABD: --offline forbids source: yahoo, a download, and none of ABD 1d")
    told = command(config_file, "--offline", "--refresh")
    assert told.code == 2
    assert "not allowed with argument" in told.err
    told = command(written(tmp_path / "bundled", tiny()), "--refresh")
    assert told.err == "error: --refresh is only for source: yahoo, not bundled; take it out\n"


@pytest.mark.usefixtures("command_on_loopback")
def test_the_cure_for_a_history_that_the_check_refuses_works(yahoo: Yahoo, tmp_path: Path) -> None:
    answer = json.loads(long_history())
    quote = answer["chart"]["result"][0]["indicators"]["quote"][0]
    highs = quote["high"]
    quote["high"] = [low / 2.0 for low in quote["low"]]
    yahoo.body = json.dumps(answer)
    told = command(yahoo_config(tmp_path), "--quiet")
    assert told.code == 2
    (pattern,) = re.findall(r"a copy of the newest (\S+) and read it with source: csv, path:", told.err)
    newest = max(Path(pattern).parent.glob(Path(pattern).name))
    frame = pd.read_csv(newest)
    frame.assign(High=highs).to_csv(tmp_path / "copy.csv", index=False)
    prices = lstmstrat.load_prices(DataConfig(symbol="ABC", source="csv", path=str(tmp_path / "copy.csv")))
    assert len(prices.frame) == 300


@pytest.mark.usefixtures("command_on_loopback")
def test_the_library_has_the_same_two_words(yahoo: Yahoo) -> None:
    data = DataConfig(symbol="ABC", source="yahoo", end=dt.date(2024, 1, 5))
    first = lstmstrat.load_prices(data)
    assert (first.vendor.currency, first.vendor.time_zone) == ("JPY", ZONE)
    assert lstmstrat.load_prices(data, offline=True).sha256 == first.sha256
    yahoo.body = long_history(ratio=0.5)
    fresh = lstmstrat.load_prices(data, refresh=True)
    assert fresh.sha256 != first.sha256
    assert pickle.loads(pickle.dumps(fresh)).vendor == fresh.vendor
    with pytest.raises(DataError, match="take one of the two out"):
        lstmstrat.load_prices(data, offline=True, refresh=True)
