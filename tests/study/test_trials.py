"""The ledger of trials: what counts as another one, over all runs on an asset, and the command that lists them."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.command import Told, command, summary, tiny, written

import lstmstrat
from lstmstrat import Config, DataConfig, Session, Store, load_prices
from lstmstrat.commands.main import main
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError
from lstmstrat.evaluation.many_trials import published_deflated_sharpe
from lstmstrat.evaluation.metrics import returns, sharpe
from lstmstrat.ledger import Ledger, ledger_path
from lstmstrat.results.trial import Trial
from lstmstrat.study import proof
from lstmstrat.study.ledger import read_trials, strike

pytestmark = pytest.mark.usefixtures("no_cuts")

CROSS = {"class": "strategies.sma_cross:SmaCross", "params": {"fast": 5, "slow": 10}, "name": "cross"}
SLOWER = {**CROSS, "params": {"fast": 5, "slow": 12}, "name": "slower"}
SINCE_2025 = hashlib.sha256(b'[1, "note", 1, "2025-03-04 05:06:07", "\\"\\""]').hexdigest()
SHORT = {
    "model": "always_up",
    "members": 1,
    "lookback": 2,
    "train_size": 7,
    "loss_steps": 1,
    "features": ["return_1"],
}
LEAKING = """
import numpy as np
def tomorrow(bars):
    close = bars[:, 3]
    return np.append(np.diff(np.log(close)), 0.0)
"""


def told(tmp_path: Path, values: dict[str, Any], *options: object) -> tuple[Told, Path]:
    out = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
    values = {**values, "report": {"html": False, **values.get("report", {})}}
    return command(written(tmp_path, values), "--out", out, "--quiet", *options), out


def ran(tmp_path: Path, values: dict[str, Any], *options: object) -> dict[str, Any]:
    """The trials in the summary of a run with the ledger of the test."""
    answer, out = told(tmp_path, values, *options)
    assert answer.code == 0, answer.err
    found: dict[str, Any] = summary(out)["trials"]
    return found


Begun = tuple[Path, dict[str, Any]]


def begun(folder: Path, values: dict[str, Any]) -> Begun:
    """The ledger that a run of its own leaves, and the trials in its summary."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CACHE", "LEDGER"):
            patch.setenv(f"LSTMSTRAT_{name}", str(folder / f"{name}.sqlite"))
        found = ran(folder, values)
    return folder / "LEDGER.sqlite", found


