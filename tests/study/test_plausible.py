"""Prices that cannot be true: named at the head of everything, and no edge until somebody accepts them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from helpers.command import Told, command, summary, tiny, written

from lstmstrat import Config, DataConfig, DataError, Prices, load_prices, load_run
from lstmstrat.config.data import PeerConfig
from lstmstrat.config.validation import validated
from lstmstrat.ledger import Ledger, ledger_path
from lstmstrat.prices.acceptance import all_faults
from lstmstrat.results.assessment import FAILED, PASSED, VOIDING, Check
from lstmstrat.study.checks import voiding
from lstmstrat.study.ledger import read_trials

SPLIT, SPIKE = 150, 200  # bars
Change = Callable[[pd.DataFrame], None]


def split(table: pd.DataFrame) -> None:
    table.iloc[SPLIT:, :4] /= 4.0
    table.iloc[SPLIT:, 4] *= 4.0


def spike(table: pd.DataFrame) -> None:
    table.iloc[SPIKE, :4] *= 100.0


def both(table: pd.DataFrame) -> None:
    split(table)
    spike(table)


def file(folder: Path, change: Change) -> Path:
    """A file of AAPL's bars with an Adj Close that is the close, as of a vendor who adjusts nothing."""
    table = load_prices(DataConfig(start="2005-01-03", end="2006-03-31")).frame.copy()
    change(table)
    path = folder / f"{change.__name__}.csv"
    table.assign(**{"adj close": table["close"]}).to_csv(path, index_label="date")
    return path


def day(bar: int) -> str:
    return str(load_prices(DataConfig(start="2005-01-03", end="2006-03-31")).times[bar])[:10]


def config(path: Path, **data: Any) -> dict[str, Any]:
    data = {"symbol": "MINE", "source": "csv", "path": str(path), "start": None, "end": None, **data}
    return tiny(data=data, forecast={"model": "ridge", "members": 1}, report={"html": True})


def ran(folder: Path, values: dict[str, Any], *options: str) -> tuple[Told, Path]:
    out = folder / f"run{len(list(folder.iterdir()))}"
    return command(written(folder, values), "--out", out, "--no-cache", *options), out


def prices_check(found: dict[str, Any]) -> dict[str, Any]:
    (check,) = (check for check in found["checks"] if check["name"] == "prices")
    return check


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Told, Path, Path]:
    """A run on a file with a split and a spike left in, the default: what it said, its folder, the file."""
    folder = tmp_path_factory.mktemp("reported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMSTRAT_LEDGER", str(folder / "ledger.sqlite"))
        path = file(folder, both)
        told, out = ran(folder, config(path), "--full")
    assert told.code == 0, told.err
    return told, out, path


def test_findings_are_the_first_lines_and_in_the_summary(reported: tuple[Told, Path, Path]) -> None:
    told, out, _ = reported
    first, second = told.out.splitlines()[:2]
    assert first.startswith(f"look first   {day(SPLIT)}: 4:1 split not taken out (close ")
    assert second.strip() == f"{day(SPIKE)}: the bar is 100 times its neighbours."
    card = told.out.index("\nlook first ")
    assert card < told.out.index("\nverdict ")
    found = summary(out)
    assert [(f["date"], f["kind"], f["voids"], f["accepted"]) for f in found["data"]["faults"]] == [
        (day(SPLIT), "split", True, False),
        (day(SPIKE), "bar", True, False),
    ]
    assert found["data"]["faults"][0]["size"] == pytest.approx(0.25, rel=0.05)
    assert prices_check(found)["status"] == FAILED
    assert "prices" in re.search(r"failed +(.*)", told.out).group(1)  # type: ignore[union-attr]


def test_findings_are_at_the_head_of_the_page(reported: tuple[Told, Path, Path]) -> None:
    page = (reported[1] / "report.html").read_text()
    head = page.index("Look first: these prices cannot be right.")
    assert page.index('id="answer"') < head < page.index('id="answer-plot"') < page.index("<h2>")
    assert "4:1 split not taken out" in page[head : page.index('id="answer-plot"')]


def test_the_reason_is_in_the_words_of_every_verdict(reported: tuple[Told, Path, Path]) -> None:
    for strategy in summary(reported[1])["strategies"]:
        (reason,) = (text for text in strategy["versus_benchmark"]["missing"] if "(prices: " in text)
        assert reason.startswith(f"a check that passed (prices: {day(SPLIT)}: 4:1 split not taken out")


