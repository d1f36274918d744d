"""Rules that know the last bar of the data are told from rules that know later prices."""

from __future__ import annotations

from typing import Any, ClassVar

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.market import market

from lstmstrat import ExposureStrategy
from lstmstrat.audit import AuditResult, alone, ends, suite
from lstmstrat.audit.subjects import of_class
from lstmstrat.audit.trace import Subject

FRAME = market(130, seed=4).frame


class Rises(bt.Strategy):
    """Long after a rise, until the rule of the end."""

    def at_the_end(self) -> bool:
        return False

    def signal(self) -> float:
        return float(self.data.close[0] - self.data.open[0])

    def next(self) -> None:
        if self.at_the_end():
            if self.position:
                self.close()
        elif self.signal() > 0.0 and not self.position:
            self.buy(size=10)
        elif self.signal() <= 0.0 and self.position:
            self.close()


class NoneOnTheLastBar(Rises):
    def next(self) -> None:
        if len(self.data) != self.data.buflen():
            super().next()


class ClosesOnTheLastButOne(Rises):
    def at_the_end(self) -> bool:
        return len(self) >= self.data0.buflen() - 1


class ClosesOnTheLastDate(Rises):
    def start(self) -> None:
        times = self.data.datetime.array
        self._last = bt.num2date(times[-1]).date() if len(times) else None

    def at_the_end(self) -> bool:
        return bool(self.data.datetime.date(0) == self._last)


class NothingNewInTheLastDays(Rises):
    def at_the_end(self) -> bool:
        return self.data.buflen() - len(self.data) < 4


class FlatAtTheEnd(ExposureStrategy):
    def target_exposure(self) -> float:
        if len(self.data) >= self.data.buflen() - 1:
            return 0.0
        return 1.0 if self.data.close[0] > self.data.open[0] else 0.0


class Ahead(Rises):
    """What is known `bars` later, where it is there."""

    bars: ClassVar[int] = 1

    def later(self) -> np.ndarray:
        """The closes of the next bars that there are; (bars,) or fewer."""
        k = len(self)
        return np.array(self.data.close.array[k : k + self.bars])

    def signal(self) -> float:
        later = self.later()
        return float(later[-1] - self.data.close[0]) if len(later) else super().signal()


class AheadByFour(Ahead):
    bars = 4


class AheadAndFlatAtTheEnd(Ahead):
    def at_the_end(self) -> bool:
        return len(self) == self.data.buflen()


class RareFall(Ahead):
    """Stays out before a fall of a quarter only."""

    def signal(self) -> float:
        later = self.later()
        return -1.0 if not len(later) or later.min() < 0.75 * self.data.close[0] else 1.0 * (len(self) % 7 < 4)


class RareRise(Ahead):
    """Buys a day early before a rise by a half."""

    def signal(self) -> float:
        later = self.later()
        return -1.0 if not len(later) or later.max() > 1.5 * self.data.close[0] else 1.0 * (len(self) % 7 < 4)


class VolumeAhead(Rises):
    def signal(self) -> float:
        after = self.data.volume.array[len(self) : len(self) + 1]
        return float(after[0] - self.data.volume[0]) if len(after) else -1.0


class AheadInTheLastDays(Rises):
    """Honest but for the last days of its data."""

    def signal(self) -> float:
        after = self.data.close.array[len(self) : len(self) + 1]
        late = len(after) and self.data.buflen() - len(self) < 4
        return float(after[0] - self.data.close[0]) if late else super().signal()


class BeforeAWeekend(Rises):
    """Knows the date of the next bar, where there is one."""

    def signal(self) -> float:
        after = self.data.datetime.array[len(self) : len(self) + 1]
        return 1.5 - (after[0] - self.data.datetime[0]) if len(after) else -1.0


class CountsFar(Rises):
    """Not near the end only: it knows how many bars there are long before."""

    def at_the_end(self) -> bool:
        return self.data.buflen() - len(self.data) < 30