@pytest.fixture(scope="module")
def after_tiny(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """Row 1 has the prices, rows 2 and 3 the two strategies; for tests that begin with such a ledger."""
    return begun(tmp_path_factory.mktemp("tiny"), tiny())


@pytest.fixture(scope="module")
def after_a_file(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """Of the crossover on a file of AAPL's prices."""
    folder = tmp_path_factory.mktemp("file")
    return begun(folder, of_file(folder, lambda table: table, symbol="AAPL"))


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    capsys.readouterr()
    assert main(["trials", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def of_file(tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], **data: Any) -> dict[str, Any]:
    """A config on a file of AAPL's prices after a `change` of its table; the first bar that is traded stays."""
    table = load_prices(DataConfig(symbol="AAPL", start="2005-01-03", end="2006-03-31")).frame
    path = tmp_path / f"prices{len(list(tmp_path.iterdir()))}.csv"
    change(table).to_csv(path, index_label="date")
    values = tiny(data={"source": "csv", "path": str(path), "start": None, "end": None, **data})
    return {**values, "strategies": [CROSS]}


def prices_times(factor: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table.assign(**{name: table[name] * factor for name in ("open", "high", "low", "close")})


def moved(by: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table.set_axis(table.index + pd.Timedelta(by))


def inverse(table: pd.DataFrame) -> pd.DataFrame:
    named = {"open": "open", "high": "low", "low": "high", "close": "close"}
    return table.assign(**{name: 1e4 / table[of] for name, of in named.items()})


def other_before(table: pd.DataFrame) -> pd.DataFrame:
    """The bars of the training sets in another order, which leaves those that are traded, from June on."""
    old = table.loc[:"2005-05-31"]
    return pd.concat([old.sample(frac=1.0, random_state=0).set_axis(old.index), table.loc["2005-06-01":]])


def remade(table: pd.DataFrame, returns: pd.Series) -> pd.DataFrame:
    """A bar for each return, open to close."""
    close = 100.0 * np.exp(returns.cumsum())
    opened = close.shift(fill_value=100.0)
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return table.assign(open=opened, high=high, low=low, close=close)


def noisy(table: pd.DataFrame) -> pd.DataFrame:
    """Returns with noise of a third of their deviation."""
    returns = np.log(table["close"]).diff().fillna(0.0)
    return remade(table, returns + 0.33 * returns.std() * np.random.default_rng(0).standard_normal(len(returns)))


def signs(table: pd.DataFrame) -> pd.DataFrame:
    return remade(table, 0.01 * np.sign(table["close"].diff().fillna(0.0)))


def ticks(table: pd.DataFrame) -> pd.DataFrame:
    """Two bars a tenth of what they were, as vendors have them."""
    wrong = table.copy()
    wrong.iloc[[20, 250], :4] *= 0.1
    return wrong


def weekly(table: pd.DataFrame) -> pd.DataFrame:
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    return table.resample("W-FRI").agg(rules)


# What made the ledger forget: the second run is of the same asset, and trades something else.
FORGOTTEN: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], dict[str, Any]]] = {
    "another symbol": (lambda table: table, {"symbol": "ABC2"}),
    "the symbol in spaces": (lambda table: table, {"symbol": " aapl "}),
    "a start a day later": (lambda table: table.iloc[1:], {"symbol": "ABC2"}),
    "another unit": (prices_times(0.37), {"symbol": "ABC2"}),
    "another vendor's rounding": (lambda table: table.round(2), {"symbol": "ABC2"}),
    "another time zone": (moved("1D"), {"symbol": "ABC2"}),
    "the inverse": (inverse, {"symbol": "ABC2"}),
    "other bars before it is traded": (other_before, {"symbol": "ABC2"}),
    "bad ticks": (ticks, {"symbol": "ABC2"}),
    "two weeks later": (moved("14D"), {"symbol": "ABC2"}),
    "twenty years earlier": (moved("-7305D"), {"symbol": "ABC2"}),
    "noise": (noisy, {"symbol": "ABC2"}),
    "signs alone": (signs, {"symbol": "ABC2"}),
}


@pytest.mark.parametrize("case", FORGOTTEN)
def test_an_asset_is_known_again(case: str, after_a_file: Begun, tmp_path: Path) -> None:
    change, data = FORGOTTEN[case]
    assert after_a_file[1]["count"] == 1
    shutil.copy(after_a_file[0], ledger_path())
    again = of_file(tmp_path, change, **data) | {"strategies": [SLOWER]}
    assert ran(tmp_path, again)["count"] == 2


def test_weekly_bars_are_of_the_same_asset(after_a_file: Begun, tmp_path: Path) -> None:
    shutil.copy(after_a_file[0], ledger_path())
    weeks = of_file(tmp_path, weekly, symbol="ABC2") | {
        "forecast": SHORT,
        "strategies": [{**CROSS, "params": {"fast": 2, "slow": 4}}],
    }
    assert ran(tmp_path, weeks)["count"] == 2


@pytest.mark.parametrize("option", [("--no-cache",), ("--cache", "another"), ("--cache", "deleted")])
def test_no_cache_decides_what_is_known(option: tuple[str, ...], tmp_path: Path) -> None:
    options = [word if word.startswith("-") else tmp_path / word for word in option]
    assert ran(tmp_path, {**tiny(), "strategies": [CROSS]})["count"] == 1
    (tmp_path / "cache.sqlite").unlink()
    found = ran(tmp_path, {**tiny(), "strategies": [SLOWER]}, *options)
    assert (found["count"], found["kept"]) == (2, True)


def test_each_series_of_returns_is_a_trial_and_the_same_again_is_none(tmp_path: Path) -> None:
    """The crossover uses neither forecast nor seed, so a seed makes one new trial of the two."""
    both = tiny()
    assert ran(tmp_path, both)["count"] == 2
    assert ran(tmp_path, both)["count"] == 2
    assert ran(tmp_path, tiny(name="renamed", broker={"cash": 200_000.0}))["count"] == 2
    assert ran(tmp_path, {**both, "strategies": [{**CROSS, "name": "another_name"}]})["count"] == 2
    assert ran(tmp_path, tiny(forecast={"seed": 1}))["count"] == 3
    assert ran(tmp_path, {**tiny(forecast={"epochs": 2}), "strategies": [CROSS]})["count"] == 3
    assert ran(tmp_path, {**both, "strategies": [SLOWER]})["count"] == 4
    assert ran(tmp_path, {**both, "strategies": [SLOWER, CROSS]})["count"] == 4
    assert ran(tmp_path, tiny(broker={"commission": 0.0}))["count"] == 6


def test_the_report_says_since_when_trials_are_known(tmp_path: Path) -> None:
    """A ledger that was moved away, or another file, begins anew: the reader sees it."""
    assert Ledger(ledger_path()).enter("note", "") == 1
    with closing(sqlite3.connect(ledger_path())) as connection:
        connection.execute("DROP TRIGGER no_update")
        connection.execute("UPDATE rows SET entered = '2025-03-04 05:06:07', sha256 = ?", (SINCE_2025,))
        connection.commit()
    shown = command(written(tmp_path, tiny()), "--out", tmp_path / "shown", "--full")
    assert "2 so far on AAPL over this period, in a ledger begun on 2025-03-04" in " ".join(shown.out.split())
    assert summary(tmp_path / "shown")["trials"]["begun"] == "2025-03-04"


def test_other_assets_and_other_years_are_counted_apart(tmp_path: Path) -> None:
    assert ran(tmp_path, tiny())["count"] == 2
    assert ran(tmp_path, tiny(data={"symbol": "IBM"}))["count"] == 2
    assert ran(tmp_path, tiny(data={"start": "2009-01-02", "end": "2010-03-31"}))["count"] == 2
    assert ran(tmp_path, tiny(data={"start": "2005-02-01", "end": "2006-03-31"}))["count"] == 4


@pytest.mark.parametrize("symbol", ["AAPL", "IBM"])
def test_the_symbol_decides_where_hardly_a_day_is_common(symbol: str, tmp_path: Path) -> None:
    """The files have 15 bars in common; the second is traded from its eleventh on."""
    first = of_file(tmp_path, lambda table: table.iloc[:100], symbol="AAPL") | {"forecast": SHORT}
    assert ran(tmp_path, first)["count"] == 1
    second = of_file(tmp_path, lambda table: table.iloc[85:], symbol=symbol) | {"forecast": SHORT}
    assert ran(tmp_path, second)["count"] == (2 if symbol == "AAPL" else 1)


def test_a_comment_makes_no_trial_and_an_edit_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    code = "import backtrader as bt\nclass Mine(bt.Strategy):\n    def next(self): self.buy(size={}\n)"
    counts = []
    for size in ("1", "1  # a comment", "(lambda: 1)()", "2"):
        (tmp_path / "ledger_mine.py").write_text(code.format(size))
        monkeypatch.delitem(sys.modules, "ledger_mine", raising=False)
        counts.append(ran(tmp_path, tiny() | {"strategies": [{"class": "ledger_mine:Mine"}]})["count"])
    assert counts == [1, 1, 1, 2]


def test_the_variance_is_that_of_the_annual_ratios(tmp_path: Path) -> None:
    """By numpy, from the equity of the result; the number of bars a year that a config claims does not matter."""
    result = lstmstrat.run(validated(Config, tiny(report={"periods_per_year": 10_000}), ""))
    ratios = [sharpe(returns(result.equity[name]), 252) for name in ("long_flat", "cross")]
    found = result.assessment.trials
    assert found.variance == pytest.approx(np.var(ratios, ddof=1), rel=1e-9)
    assert [trial.sharpe for trial in read_trials(Ledger(ledger_path()))] == pytest.approx(ratios, rel=1e-9)
    assert ran(tmp_path, {**tiny(data={"symbol": "IBM"}), "strategies": [CROSS]})["variance"] is None


def of_bars(tmp_path: Path, name: str, table: pd.DataFrame, train_size: int) -> dict[str, Any]:
    """A config on a file of bars that trade around the clock."""
    path = tmp_path / f"{name}.csv"
    table.to_csv(path, index_label="date")
    values = tiny(data={"symbol": "COIN", "source": "csv", "path": str(path), "start": None, "end": None})
    return {**values, "forecast": {**SHORT, "train_size": train_size}, "strategies": [CROSS, SLOWER]}


def test_bars_of_every_size_are_in_one_unit(tmp_path: Path) -> None:
    """Hours after the days that they are made of: ratios a year by 8,760 and by 365 bars of it."""
    rng = np.random.default_rng(5)
    times = pd.date_range("2020-01-01", periods=24 * 120, freq="h")
    close = pd.Series(100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.006, len(times)))), times)
    columns = dict.fromkeys(("open", "high", "low", "close"), close)
    hours = pd.DataFrame(columns).assign(volume=1000.0)
    of_days = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    days = hours.resample("D").agg(of_days)
    first = lstmstrat.run(validated(Config, of_bars(tmp_path, "days", days, 40), ""))
    then = lstmstrat.run(validated(Config, of_bars(tmp_path, "hours", hours, 400), ""))
    assert (first.assessment.period.periods_per_year, then.assessment.period.periods_per_year) == (365.0, 8760.0)
    ratios = [
        sharpe(returns(result.equity[name]), periods)
        for result, periods in ((first, 365), (then, 8760))
        for name in ("cross", "slower")
    ]
    found = then.assessment.trials
    assert (found.count, found.variance) == (4, pytest.approx(np.var(ratios, ddof=1), rel=1e-9))
    luck = then.assessment.strategies[0].luck
    earned = returns(then.equity["cross"]).to_numpy()
    assert luck.published_deflated_sharpe == pytest.approx(
        published_deflated_sharpe(earned, 4, np.var(ratios, ddof=1) / 8760), rel=1e-9
    )


