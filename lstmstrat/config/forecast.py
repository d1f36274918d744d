"""The section ``forecast:``; its fields are also the parameters of `LSTMForecast`, under the same names."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from lstmstrat.config.limits import FORECAST
from lstmstrat.config.names import COLUMN, COLUMN_NAME, CONDITION, FAMILIES, FEATURES, MODELS, OWN, is_own
from lstmstrat.config.parameters import Parameters
from lstmstrat.config.section import Count, Fraction, Names, Number, Section, as_tuple
from lstmstrat.errors import did_you_mean

REFIT_PERIODS = ("week", "month", "quarter", "year")

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


def _parameters(value: object) -> Parameters:
    if isinstance(value, Parameters):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("expected names and values, such as {n_estimators: 50}")
    return Parameters.of(value)


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


def _increasing(levels: tuple[float, ...]) -> tuple[float, ...]:
    if any(low >= high for low, high in pairwise(levels)):
        raise ValueError("expected levels that increase, such as [0.05, 0.5, 0.95]")
    return levels


Level = Annotated[Number, Field(gt=0.0, lt=1.0)]
ModelParameters = Annotated[
    Parameters,
    PlainValidator(_parameters),
    PlainSerializer(dict, return_type=dict[str, Any]),
    WithJsonSchema({"type": "object"}),
    Field(json_schema_extra={"default": {}}),
]


# For editors, which offer the names of an enum and check others by a pattern; what counts is `wrong_names`.
_WINDOWS = (1, 5, 10, 21, 50)  # bars, that are offered
_FEATURE = {
    "type": "string",
    "anyOf": [
        {"enum": [*FEATURES, *(f"{family}_{bars}" for family in FAMILIES for bars in _WINDOWS)]},
        {"pattern": rf"^({'|'.join(FAMILIES)})_[1-9]\d{{0,6}}$"},
        {"pattern": OWN},
        {"pattern": rf"^{COLUMN}{COLUMN_NAME}(\.[a-z]+_\d+)?$"},
    ],
}
FeatureNames = Annotated[Names, Field(min_length=1, json_schema_extra={"items": _FEATURE})]
ModelName = Annotated[
    str, Field(min_length=1, json_schema_extra={"anyOf": [{"enum": [*MODELS]}, {"pattern": OWN}]})
]
RefitEvery = Annotated[
    int | str,
    BeforeValidator(_valid_refit_every),
    Field(json_schema_extra={"anyOf": [{"type": "integer", "minimum": 1}, {"enum": [*REFIT_PERIODS, "never"]}]}),
]


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
    features: FeatureNames = DEFAULT_FEATURES
    """Inputs computed from each bar; your own function is module:function, a file of data.extra column:NAME."""
    peer_features: FeatureNames = DEFAULT_PEER_FEATURES
    """Inputs computed from each bar of each peer: data.peers, or LSTMForecast(self.data, peers=[self.data1])."""
    scaler: Literal["robust", "standard"] = "robust"
    """robust: scale by median and MAD of the training set; standard: by mean and standard deviation."""
    clip: Annotated[Number, Field(gt=0.0)] = 5.0
    """Number of MADs or standard deviations at which inputs and labels are clipped. More trusts outliers."""

    train_size: Annotated[int | float, BeforeValidator(_valid_train_size)] = 750
    """Bars of the first training set, or of each with mode: rolling; with refit_every: never, a share of all."""
    refit_every: RefitEvery = 21
    """Bars between two refits, or week, month, quarter, year, never. Fewer take proportionally longer."""
    refit_when: Annotated[str, Field(pattern=CONDITION)] | None = None
    """A condition for further refits, module:function or column:NAME like a feature: refit where it is above 0."""
    mode: Literal["rolling", "expanding"] = "expanding"
    """expanding: train on all bars so far, which a weak signal needs; rolling: on the last train_size bars."""
    max_train_size: Annotated[int, Field(ge=2)] = 5000
    """Bars of an expanding training set at most, the newest ones, or train_size if that is more."""
    warm_start: bool = False
    """Each fold begins with the weights of the fold before. Folds then train in turn, and depend on the first."""

    pool: Literal["none", "all", "group"] = "none"
    """Of a universe: none: a model for each asset; all: one model of all members; group: one for each group."""
    relation: Literal["none", "demean", "rank", "above_median"] = "none"
    """Of a universe: the label within its session, so that the forecast is a score; none: the return itself."""
    least_assets: Annotated[int, Field(ge=2)] = 20
    """Under a relation, returns that a session needs at least; one with fewer teaches nothing."""

    model: ModelName = "lstm"
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
    quantiles: Annotated[tuple[Level, ...], BeforeValidator(as_tuple), AfterValidator(_increasing)] = (
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
    """auto: the CPU for the LSTM, and a GPU for a torch model of your own if torch finds one."""

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
