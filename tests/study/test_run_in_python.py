"""`lstmstrat.run`: a config to a result, with no command, no session and nothing left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import backtrader as bt
import pandas as pd
import pytest
from helpers.command import TINY, tiny, what_it_found

import lstmstrat
from lstmstrat import Config, DataError, LSTMForecast, Result, Session, Store, StrategyError
from lstmstrat.config.validation import validated
from lstmstrat.forecasting import session as sessions
from lstmstrat.forecasting.session import current
from lstmstrat.study import run as running

FRAMES = ("equity", "exposure", "forecasts", "folds", "orders", "trades", "prices")


def config(**sections: Any) -> Config:
    return validated(Config, tiny(**sections), "")


def assert_the_same(one: Result, other: Result) -> None:
    assert what_it_found(one.summary) == what_it_found(other.summary)
    assert one.config == other.config
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


def assert_nothing_is_left(default: Session) -> None:
    assert sessions._active.get() is None
    assert current() is sessions._default() is default
    assert (default.fitted, default.cached, default.failed) == (0, 0, 0)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> list[Session]:
    """The sessions that `run` makes for itself."""
    made: list[Session] = []

    class Seen(Session):
        def __init__(self, *args: Any, **options: Any):
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(running, "Session", Seen)
    return made


def test_a_run_needs_neither_a_command_nor_a_session(tmp_path: Path, own: list[Session]) -> None:
    default = current()
    result = lstmstrat.run(config())
    assert_nothing_is_left(default)
    (session,) = own
    assert session.store.path == tmp_path / "cache.sqlite"  # $LSTMSTRAT_CACHE
    assert session.store._connection is None  # it was closed
    assert not session.models
    assert result.assessment.made.command == ""
    facts = result.assessment.walk_forward
    assert (facts.fitted, facts.cached, facts.failed) == (8, 0, 0)
    assert (session.fitted, session.cached, session.failed) == (8, 0, 0)
    assert result.assessment.trials.kept

    alone = Session(Store(None))
    assert_the_same(result, lstmstrat.run(config(), session=alone))
    assert (alone.fitted, alone.cached) == (8, 0)
    assert len(own) == 1  # none was made where one was given
    assert_nothing_is_left(default)

    again = lstmstrat.run(config())  # from the user's cache
    assert_the_same(result, again)
    assert (again.assessment.walk_forward.fitted, again.assessment.walk_forward.cached) == (0, 8)


def test_a_session_that_is_given_stays_open_and_serves_again() -> None:
    with Session(Store(None), jobs=1) as session:
        first = lstmstrat.run(config(), session=session)
        assert session.models
        second = lstmstrat.run(config(), session=session)
        assert (session.fitted, session.cached) == (0, 0)  # of the last run: its models were in memory
    assert_the_same(first, second)


class Seen(bt.Strategy):
    """Keeps the session that its indicator works with."""

    sessions: tuple[Any, ...] = ()

    def __init__(self) -> None:
        self.model = LSTMForecast(self.data, **TINY["forecast"])
        Seen.sessions += (current(), self.model.walk_forward._session)


def test_the_session_of_a_run_is_that_of_the_indicators_in_it_and_of_nobody_else() -> None:
    mine = config(strategies=[{"class": "test_run_in_python:Seen"}])
    with Session(Store(None)).active() as outer, Session(Store(None)) as session:
        Seen.sessions = ()
        lstmstrat.run(mine, session=session)
        assert len(Seen.sessions) >= 2
        assert all(used is session for used in Seen.sessions)
        assert current() is outer
        assert outer.fitted == 0
    assert sessions._active.get() is None


class Broken(bt.Strategy):
    def next(self) -> None:
        raise StrategyError("not today")


def test_nothing_is_left_where_a_run_fails(own: list[Session]) -> None:
    default = current()
    with pytest.raises(StrategyError, match="not today"):
        lstmstrat.run(config(strategies=[{"class": "test_run_in_python:Broken"}]))
    assert_nothing_is_left(default)
    assert own[0].store._connection is None


def test_offline_forbids_a_download() -> None:
    far = config(data={"source": "yahoo"})
    with pytest.raises(DataError, match="--offline forbids source: yahoo, a download"):
        lstmstrat.run(far, offline=True)
