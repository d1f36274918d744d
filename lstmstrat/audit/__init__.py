"""The look-ahead audit: does a strategy or an indicator do anything that depends on bars that come later?

    python -m lstmstrat.audit CONFIG            every strategy of a config, and the forecast itself

    result = lstmstrat.audit(MyStrategy, frame)  any Backtrader strategy or indicator of your own
    result.exit_code, result.sentence, result.failures

It changes bars and looks whether anything moves that was seen or done before them. The package itself can be
called: Python lets a module have a class of its own, with a ``__call__``.

    finding.py     what comes out              perturb.py, cuts.py   how bars are changed, and where
    trace.py       what is seen of a run       compare.py            where two runs differ
    probes.py, trading.py, invariance.py       the probes
    leaks.py       planted leaks, to learn from
    suite.py       all of it together
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lstmstrat.audit.finding import AuditResult, Control, Difference, Finding

if TYPE_CHECKING:
    import pandas as pd

    from lstmstrat.config import BrokerConfig
    from lstmstrat.prices import Prices

__all__ = ["AuditResult", "Control", "Difference", "Finding", "audit"]


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
    """Audit one Backtrader strategy or indicator on one feed; about a hundred short runs of it.

    Parameters
    ----------
    cls
        A ``bt.Strategy`` or ``bt.Indicator`` class; it need not know lstmstrat. Give a model that trains for long
        small `params`: a leak does not depend on how well it is trained.
    prices
        `Prices`, or a frame with the columns open, high, low, close, volume in any case and dates as index. Some
        hundred bars, with a few refits among them, are enough.
    params
        Of the class.
    broker
        Cash and costs; by default those of a config.
    setup
        Called with each new Cerebro before the strategy is added: for a broker or sizer of your own.
    refits
        Positions, from 0, of bars at which a model of your own is refitted: cuts are aimed there. Those of an
        LSTMForecast are known.
    seed
        Of the cuts and the other futures.
    only, cut
        One probe ("P2") and the date of one cut: what a failure's command gives.
    self_test
        First look for planted leaks, and trust the audit only if it finds them.

    Raises
    ------
    ConfigError, DataError, StrategyError
        A probe or date that does not exist, prices that cannot be used, a class that cannot be run.
    """
    from lstmstrat.audit import suite
    from lstmstrat.audit.subjects import of_class

    subject = of_class(cls, prices, params or {}, broker, tuple(refits), setup)
    asked = "".join(
        f", {name}={value!r}" for name, value in (("params", params), ("refits", tuple(refits))) if value
    )

    def command(probe: str, day: str) -> str:
        at = f", cut={day!r}" if day else ""
        return f"lstmstrat.audit({cls.__name__}, prices{asked}, only={probe!r}{at}, seed={seed})"

    suite.chosen(only)
    controls = suite.controls() if self_test and not only else ()
    return AuditResult(suite.findings([(subject, command)], seed=seed, only=only, cut=cut), controls)


class _Callable(ModuleType):
    """``lstmstrat.audit(...)`` is ``lstmstrat.audit.audit(...)``."""

    __call__ = staticmethod(audit)


sys.modules[__name__].__class__ = _Callable
