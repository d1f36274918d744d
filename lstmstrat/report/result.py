"""The values of results/ that show themselves: what `lstmstrat.run`, `load_run`, `compare` and `sweep` give.

They are subclasses, because results/ holds values alone and knows neither the page nor a notebook.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lstmstrat.errors import as_path
from lstmstrat.results import comparison, result, run_folder, sweep

FOLDER = "the name of a run folder, such as runs/aapl/2026-01-31_120000"

if TYPE_CHECKING:
    from lstmstrat.report.picture import Picture


@dataclass(frozen=True, eq=False, repr=False)
class Result(result.Result):
    """A finished run, from `lstmstrat.run` or `lstmstrat.load_run`.

    In a notebook it shows what came out. Methods that take a `strategy` take the name of an account of the run, by
    default the first strategy of the config.

    Attributes
    ----------
    config
        The config as the run used it, with train_size in bars.
    assessment
        The content of summary.json, typed; `summary` is the same as a dict.
    equity, exposure, forecasts, prices, folds, orders, trades
        The content of the files of these names. The first four have one row per close of the traded window;
        `equity` and `exposure` have one column per strategy, buy_and_hold first. `folds` has one row per fold,
        `orders` one per order, `trades` one per round trip.

    Examples
    --------
    >>> import lstmstrat
    >>> settings = ["forecast.model=ridge", "forecast.members=1", "data.start=2008-01-02"]
    >>> config = lstmstrat.load_config("configs/aapl.yaml", settings)
    >>> result = lstmstrat.run(config.model_copy(update={"strategies": config.strategies[:1]}))
    >>> list(result.equity.columns)
    ['buy_and_hold', 'long_flat']
    >>> result.assessment.period.bars == len(result.equity)
    True
    >>> list(result.metrics.index), list(result.metrics.columns[:2])
    (['buy_and_hold', 'long_flat'], ['total_return', 'cagr'])
    """

    @classmethod
    def of(cls, found: result.Result) -> Self:
        """The same run."""
        return cls(**{field.name: getattr(found, field.name) for field in fields(found)})

    def __repr__(self) -> str:
        from lstmstrat.report import answer

        found = self.assessment
        return (
            f"<Result of {found.name}: {found.data.symbol}, {found.period.first} to {found.period.last}>\n"
            f"{answer.sentence(found)}\n{answer.money(found, found.strategies[0])}"
        )

    def _repr_html_(self) -> str:
        from lstmstrat.report.html import result_html

        return result_html(self)

    def plot(self, *, width: float = 10.0, height: float = 6.0) -> Picture:
        """Equity and drawdown as a figure of matplotlib, which a notebook shows; `width` and `height` in inches.

        Raises
        ------
        ConfigError
            matplotlib is not installed.
        """
        from lstmstrat.report.picture import picture

        return picture(self, width, height)

    def report(self, path: str | PathLike[str]) -> Path:
        """Write the page, the same as report.html of a run folder, and return its path.

        Raises
        ------
        ConfigError
            `path` is no name, or the file cannot be written.
        """
        from lstmstrat.report.page import page

        return run_folder.replace_file(as_path(path, "the name of a file, such as report.html"), page(self))

    def save(self, folder: str | PathLike[str]) -> Path:
        """Write the run folder, with its page, and return where it is; `lstmstrat.load_run` reads it back.

        It appears whole or not at all.

        Raises
        ------
        ConfigError
            `folder` is no name, is not empty, or cannot be written.
        """
        from lstmstrat.report.page import page

        place = as_path(folder, FOLDER)
        run_folder.check_free(place)
        return run_folder.write(self, place, page(self))


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(comparison.Comparison):
    """Several runs side by side, from `lstmstrat.compare`; the fields are those of the base class."""

    def __repr__(self) -> str:
        from lstmstrat.report.comparison import sentences

        return "\n".join([f"<Comparison of {len(self.runs)} runs>", *sentences(self)])

    def _repr_html_(self) -> str:
        from lstmstrat.report.html import comparison_html

        return comparison_html(self)


@dataclass(frozen=True, repr=False)
class Sweep(sweep.Sweep):
    """A config at many settings, from `lstmstrat.sweep`; the fields are those of the base class."""

    def __repr__(self) -> str:
        from lstmstrat.report.sweep import sentences

        return "\n".join([f"<Sweep of {self.name} over {len(self.points())} points>", *sentences(self)])

    def _repr_html_(self) -> str:
        from lstmstrat.report.html import sweep_html

        return sweep_html(self)


def load_run(folder: str | PathLike[str]) -> Result:
    """Read back a run from the folder that the command or `Result.save` wrote.

    The types of the columns are always the same: text is object, numbers are float64 and int64, times are
    datetime64[ns]. The index of a table with one row per bar is called ``date``.

    Parameters
    ----------
    folder
        The run folder, such as ``runs/aapl/2026-01-31_120000``.

    Raises
    ------
    ConfigError
        `folder` is no name.
    DataError
        There is no such folder, it has no run, the run is of another version of lstmstrat, or a file is broken;
        the message names the file and says what to do.

    Examples
    --------
    >>> import lstmstrat, tempfile, pathlib
    >>> settings = ["forecast.model=always_up", "forecast.members=1", "data.start=2008-01-02"]
    >>> config = lstmstrat.load_config("configs/aapl.yaml", settings)
    >>> result = lstmstrat.run(config.model_copy(update={"strategies": config.strategies[:1]}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = result.save(pathlib.Path(folder) / "run")
    ...     again = lstmstrat.load_run(place)
    >>> again.assessment == result.assessment, again.equity.equals(result.equity)
    (True, True)
    """
    return Result.of(run_folder.read(as_path(folder, FOLDER)))
