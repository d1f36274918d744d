"""All that the command line refuses: exit code 2, one message that helps, no traceback, nothing left behind."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.command import TINY, command, tiny, written

from lstmstrat.config.schema import Config
from lstmstrat.config.validation import validated
from lstmstrat.errors import ConfigError, DataError, LSTMStratError, StrategyError, did_you_mean, did_you_mean_file
from lstmstrat.ledger import Ledger, ledger_path
from lstmstrat.study.ledger import read_trials
from lstmstrat.study.run import run

USER_CODE = """
import backtrader as bt
from lstmstrat import ForecastStrategy

def late(bars):
    return bars[1:, 3]

def cube(bars):
    return bars[:, :, None]

def broken(bars):
    return 1 / 0

level = 3

class Shape:
    pass

class Base(ForecastStrategy):
    params = (("strength", 1.0),)

class Wild(bt.Strategy):
    pass

class Levered(ForecastStrategy):
    def target_exposure(self):
        return 2.0
"""


@pytest.fixture
def user_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of a user beside the config: mine.py, and broken.py, which cannot be imported."""
    (tmp_path / "mine.py").write_text(USER_CODE)
    (tmp_path / "broken.py").write_text("import bakctrader\n")
    (tmp_path / "crash.py").write_text("\n\n1 / 0\n")
    (tmp_path / "typo.py").write_text("def f(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("mine", "broken", "crash", "typo"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def refused(tmp_path: Path, values: Any, *options: object) -> str:
    """The message of a run that must end with 2 and leave nothing; without the ``error: `` before it."""
    config = written(tmp_path, values)
    before = sorted(tmp_path.iterdir())
    told = command(config, "--out", tmp_path / "out", "--jobs", 1, "--offline", *options)
    assert told.code == 2
    assert re.search("^error: ", told.err, re.MULTILINE)  # after the time that the prices took
    assert "Traceback" not in told.err
    assert told.out == ""
    left = set(tmp_path.iterdir()) - set(before)
    kept = {
        "cache.sqlite",
        "cache.sqlite-wal",
        "cache.sqlite-shm",
        "ledger.sqlite",
    }
    assert {p.name for p in left} <= kept | {"__pycache__"}
    assert read_trials(Ledger(ledger_path())) == []
    return re.split("^error: ", told.err, maxsplit=1, flags=re.MULTILINE)[1]


def strategy(path: str, **params: Any) -> dict[str, Any]:
    return tiny(strategies=[{"class": path, "params": params}])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("", "tiny.yaml: expected sections such as data: and strategies:; found None"),
        ("- a\n- b\n", r"tiny.yaml: expected sections .*found \['a', 'b'\]"),
        ("a: [1\nb: 2\n", "tiny.yaml: not valid YAML: .*line 2"),
        ("name: a\nname: b\n", "tiny.yaml: line 1: 'name' is given twice; keep one of them"),
        (tiny(dat=1), r"tiny.yaml:\n  dat: unknown key; did you mean 'data'\?"),
        (tiny(forecast={"epochs": "x"}), r"tiny.yaml:\n  forecast.epochs: 'x' given, expected a whole number"),
    ],
)
def test_a_config_file_that_cannot_be_read(tmp_path: Path, values: Any, message: str) -> None:
    assert re.search(message, refused(tmp_path, values), re.DOTALL)


def test_a_config_file_that_is_not_there(tmp_path: Path) -> None:
    written(tmp_path, TINY)
    told = command(tmp_path / "tinny.yaml")
    assert (told.code, told.out) == (2, "")
    assert told.err == f"error: no config file {tmp_path / 'tinny.yaml'}; did you mean 'tiny.yaml'?\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"symbol": "APPL"}, r"no bundled prices of 'APPL'; did you mean 'AAPL'\?"),
        ({"start": "1990-01-01"}, "start: 1990-01-01 is outside the data, .*; write start: 2000-03-01"),
        ({"end": "2030-01-01"}, "end: 2030-01-01 is outside the data, .*; write end: 2013-03-01"),
        (
            {"source": "csv", "path": "nowhere/x.csv"},
            "no file nowhere/x.csv: correct its path, there is no folder",
        ),
        ({"source": "yahoo"}, "AAPL: --offline forbids source: yahoo, a download"),
        # 49 of warm-up, 60, 2 of purge, the fitting bar and 30 to trade are 142; three months have 61.
        (
            {"end": "2005-03-31"},
            "AAPL has 61 bars, but train_size 60 .* needs 142; give an earlier start, a later end",
        ),
    ],
)
def test_prices_that_cannot_be_had(tmp_path: Path, data: dict[str, Any], message: str) -> None:
    assert re.search(message, refused(tmp_path, tiny(data=data)))


