"""The look-ahead audit: does anything that a strategy or an indicator does depend on later bars?

    lstmstrat audit CONFIG             audits every strategy of a config, and the forecast itself

    result = lstmstrat.audit(MyStrategy, frame)  audits any Backtrader strategy or indicator
    result.exit_code, result.sentence, result.failures

The audit changes bars and checks that nothing changes in what the strategy saw and did before them.

    subjects.py    what is audited             case.py               one subject with its cuts
    perturb.py     how bars are changed        cuts.py               where bars are changed
    trace.py       what is recorded of a run   compare.py            where two runs first differ
    probes.py, trading.py, invariance.py       the probes
    isolation.py   a fresh import of the user's module, for the cache probe
    feeds.py       what a strategy can see of its feeds  alone.py    why two runs on the same bars differ
    memory.py      what is left of older bars in a series
    sources.py, watch.py, tables.py, contents.py, user_code.py, child.py
                   what the user's code opens and carries with it, seen in a child process
    own_code.py, subject_code.py    what is watched so, of which a subject is one
    new_process.py, wire.py    the same in a new process, where nothing ran before
    kept.py, reach.py, stores.py, literals.py
                   what a class of a notebook keeps between runs, and how to take it away
    ends.py        is a difference near a cut a rule of the end?
    leaks.py, more_leaks.py    examples of leaks, which the audit must find
    suite.py       runs the probes             finding.py            the results
    small.py, sketch.py        the small network of an audit, and a model that costs next to nothing
    books.py, labels.py, features.py    accounts, labels and features, worked again; each run uses these too

The package itself is callable, as ``lstmstrat.audit(...)``: at the end of this file its module gets a class with a
``__call__`` method.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lstmstrat.audit.finding import AuditResult, Control, Discrepancy, Finding

if TYPE_CHECKING:
    import pandas as pd

    from lstmstrat.config.schema import BrokerConfig
    from lstmstrat.prices import Prices

__all__ = ["AuditResult", "Control", "Discrepancy", "Finding", "audit"]


def audit(
    cls: type[Any],
    prices: Prices | pd.DataFrame,
    *,
    params: Mapping[str, Any] | None = None,
    broker: BrokerConfig | None = None,
    setup: Callable[[Any], None] | None = None,
    refits: Sequence[int] = (),
    seed: int = 0,
    only: str = "",
    cut: str = "",
    self_test: bool = True,
) -> AuditResult:
    """Audit one Backtrader strategy or indicator on one feed, in about a hundred short runs.

    Parameters
    ----------
    cls
        A ``bt.Strategy`` or ``bt.Indicator`` class; it need not use lstmstrat. One that can be imported from a
        module is also run alone in a new process, where no earlier run can have left anything behind. For a model
        that trains for long, choose `params` that make it small: a leak does not depend on how well it is trained.
    prices
        `Prices`, or a frame with the columns open, high, low, close, volume (in upper or lower case) and dates as
        index. A few hundred bars, with a few refits among them, are enough.
    params
        Parameters of the class.
    broker
        Cash and costs; by default those of `BrokerConfig`.
    setup
        Called with each new Cerebro before the strategy is added, for example to set another broker or sizer, or
        to add a second feed, whose bars are then changed like those of the first.
    refits
        Positions, from 0, of the bars at which your own model is refitted; the audit places cuts around them. It
        finds the refits of an LSTMForecast itself.
    seed
        Seed of the random cuts and of the bars that replace others.
    only, cut
        One probe ("P2") and the date of one cut, as in the `command` of a failed `Finding`.
    self_test
        Audit the planted leaks first. If one of them is not found, an audit without failures is not assessable.

    Raises
    ------
    ConfigError, DataError, StrategyError
        The probe or the date does not exist; the prices cannot be used; the class cannot be run.

    Returns
    -------
    `AuditResult`, with exit_code 0 (nothing found), 1 (a leak) or 3 (not assessable), sentence, failures, warnings
    and findings. A warning is no look-ahead: a strategy that cannot run live, that depends on the level of prices,
    or on how much history is loaded.

    Examples
    --------
    One probe, P2, which replaces the bars after a cut; without `only` all thirteen run, after the planted leaks:

    >>> import lstmstrat
    >>> import backtrader as bt
    >>> class AboveItsMean(lstmstrat.ExposureStrategy):
    ...     def __init__(self):
    ...         self.mean = bt.indicators.SMA(self.data.close, period=20)
    ...
    ...     def target_exposure(self):
    ...         return 1.0 if self.data.close[0] > self.mean[0] else 0.0
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2012-06-01"))
    >>> result = lstmstrat.audit(AboveItsMean, prices, only="P2")
    >>> result.exit_code, result.failures
    (0, [])
    """
    from lstmstrat.audit import suite
    from lstmstrat.audit.subjects import of_class

    subject = of_class(cls, prices, params or {}, broker, tuple(refits), setup)
    given = {"params": params, "refits": tuple(refits), "broker": broker, "setup": setup}
    options = "".join(f", {name}={_text(value)}" for name, value in given.items() if value)

    def command(probe: str, day: str) -> str:
        at = f", cut={day!r}" if day else ""
        return f"lstmstrat.audit({cls.__name__}, prices{options}, only={probe!r}{at}, seed={seed})"

    suite.probe_ids(only)  # raises if there is no such probe
    controls = suite.controls() if self_test and not only else ()
    return AuditResult(suite.findings([(subject, command)], seed=seed, only=only, cut=cut), controls)


def _text(value: Any) -> str:
    """An argument as one would type it: functions and classes by their names."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_text(part)}" for key, part in value.items()) + "}"
    name = getattr(value, "__qualname__", None)
    if name is None and hasattr(value, "model_dump"):
        return f"lstmstrat.{value!r}"
    return repr(value) if name is None else str(name)


class _Callable(ModuleType):
    """The class of this module: ``lstmstrat.audit(...)`` calls ``lstmstrat.audit.audit(...)``."""

    __call__ = staticmethod(audit)


sys.modules[__name__].__class__ = _Callable
