"""A config: the account, the strategies, the report, and the whole with `data.py` and `forecast.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from lstmstrat.config.classes import class_or_text, class_path, entries, label_of
from lstmstrat.config.data import DataConfig
from lstmstrat.config.forecast import ForecastConfig
from lstmstrat.config.limits import BROKER, CONFIG, REPORT, STRATEGY
from lstmstrat.config.names import TAKEN, column
from lstmstrat.config.portfolio import PortfolioConfig
from lstmstrat.config.section import Count, Fraction, Number, Section, plain
from lstmstrat.errors import did_you_mean

MIN_WORLDS = 20


class BrokerConfig(Section):
    """The account that the strategies and buy-and-hold share.

    Examples
    --------
    >>> import lstmstrat
    >>> lstmstrat.BrokerConfig(commission=0.0002).slippage
    0.0005
    """

    limits = BROKER

    cash: Annotated[Number, Field(gt=0.0)] = 100_000.0
    """What the account begins with, in the currency of the prices."""
    commission: Fraction = 0.001
    """Share of the traded value that each order costs: 0.001 is 0.1%."""
    slippage: Fraction = 0.0005
    """Share of the price by which each fill is worse than the price of the bar: 0.0005 is 0.05%."""
    fractional: bool = True
    """Whether parts of a share can be bought; false: whole shares only."""


Class = Annotated[
    str | type[Any],
    PlainValidator(class_or_text),
    PlainSerializer(class_path, when_used="json"),
    WithJsonSchema({"type": "string"}),
]
"""``module:Class``, or in Python the class itself, which runs as it is."""


class StrategyConfig(Section):
    """One strategy: ``class: "module:Class"``, its params, and its name in the report.

    Examples
    --------
    >>> import lstmstrat
    >>> strategy = lstmstrat.StrategyConfig(class_="strategies.sma_cross:SmaCross", params={"fast": 10})
    >>> strategy.label
    'sma_cross'
    """

    limits = STRATEGY

    class_: Annotated[Class, Field(alias="class")]
    """The strategy, module:Class, such as strategies.long_flat:LongFlat or my_strategy:MyStrategy."""
    params: dict[str, Any] = {}  # noqa: RUF012 (pydantic copies it)
    """Values of its parameters, such as {threshold: 0.001}; those that are not given keep their defaults."""
    name: Annotated[str, Field(min_length=1), AfterValidator(plain)] | None = None
    """What it is called in the report; by default its class, in small letters."""

    @property
    def label(self) -> str:
        """The column name in equity.csv: `name`, or the class in snake case (``LongFlat``: long_flat)."""
        return self.name or label_of(self.path)

    @property
    def path(self) -> str:
        """``module:Class``."""
        return class_path(self.class_)


def _valid_worlds(value: int) -> int:
    if value == 0 or value >= MIN_WORLDS:
        return value
    raise ValueError(
        f"expected 0, or at least {MIN_WORLDS}: with fewer no p-value can be below 0.05; set worlds: 40"
    )


class ReportConfig(Section):
    """The page, and the studies that repeat the training: seeds, null worlds, the ladder.

    Examples
    --------
    >>> import lstmstrat
    >>> lstmstrat.ReportConfig(seeds=20, worlds=40, ladder=True).html
    True
    """

    limits = REPORT

    html: bool = True
    """Write report.html."""
    periods_per_year: Count | None = None
    """Bars a year; counted from the calendar by default: 252, 365, 52, 12 ..., or the count itself."""
    seeds: Count = 1
    """Number of seeds to run, from forecast.seed on; 20 show how much of a result depends on the seed."""
    worlds: Annotated[int, AfterValidator(_valid_worlds)] = 0
    """Number of null worlds to run: histories without a forecastable return. 40 give p-values from 0.024 up."""
    ladder: bool = False
    """Compare the LSTM with cheaper models and rarer refits, on the same folds and fills."""


def _unique_labels(strategies: tuple[StrategyConfig, ...]) -> tuple[StrategyConfig, ...]:
    labels = Counter(s.label for s in strategies)
    for label in sorted(label for label, count in labels.items() if count > 1):
        raise ValueError(f"two strategies are called {label!r}; give one of them another name:")
    for label in TAKEN.keys() & labels.keys():
        raise ValueError(f"{label!r} {TAKEN[label]}; give the strategy another name:")
    return strategies


class Config(Section):
    """A whole run: ``lstmstrat run CONFIG``.

    Examples
    --------
    >>> import lstmstrat
    >>> config = lstmstrat.Config(
    ...     name="mine",
    ...     data=lstmstrat.DataConfig(symbol="MSFT", start="2005-01-03"),
    ...     strategies=[{"class": "strategies.long_flat:LongFlat", "params": {"threshold": 0.001}}],
    ... )
    >>> config.forecast.train_size, config.strategies[0].label
    (750, 'long_flat')
    """

    limits = CONFIG

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] = "backtest"
    """What the run is called: the title of the report, and the folder in runs/."""
    data: DataConfig = DataConfig()
    """The prices, and what comes from outside of them."""
    forecast: ForecastConfig = ForecastConfig()
    """The model of the forecast, and how it is trained again and again."""
    broker: BrokerConfig = BrokerConfig()
    """The account and its costs, the same for all strategies and for buy-and-hold."""
    strategies: Annotated[
        tuple[StrategyConfig, ...],
        BeforeValidator(entries),
        AfterValidator(_unique_labels),
    ] = ()
    """The strategies, at least one; each is compared with buy-and-hold. A universe has portfolio: instead."""
    portfolio: PortfolioConfig | None = None
    """Of a universe: how the scores become weights; compared with holding all members equally."""
    report: ReportConfig = ReportConfig()
    """The page, and the studies that show how much of a result is luck."""

    @model_validator(mode="before")
    @classmethod
    def _portfolio_of_a_universe(cls, values: Any) -> Any:
        """A universe without a portfolio has the default one."""
        data = values.get("data") if isinstance(values, Mapping) else None
        universe = data.get("universe") if isinstance(data, Mapping) else getattr(data, "universe", None)
        return {"portfolio": {}, **values} if universe else values

    @property
    def own_code_of_universe(self) -> tuple[str, ...]:
        """The ``module:attribute`` of each feature, model, portfolio rule and optimiser of the user's own."""
        portfolio = () if self.portfolio is None else self.portfolio.own_code
        return (*self.forecast.own_code, *portfolio)

    @model_validator(mode="after")
    def _of_one_or_of_many(self) -> Config:
        if self.data.universe is None:
            self._check_one()
            return self
        if self.strategies:
            raise ValueError("strategies: they trade one asset; a universe has portfolio: instead; take them out")
        if self.portfolio is None:
            raise ValueError("portfolio: null, and a universe needs one; take the line out for the default")
        return self

    def _check_one(self) -> None:
        if not self.strategies:
            raise ValueError(
                'strategies: expected at least one in the list, such as - class: "strategies.long_flat:LongFlat"'
            )
        if self.portfolio is not None:
            raise ValueError("portfolio: it needs data.universe, such as us_stocks; take it out, or name one")
        for name, default in (("pool", "none"), ("relation", "none")):
            if getattr(self.forecast, name) != default:
                raise ValueError(f"forecast.{name} needs data.universe, such as us_stocks; set {name}: none")

    @model_validator(mode="after")
    def _columns_are_there(self) -> Config:
        known = [entry.name for entry in self.data.extra]
        if wrong := [name for name in self.forecast.peer_features if column(name)]:
            raise ValueError(f"forecast.peer_features: {wrong[0]!r} is of no peer; write it in features")
        names = (*self.forecast.features, self.forecast.refit_when or "")
        named = [found[0] for name in names if (found := column(name))]
        for name in (name for name in named if name not in known):
            raise ValueError(
                f"forecast.features: there is no column {name!r} in data.extra{did_you_mean(name, known)}; "
                f"name its file: data: {{extra: [{{name: {name}, path: {name}.csv}}]}}"
            )
        return self