def test_the_ratio_of_a_leak_counts_as_a_trial_but_not_in_the_variance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "ledger_leak.py").write_text(LEAKING)
    before = ran(tmp_path, {**tiny(), "strategies": [CROSS, SLOWER]})
    features = {"features": ["ledger_leak:tomorrow"], "model": "ridge", "members": 1}
    found = ran(tmp_path, {**tiny(forecast=features), "strategies": [{"class": "strategies.long_flat:LongFlat"}]})
    assert found == before | {"count": 3}
    (leak,) = (trial for trial in read_trials(Ledger(ledger_path())) if trial.failed)
    assert leak.sharpe is not None
    assert leak.sharpe > 3.0
    assert (leak.strategy, leak.model, leak.counted_ratio) == ("long_flat", "ridge", None)
    assert "features" in leak.failed
    assert len(set(leak.failed)) == len(leak.failed)
    out = listed(capsys)
    assert f"{leak.number} is unsound: {', '.join(leak.failed)} failed" in " ".join(line.strip() for line in out)
    assert out[-1] == "3 trials; the ratios of 0 are struck, 1 are unsound"


def test_a_leak_that_is_found_later_is_known_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same returns again, by now with a failed check, and then without one: they stay those of a leak."""
    values = {**tiny(), "strategies": [CROSS, SLOWER]}
    first = ran(tmp_path, values)
    assert first["variance"] is not None
    with monkeypatch.context() as patch:
        patch.setattr(proof, "failures", lambda *_: lambda name: ["look-ahead audit"])
        for _ in range(2):
            assert ran(tmp_path, values) == first | {"variance": None}
    assert ran(tmp_path, values) == first | {"variance": None}
    assert [trial.failed for trial in read_trials(Ledger(ledger_path()))] == [("look-ahead audit",)] * 2


def test_a_struck_ratio_leaves_the_variance_and_never_the_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {**tiny(), "strategies": [CROSS, SLOWER, {"class": "strategies.long_flat:LongFlat"}]}
    before = ran(tmp_path, values)
    assert before["struck"] == 0
    first, second, third = read_trials(Ledger(ledger_path()))
    assert main(["trials", "strike", str(second.number), "--why", "it read the next open"]) == 0
    assert "it still counts" in capsys.readouterr().out
    answer, out = told(tmp_path, values)
    ratios = [first.sharpe, third.sharpe]
    expected = pytest.approx(np.var(ratios, ddof=1), rel=1e-12)
    assert answer.code == 0
    assert summary(out)["trials"] == before | {"variance": expected, "struck": 1}
    printed = listed(capsys)
    assert [line.split()[-1] for line in printed if "cross" in line or "slower" in line] == [
        f"{first.sharpe:.2f}",
        "struck",
    ]
    assert f"{second.number} is struck: it read the next open" in printed
    shown = command(written(tmp_path, values), "--out", tmp_path / "shown", "--full")
    assert "the ratios of 1 are struck" in " ".join(shown.out.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["strike", "99", "--why", "x"], "there is no trial 99; lstmstrat trials lists them"),
        (["strike", "1", "--why", "x"], "there is no trial 1;"),  # that row has the prices
        (["strike", "2"], 'say why, such as --why "'),
        (["strike", "2", "--why", "  "], 'say why, such as --why "'),
        (["strike", "3", "--why", "again"], "trial 3 is struck already: a mistake"),
    ],
)
def test_what_cannot_be_struck_is_a_sentence(
    words: list[str], said: str, after_tiny: Begun, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(after_tiny[0], ledger_path())
    strike(Ledger(ledger_path()), 3, "a mistake")
    rows = Ledger(ledger_path()).read()
    assert main(["trials", *words]) == 2
    assert said in capsys.readouterr().err
    assert Ledger(ledger_path()).read() == rows


def test_nothing_can_be_struck_where_there_is_no_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trials", "strike", "1", "--why", "x"]) == 2
    assert "there is no " in capsys.readouterr().err
    with pytest.raises(ConfigError, match="there is no trial 1"):
        strike(Ledger(None), 1, "x")


def test_without_a_ledger_no_edge_can_be_supported(after_tiny: Begun) -> None:
    shutil.copy(after_tiny[0], ledger_path())
    config = validated(Config, {**tiny(), "strategies": [SLOWER]}, "")
    result = lstmstrat.run(config, session=Session(Store(None), ledger=Ledger(None)))
    assert (result.assessment.trials.count, result.assessment.trials.kept) == (1, False)
    assert result.assessment.strategies[0].luck.deflated_sharpe is None
    assert len(read_trials(Ledger(ledger_path()))) == 2


def damaged(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER no_update")
        connection.execute("UPDATE rows SET content = replace(content, 'cross', 'kross') WHERE number = 3")
        connection.commit()
    return "1 rows (3) of the ledger"


def newer(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER no_update")
        connection.execute("UPDATE rows SET version = 2 WHERE number = 3")
        connection.commit()
    return "newer version of lstmstrat"


@pytest.mark.parametrize("damage", [damaged, newer])
def test_a_row_that_cannot_be_read_is_a_trial_of_unknown_ratio(
    damage: Callable[[Path], str], after_tiny: Begun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Row 3 is the crossover: its next run is a trial that nobody can know again."""
    path, first = after_tiny
    shutil.copy(path, ledger_path())
    said = damage(ledger_path())
    answer, out = told(tmp_path, tiny())
    assert answer.code == 0
    assert summary(out)["trials"] == first | {"count": 3}
    assert any(said in notice for notice in summary(out)["data"]["notices"])
    caplog.clear()
    assert main(["trials"]) == 0
    assert said in caplog.text