def test_the_line_that_is_printed_accepts_the_findings(reported: tuple[Told, Path, Path], tmp_path: Path) -> None:
    told, _, path = reported
    line = re.search(r"if it is right, write under data:\s+(accepted: \[.*\])", told.out)
    assert line
    values = config(path, **yaml.safe_load(line.group(1)))
    assert values["data"]["accepted"] == [dt.date.fromisoformat(day(bar)) for bar in (SPLIT, SPIKE)]
    told, out = ran(tmp_path, values)
    assert told.code == 0, told.err
    assert told.out.startswith(f"look first   Accepted by the config: {day(SPLIT)}: 4:1 split")
    found = summary(out)
    assert [fault["accepted"] for fault in found["data"]["faults"]] == [True, True]
    assert prices_check(found)["status"] == PASSED
    assert "accepted: " in prices_check(found)["detail"]
    assert not any("(prices: " in text for s in found["strategies"] for text in s["versus_benchmark"]["missing"])
    assert load_run(out).assessment.data.faults[0].accepted


def test_one_accepted_date_leaves_the_other_finding(reported: tuple[Told, Path, Path], tmp_path: Path) -> None:
    _, out = ran(tmp_path, config(reported[2], accepted=[day(SPLIT)]))
    found = prices_check(summary(out))
    assert (found["status"], found["detail"]) == (FAILED, f"{day(SPIKE)}: the bar is 100 times its neighbours")


def test_an_accepted_date_without_a_finding_is_said(reported: tuple[Told, Path, Path]) -> None:
    prices = load_prices(DataConfig(source="csv", path=str(reported[2]), accepted=["2005-02-01"]))
    (notice,) = (text for text in prices.notices if "accepted" in text)
    assert notice.startswith("accepted: 2005-02-01 is the date of no finding; they are ")
    assert day(SPLIT) in notice


def test_refuse_ends_with_the_list_and_the_cures(reported: tuple[Told, Path, Path], tmp_path: Path) -> None:
    told, out = ran(tmp_path, config(reported[2], faults="refuse"))
    assert (told.code, out.exists()) == (2, False)
    assert f"{day(SPLIT)}: 4:1 split not taken out" in told.err
    assert f"{day(SPIKE)}: the bar is 100 times" in told.err
    assert "Traceback" not in told.err
    line = re.search(r"(accepted: \[.*\])", told.err)
    assert line
    told, _ = ran(tmp_path, config(reported[2], faults="refuse", **yaml.safe_load(line.group(1))))
    assert told.code == 0


def test_drop_leaves_single_bars_out_and_says_so(tmp_path: Path) -> None:
    data = {"source": "csv", "path": str(file(tmp_path, spike))}
    prices, all_bars = load_prices(DataConfig(**data, faults="drop")), load_prices(DataConfig(**data))
    pd.testing.assert_frame_equal(prices.frame, all_bars.frame.drop(all_bars.frame.index[SPIKE]))
    assert prices.faults == ()
    (notice,) = (text for text in prices.notices if "left out" in text)
    assert f"{day(SPIKE)}: the bar is 100 times its neighbours" in notice


def test_drop_is_no_cure_for_a_split(tmp_path: Path) -> None:
    data = {"source": "csv", "path": str(file(tmp_path, both)), "faults": "drop"}
    prices = load_prices(DataConfig(**data))
    assert [fault.kind for fault in prices.faults] == ["split"]
    assert len(prices.frame) == 313


def test_an_accepted_bar_is_not_dropped(tmp_path: Path) -> None:
    data = {"source": "csv", "path": str(file(tmp_path, spike)), "faults": "drop"}
    assert len(load_prices(DataConfig(**data, accepted=[day(SPIKE)])).frame) == 314


def test_what_does_not_change_the_bars_makes_no_other_trial(tmp_path: Path) -> None:
    """Law 9: a trial is what ran. The two strategies on one file, reported, accepted, then without the bar."""
    path, counts = file(tmp_path, spike), []
    for data in ({}, {"accepted": [day(SPIKE)]}, {"faults": "drop"}):
        told, out = ran(tmp_path, config(path, **data))
        assert told.code == 0, told.err
        counts.append((summary(out)["trials"]["count"], len({t.key for t in read_trials(Ledger(ledger_path()))})))
    assert counts == [(2, 2), (2, 2), (4, 4)]


def test_prices_of_ones_own_are_looked_at() -> None:
    prices = load_prices(DataConfig(start="2005-01-03", end="2006-03-31"))
    frame = prices.frame.copy()
    split(frame)
    assert [fault.kind for fault in Prices("MINE", "csv", frame, ()).faults] == ["split"]


def test_a_failed_check_of_prices_voids_an_edge() -> None:
    """All else holds: without the finding it would be supported."""
    assert "prices" in VOIDING
    (failed,) = voiding([Check("prices", FAILED, "2015-10-09: 4:1 split not taken out")], "any")
    assert failed.detail.endswith("not taken out")


