"""``cerebro.plot()`` on a machine without a screen, with its dates.

Backtrader chooses a backend that needs a screen, whatever was asked for, and hides the dates of the time axis
with every matplotlib since 3.6.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(cerebro: Any, *, width: float = 16.0, height: float = 9.0, **options: Any) -> list[Figure]:
    """The figures of ``cerebro.plot()`` after a run, one a strategy, not shown: ``plot(cerebro)[0].savefig(...)``.

    Needs matplotlib. The backend of the process is what it was, afterwards.

    Parameters
    ----------
    width, height
        Inches.
    options
        Backtrader's own, such as ``style="candle"`` or ``volume=False``.

    Raises
    ------
    ValueError
        The run kept nothing to draw: there was none, or it had ``exactbars=1``.
    """
    import matplotlib

    before = matplotlib.get_backend()
    import backtrader.plot  # chooses a backend of its own, at its first import
    from matplotlib import pyplot

    class Quiet(backtrader.plot.Plot):  # type: ignore[misc]
        def show(self) -> None:
            """The caller does."""

    scheme = backtrader.plot.PlotScheme()  # else options would stay in the one that all plots share
    matplotlib.use("agg")
    try:
        drawn = (
            cerebro.plot(Quiet(scheme=scheme, **options), iplot=False)
            if getattr(cerebro, "runstrats", None)
            else None
        )
    finally:
        with contextlib.suppress(ImportError):  # it was chosen, but never to be had
            matplotlib.use(before)
    if not drawn or not all(drawn):
        raise ValueError("nothing to draw: call cerebro.run() first, without exactbars=1, which keeps no bars")
    figures = [figure for strategy in drawn for figure in strategy]
    for figure in figures:
        figure.set_size_inches(width, height)
        figure.axes[-1].tick_params(axis="x", labelbottom=True)
        pyplot.close(figure)  # pyplot would keep it for ever; it can still be saved
    return figures