@pytest.mark.parametrize(
    ("fraction", "message"),
    [
        (0.17, "the config cannot be run on 314 bars:\n  train_size: 4 is too short for lookback: 5"),  # 53 - 49
        (0.1, "the config cannot be run on 314 bars:\n  train_size: -18 given, expected a whole number of bars"),
        (0.95, "train_size 249 with its warm-up, purge and 30 bars to trade needs 331"),  # 298 - 49; 249 + 82
    ],
)
def test_a_fraction_that_leaves_too_little(tmp_path: Path, fraction: float, message: str) -> None:
    forecast = {"train_size": fraction, "refit_every": "never"}
    assert message in refused(tmp_path, tiny(forecast=forecast))


@pytest.mark.usefixtures("user_code")
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            strategy("LongFlat"),
            "class: 'LongFlat' is not module:Class; expected such as strategies.long_flat:LongFlat",
        ),
        (
            strategy("strategies.long_flt:LongFlat"),
            "no module strategies.long_flt; did you mean 'strategies.long_flat'",
        ),
        (strategy("strategies.long_flat:LongFalt"), "has no LongFalt; did you mean 'LongFlat'?"),
        (
            strategy("mine:Shape"),
            "class: 'mine:Shape' is not a Backtrader strategy; expected class Shape(bt.Strategy)",
        ),
        (strategy("mine:Base"), "class: 'mine:Base' does not say what to hold; define target_exposure(self)"),
        (strategy("broken:X"), "broken cannot be imported: ModuleNotFoundError: No module named 'bakctrader'"),
        (strategy("crash:X"), "crash cannot be imported: ZeroDivisionError: division by zero"),
        (strategy("typo:X"), "typo cannot be imported: "),
        (
            strategy("strategies.long_flat:LongFlat", treshold=1.0),
            "params.treshold: unknown parameter; did you mean",
        ),
        (strategy("mine:Wild", speed=1), "params.speed: unknown parameter; there are none"),
        (
            strategy("strategies.long_flat:LongFlat", threshold="1e-3"),
            "'1e-3' given, expected a number, such as 0.001",
        ),
        (strategy("strategies.sma_cross:SmaCross", fast=5.5), "params.fast: 5.5 given, expected a whole number"),
        (
            strategy("strategies.long_flat:LongFlat", forecast={}),
            "forecast: set by the forecast: section; remove it",
        ),
        (
            strategy("strategies.long_flat:LongFlat", fractional=True),
            "fractional: set by fractional: in the broker",
        ),
    ],
)
def test_a_strategy_that_cannot_be_used(tmp_path: Path, values: Any, message: str) -> None:
    found = refused(tmp_path, values)
    assert "\n  strategies.0." in found
    assert message in found


@pytest.mark.usefixtures("user_code")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("retrun_5", "unknown feature 'retrun_5'; did you mean 'return_N'?"),
        ("return_0", "unknown feature 'return_0'"),
        ("mine:lat", "'mine:lat': mine has no lat; did you mean 'late'?"),
        ("mien:late", "forecast.features: there is no module mien"),
        ("mine:", "'mine:' is not module:function"),
        ("mine:broken", "'mine:broken' failed on 314 bars: ZeroDivisionError: "),
        ("mine:level", "'mine:level' is not a function; expected f(bars) -> (n,) or (n, k)"),
        ("mine:late", "'mine:late' gave shape (313,) for 314 bars; expected (314,) or (314, k)"),
        ("mine:cube", "'mine:cube' gave shape (314, 5, 1) for 314 bars; expected (314,) or (314, k)"),
    ],
)
def test_a_feature_that_cannot_be_used(tmp_path: Path, name: str, message: str) -> None:
    assert message in refused(tmp_path, tiny(forecast={"features": ["gap", name]}))