@pytest.mark.parametrize("wrong", ["maybe", 3])
def test_other_words_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="faults"):
        validated(Config, tiny(data={"faults": wrong}), "")
    with pytest.raises(ValueError, match="accepted"):
        validated(Config, tiny(data={"accepted": ["29.9.2008"]}), "")


# --- a peer is an input of every forecast, so its findings count as those of the prices do ---------------------


def beside(path: Path, **peer: Any) -> dict[str, Any]:
    """AAPL's own bars, which are right, and a file as a peer of them."""
    one = {"name": "other", "source": "csv", "path": str(path), "time_zone": "America/New_York", **peer}
    forecast = {"model": "ridge", "members": 1, "peer_features": ["return_1"]}
    return tiny(data={"peers": [one]}, forecast=forecast)


@pytest.fixture(scope="module")
def of_peer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Told, Path, Path]:
    """A run with a peer in which a split and a spike are left: what it said, its folder, the file."""
    folder = tmp_path_factory.mktemp("peer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMSTRAT_LEDGER", str(folder / "ledger.sqlite"))
        path = file(folder, both)
        told, out = ran(folder, beside(path))
    assert told.code == 0, told.err
    return told, out, path


def test_what_a_peer_has_wrong_is_at_the_head_and_voids_an_edge(of_peer: tuple[Told, Path, Path]) -> None:
    told, out, _ = of_peer
    assert told.out.startswith(f"look first   other, {day(SPLIT)}: 4:1 split not taken out (close ")
    found = summary(out)
    assert [(f["peer"], f["date"], f["voids"], f["accepted"]) for f in found["data"]["faults"]] == [
        ("other", day(SPLIT), True, False),
        ("other", day(SPIKE), True, False),
    ]
    assert prices_check(found)["status"] == FAILED
    for strategy in found["strategies"]:
        assert any("(prices: other, " in text for text in strategy["versus_benchmark"]["missing"])
    assert load_run(out).assessment.data.faults[0].peer == "other"


def test_the_printed_line_accepts_what_a_peer_has(of_peer: tuple[Told, Path, Path], tmp_path: Path) -> None:
    told, _, path = of_peer
    line = re.search(r"write beside name: other in data\.peers\s+(accepted: \[.*\])", told.out)
    assert line
    told, out = ran(tmp_path, beside(path, **yaml.safe_load(line.group(1))))
    assert told.code == 0, told.err
    assert told.out.startswith(f"look first   Accepted by the config: other, {day(SPLIT)}: 4:1 split")
    assert prices_check(summary(out))["status"] == PASSED


def test_a_date_that_is_accepted_of_the_prices_is_not_of_a_peer(of_peer: tuple[Told, Path, Path]) -> None:
    values = beside(of_peer[2])
    values["data"]["accepted"] = [day(SPLIT), day(SPIKE)]
    data = validated(Config, values, "").data
    assert [fault.accepted for fault in all_faults(load_prices(data), data)] == [False, False]


@pytest.mark.parametrize("rule", [{"data": {"faults": "refuse"}}, {"peer": {"faults": "refuse"}}])
def test_refuse_holds_for_a_peer_and_its_cure_works(
    of_peer: tuple[Told, Path, Path], rule: dict[str, dict[str, Any]]
) -> None:
    values = beside(of_peer[2], **rule.get("peer", {}))
    values["data"] |= rule.get("data", {})
    with pytest.raises(DataError, match=r"^name: other in data\.peers: .*faults: refuse") as caught:
        load_prices(validated(Config, values, "").data)
    line = re.search(r"write beside name: other in data\.peers  (accepted: \[.*\])", str(caught.value))
    assert line
    values["data"]["peers"][0] |= yaml.safe_load(line.group(1))
    data = validated(Config, values, "").data
    assert [fault.accepted for fault in all_faults(load_prices(data), data)] == [True, True]


def test_drop_leaves_a_bar_of_a_peer_out_unless_the_peer_says_otherwise(tmp_path: Path) -> None:
    path = file(tmp_path, spike)
    for rule, bars in (({}, 313), ({"faults": "report"}, 314)):
        values = beside(path, **rule)
        values["data"]["faults"] = "drop"
        prices = load_prices(validated(Config, values, "").data)
        assert len(prices.outside.peers[0].known) == bars
        assert len(prices.outside.peers[0].faults) == bars - 313
    again = DataConfig(faults="drop", peers=[PeerConfig(name="other", source="csv", path=str(path))])
    assert again.peers[0].faults == "drop"
    assert DataConfig.model_validate(again.model_dump()) == again


def test_what_a_peer_has_wrong_after_the_last_bar_changes_nothing(tmp_path: Path) -> None:
    values = beside(file(tmp_path, both))
    values["data"]["end"] = day(SPLIT - 10)
    assert load_prices(validated(Config, values, "").data).outside.peers[0].faults == ()