def test_a_damaged_row_of_prices_hides_no_trial(after_tiny: Begun, tmp_path: Path) -> None:
    """Row 1 has AAPL's prices. Whatever they were, its two trials count, also for another share."""
    shutil.copy(after_tiny[0], ledger_path())
    with closing(sqlite3.connect(ledger_path())) as connection:
        connection.execute("DROP TRIGGER no_update")
        connection.execute("UPDATE rows SET content = '{}' WHERE number = 1")
        connection.commit()
    assert ran(tmp_path, {**tiny(data={"symbol": "IBM"}), "strategies": [CROSS]})["count"] == 1 + 2 + 1


def test_one_series_of_returns_on_two_rows_of_prices_is_one_trial(tmp_path: Path) -> None:
    """Under another name the file has a row of its own; a ratio that is struck on one of them is struck."""
    for symbol in ("ABC", "XYZ"):
        values = of_file(tmp_path, lambda table: table, symbol=symbol) | {"strategies": [CROSS, SLOWER]}
        before = ran(tmp_path, values)
        assert before["count"] == 2
    trials = read_trials(Ledger(ledger_path()))
    assert [trial.symbol for trial in trials] == ["ABC", "ABC", "XYZ", "XYZ"]
    strike(Ledger(ledger_path()), trials[2].number, "a mistake")
    assert ran(tmp_path, values) == {**before, "variance": None, "struck": 1}


