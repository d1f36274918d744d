"""Equal walks of one run are worked out once, and each goes on by itself, with the bits that it has alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.command import tiny
from helpers.market import advanced, alone, bits, market, small
from helpers.own_model import NETWORK

from lstmstrat import Config, Session, Store, WalkForward
from lstmstrat.config.validation import validated
from lstmstrat.forecasting.features import FeatureSet
from lstmstrat.study.prepare import prepare
from lstmstrat.study.replicas import replica
from lstmstrat.study.simulate import simulate_all, simulate_one
from lstmstrat.study.tasks import Variation

PRICES, OTHER = market(200), market(200, seed=1)
TIMES, BARS = PRICES.times, PRICES.bars
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "calibrated": {"calibration": "learned", "members": 2},
    "warm start": {"warm_start": True},
    "own condition": {"refit_when": "test_refits:fell", "refit_every": "month"},
    "own network": {"model": NETWORK, "refit_every": 60},
    "ridge": {"model": "ridge", "calibration": "learned"},
}
kinds = pytest.mark.parametrize("kind", KINDS)


class Walks:
    """Counts how often feature rows are worked out; each walk works them out once for each chunk of bars."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count, rows = 0, FeatureSet.named_rows

        def counted(*arguments: Any) -> Any:
            self.count += 1
            return rows(*arguments)

        patch.setattr(FeatureSet, "named_rows", counted)


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> Walks:
    return Walks(monkeypatch)


def same(walk: WalkForward, other: WalkForward) -> bool:
    """Forecasts, folds, what is missing and the gaps: all that a run reads of a walk."""
    one, two = walk.forecasts, other.forecasts
    values = [(f.config, f.folds, dict(f.missing), dict(f.gaps)) for f in (one, two)]
    return bool(np.array_equal(bits(walk), bits(other)) and str(values[0]) == str(values[1]))


@kinds
@pytest.mark.parametrize("first", [1, 30, 150, len(BARS)])
def test_a_walk_that_is_taken_over_goes_on_as_one_of_its_own(kind: str, first: int) -> None:
    config, session = small(**KINDS[kind]), alone()
    expected = advanced(config, TIMES, BARS)
    with session.one_walk_for_all():
        walks = [WalkForward(config, session) for _ in range(3)]
        for walk in walks:
            walk.advance(TIMES[:first], BARS[:first])
        for bar in range(first, len(BARS)):  # in turn, so that each could see what the other has appended
            walks[0].advance(TIMES[bar : bar + 1], BARS[bar : bar + 1])
            walks[1].peek(TIMES[bar : bar + 1], 1.01 * BARS[bar : bar + 1])
            walks[1].advance(TIMES[bar : bar + 1], BARS[bar : bar + 1])
        walks[2].advance(TIMES[first:], BARS[first:])
    assert all(same(walk, expected) for walk in walks)


def test_what_a_caller_does_with_its_forecasts_touches_no_other_walk() -> None:
    config, session = small(), alone()
    expected = advanced(config, TIMES, BARS)
    with session.one_walk_for_all():
        for _ in range(3):
            walk = WalkForward(config, session)
            walk.advance(TIMES, BARS)[:] = -1.0
            assert same(walk, expected)


def test_walks_that_go_on_over_other_bars_do_not_see_each_other() -> None:
    config, session = small(), alone()
    with session.one_walk_for_all():
        mine, yours = WalkForward(config, session), WalkForward(config, session)
        for walk in (mine, yours):
            walk.advance(TIMES[:150], BARS[:150])
        for bar in range(150, len(BARS)):
            mine.advance(TIMES[bar : bar + 1], BARS[bar : bar + 1])
            yours.advance(TIMES[bar : bar + 1], OTHER.bars[bar : bar + 1])
    assert same(mine, advanced(config, TIMES, BARS))
    assert same(yours, advanced(config, TIMES, np.concatenate([BARS[:150], OTHER.bars[150:]])))


def test_a_bar_that_is_still_open_is_not_kept_in_what_others_take_over() -> None:
    config, session = small(), alone()
    opened = 1.1 * BARS[:150]
    with session.one_walk_for_all():
        mine, yours = WalkForward(config, session), WalkForward(config, session)
        peeked = mine.peek(TIMES[:150], opened).copy()
        for part in (slice(150), slice(150, None)):  # the rows of what was peeked at would do for these 150
            mine.advance(TIMES[part], BARS[part])
        assert np.array_equal(yours.peek(TIMES[:150], opened), peeked, equal_nan=True)
        yours.advance(TIMES, BARS)
    assert np.isfinite(peeked[-1, 0])
    assert same(mine, advanced(config, TIMES, BARS))
    assert same(yours, mine)