@pytest.mark.usefixtures("user_code")
def test_a_strategy_that_goes_wrong_while_it_trades(tmp_path: Path) -> None:
    found = refused(tmp_path, strategy("mine:Levered"), "--quiet")
    assert re.search(r"Levered: target_exposure\(\) gave 2.0 at 2005-\d\d-\d\d; expected a number from -1", found)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    heading, found = refused(tmp_path, tiny(forecast={"device": "cuda"}), "--quiet").splitlines()
    assert heading == f"{tmp_path / 'tiny.yaml'}:"
    assert found == "  forecast.device: cuda, but torch finds no GPU here; set device: auto or cpu"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--jobs", "0"], "--jobs 0: expected at least 1"),
        (["--set", "seed"], "--set seed: expected KEY=VALUE, such as --set forecast.members=3"),
        (["--set", "forecast.lokback=3"], "forecast.lokback: unknown key; did you mean 'lookback'?"),
        (["--seed", "-1"], "forecast.seed: -1 given, expected greater than or equal to 0"),
    ],
)
def test_an_option_that_cannot_be(tmp_path: Path, options: list[str], message: str) -> None:
    assert message in refused(tmp_path, TINY, *options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seed", "x"], "argument --seed: invalid int value: 'x'"),
        (["--jobs", "two"], "argument --jobs: invalid int value: 'two'"),
        (["--no-cache", "--cache", "x"], "not allowed with argument"),
        (["--quite"], "unrecognized arguments: --quite"),
    ],
)
def test_an_option_that_is_not_one(tmp_path: Path, options: list[str], message: str) -> None:
    told = command(written(tmp_path, TINY), "--out", tmp_path / "out", *options)
    assert (told.code, told.out) == (2, "")
    assert message in told.err
    assert not (tmp_path / "out").exists()


def test_a_run_folder_that_is_taken(tmp_path: Path) -> None:
    config = written(tmp_path / "config", TINY)
    full, file = tmp_path / "full", tmp_path / "file"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    file.write_text("mine")
    for out, message in (
        (full, f"{full} is not empty; give another folder, such as --out {full}_2"),
        (file, f"{file} is a file; give another folder, such as --out {file}_run"),
        (file / "below", f"cannot make {file / 'below'}: no folder can be made in {file}; give another --out"),
    ):
        told = command(config, "--out", out)
        assert (told.code, told.err) == (2, f"error: {message}\n")
    assert [p.name for p in full.iterdir()] == ["mine.txt"]
    assert file.read_text() == "mine"
    assert {p.name for p in tmp_path.iterdir()} == {"config", "full", "file"}


