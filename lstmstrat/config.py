"""What a config may say. The YAML gives values, Python gives structure.

Every section forbids unknown keys and checks types strictly; `validated` collects every mistake into one
ConfigError. The fields of `ForecastConfig` are also, word for word, the parameters of `LSTMForecast`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from lstmstrat.errors import ConfigError, did_you_mean

PERIODS = ("week", "month", "quarter", "year")

EXPECTED = {  # what a wrong type should have been, by pydantic's name of the mistake
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "date_type": "a date such as 2005-01-31",
    "dict_type": "keys and values, such as {threshold: 0.001}",
    "model_type": "a section, that is keys and values",
    "tuple_type": "a list",
    "too_short": "at least one in the list",
    "string_pattern_mismatch": "letters, digits, dots, dashes and underscores, a letter or digit first",
}


def _number(value: object) -> object:
    """YAML reads ``1e-3`` as text (it wants ``1.0e-3``); people write it all the same."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _date(value: object) -> object:
    """A YAML date is already a date; a quoted one is text."""
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            return value
    return value


def _names(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _bars(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _known_refit(value: object) -> object:
    known = (*PERIODS, "never")
    if _bars(value, 1) or value in known:
        return value
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    raise ValueError(f"expected a number of bars, at least 1, or {' | '.join(known)}{hint}")


def _known_train_size(value: object) -> object:
    if _bars(value, 2) or (isinstance(value, float) and 0.0 < value < 1.0):
        return value
    raise ValueError("expected a whole number of bars, at least 2, or a fraction of the data such as 0.8")


Number = Annotated[float, BeforeValidator(_number)]
Fraction = Annotated[Number, Field(ge=0.0, lt=1.0)]
Date = Annotated[dt.date, BeforeValidator(_date)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Count = Annotated[int, Field(ge=1)]

DEFAULT_FEATURES = (
    "return_1",
    "return_5",
    "return_21",
    "range",
    "gap",
    "close_location",
    "volume_change",
    "volatility_21",
    "distance_10",
    "distance_50",
)


LEAST_WORLDS = 20

DEFAULT_PEER_FEATURES = ("return_1", "return_5", "return_21", "volatility_21", "distance_50")  # of the close alone


class Section(BaseModel):
    """One section of the YAML: frozen, strict about types, closed to unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        populate_by_name=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,  # what a JSON Schema and help(LSTMForecast) say of a field
    )


S = TypeVar("S", bound=Section)


class DataConfig(Section):
    """Which prices, from where."""

    symbol: Annotated[str, Field(min_length=1)] = "AAPL"
    source: Literal["bundled", "yahoo", "csv", "parquet"] = "bundled"
    path: str | None = None
    start: Date | None = None
    end: Date | None = None
    interval: Literal["1d", "1wk", "1mo"] = "1d"

    @model_validator(mode="after")
    def _consistent(self) -> DataConfig:
        if self.source in ("csv", "parquet") and not self.path:
            raise ValueError(f"source: {self.source} needs a file; add path: prices.{self.source}")
        if self.source in ("bundled", "yahoo") and self.path:
            raise ValueError(f"path is only read with source: csv or parquet, not {self.source}; remove it")
        if self.source != "yahoo" and self.interval != "1d":
            raise ValueError("interval is only asked of source: yahoo; files keep the interval they have")
        if self.start and self.end and self.start >= self.end:
            raise ValueError(f"start {self.start} must lie before end {self.end}")
        return self


class ForecastConfig(Section):
    """The LSTM, its training and its walk-forward schedule; also the parameters of `LSTMForecast`."""

    lookback: Count = 60
    """Bars the network sees for each forecast. More for slower signals; training takes longer in proportion."""
    horizon: Count = 1
    """Bars ahead. More for slower trading; the purge grows with it."""
    target: Literal["open", "close"] = "open"
    """open: log return from the next open, what an order made now can earn; close: from this close, classical."""
    features: Annotated[Names, Field(min_length=1)] = DEFAULT_FEATURES
    """What is seen of each bar; a function of your own is module:function."""
    peer_features: Annotated[Names, Field(min_length=1)] = DEFAULT_PEER_FEATURES
    """What is seen of each peer: LSTMForecast(self.data, peers=[self.data1])."""
    scaler: Literal["robust", "standard"] = "robust"
    """robust: median and MAD of the training slice; standard: mean and standard deviation."""
    clip: Annotated[Number, Field(gt=0.0)] = 5.0
    """Inputs and targets are cut at so many of them. More trusts outliers."""

    train_size: Annotated[int | float, BeforeValidator(_known_train_size)] = 750
    """Bars of a training slice, or with refit_every: never a share of all bars. Less adapts faster, with noise."""
    refit_every: Annotated[int | str, BeforeValidator(_known_refit)] = 21
    """Bars from one fold to the next, or week, month, quarter, year, never. Fewer take proportionally longer."""
    refit_when: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] | None = None
    """A condition of your own for further folds, module:function as a feature: above 0 at bars to refit at."""
    mode: Literal["rolling", "expanding"] = "rolling"
    """rolling: the last train_size bars; expanding: all bars so far, for what does not change."""
    warm_start: bool = False
    """A fold begins with the weights of the one before. The folds then train in turn, and depend on the first."""

    model: Literal["lstm", "boosting", "ridge", "last_sign", "always_up"] = "lstm"
    """What learns: the LSTM, or a cheaper model on the same folds, of the newest bar alone."""
    hidden_size: Count = 32
    """Units of a layer. More needs more data."""
    layers: Count = 1
    """LSTMs on top of each other. One is enough for daily prices."""
    dropout: Fraction = 0.0
    """Share of the units dropped between layers in training."""
    epochs: Count = 8
    """Times each sample is learned. More fits noise: 8 was best on planted signals of 3 to 50% of the variance."""
    batch_size: Count = 64
    """Losses of a minibatch, rounded up to whole sequences of loss_steps."""
    loss_steps: Count = 20
    """Losses that a sequence of lookback + loss_steps - 1 bars carries; 1 is many-to-one, ten times slower."""
    learning_rate: Annotated[Number, Field(gt=0.0, le=1.0)] = 3e-3
    """Of Adam."""
    weight_decay: Annotated[Number, Field(ge=0.0)] = 1e-4
    """Decoupled, as in AdamW."""
    gradient_clip: Annotated[Number, Field(gt=0.0)] = 1.0
    """Largest norm of a gradient."""
    val_size: Fraction = 0.0
    """Newest share of a slice held out for early stopping; 0 for none."""
    patience: Count = 5
    """Epochs without a better validation loss before training stops."""

    members: Count = 1
    """Networks of a fold, from different seeds; the forecast is their mean. 5 or more steady it."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the run; a network's own comes from it, the date of its cutoff and its number."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU if torch finds one."""

    @model_validator(mode="after")
    def _consistent(self) -> ForecastConfig:
        if isinstance(self.train_size, float) and self.refit_every != "never":
            raise ValueError(
                f"train_size: {self.train_size} (a fraction) is the classical single split and needs "
                "refit_every: never; to retrain, give train_size in bars, such as 750"
            )
        if isinstance(self.train_size, int) and self.train_size < self.lookback + self.loss_steps:
            raise ValueError(
                f"train_size: {self.train_size} is too short for lookback: {self.lookback} and "
                f"loss_steps: {self.loss_steps}; expected at least {self.lookback + self.loss_steps} bars"
            )
        if isinstance(self.train_size, int) and self.val_size:
            self._check_validation(self.train_size)
        if self.dropout and self.layers == 1:
            raise ValueError("dropout acts between layers, so with layers: 1 it does nothing; set layers: 2")
        if self.model != "lstm":
            self._check_rung()
        return self

    @property
    def purge(self) -> int:
        """Bars between the newest training sample and the bar at whose close the fold is fitted.

        The label of sample s is complete at bar s + horizon (`close`) or s + 1 + horizon (`open`), which must lie
        before the fitting bar t: the newest sample is t - 1 - horizon, or t - 2 - horizon.
        """
        return self.horizon + (self.target == "open")

    def _check_rung(self) -> None:
        """What only networks have: random beginnings, and weights to go on from."""
        if self.members > 1:
            raise ValueError(
                f"members: {self.members} given with model: {self.model}, where all members would be equal; "
                "expected 1; set members: 1, or model: lstm"
            )
        if self.warm_start:
            raise ValueError(
                f"warm_start: true given with model: {self.model}, which has no weights to begin with; "
                "expected false; set warm_start: false, or model: lstm"
            )

    def _check_validation(self, bars: int) -> None:
        """A slice of `bars` is cut into training, purge and validation; the first fold has the shortest one."""
        held_out = int(self.val_size * bars)
        left, needed = bars - held_out - self.purge, self.lookback + self.loss_steps
        if not held_out:
            raise ValueError(
                f"val_size: {self.val_size} of train_size: {bars} is less than one bar; "
                f"expected at least {1.0 / bars:.2g}, or 0 for no early stopping"
            )
        if left < needed:
            raise ValueError(
                f"val_size: {self.val_size} of train_size: {bars} and a purge of {self.purge} leave "
                f"{max(left, 0)} bars to train on; lookback: {self.lookback} and loss_steps: {self.loss_steps} "
                f"need {needed}; give a smaller val_size or a larger train_size"
            )


class BrokerConfig(Section):
    """The account that the strategies and buy-and-hold share."""

    cash: Annotated[Number, Field(gt=0.0)] = 100_000.0
    commission: Fraction = 0.001
    slippage: Fraction = 0.0005
    fractional: bool = True


class StrategyConfig(Section):
    """One strategy: ``class: "module:Class"``, its params, and the name it has in the report."""

    class_: Annotated[str, Field(alias="class")]
    params: dict[str, Any] = {}
    name: Annotated[str, Field(min_length=1)] | None = None

    @property
    def label(self) -> str:
        """The column name in equity.csv: `name`, or the class in snake case (``LongFlat``: long_flat)."""
        return self.name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.class_.rpartition(":")[2]).lower()


def _enough_worlds(value: int) -> int:
    if value == 0 or value >= LEAST_WORLDS:
        return value
    raise ValueError(
        f"expected 0, or at least {LEAST_WORLDS}: with fewer no p-value can be below 0.05; set worlds: 40"
    )


class ReportConfig(Section):
    """What is written beside the tables, and what is looked into that takes the training again."""

    html: bool = True
    """Write report.html."""
    periods_per_year: Count | None = None
    """Bars a year; by default inferred from the calendar: 252, 365, 52, 12 ..."""
    seeds: Count = 1
    """Seeds to run all with, from forecast.seed on; 20 show how much of a result is the luck of the draw."""
    worlds: Annotated[int, AfterValidator(_enough_worlds)] = 0
    """Histories with nothing to forecast to run all on; 40 give p-values from 0.024 up."""
    ladder: bool = False
    """Hold the LSTM against cheaper models and rarer refits, on the same folds and fills."""


def _unique_labels(strategies: tuple[StrategyConfig, ...]) -> tuple[StrategyConfig, ...]:
    labels = [s.label for s in strategies]
    for taken in sorted({n for n in labels if labels.count(n) > 1}):
        raise ValueError(f"two strategies are called {taken!r}; give one of them another name:")
    if "buy_and_hold" in labels:
        raise ValueError("'buy_and_hold' is the benchmark of every run; remove it or give it another name:")
    if "date" in labels:
        raise ValueError("'date' is the first column of equity.csv; give the strategy another name:")
    return strategies


class Config(Section):
    """A whole run: ``python -m lstmstrat.backtest CONFIG``."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] = "backtest"
    data: DataConfig = DataConfig()
    forecast: ForecastConfig = ForecastConfig()
    broker: BrokerConfig = BrokerConfig()
    strategies: Annotated[
        tuple[StrategyConfig, ...],
        BeforeValidator(_names),
        Field(min_length=1),
        AfterValidator(_unique_labels),
    ]
    report: ReportConfig = ReportConfig()


def mistakes(model: type[Section], values: Any) -> list[str]:
    """Every mistake in `values`, each a line ``key: given, expected, hint``; empty when there is none."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        return [_sentence(e, model) for e in error.errors()]
    return []


def validated(model: type[S], values: Mapping[str, Any], heading: str) -> S:
    """`values` as a `model`.

    Raises
    ------
    ConfigError
        `heading`, then one line for every mistake.
    """
    found = mistakes(model, values)
    if found:
        raise ConfigError("\n  ".join([heading, *found]))
    return model.model_validate(values)


def _sentence(error: Any, model: type[Section]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] in ("extra_forbidden", "invalid_key"):
        return f"{where}: unknown key{did_you_mean(str(error['loc'][-1]), _keys(model, error['loc'][:-1]))}"
    if error["type"] == "missing":
        return f"{where}: missing; it has no default"
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    message = f"expected {EXPECTED[error['type']]}" if error["type"] in EXPECTED else message
    given = "" if isinstance(error["input"], (dict, list, tuple)) else f"{written(error['input'])} given, "
    return f"{where}: {given}{message}" if where else message


def written(value: object) -> str:
    """`value` as YAML writes it, text in quotes."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return str(value) if isinstance(value, dt.date) else repr(value)


def _keys(model: Any, path: tuple[int | str, ...]) -> list[str]:
    """The keys allowed at `path` inside `model`."""
    sections: dict[str, Any] = {"data": DataConfig, "forecast": ForecastConfig, "broker": BrokerConfig}
    sections |= {"strategies": StrategyConfig, "report": ReportConfig}
    target = sections[str(path[0])] if path else model
    return [field.alias or name for name, field in target.model_fields.items()]
