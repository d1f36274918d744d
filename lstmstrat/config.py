"""What a config may say. The YAML gives values, Python gives structure.

Every section forbids unknown keys and checks types strictly; `validated` collects every mistake into one
ConfigError. The fields of `ForecastConfig` are also, word for word, the parameters of `LSTMForecast`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
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


class Section(BaseModel):
    """One section of the YAML: frozen, strict about types, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


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
    horizon: Count = 1
    target: Literal["open", "close"] = "open"
    features: Annotated[Names, Field(min_length=1)] = DEFAULT_FEATURES
    scaler: Literal["robust", "standard"] = "robust"
    clip: Annotated[Number, Field(gt=0.0)] = 5.0

    train_size: Annotated[int | float, BeforeValidator(_known_train_size)] = 750
    refit_every: Annotated[int | str, BeforeValidator(_known_refit)] = 21
    mode: Literal["rolling", "expanding"] = "rolling"

    hidden_size: Count = 32
    layers: Count = 1
    dropout: Fraction = 0.0
    epochs: Count = 8
    batch_size: Count = 64
    loss_steps: Count = 20
    learning_rate: Annotated[Number, Field(gt=0.0, le=1.0)] = 3e-3
    weight_decay: Annotated[Number, Field(ge=0.0)] = 1e-4
    gradient_clip: Annotated[Number, Field(gt=0.0)] = 1.0
    val_size: Fraction = 0.0
    patience: Count = 5

    members: Count = 1
    seed: Annotated[int, Field(ge=0)] = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"

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
        return self

    @property
    def purge(self) -> int:
        """Bars between the newest training sample and the bar at whose close the fold is fitted.

        The label of sample s is complete at bar s + horizon (`close`) or s + 1 + horizon (`open`), which must lie
        before the fitting bar t: the newest sample is t - 1 - horizon, or t - 2 - horizon.
        """
        return self.horizon + (self.target == "open")

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


class ReportConfig(Section):
    """What is written beside the tables."""

    html: bool = True
    periods_per_year: Count | None = None


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


MERGE = "tag:yaml.org,2002:merge"  # <<, which may stand in a mapping more than once


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key given twice is a mistake and not a silent choice of the last."""


def _mapping(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value if key.tag != MERGE]
    twice = [key for key in keys if keys.count(key) > 1]
    if twice:
        raise ConfigError(f"line {node.start_mark.line + 1}: {twice[0]!r} is given twice; keep one of them")
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse(text: str) -> Any:
    """The values of YAML text (also of one ``--set`` value).

    Raises
    ------
    ConfigError
        Not YAML, or a key given twice.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # a SafeLoader
    except ConfigError:
        raise
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2005-02-30
        raise ConfigError(f"not valid YAML: {error}") from None


def read(path: Path) -> dict[str, Any]:
    """The values of a YAML file.

    Raises
    ------
    ConfigError
        No such file, not YAML, or no mapping at the top.
    """
    try:
        values = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise ConfigError(f"no config file {path}{did_you_mean(path.name, known)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected sections such as data: and strategies:; found {values!r}")
    return values


def override(values: dict[str, Any], settings: list[str]) -> dict[str, Any]:
    """`values` with each ``section.key=value`` of the command line put in.

    A path names keys, and positions in a list: ``strategies.0.params.threshold=0.001``.
    """
    for setting in settings:
        path, found, value = setting.partition("=")
        if not found or not path:
            raise ConfigError(f"--set {setting}: expected KEY=VALUE, such as --set forecast.members=3")
        try:
            values = _put(values, path.split("."), parse(value))
        except ConfigError as error:
            raise ConfigError(f"--set {setting}: {error}") from None
    return values


def _put(node: Any, keys: list[str], value: Any) -> Any:
    if not keys:
        return value
    key, *rest = keys
    if isinstance(node, list):
        if not key.isdigit() or int(key) >= len(node):
            raise ConfigError(f"{key!r} is no position in a list of {len(node)}, whose first is 0")
        return [_put(x, rest, value) if i == int(key) else x for i, x in enumerate(node)]
    if not isinstance(node, dict):
        raise ConfigError(f"there is no {key!r} in {_written(node)}, which has no keys")
    return {**node, key: _put(node.get(key, {}), rest, value)}


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


def dump(config: Config) -> str:
    """`config` as YAML, every default filled in; running it again gives the same numbers."""
    return yaml.safe_dump(config.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True)


def _sentence(error: Any, model: type[Section]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] in ("extra_forbidden", "invalid_key"):
        return f"{where}: unknown key{did_you_mean(str(error['loc'][-1]), _keys(model, error['loc'][:-1]))}"
    if error["type"] == "missing":
        return f"{where}: missing; it has no default"
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    message = f"expected {EXPECTED[error['type']]}" if error["type"] in EXPECTED else message
    given = "" if isinstance(error["input"], (dict, list, tuple)) else f"{_written(error['input'])} given, "
    return f"{where}: {given}{message}" if where else message


def _written(value: object) -> str:
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
