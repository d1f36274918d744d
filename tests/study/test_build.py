"""What is wrong with a strategy and its settings together is said before anything is trained."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import backtrader as bt
import pytest
from helpers.command import command, tiny, written
from helpers.processor import processor_seconds

from lstmstrat import (
    BrokerConfig,
    Config,
    ExposureStrategy,
    ForecastStrategy,
    LSTMForecast,
    Session,
    Store,
    StrategyError,
    run,
)
from lstmstrat.audit import child
from lstmstrat.config.validation import validated
from lstmstrat.ledger import Ledger
from lstmstrat.study import build as module
from lstmstrat.study.build import building_mistakes
from lstmstrat.study.prepare import load_config, prepare
from lstmstrat.trading.simulation import build

pytestmark = pytest.mark.skipif(not child.CAN_FORK, reason="this platform cannot fork")
LONG_FLAT = "strategies.long_flat:LongFlat"


class Dividing(ForecastStrategy):
    """Fails by a mistake of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.share = 1 / (self.model.p.members - 1)

    def target_exposure(self) -> float:
        return self.share


class OwnForecast(bt.Strategy):
    """Makes a forecast with a setting that does not exist."""

    def __init__(self) -> None:
        self.model = LSTMForecast(self.data, lokback=5)


class OwnHorizon(ExposureStrategy):
    """Makes a forecast with a wrong value."""

    def __init__(self) -> None:
        self.model = LSTMForecast(self.data, horizon=0)

    def target_exposure(self) -> float:
        return 0.0


class Exits(bt.Strategy):
    """Ends the program."""

    def __init__(self) -> None:
        sys.exit(0)


class Skips(bt.Strategy):
    """Does not want to run."""

    def __init__(self) -> None:
        raise bt.StrategySkipError


class Asks(bt.Strategy):
    """Asks for a second feed at run time."""

    def __init__(self) -> None:
        self.other = self.getdatabyname("SPY")


class Counts(bt.Strategy):
    """Leaves what it can: in its class, on both streams, in a log."""

    built: ClassVar[list[int]] = []
    begun: ClassVar[list[int]] = []

    def __init__(self) -> None:
        self.built.append(len(self.data))
        sys.stdout.write("built")
        sys.__stderr__.write("built")  # type: ignore[union-attr]
        logging.getLogger("mine").error("built")

    def start(self) -> None:
        self.begun.append(len(self.data))


class Peeks(bt.Strategy):
    """Reads as many bars in its __init__ as the run will have."""

    params = (("bars", 314),)

    def __init__(self) -> None:
        assert len(self.data.close.array) == self.p.bars


class Slow(bt.Strategy):
    """Takes half a second to be built."""

    def __init__(self) -> None:
        time.sleep(0.5)


def config(*classes: Any) -> Config:
    """The tiny config with these classes: a name, a class of this file, or either with its params."""
    entries = []
    for k, cls in enumerate(classes):
        cls, params = cls if isinstance(cls, tuple) else (cls, {})
        path = cls if isinstance(cls, str) else f"test_build:{cls.__name__}"
        entries.append({"class": path, "params": params, "name": f"s{k}"})
    return validated(Config, tiny(strategies=entries, forecast={"members": 1}), "")


def test_all_mistakes_are_said_at_once_and_before_the_training() -> None:
    classes = (
        LONG_FLAT,
        "strategies.conviction:Conviction",
        Dividing,
        ("strategies.sma_cross:SmaCross", {"slow": 200}),
    )
    with Session(Store(None), ledger=Ledger(None)) as session:
        with pytest.raises(StrategyError) as caught:
            run(config(*classes), session=session)
        assert session.fitted == 0
    heading, *lines = str(caught.value).splitlines()
    assert heading == "strategies and settings do not go together:"
    assert lines[0] == (
        "  strategies.1: Conviction compares the members of an ensemble, and a fold has one; "
        "set forecast.members to 5, say, and model: lstm"
    )
    assert lines[1].startswith("  strategies.2: s2: it cannot be built: ZeroDivisionError: division by zero (")
    assert lines[1].endswith(f"test_build.py, line {Dividing.__init__.__code__.co_firstlineno + 2})")
    assert lines[2].startswith("  strategies.3: s3: its indicators need 200 bars, but the first forecast")
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("cls", "sentence"),
    [
        (OwnForecast, "s0: it cannot be built: TypeError: LSTMForecast has no parameter 'lokback'; did you mean"),
        (OwnHorizon, "LSTMForecast:\n  horizon: 0 given, expected greater than or equal to 1"),
        (Exits, "s0: it cannot be built: it ends the program by sys.exit(0) ("),
        (Skips, "s0: its __init__ raised StrategySkipError; leave it out of the config"),
        (Asks, "s0: it asks for the feed 'SPY', but a config has one feed, AAPL"),
    ],
)
def test_each_kind_of_mistake_is_a_sentence(cls: type, sentence: str) -> None:
    with pytest.raises(StrategyError) as caught:
        prepare(config(cls))
    assert f"strategies.0: {sentence}" in str(caught.value)


def test_the_command_says_it_and_leaves_nothing(tmp_path: Path) -> None:
    strategies = [{"class": "strategies.conviction:Conviction"}]
    told = command(
        written(tmp_path, tiny(strategies=strategies, forecast={"members": 1})), "--out", tmp_path / "out"
    )
    assert (told.code, told.out) == (2, "")
    assert told.err == (
        "error: strategies and settings do not go together:\n"
        "  strategies.0: Conviction compares the members of an ensemble, and a fold has one; "
        "set forecast.members to 5, say, and model: lstm\n"
    )
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_of_a_strategy_that_was_built(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    prepare(config(Counts))
    assert (Counts.built, Counts.begun) == ([], [])
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert logging.root.manager.disable == 0


def test_it_is_built_on_the_bars_of_the_run() -> None:
    asked, prices = prepare(config(Peeks))
    assert len(prices.frame) == 314
    assert building_mistakes(asked, prices) == []
    assert building_mistakes(config((Peeks, {"bars": 3})), prices) != []


def test_it_is_neither_started_nor_handed_a_bar() -> None:
    asked, prices = prepare(config(LONG_FLAT))
    with Session(Store(None), ledger=Ledger(None)) as session:
        build(prices, Counts, {}, BrokerConfig(), session=session, start=111, name="c", forecast=asked.forecast)
    assert (Counts.built, Counts.begun) == ([0], [])
    Counts.built.clear()


@pytest.mark.parametrize("change", [{"SECONDS": 0.1}, {"CAN_FORK": False}])
def test_where_it_cannot_be_known_the_run_says_it(change: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in change.items():
        monkeypatch.setattr(module if name == "SECONDS" else child, name, value)
    with pytest.raises(StrategyError, match=r"^s1: its __init__ raised StrategySkipError"):
        run(config(Slow, Skips))


def test_the_strategies_of_the_bundled_config_take_less_than_a_tenth_of_a_second_each() -> None:
    """A twentieth, on a machine that does nothing else."""
    asked, prices = prepare(load_config("configs/aapl.yaml"))
    assert building_mistakes(asked, prices) == []
    assert processor_seconds(lambda: building_mistakes(asked, prices)) < 0.1 * len(asked.strategies) + 1.0