@pytest.mark.parametrize("error", [ConfigError, DataError, StrategyError])
def test_every_error_is_one_of_ours_and_of_its_builtin_kind(error: type[Exception]) -> None:
    assert issubclass(error, LSTMStratError)
    assert issubclass(error, TypeError if error is StrategyError else ValueError)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (strategy("strategies.long_flt:LongFlat"), ConfigError, "did you mean 'strategies.long_flat'"),
        (tiny(forecast={"features": ["retrun_5"]}), ConfigError, "unknown feature 'retrun_5'"),
        (tiny(data={"symbol": "APPL"}), DataError, "no bundled prices of 'APPL'"),
    ],
)
def test_run_raises_what_the_command_line_says(values: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run(validated(Config, values, ""))


def test_did_you_mean_gives_the_nearest_or_all() -> None:
    assert did_you_mean("lokback", ["lookback", "horizon"]) == "; did you mean 'lookback'?"
    assert did_you_mean("zzz", ["b", "a"]) == "; known: a, b"
    assert did_you_mean("zzz", []) == ""
    assert did_you_mean("aapl", ["C", "AAPL"]) == "; did you mean 'AAPL'?"  # no letter is alike, but for capitals


@pytest.mark.parametrize(
    ("name", "names", "expected"),
    [
        ("aapl.csv", ["AAL.csv", "AAPL.csv", "C.csv"], "AAPL.csv"),
        ("AAPL.CSV", ["AAPL.csv"], "AAPL.csv"),
        ("aapl.csv", ["AAPL.csv.gz", "AAPL.csv"], "AAPL.csv"),
        ("aapl.csv", ["aapl.parquet", "aapx.csv"], "aapl.parquet"),
        ("MSTF.csv", ["C.csv", "MSFT.csv"], "MSFT.csv"),
        ("brk-b.csv", ["BRK.B.csv", "C.csv"], "BRK.B.csv"),
        ("KO.csv", ["C.csv", "SPY.csv"], ""),  # their ends are alike, which says nothing
        ("tinny.yaml", ["tiny.yaml", "x.yaml"], "tiny.yaml"),
        ("zzz.yaml", ["a.yaml"], ""),
        (".csv", ["C.csv"], ""),
    ],
)
def test_a_file_is_suggested_by_its_capitals_and_then_by_its_name_without_its_end(
    name: str, names: list[str], expected: str
) -> None:
    for given in (names, names[::-1]):
        assert did_you_mean_file(name, given) == (f"; did you mean {expected!r}?" if expected else "")
    many = [*(f"{number}.csv" for number in range(2000)), *names]
    assert not expected or expected.casefold() != name.casefold() or expected in did_you_mean_file(name, many)
    assert did_you_mean_file("AAPLE.csv", ["AAPL.csv", *(f"Z{k}.csv" for k in range(1500))]).endswith(
        "'AAPL.csv'?"
    )


def waited(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def gone(group: int) -> bool:
    """No process is left in a process group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to look into")
def test_ctrl_c_in_training_gives_130_and_leaves_neither_folder_nor_process(tmp_path: Path) -> None:
    config = written(tmp_path / "config", tiny(forecast={"epochs": 100_000}))  # hours
    arguments = [config, "--out", tmp_path / "runs" / "out", "--cache", tmp_path / "cache.sqlite", "--jobs", "2"]
    command = [sys.executable, "-m", "lstmstrat.backtest", *map(str, arguments)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    try:
        assert process.stdout is not None
        assert any("4 folds" in line for line in process.stdout)  # printed before the training
        time.sleep(2.0)  # and now they train
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: everyone in the foreground gets it
        out, err = process.communicate(timeout=15)
        # Python dies of the signal itself if it came while a module was imported; a shell calls that 130 too.
        assert process.returncode in (130, -signal.SIGINT), err
        assert err.splitlines()[-1] == "stopped; the same command goes on from what is in the cache"
        assert "Traceback" not in err
        assert out == ""
        assert waited(lambda: gone(process.pid), 5)
    finally:
        if not gone(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "runs").exists()


ENDS = """
import sys
import backtrader as bt
import numpy as np
from dataclasses import dataclass
from lstmstrat import ForecastStrategy, Model

def leaves(bars):
    sys.exit(0)

def singular(bars):
    return np.linalg.inv(np.zeros((2, 2)))

@dataclass(frozen=True)
class Leaves(Model):
    def fit(self, training, seed, start=None, stop=None):
        sys.exit("enough")

class Exits(ForecastStrategy):
    def target_exposure(self):
        raise SystemExit

class Divides(ForecastStrategy):
    def target_exposure(self):
        return 1 / (len(self) - len(self))

class NoSuchLine(ForecastStrategy):
    def target_exposure(self):
        return self.data.sentiment[0]

class AtTheEnd(ForecastStrategy):
    def target_exposure(self):
        return 1.0
    def stop(self):
        raise ValueError("nothing left")

class Stop(BaseException):
    pass

class Raises(ForecastStrategy):
    def target_exposure(self):
        raise Stop("enough of it")

class Generates(ForecastStrategy):
    def target_exposure(self):
        raise GeneratorExit("no more")

class BuysNothing(bt.Strategy):
    def next(self):
        self.buy(size=float("nan"))

class BuysAll(bt.Strategy):
    def next(self):
        self.sell(size=10**400)

class AtNoPrice(bt.Strategy):
    def next(self):
        self.buy(size=1, price=float("inf"), exectype=bt.Order.Limit)

class NoBars(ForecastStrategy):  # Backtrader divides by them when it runs
    def __init__(self):
        super().__init__()
        self.mean = bt.indicators.SMA(self.data, period=0)
    def target_exposure(self):
        return 1.0
"""


@pytest.mark.parametrize(
    ("change", "said", "line"),
    [
        (
            {"strategies": [{"class": "ends:Exits"}]},
            "exits: it ends the program by sys.exit()",
            "raise SystemExit",
        ),
        (
            {"strategies": [{"class": "ends:Divides"}]},
            "divides: ZeroDivisionError: division by zero",
            "return 1 /",
        ),
        ({"strategies": [{"class": "ends:NoSuchLine"}]}, "no attribute 'sentiment'", "self.data.sentiment"),
        ({"strategies": [{"class": "ends:AtTheEnd"}]}, "at_the_end: ValueError: nothing left", "raise ValueError"),
        ({"strategies": [{"class": "ends:Raises"}]}, "ends.Stop: enough of it", 'raise Stop("'),
        ({"strategies": [{"class": "ends:Generates"}]}, "GeneratorExit: no more", "raise GeneratorExit"),
        (
            {"strategies": [{"class": "ends:BuysNothing"}]},
            "buys_nothing: ValueError: the size of an order is nan, expected a finite number",
            'self.buy(size=float("nan"))',
        ),
        (
            {"strategies": [{"class": "ends:BuysAll"}]},
            "buys_all: ValueError: the size of an order is beyond 1e308, expected a finite number",
            "self.sell(size=10**400)",
        ),
        (
            {"strategies": [{"class": "ends:AtNoPrice"}]},
            "at_no_price: ValueError: the price of an order is inf, expected a finite number",
            "self.buy(size=1, price=",
        ),
        ({"strategies": [{"class": "ends:NoBars"}]}, "no_bars: ZeroDivisionError", None),
        (
            {"forecast": {"features": ["return_1", "ends:leaves"]}},
            "ends the program by sys.exit(0)",
            "sys.exit(0)",
        ),
        ({"forecast": {"features": ["ends:singular"]}}, "LinAlgError: Singular matrix", "np.linalg.inv"),
        (
            {"forecast": {"model": "ends:Leaves"}},
            "it ends the program by sys.exit('enough')",
            'sys.exit("enough")',
        ),
    ],
)
def test_an_end_in_code_of_the_users_is_a_sentence_with_its_line(
    change: dict[str, Any], said: str, line: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ends.py").write_text(ENDS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "ends", raising=False)
    done = command(written(tmp_path, tiny(**change)), "--out", tmp_path / "out")
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    if line is not None:
        number = next(k for k, text in enumerate(ENDS.splitlines(), 1) if line in text)
        assert f"({tmp_path / 'ends.py'}, line {number})" in done.err
    assert not (tmp_path / "out").exists()


ELSEWHERE = """
import os
import backtrader as bt
class Leaves(bt.Strategy):
    def next(self):
        os.chdir(%r)
        if not self.position:
            self.buy()
class SellsAll(bt.Strategy):
    def next(self):
        self.sell(size=1e300)
"""


@pytest.mark.parametrize("out", ["here/out", "~/out"])
def test_code_that_changes_the_directory_does_not_move_the_run(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative --out was made in the new directory, and ``~`` in quotes was a folder of that name."""
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    other.mkdir()
    module = f"elsewhere_{'home' if '~' in out else 'here'}"  # two of one name are refused in one process
    (tmp_path / f"{module}.py").write_text(ELSEWHERE % str(other))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    config = tiny(strategies=[{"class": f"{module}:Leaves"}])
    done = command(written(tmp_path, config), "--out", out, "--cache", "cache.sqlite", "--quiet")
    folder = Path(out.replace("~", str(home)))
    assert (done.code, done.out.split()) == (0, [str(folder / "report.html")]), done.err
    assert (tmp_path / folder / "summary.json").is_file()
    assert (tmp_path / "cache.sqlite").is_file()
    assert not list(other.iterdir())


@pytest.mark.parametrize(
    ("options", "kept"), [((), True), (("--no-cache",), False), (("--cache", "text.txt"), False)]
)
def test_the_cache_is_named_where_there_is_one(
    options: tuple[str, ...], kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C and on a full disk; a file of another kind is no cache."""

    def full(*_: object) -> None:
        raise ConfigError("cannot write the run: No space left on device")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("not a database " * 1000)
    config = written(tmp_path, tiny())
    monkeypatch.setattr("lstmstrat.results.run_folder.write", full)
    done = command(config, "--quiet", *options)
    assert (done.code, "fitted folds are kept in the cache" in done.err) == (2, kept)
    monkeypatch.setattr("lstmstrat.results.run_folder.write", stop)
    done = command(config, "--quiet", *options)
    assert done.code == 130
    assert done.err.splitlines()[-1] == ("stopped" + "; the same command goes on from what is in the cache" * kept)


def test_no_number_of_hundreds_of_digits_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere.py").write_text(ELSEWHERE % str(tmp_path))
    monkeypatch.delitem(sys.modules, "elsewhere", raising=False)
    monkeypatch.chdir(tmp_path)
    done = command(written(tmp_path, tiny(strategies=[{"class": "elsewhere:SellsAll"}])), "--out", "out")
    assert done.code == 2
    assert re.search(r"the account is down to -\d\.\d+e\+29\d,", done.err)
    assert not re.search(r"\d{20}", done.err)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("door", ["backtest", "audit", "new", "trials"])
@pytest.mark.parametrize("where", ["lstmstrat.errors", "argparse", "lstmstrat.commands.console"])
def test_ctrl_c_before_there_is_a_command_is_130(door: str, where: str, tmp_path: Path) -> None:
    """While the door imports what it needs, and while the options are read."""
    script = (
        "import runpy, sys, builtins\nold = builtins.__import__\n"
        f"def broken(name, *rest, **named):\n    if name == {where!r}: raise KeyboardInterrupt\n"
        "    return old(name, *rest, **named)\n"
        "import lstmstrat\n"
        f"sys.argv = ['x', '--help']\nbuiltins.__import__ = broken\n"
        f"runpy.run_module('lstmstrat.{door}', run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("door", ["backtest", "audit.__main__", "new", "trials"])
@pytest.mark.parametrize("error", ["KeyboardInterrupt", "ValueError('SchemaError:\\n  KeyboardInterrupt: ')"])
def test_ctrl_c_while_the_options_are_read_is_130(door: str, error: str) -> None:
    """pydantic makes a SchemaError of it, without a cause."""
    script = (
        "import argparse, runpy, sys\n"
        f"def broken(*_): raise {error}\n"
        "argparse.ArgumentParser.parse_args = broken\n"
        f"runpy.run_module('lstmstrat.{door}', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_fault_of_ours_stays_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("lstmstrat.trading.recorder.Recorder.next", broken)
    monkeypatch.setattr("lstmstrat.errors.own_frames", lambda _: [])  # this file is no part of the package
    monkeypatch.setattr("lstmstrat.trading.simulation.own_frames", lambda _: [])
    with pytest.raises(ZeroDivisionError):
        command(written(tmp_path, tiny()), "--out", tmp_path / "out")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_ends_a_command_with_its_code_and_a_sentence(number: int, code: int, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, time\nfrom lstmstrat.commands.console import exit_code\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\nsignal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        f"def work():\n    os.kill(os.getpid(), {int(number)})\n    time.sleep(20)\n    return 0\n"
        "sys.exit(exit_code(work, lambda: 'stopped; all is kept'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr) == (code, "stopped; all is kept\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full disk to write to")
@pytest.mark.parametrize("where", ["> /dev/full", ">&-", "2>&-", "2> /dev/full", "| head -1", ">&- 2>&-"])
def test_output_that_cannot_be_printed_ends_no_run(where: str, tmp_path: Path) -> None:
    """rich ends the process where a reader goes away, and a full disk was a traceback before the report."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom lstmstrat.commands.console import exit_code\n"
        "from lstmstrat.report.terminal.console import console_on\n"
        "def work():\n"
        "    for stream in (sys.stdout, sys.stderr):\n"
        "        [console_on(stream).print('x' * 1000) for _ in range(200)]\n"
        "        print('y' * 10_000, file=stream, flush=True)\n"
        "    Path('report').write_text('kept')\n    return 0\n"
        "sys.exit(exit_code(work))"
    )
    (tmp_path / "work.py").write_text(script)
    line = f"set -o pipefail; {shlex.quote(sys.executable)} work.py {where}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert (tmp_path / "report").read_text() == "kept"
    assert "Traceback" not in done.stderr
    assert done.stderr.count("nothing more can be printed") == (where == "> /dev/full")


def test_a_run_folder_whose_name_is_too_long_is_said_before_the_work(tmp_path: Path) -> None:
    done = command(written(tmp_path, tiny()), "--out", tmp_path / ("a" * 300))
    assert done.code == 2
    assert done.err.startswith("error: cannot make '")
    assert "give another --out" in done.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_signal_that_somebody_handles_or_ignores_is_theirs() -> None:
    script = (
        "import os, signal, sys\nfrom lstmstrat.commands.console import exit_code\nseen = []\n"
        "signal.signal(signal.SIGTERM, lambda *_: seen.append(1))\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "def work():\n    for n in (15, 1): os.kill(os.getpid(), n)  # SIGTERM, SIGHUP\n    return len(seen)\n"
        "code = exit_code(work)\nassert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr) == (1, "")
