"""The structure of a config: sections, fields, defaults and checks. The YAML gives the values.

Every section forbids unknown keys and checks types strictly; `validated` collects all mistakes into one
ConfigError. The fields of `ForecastConfig` are also the parameters of `LSTMForecast`, under the same names.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from lstmstrat.config.descriptions import descriptions
from lstmstrat.config.limits import BROKER, CONFIG, DATA, EXTRA, FORECAST, PEER, REPORT, STRATEGY, Limits
from lstmstrat.config.names import COLUMN_NAME, CONDITION, column, is_own
from lstmstrat.config.parameters import Parameters
from lstmstrat.errors import did_you_mean

REFIT_PERIODS = ("week", "month", "quarter", "year")


LONGEST_LAG = 520 * 10_080  # minutes; ten years
_BEYOND = 10**308  # from which no float is near


def _number(value: object) -> object:
    """Text such as ``1e-3`` as a float: YAML reads it as text, because it requires ``1.0e-3``."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < _BEYOND else (math.inf if value > 0 else -math.inf)
    return value


def _date(value: object) -> object:
    """Quoted text as a date; YAML itself makes a date of an unquoted one."""
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            return value
    return value


COLUMN_ROLES = ("date", "time", "open", "high", "low", "close", "volume", "adj close", "symbol")
FILE_ENDS = (".csv", ".gz", ".zip", ".bz2", ".xz", ".txt", ".tsv", ".dat", ".parquet", ".pq")


def _columns(value: object) -> object:
    """Roles and headings; ``adj_close`` is another spelling of ``adj close``."""
    if not isinstance(value, Mapping):
        raise ValueError("expected roles and headings, such as {date: time, volume: Volume BTC}")
    columns = {str(role).replace("_", " "): column for role, column in value.items()}
    for role, heading in columns.items():
        if role not in COLUMN_ROLES:
            raise ValueError(f"{role!r} is no role of a column{did_you_mean(role, COLUMN_ROLES)}")
        if isinstance(heading, bool) or not isinstance(heading, (str, int, type(None))):
            raise ValueError(f"{role}: expected a heading, the number of a column, or null")
        if heading is None and role not in ("time", "volume", "adj close", "symbol"):
            raise ValueError(f"{role}: null, but there are no bars without it; expected a heading or a number")
    return columns


def _file(value: object) -> object:
    """A path of pathlib as text; the sentence for a frame in its place."""
    if hasattr(value, "to_csv"):
        raise ValueError(
            "a frame, expected the name of a file; write it to one with frame.to_csv('prices.csv'), or make "
            "prices of it: lstmstrat.Prices.from_frame(frame, 'MINE')"
        )
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _stem(path: str | os.PathLike[str]) -> str:
    """The name of a file without its folder and its endings: BRK.B of prices/BRK.B.csv.gz."""
    name = PurePath(path).name
    while (end := PurePath(name).suffix.lower()) in FILE_ENDS:
        name = name[: -len(end)]
    return name or PurePath(path).name


def _zone(name: str | None) -> str | None:
    """The name of a time zone that there is."""
    try:
        return name and ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone; expected a name such as Europe/London") from None


def _entry_name(name: str) -> str:
    if re.fullmatch(COLUMN_NAME, name):
        return name
    raise ValueError("expected a letter, then letters, digits, - and _, such as mood")


def _lag(value: str) -> str:
    if found := re.fullmatch(r"(\d{1,7})(w|d|h|min)", value):
        minutes = int(found[1]) * {"w": 10_080, "d": 1_440, "h": 60, "min": 1}[found[2]]
        if minutes > LONGEST_LAG:
            raise ValueError("expected at most 520w: what is known ten years later is of no use")
        return value
    raise ValueError("expected a number of weeks, days, hours or minutes: 2w, 1d, 36h, 90min; none is 0d")


def _parameters(value: object) -> Parameters:
    if isinstance(value, Parameters):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("expected names and values, such as {n_estimators: 50}")
    return Parameters.of(value)


def _names(value: object) -> object:
    """A YAML list as a tuple."""
    return tuple(value) if isinstance(value, list) else value