RULES = [NoneOnTheLastBar, ClosesOnTheLastButOne, ClosesOnTheLastDate, NothingNewInTheLastDays, FlatAtTheEnd]
LEAKS = [
    Ahead,
    AheadByFour,
    AheadAndFlatAtTheEnd,
    RareFall,
    RareRise,
    VolumeAhead,
    AheadInTheLastDays,
    CountsFar,
    BeforeAWeekend,
]


def audited(cls: type[Any], only: str, frame: pd.DataFrame = FRAME) -> AuditResult:
    subject: Subject = of_class(cls, frame, {}, None, (), None).with_fields(cuts=8)
    return AuditResult(suite.findings([(subject, lambda probe, day: "")], only=only), ())


@pytest.mark.parametrize("cls", RULES)
def test_a_rule_of_the_end_is_a_warning(cls: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """On 56 bars: a stream of it ends at every one of them, and P0 tries a hundred futures of eight."""
    monkeypatch.setattr(alone, "AIMED", 8)
    shorter = FRAME.iloc[:56]
    found = [finding for only in ("P0", "P2", "P3") for finding in audited(cls, only, shorter).findings]
    assert {finding.status for finding in found} <= {"passed", "warning"}, found
    assert any(ends.SAID in finding.detail for finding in found)


@pytest.mark.parametrize("cls", LEAKS)
def test_a_later_bar_is_no_rule_of_the_end(cls: type[Any]) -> None:
    """No cut of P3 is taken for a rule of the end, wherever it stands."""
    (found,) = [finding for finding in audited(cls, "P3").findings if finding.id == "P3"]
    if cls is AheadInTheLastDays:  # the ends of the cuts are looked at, and those alone
        assert found.status == "failed", found
    assert found.status != "warning", found


@pytest.mark.parametrize("cls", LEAKS)
def test_a_later_bar_fails(cls: type[Any]) -> None:
    assert any(audited(cls, only).exit_code == 1 for only in ("P0", "P2", "P3"))


def test_the_trials_of_a_cut() -> None:
    """At bar 50 with a difference at 48: 13 bars more, or the last five of the 51 changed."""
    found = list(ends.trials(FRAME, 50, 48, 0))
    longer = [t for t in found if not t.is_cut]
    assert {(len(t.frame), t.unchanged) for t in longer} == {(63, 48), (63, 50)}
    assert {(len(t.frame), t.unchanged) for t in found if t.is_cut} == {(51, 50 - k) for k in range(1, 6)}
    for trial in found:
        equal = (trial.frame.to_numpy() == FRAME.iloc[: len(trial.frame)].to_numpy()).all(axis=1)
        times = trial.frame.index == FRAME.index[: len(trial.frame)]
        assert equal[: trial.unchanged + 1].all()
        assert not equal[trial.unchanged + 1 :].any()
        assert times[: trial.unchanged + 1].all()
        assert trial.frame.index.is_monotonic_increasing


class TrailAtOpen(bt.Strategy):
    """Leaves by a trailing stop that is ordered at the open."""

    kind: ClassVar[int] = bt.Order.StopTrail
    start_at_open: ClassVar[bool] = False

    def next_open(self) -> None:
        if len(self) < 10 or self.broker.get_orders_open():
            return
        if not self.position:
            self.buy(size=10)
            return
        price = {"price": self.data.open[0]} if self.start_at_open else {}
        self.sell(size=10, exectype=self.kind, trailpercent=0.02, **price)


class TrailLimitAtOpen(TrailAtOpen):
    kind = bt.Order.StopTrailLimit


class TrailFromTheOpen(TrailAtOpen):
    start_at_open = True


@pytest.mark.parametrize("cls", [TrailAtOpen, TrailLimitAtOpen])
def test_a_trailing_stop_without_a_price_is_named_with_its_cure(cls: type[Any]) -> None:
    """Backtrader's ``OrderBase.__init__`` takes ``data.close[0]`` where no price is given."""
    (failure,) = audited(cls, "P4").failures
    assert "ordered in next_open without price= starts from data.close[0]" in failure.detail
    assert "give it price=self.data.open[0], or order it in next" in failure.detail


def test_a_trailing_stop_from_the_open_passes() -> None:
    assert audited(TrailFromTheOpen, "P4").exit_code == 0