SHAPES: tuple[object, ...] = (5, None, {}, {"sharpe": "high"}, {"levels": "x", "symbol": "X"})


@pytest.mark.parametrize("kind", ["trial", "asset", "strike"])
def test_a_row_of_another_shape_is_counted_and_no_error(kind: str, tmp_path: Path) -> None:
    """Five shapes, and the crossover."""
    for content in SHAPES:
        Ledger(ledger_path()).enter(kind, content)
    assert ran(tmp_path, {**tiny(), "strategies": [CROSS]})["count"] == len(SHAPES) + 1


def test_a_ledger_that_ends_too_early_is_a_notice_and_no_edge(
    after_tiny: Begun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = ledger_path()
    shutil.copy(after_tiny[0], path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    answer, out = told(tmp_path, tiny())
    assert answer.code == 0
    assert summary(out)["trials"]["kept"] is False
    (notice,) = (n for n in summary(out)["data"]["notices"] if "ledger" in n)
    assert "no edge can be supported" in notice
    luck = [strategy["luck"] for strategy in summary(out)["strategies"]]
    assert [(of["deflated_sharpe"], of["deflated_lead"]) for of in luck] == [(None, None)] * 2
    assert main(["trials"]) == 2
    assert "could not be used" in caplog.text


def test_the_ledger_is_looked_at_before_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger_path().write_text("no ledger " * 500)
    seen = []

    def training(*arguments: Any) -> None:
        seen.append(arguments[2].notices)  # config, prices, session
        raise KeyboardInterrupt

    monkeypatch.setattr("lstmstrat.study.run.simulate_all", training)
    monkeypatch.setattr("lstmstrat.study.simulate.simulate_all", training)
    assert told(tmp_path, tiny())[0].code == 130
    with pytest.raises(KeyboardInterrupt):
        lstmstrat.run(validated(Config, tiny(), ""))
    assert all("could not be used (read" in notices[0] for notices in seen)
    assert len(seen) == 2


def test_the_command_lists_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys) == [f"no trials: there is no {ledger_path()}; lstmstrat run CONFIG makes it"]
    ran(tmp_path, tiny())
    ran(tmp_path, tiny(data={"symbol": "IBM"}))
    out = listed(capsys)
    assert out[-1] == "4 trials"
    assert sum("long_flat" in line and "lstm 60" in line for line in out) == 2
    assert listed(capsys, "--symbol", "ibm")[-1] == "2 trials"
    assert listed(capsys, "--symbol", "MSFT")[-1] == "0 trials"
    assert listed(capsys, "--ledger", str(ledger_path()))[-1] == "4 trials"
    assert listed(capsys, "--ledger", str(tmp_path / "none"))[0].startswith("no trials")


def test_the_symbol_finds_an_asset_whatever_it_was_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(tmp_path, of_file(tmp_path, lambda table: table, symbol="ABC"))
    ran(tmp_path, of_file(tmp_path, prices_times(2.0), symbol="XYZ") | {"strategies": [SLOWER]})
    ran(tmp_path, tiny(data={"symbol": "IBM"}))
    assert listed(capsys, "--symbol", "abc")[-1] == "2 trials"


@pytest.mark.parametrize(("columns", "width"), [(None, 80), ("80", 80), ("120", 120)])
def test_it_reads_well_at_80_columns(
    columns: str | None,
    width: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is cut, and what tells two trials of one class apart is there, in a pipe as on a screen."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    many = {**CROSS, "params": {"fast": 5, "slow": 15}, "name": "a_crossover_with_quite_a_long_name"}
    ran(tmp_path, {**tiny(), "strategies": [CROSS, SLOWER, many, {"class": "strategies.long_flat:LongFlat"}]})
    strike(Ledger(ledger_path()), 3, "a mistake")
    out = listed(capsys)
    assert max(map(len, out)) <= width
    text = "".join(" ".join(out).split())
    assert "…" not in text
    for word in ("slow=10", "slow=12", "slow=15", "2005-06/2006-03", "lstm60", "struck"):
        assert word in text
    assert "fast=5" not in text  # all of them have it
    lines = [line for line in out if line.startswith(("2 ", "3 ", "4 ", "5 ")) and "AAPL" in line]
    assert [line.split()[0] for line in lines] == ["2", "3", "4", "5"]
    assert all(line.split()[2] == "AAPL" for line in lines)


def test_each_row_can_be_told_from_every_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seeds, epochs, features, costs, and the rungs of a ladder: one class, the same parameters."""
    monkeypatch.setenv("COLUMNS", "600")
    alone = {"strategies": [{"class": "strategies.long_flat:LongFlat"}]}
    changes: list[dict[str, Any]] = [{}, {"forecast": {"seed": 1}}, {"forecast": {"epochs": 2}}]
    changes += [{"forecast": {"features": ["return_1", "distance_50"]}}, {"broker": {"commission": 0.002}}]
    changes += [{"report": {"ladder": True}}]
    for change in changes:
        ran(tmp_path, tiny(**{**alone, **change}))
    lines = [line for line in listed(capsys) if "AAPL" in line]
    assert len(lines) == len(read_trials(Ledger(ledger_path()))) >= 8
    shown = [" ".join(line.split()[2:-1]) for line in lines]  # without number, date and ratio
    assert len(set(shown)) == len(shown)
    for word in ("seed=1", "epochs=2", "features=return_1,distance_50", "commission=0.002"):
        assert sum(word in line for line in shown) == 1, word
    monkeypatch.setenv("COLUMNS", "80")
    narrow = listed(capsys)
    assert max(map(len, narrow)) <= 80
    assert "…" not in "".join(narrow)
    assert [" ".join(line.split()[-k:]) for k, line in ((1, narrow[0]), (2, narrow[1]))] == ["Sharpe", "a year"]


def test_a_row_of_an_older_version_has_no_settings_and_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    fields: dict[str, Any] = {
        **{"asset": 1, "symbol": "X", "strategy": "a", "class_path": "a:A", "params": {}, "model": "lstm"},
        **{
            "refit_every": 21,
            "first": "2005-01-03",
            "last": "2006-01-02",
            "bars": 10,
            "sharpe": 0.5,
            "failed": [],
        },
    }
    ledger = Ledger(ledger_path())
    ledger.enter("trial", fields | {"key": "1"})
    ledger.enter("trial", fields | {"key": "2", "settings": {"seed": 1, "epochs": 6}})
    ledger.enter("trial", fields | {"key": "3", "settings": {"seed": 2, "epochs": 6}})
    lines = listed(capsys)
    assert [sum(word in line for line in lines) for word in ("seed=1", "seed=2", "epochs")] == [1, 1, 0]
    assert lines[-1] == "3 trials"


def test_two_windows_overlap_if_they_share_a_day() -> None:
    fields = ("X", "a", "a:A", {}, None, None, "2005-01-03", "2006-01-02", 10, None, "", ())
    trial = Trial(1, "", 1, *fields)
    assert trial.overlaps("2006-01-02", "2007-01-01")
    assert trial.overlaps("2004-01-01", "2005-01-03")
    assert trial.overlaps("2005-06-01", "2005-07-01")
    assert not trial.overlaps("2006-01-03", "2007-01-01")
