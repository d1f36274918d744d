"""Runs over a universe, as a sweep makes many of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lstmstrat.config.schema import Config
from lstmstrat.forecasting.panel.forecasts import PanelForecasts
from lstmstrat.forecasting.session import Session
from lstmstrat.prices import Prices
from lstmstrat.prices.panel import Panel
from lstmstrat.results.assessment import Check
from lstmstrat.results.panel.run import PanelRun
from lstmstrat.study.kinds import Kind, Worked
from lstmstrat.study.panel.audits import OF_UNIVERSE
from lstmstrat.study.panel.checks import checks_of_accounts, checks_of_forecasts
from lstmstrat.study.panel.evidence import break_even_bp, mean_rank_ic
from lstmstrat.study.panel.run import panel_extras, prepare_panel
from lstmstrat.study.panel.simulate import simulate_panel
from lstmstrat.study.stages import Stages


@dataclass(frozen=True, eq=False)
class _Forecast:
    """Forecasts with all that depends on them alone, and not on the portfolio or on costs."""

    key: str
    forecasts: PanelForecasts
    checks: list[Check]
    rank_ic: float | None
    break_even_bp: float | None


class Universe(Kind[Panel, PanelRun]):
    """Runs over a universe. Those that share forecasts are to follow each other: the last ones alone are held."""

    proof = OF_UNIVERSE

    def __init__(self) -> None:
        super().__init__()
        self._loaded = dict[str, Panel]()
        self._last: _Forecast | None = None

    def prepare(self, config: Config, offline: bool, refresh: bool, prices: Prices | None) -> tuple[Config, Panel]:
        """See `prepare_panel`."""
        return prepare_panel(config, offline, refresh, prices, self._loaded)

    def symbol(self, config: Config, data: Panel) -> str:
        """What the universe is called."""
        return config.data.symbol

    def shared(self, config: Config) -> str:
        """The panel and the ``forecast:`` section."""
        return f"{config.data.model_dump_json()} {config.forecast!r}"

    def work(self, config: Config, data: Panel, session: Session, stages: Stages) -> Worked[PanelRun]:
        """Run, extras and checks; forecasts that the run before has made are neither made nor checked again."""
        key = self.shared(config)
        last = self._last if self._last is not None and self._last.key == key else None
        known = None if last is None else last.forecasts
        run = simulate_panel(config, data, session, stages, forecasts=known)
        found, _ = panel_extras(run, session, stages)
        last = last or _Forecast(
            key, run.forecasts, checks_of_forecasts(run, session), mean_rank_ic(run), break_even_bp(run)
        )
        self._last = last
        return Worked(run, found, [*last.checks, *checks_of_accounts(run)], last.rank_ic, last.break_even_bp)

    def slim(self, run: PanelRun) -> PanelRun:
        """See `Kind.slim`; of the forecasts only the folds are kept."""
        (account,) = run.strategies
        return replace(
            run,
            benchmark=self._account(run.benchmark),
            strategies=(self._account(account),),
            forecasts=run.forecasts.bare(),
        )