def _is_count(value: object, minimum: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= minimum


def _valid_refit_every(value: object) -> object:
    words = (*REFIT_PERIODS, "never")
    if _is_count(value, 1) or value in words:
        return value
    hint = did_you_mean(value, words) if isinstance(value, str) else ""
    raise ValueError(f"expected a number of bars, at least 1, or {' | '.join(words)}{hint}")


def _valid_train_size(value: object) -> object:
    if _is_count(value, 2) or (isinstance(value, float) and 0.0 < value < 1.0):
        return value
    raise ValueError("expected a whole number of bars, at least 2, or a fraction of the data such as 0.8")


def _plain(text: str) -> str:
    text = text.strip()
    if not text.isprintable():
        raise ValueError("expected letters that can be printed, on one line")
    if not text or text[0] in "=+-@":
        raise ValueError("expected another first letter than = + - @, which a spreadsheet runs")
    return text


def _increasing(levels: tuple[float, ...]) -> tuple[float, ...]:
    if any(low >= high for low, high in pairwise(levels)):
        raise ValueError("expected levels that increase, such as [0.05, 0.5, 0.95]")
    return levels


Number = Annotated[float, BeforeValidator(_number)]
Level = Annotated[Number, Field(gt=0.0, lt=1.0)]
Fraction = Annotated[Number, Field(ge=0.0, lt=1.0)]
Date = Annotated[dt.date, BeforeValidator(_date)]
Lag = Annotated[str, AfterValidator(_lag)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Count = Annotated[int, Field(ge=1)]
ModelParameters = Annotated[
    Parameters,
    PlainValidator(_parameters),
    PlainSerializer(dict, return_type=dict[str, Any]),
    WithJsonSchema({"type": "object"}),
    Field(json_schema_extra={"default": {}}),
]

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

DEFAULT_PEER_FEATURES = ("return_1", "return_5", "return_21", "volatility_21", "distance_50")  # of the close alone

MIN_WORLDS = 20


BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}  # pydantic's name, JSON Schema's


def _bounded_schema(schema: dict[str, Any], section: type[Section]) -> None:
    """Add descriptions and limits to the JSON Schema of a section, and name what pydantic leaves unnamed."""
    for field in schema["properties"].values():
        field.update({name: field.pop(own) for own, name in BOUNDS.items() if own in field})
    for name, text in descriptions(section).items():
        schema["properties"][name]["description"] = text
    for name, limit in section.limits.items():
        schema["properties"][name][limit.keyword] = limit.most


class Section(BaseModel):
    """One section of the YAML: frozen, with strict types, without unknown keys, and with a limit to each value."""

    limits: ClassVar[Limits] = {}

    model_config = ConfigDict(
        json_schema_extra=_bounded_schema,
        frozen=True,
        strict=True,
        extra="forbid",
        populate_by_name=True,
        allow_inf_nan=False,
    )

    @field_validator("*", mode="after")
    @classmethod
    def _within_limits(cls, value: Any, info: ValidationInfo) -> Any:
        limit = cls.limits.get(info.field_name or "")
        if limit and (mistake := limit.mistake(value)):
            raise ValueError(mistake)
        return value


class SourceConfig(Section):
    """Bars from a source: symbol and file; of a file that can be read in two ways, which; what of odd prices."""

    limits = DATA

    symbol: Annotated[str, Field(min_length=1), AfterValidator(_plain)] = "AAPL"
    """What the asset is called; of a file its name by default. Of a file of several symbols the one to take."""
    source: Literal["bundled", "yahoo", "csv", "parquet"] = "bundled"
    """bundled: comes with the package; yahoo: a download; csv and parquet: a file of your own."""
    path: Annotated[str | None, BeforeValidator(_file)] = None
    """The file, relative to the current directory."""
    start: Date | None = None
    """First bar, inclusive."""
    end: Date | None = None
    """Last bar, inclusive."""
    interval: Literal["1d", "1wk", "1mo"] = "1d"
    """Length of a bar that is asked of Yahoo; files keep the one they have."""
    columns: Annotated[dict[str, str | int | None], BeforeValidator(_columns)] = {}
    """Which column is which: its heading or its number from 1, null for none: {date: time, volume: Volume BTC}."""
    date_format: Annotated[str, Field(min_length=1)] | None = None
    """The form of the dates, as in strptime: "%d/%m/%Y"; or s, ms, us, ns since 1970, or excel, of numbers."""
    time_zone: Annotated[str | None, AfterValidator(_zone)] = None
    """Where the exchange is, such as Europe/London: times in UTC or with an offset become those of its clock."""
    decimal: Literal[".", ","] | None = None
    """The decimal sign, where 1,234 may be 1234 or 1.234."""

    faults: Literal["report", "refuse", "drop"] = "report"
    """report: name what cannot be true; refuse: do not run on it; drop: leave out single bars that are wrong."""
    accepted: Annotated[tuple[Date, ...], BeforeValidator(_names)] = ()
    """Dates of findings that are right, such as a crash; any other one voids an edge: [2008-09-29]."""

    @model_validator(mode="before")
    @classmethod
    def _called_by_its_file(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or "symbol" in values or values.get("source") not in ("csv", "parquet"):
            return values
        path = values.get("path")
        return {**values, "symbol": _stem(path)} if isinstance(path, (str, os.PathLike)) and str(path) else values

    @model_validator(mode="after")
    def _consistent(self) -> SourceConfig:
        is_file = self.source in ("csv", "parquet")
        if is_file and not self.path:
            raise ValueError(f"source: {self.source} needs a file; add path: prices.{self.source}")
        if self.path and not is_file:
            raise ValueError(f"path is only read with source: csv or parquet, not {self.source}; remove it")
        if self.path and re.match(r"[a-z]{2,}://", self.path, re.IGNORECASE):
            raise ValueError("path is an address; download the file, and write path: with its name")
        for key in ("columns", "date_format", "time_zone", "decimal"):
            if getattr(self, key) and not is_file:
                raise ValueError(f"{key} is only for source: csv or parquet, not {self.source}; remove it")
        if self.source != "yahoo" and self.interval != "1d":
            raise ValueError("interval is only asked of source: yahoo; files keep the interval they have")
        if self.start and self.end and self.start >= self.end:
            raise ValueError(f"start {self.start} must lie before end {self.end}")
        return self

    @property
    def section(self) -> str:
        """Where a setting of it is written, for a message."""
        return "data"


class PeerConfig(SourceConfig):
    """Another asset, whose `peer_features` become inputs of every forecast; joined by time.

    Examples
    --------
    >>> import lstmstrat
    >>> data = lstmstrat.DataConfig(peers=[{"name": "ibm", "symbol": "IBM"}])
    >>> data.peers[0].source
    'bundled'
    """

    limits = PEER

    name: Annotated[str, AfterValidator(_entry_name)]
    """What it is called in the report and in messages."""
    lag: Lag | None = None
    """How long after its time a bar is known, such as 1d if it closes after yours; by default 0d or its length."""

    @property
    def section(self) -> str:
        """Where a setting of it is written, for a message."""
        return f"data.peers[{self.name}]"


class ExtraConfig(Section):
    """A column of numbers from a file of your own, with dates: ``column:NAME`` in `features`.

    Examples
    --------
    >>> import lstmstrat
    >>> data = lstmstrat.DataConfig(extra=[{"name": "mood", "path": "mood.csv", "lag": "2d"}])
    >>> data.extra[0].name
    'mood'
    """

    limits = EXTRA

    name: Annotated[str, AfterValidator(_entry_name)]
    """What it is called in `features`, column:NAME, and in the report."""
    path: Annotated[str, Field(min_length=1), BeforeValidator(_file)]
    """A CSV file, or a Parquet file (.parquet, .pq), relative to the current directory."""
    date: str | int | None = None
    """The heading of the dates, or the number of their column from 1; by default what vendors call a date."""
    column: str | int | None = None
    """The heading of the values, or the number of their column; by default the only other column, or NAME."""
    lag: Lag | None = None
    """How long after its time a row is known: 1d, 36h, 2w; by default 1d of dates, and 0d of times of day."""
    date_format: Annotated[str, Field(min_length=1)] | None = None
    """As in `data`."""
    time_zone: Annotated[str | None, AfterValidator(_zone)] = None
    """Where the exchange of the prices is: times in UTC or with an offset become those of its clock."""
    decimal: Literal[".", ","] | None = None
    """As in `data`."""

    @property
    def section(self) -> str:
        """Where a setting of it is written, for a message."""
        return f"data.extra[{self.name}]"


def _unique_names(entries: tuple[Any, ...]) -> tuple[Any, ...]:
    names = Counter(entry.name for entry in entries)
    for name in sorted(name for name, count in names.items() if count > 1):
        raise ValueError(f"two of them are called {name!r}; give one another name:")
    return entries


class DataConfig(SourceConfig):
    """The prices: symbol, source and dates, and how a file is read; what comes from outside of them, with dates.

    Examples
    --------
    A file without a symbol is called by its name:

    >>> import lstmstrat
    >>> lstmstrat.DataConfig(source="csv", path="prices/EURUSD.csv.gz").symbol
    'EURUSD'
    """

    limits = DATA

    extra: Annotated[tuple[ExtraConfig, ...], BeforeValidator(_names), AfterValidator(_unique_names)] = ()
    """Columns of your own files, joined by time: [{name: mood, path: mood.csv}]; in features column:mood."""
    peers: Annotated[tuple[PeerConfig, ...], BeforeValidator(_names), AfterValidator(_unique_names)] = ()
    """Other assets, joined by time, whose peer_features become inputs: [{name: ibm, symbol: IBM}]."""


class ForecastConfig(Section):
    """The LSTM, its training and its walk-forward schedule; also the parameters of `LSTMForecast`.

    Examples
    --------
    >>> import lstmstrat
    >>> config = lstmstrat.ForecastConfig(horizon=5, members=3)
    >>> config.purge  # bars between the newest training sample and the fit
    6
    """

    limits = FORECAST

    lookback: Count = 20
    """Bars the network sees for each forecast. More for slower signals; training takes proportionally longer."""
    horizon: Count = 1
    """Bars that a forecast spans. More for slower trading; the purge grows with it."""
    target: Literal["open", "close"] = "open"
    """open: log return from the next open, which an order made now can earn; close: from this close, classical."""
    features: Annotated[Names, Field(min_length=1)] = DEFAULT_FEATURES
    """Inputs computed from each bar; your own function is module:function, a file of data.extra column:NAME."""
    peer_features: Annotated[Names, Field(min_length=1)] = DEFAULT_PEER_FEATURES
    """Inputs computed from each bar of each peer: data.peers, or LSTMForecast(self.data, peers=[self.data1])."""
    scaler: Literal["robust", "standard"] = "robust"
    """robust: scale by median and MAD of the training set; standard: by mean and standard deviation."""
    clip: Annotated[Number, Field(gt=0.0)] = 5.0
    """Number of MADs or standard deviations at which inputs and labels are clipped. More trusts outliers."""

    train_size: Annotated[int | float, BeforeValidator(_valid_train_size)] = 750
    """Bars of the first training set, or of each with mode: rolling; with refit_every: never, a share of all."""
    refit_every: Annotated[int | str, BeforeValidator(_valid_refit_every)] = 21
    """Bars between two refits, or week, month, quarter, year, never. Fewer take proportionally longer."""
    refit_when: Annotated[str, Field(pattern=CONDITION)] | None = None
    """A condition for further refits, module:function or column:NAME like a feature: refit where it is above 0."""
    mode: Literal["rolling", "expanding"] = "expanding"
    """expanding: train on all bars so far, which a weak signal needs; rolling: on the last train_size bars."""
    max_train_size: Annotated[int, Field(ge=2)] = 5000
    """Bars of an expanding training set at most, the newest ones, or train_size if that is more."""
    warm_start: bool = False
    """Each fold begins with the weights of the fold before. Folds then train in turn, and depend on the first."""

    model: Annotated[str, Field(min_length=1)] = "lstm"
    """lstm; or a cheaper model, which sees the newest bar only, on the same folds; or module:Class, your own."""
    model_params: ModelParameters = Parameters()
    """Parameters of a model of your own, or of a scikit-learn regressor: {n_estimators: 50}."""
    hidden_size: Count = 8
    """Units of a layer. More fit noise at the signal that prices have; see benchmarks/README.md."""
    layers: Count = 1
    """Stacked LSTM layers. One is enough for daily prices."""
    dropout: Fraction = 0.0
    """Share of the units that training drops between layers."""
    epochs: Count = 6
    """Passes over the training set. More fit noise: 6 is best on planted signals of 0.5 to 2% of the variance."""
    loss: Literal["mse", "huber"] = "mse"
    """mse: squared error; huber: a straight line beyond one unit of the scaled label, so outliers pull less."""
    batch_size: Count = 64
    """Losses in a minibatch, rounded up to whole sequences of loss_steps."""
    loss_steps: Count = 20
    """Losses in a sequence of lookback + loss_steps - 1 bars; 1 is many-to-one training, ten times slower."""
    backprop_steps: Annotated[int, Field(ge=0)] | None = None
    """Bars before the first loss of a sequence that the gradient goes back through (truncated); null for all."""
    learning_rate: Annotated[Number, Field(gt=0.0)] = 3e-3
    """Learning rate of Adam."""
    weight_decay: Annotated[Number, Field(ge=0.0)] = 1e-4
    """Decoupled weight decay, as in AdamW."""
    gradient_clip: Annotated[Number, Field(gt=0.0)] = 1.0
    """Largest norm of a gradient; a larger one is scaled down to it."""
    val_size: Fraction = 0.0
    """Newest share of a training set that is held out for early stopping; 0 for none."""
    patience: Count = 5
    """Epochs without a better validation loss before training stops."""

    calibration: Literal["learned", "none"] = "learned"
    """learned: the forecasts of the model and of a linear one, each trusted as far as earlier ones came true."""
    up_threshold: Annotated[Number, Field(ge=-10.0)] = 0.0
    """Log return above which a return counts for the line `up`, the probability of one; about your costs, or 0."""
    quantiles: Annotated[tuple[Level, ...], BeforeValidator(_names), AfterValidator(_increasing)] = (
        0.05,
        0.5,
        0.95,
    )
    """Levels of the quantiles of the return to come, such as 0.05: LSTMForecast(...).quantile(0.05)[0]."""
    members: Count = 10
    """Networks of a fold, from different seeds; the forecast is their mean. A model without a seed has one."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the run. The seed of a network is a hash of it, the date of the cutoff and the network's number."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU if torch finds one, else the CPU."""

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
        if self.learning_rate * self.weight_decay >= 1.0:
            raise ValueError(
                f"weight_decay: {self.weight_decay:g} with learning_rate: {self.learning_rate:g} takes "
                f"{self.learning_rate * self.weight_decay:.3g} times its value off every weight in each step; "
                f"expected less than 1, so a weight_decay below {1.0 / self.learning_rate:.3g}, such as 1e-4"
            )
        if self.dropout and self.layers == 1:
            raise ValueError("dropout acts between layers, so with layers: 1 it does nothing; set layers: 2")
        return self

    @property
    def purge(self) -> int:
        """Bars between the newest sample of the training set and the bar t at whose close the fold is fitted.

        The label of sample s is complete at bar s + horizon (`close`) or s + 1 + horizon (`open`). That bar must
        lie before t, so the newest sample is t - 1 - horizon, or t - 2 - horizon.
        """
        return self.horizon + (self.target == "open")

    @property
    def own_code(self) -> tuple[str, ...]:
        """The ``module:attribute`` of each feature, condition and model of the user's own."""
        names = (*self.features, *self.peer_features, self.refit_when or "", self.model)
        return tuple(name for name in names if is_own(name))

    def _check_validation(self, bars: int) -> None:
        """Checks that `bars`, the shortest training set, leave enough to train on after validation and purge."""
        validation = int(self.val_size * bars)
        rest, minimum = bars - validation - self.purge, self.lookback + self.loss_steps
        if not validation:
            raise ValueError(
                f"val_size: {self.val_size} of train_size: {bars} is less than one bar; "
                f"expected at least {1.0 / bars:.2g}, or 0 for no early stopping"
            )
        if rest < minimum:
            raise ValueError(
                f"val_size: {self.val_size} of train_size: {bars} and a purge of {self.purge} leave "
                f"{max(rest, 0)} bars to train on; lookback: {self.lookback} and loss_steps: {self.loss_steps} "
                f"need {minimum}; give a smaller val_size or a larger train_size"
            )


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
    commission: Fraction = 0.001
    slippage: Fraction = 0.0005
    fractional: bool = True


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

    class_: Annotated[str, Field(alias="class")]
    params: dict[str, Any] = {}
    name: Annotated[str, Field(min_length=1), AfterValidator(_plain)] | None = None

    @property
    def label(self) -> str:
        """The column name in equity.csv: `name`, or the class in snake case (``LongFlat``: long_flat)."""
        return self.name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.class_.rpartition(":")[2]).lower()


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
    if "buy_and_hold" in labels:
        raise ValueError("'buy_and_hold' is the benchmark of every run; remove it or give it another name:")
    if "date" in labels:
        raise ValueError("'date' is the first column of equity.csv; give the strategy another name:")
    return strategies


class Config(Section):
    """A whole run: ``python -m lstmstrat.backtest CONFIG``.

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
