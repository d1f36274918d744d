"""``cerebro.plot()`` on a machine without a screen, with its dates.

Backtrader by itself switches matplotlib to a backend that needs a screen, even if the process has chosen another
one, and it hides the dates of the time axis with matplotlib 3.6 and later.
"""

from __future__ import annotations

import base64
import contextlib
import io
from typing import TYPE_CHECKING, Any

from lstmstrat.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Figures(list["Figure"]):
    """Figures of matplotlib, which a notebook shows one below the other."""

    def _repr_html_(self) -> str:
        return "".join(
            f'<img alt="plot {k}" src="data:image/png;base64,{_png(f)}">' for k, f in enumerate(self, 1)
        )


def _png(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    return base64.b64encode(file.getvalue()).decode("ascii")


def plot(cerebro: Any, *, width: float = 16.0, height: float = 9.0, **options: Any) -> Figures:
    """The figures of ``cerebro.plot()`` after a run, one per strategy: ``plot(cerebro)[0].savefig(...)``.

    A notebook shows their list, and each of them, by itself. No window opens elsewhere. Needs matplotlib, whose
    backend is restored afterwards.

    Parameters
    ----------
    cerebro
        A Cerebro that has run.
    width, height
        Inches.
    options
        Options of Backtrader's plot, such as ``style="candle"`` or ``volume=False``.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    ValueError
        There is nothing to draw: Cerebro has not run, or ran with ``exactbars=1``.

    Examples
    --------
    >>> import lstmstrat
    >>> import backtrader as bt
    >>> cerebro = bt.Cerebro(cheat_on_open=True)
    >>> prices = lstmstrat.load_prices(lstmstrat.DataConfig(symbol="IBM", start="2012-01-03"))
    >>> _ = cerebro.adddata(bt.feeds.PandasData(dataname=prices.frame))
    >>> _ = cerebro.addstrategy(lstmstrat.BuyAndHold)
    >>> _ = cerebro.run()
    >>> len(lstmstrat.plot(cerebro, width=12))
    1
    """
    runs = getattr(cerebro, "runstrats", None) or []
    if any(not hasattr(strategy, "datas") for strategies in runs for strategy in strategies):
        raise ValueError(
            "nothing to draw: after optstrategy() Backtrader keeps no strategies with their bars; make it with "
            "bt.Cerebro(optreturn=False)"
        )
    try:
        import matplotlib
        from matplotlib import pyplot
    except ImportError:
        raise ConfigError('to draw a picture, pip install "lstmstrat[plot]", which is matplotlib') from None

    backend = matplotlib.get_backend()
    with contextlib.suppress(ImportError):  # the process chose a backend that does not load
        # That of notebooks learns how to show figures when it is loaded, and only while it is the one in use.
        pyplot.switch_backend(backend)
    import backtrader.plot  # its first import switches the backend

    class Quiet(backtrader.plot.Plot):  # type: ignore[misc]
        def show(self) -> None:
            """Does nothing: the caller shows or saves the figures."""

    scheme = backtrader.plot.PlotScheme()  # its own: options would stay in the scheme that all plots share
    matplotlib.use("agg")
    try:
        plots = (
            cerebro.plot(Quiet(scheme=scheme, **options), iplot=False)
            if getattr(cerebro, "runstrats", None)
            else None
        )
    finally:
        with contextlib.suppress(ImportError):  # the process chose a backend that does not load
            matplotlib.use(backend)
    if not plots or not all(plots):
        raise ValueError("nothing to draw: call cerebro.run() first, without exactbars=1, which keeps no bars")
    figures = Figures(figure for plot_figures in plots for figure in plot_figures)
    for figure in figures:
        figure.set_size_inches(width, height)
        figure.axes[-1].tick_params(axis="x", labelbottom=True)
        pyplot.close(figure)  # else pyplot keeps it in memory; a closed figure can still be saved
    return figures