def test_equal_walks_are_worked_out_once_and_others_are_not(walks: Walks) -> None:
    session = alone()

    def walked(bars: Any, **changes: Any) -> int:
        before = walks.count
        WalkForward(small(**changes), session).advance(TIMES, bars)
        return walks.count - before

    changed = BARS.copy()
    changed[-1, 4] += 1.0
    with session.one_walk_for_all():
        assert [walked(BARS), walked(BARS), walked(changed), walked(BARS, seed=1), walked(BARS)] == [1, 0, 1, 1, 0]
    assert walked(BARS) == 1  # a check that repeats a run stands outside
    assert session.walks is None


def test_a_peer_belongs_to_what_must_be_equal(walks: Walks) -> None:
    session, config = alone(), small(peer_features=("return_1",))
    with session.one_walk_for_all():
        for peer, made in ((OTHER, 2), (OTHER, 0), (PRICES, 2)):
            before = walks.count
            walk = WalkForward(config, session, peers=1)
            walk.advance(TIMES, BARS, [(peer.times, peer.bars)])
            by_itself = WalkForward(config, alone(), peers=1)
            assert walks.count - before == made
            by_itself.advance(TIMES, BARS, [(peer.times, peer.bars)])
            assert same(walk, by_itself)


def test_code_of_the_users_own_is_shared_only_as_long_as_it_stays_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walks: Walks
) -> None:
    (tmp_path / "mine_shared.py").write_text(
        "SCALE, calls, LOG = 1.0, 0, None\n"
        "def scaled(bars):\n    return SCALE * bars[:, 0]\n"
        "def counted(bars):\n    global calls\n    calls += 1\n    return bars[:, 0] + calls\n"
        "def unknown(bars):\n    return bars[:, 0] if LOG else bars[:, 1]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import mine_shared  # type: ignore[import-not-found]

    def rows(name: str, session: Session) -> bytes:
        walk = WalkForward(small(features=("return_1", f"mine_shared:{name}")), session)
        walk.advance(TIMES, BARS)
        return walk._input_rows.tobytes()

    session = alone()
    with session.one_walk_for_all():
        before = rows("scaled", session)
        assert rows("scaled", session) == before
        mine_shared.SCALE = 2.0  # a strategy may set what a feature reads
        assert rows("scaled", session) != before
        assert rows("counted", session) != rows("counted", session)  # it is another function after each call
        with open(tmp_path / "mine_shared.py") as mine_shared.LOG:  # nothing tells an open file from another one
            walks.count = 0
            assert rows("unknown", session) == rows("unknown", session)
            assert walks.count == 2


def two() -> tuple[Config, Any]:
    names = ["LongFlat", "LongShort"]
    strategies = [
        {"class": f"strategies.{n}:{c}"} for n, c in zip(("long_flat", "long_short"), names, strict=True)
    ]
    return prepare(validated(Config, tiny(strategies=strategies), ""))


def test_the_strategies_of_a_run_share_a_walk_and_a_replica_too(walks: Walks) -> None:
    config, prices = two()
    alone_each = [simulate_one(config, prices, strategy, alone()) for strategy in config.strategies]
    walks.count = 0
    session = alone()
    run = simulate_all(config, prices, session)
    assert walks.count == 1
    for account, by_itself in zip(run.strategies, alone_each, strict=True):
        assert account.equity.equals(by_itself.equity)
        assert account.orders.equals(by_itself.orders)
        assert str(account.forecasts) == str(by_itself.forecasts)
    assert (session.fitted, session.cached, session.failed) == (
        len(run.forecasts.folds) * config.forecast.members,
        0,
        0,
    )
    assert session.walks is None
    replica(Variation("seed 1", config, prices), session)
    assert walks.count == 2
    simulate_one(config, prices, config.strategies[0], session)  # as a check does
    assert walks.count == 3


def test_the_counts_are_those_of_one_walk_with_a_store_too(tmp_path: Path) -> None:
    config, prices = two()
    counts = []
    for _ in range(2):
        with Session(Store(tmp_path / "cache.sqlite")) as session:
            run = simulate_all(config, prices, session)
            counts.append((session.fitted, session.cached))
    models = len(run.forecasts.folds) * config.forecast.members
    assert counts == [(models, 0), (0, models)]
