"""The `Assessment` of a run: every number and every sentence of summary.json.

The dataclasses below have the shape of summary.json, key for key: `Assessment.to_dict` writes it and
`Assessment.from_dict` reads it. Rates are fractions, not percent; an undefined value is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from lstmstrat.config.schema import BrokerConfig
from lstmstrat.errors import DataError
from lstmstrat.evaluation.bootstrap import Difference
from lstmstrat.evaluation.metrics import Performance
from lstmstrat.evaluation.reliability import Reliability
from lstmstrat.evaluation.skill import NetworkGain, Skill, SkillTests
from lstmstrat.evaluation.timing import Placebo
from lstmstrat.evaluation.verdict import Condition
from lstmstrat.prices.faults import Fault
from lstmstrat.results.panel.facts import PanelFacts, UniverseFacts

SCHEMA = 9  # version of summary.json and of the files beside it; other versions are refused
PASSED, FAILED, RAN, NOT_RUN = "passed", "failed", "ran", "not run"
AUDIT = "look-ahead audit"
NOT_ASKED = "no strategy asked for a forecast"
"""Why nothing can be said of forecasts: the detail of a check."""
VOIDING = (
    "prices",
    "features",
    "training labels",
    "buy-and-hold",
    "fills and cash",
    "cut bars",
    "stale prices",
    "too good to be true",
)
"""If one of these checks fails, no edge is supported. The look-ahead audit must even have passed."""


@dataclass(frozen=True)
class Origin:
    """When a run was made, by which command, and on what: the last bits may differ between kinds of processor."""

    when: str  # UTC, ISO
    command: str  # "" if Python code called `lstmstrat.run`
    processors: tuple[str, ...] = ()  # kinds: of the machine that ran it, then of other workers that fitted models


@dataclass(frozen=True)
class OutsideFacts:
    """A column of ``data.extra`` or a peer that a run used."""

    kind: str  # column, peer
    name: str
    path: str  # the file, or the source and symbol of a peer
    rows: int
    first: str  # the time from which on its first row is used
    last: str
    lag: str
    sha256: str  # of times and values


@dataclass(frozen=True)
class DataFacts:
    """The prices that a run used, with the notices about them and about the run."""

    symbol: str
    source: str
    first: str
    last: str
    bars: int
    sha256: str
    currency: str | None  # as the vendor writes it, as the two below; None of a file
    time_zone: str | None  # of the exchange
    downloaded: str | None  # UTC, ISO
    notices: tuple[str, ...]
    faults: tuple[Fault, ...]  # what cannot be true, or is worth a look, in the order of time
    outside: tuple[OutsideFacts, ...] = ()


@dataclass(frozen=True)
class WalkForwardFacts:
    """The walk-forward that the strategies traded on, and the number of models it needed."""

    model: str
    folds: int
    members: int
    train_size: int
    refit_every: int | str
    lookback: int
    horizon: int
    purge: int
    mode: str
    calibration: str
    quantiles: tuple[float, ...]  # levels
    up_threshold: float  # log return
    seed: int
    first_forecast: str | None
    fitted: int  # models fitted in this run
    cached: int  # models found in the store
    failed: int  # models that could not be fitted
    fit_seconds: float  # wall clock


@dataclass(frozen=True)
class Period:
    """The traded window."""

    first: str
    last: str
    bars: int
    years: float  # from the first close to the last
    periods_per_year: float  # of the config, a convention such as 252, or the count
    counted_per_year: float | None  # bars a year by count, outside of holes; None in less than a week


@dataclass(frozen=True)
class VersusBenchmark:
    """A strategy minus buy-and-hold over the traded window, with 95 % intervals, and the verdict.

    The intervals of the Sharpe differences of all strategies of the run hold together with 95 %, so each leaves
    out 0 exactly where `p_adjusted` is below 0.05.
    """

    total_return: float
    cagr: float | None
    sharpe: float | None
    max_drawdown: float
    sharpe_low: float | None
    sharpe_high: float | None
    cagr_low: float | None
    cagr_high: float | None
    max_drawdown_low: float | None
    max_drawdown_high: float | None
    p_value: float | None  # of the Sharpe difference
    p_adjusted: float | None  # times the number of strategies of the run
    detectable: float | None  # Sharpe difference that the test would find in 80 % of such samples
    best_fold_share: float | None  # share of the lead that comes from the best fold
    best_days_share: float | None  # share of the lead that comes from the best days
    break_even_cost: float | None
    delay_cost: float | None  # Sharpe ratio that is lost if every order is filled one bar later
    verdict: str
    missing: tuple[str, ...]  # conditions of an edge that are not met
    conditions: tuple[Condition, ...]  # all that the rule asks for, met or not


@dataclass(frozen=True)
class ExposureMatched:
    """An account with a constant exposure: the mean exposure of the strategy, negative for short.

    It is rebalanced at each close without costs. What the strategy earns beyond it comes from timing. Its Sharpe
    ratio is that of buy-and-hold.
    """

    exposure: float  # net
    total_return: float | None  # None beyond any number
    cagr: float | None
    max_drawdown: float | None


@dataclass(frozen=True)
class PlaceboFacts(Placebo):
    """A strategy against shuffles of its own holdings."""

    shuffles: int
    band: float  # share of the shuffles between `low` and `high`


@dataclass(frozen=True)
class EquityFan:
    """The accounts of a strategy with each of several seeds, at closes spread evenly over the traded window.

    An account that was lost, and a seed that failed, are left out.
    """

    accounts: int  # the run's own included
    closes: tuple[str, ...]  # ISO
    low: tuple[float, ...]  # the lowest account value at each close, in six digits
    median: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Seeds:
    """The annual Sharpe ratio of a strategy minus that of buy-and-hold, with each of several seeds.

    A difference is None if the strategy lost its account; it counts as the worst of all.
    """

    above: float  # share of the seeds above buy-and-hold; a seed that failed counts as not above
    worst: float | None
    median: float | None
    differences: tuple[float | None, ...]  # in order of the seeds; the first is the run's own
    failed: int  # seeds whose run ended with an error
    fan: EquityFan


@dataclass(frozen=True)
class Worlds:
    """The annual Sharpe ratio of a strategy minus that of buy-and-hold in null worlds; None as in `Seeds`."""

    p_value: float  # share of the worlds at least as good; the real one and those that failed count as such
    worst: float | None
    median: float | None
    differences: tuple[float | None, ...]
    failed: int  # worlds whose run ended with an error


@dataclass(frozen=True)
class Luck:
    """How much of the result of a strategy may be chance."""

    probabilistic_sharpe: float | None
    published_deflated_sharpe: float | None  # by the variance of the trials; no condition of an edge
    deflated_sharpe: float | None  # chance that the best of the trials without skill has a lower Sharpe ratio
    deflated_lead: float | None  # the same for the lead over buy-and-hold
    deflated_timing: float | None  # the same for the timing of its holdings
    exposure_matched: ExposureMatched
    placebo: PlaceboFacts
    seeds: Seeds | None  # None if they were not run
    worlds: Worlds | None


@dataclass(frozen=True)
class StrategyAssessment:
    """Everything that a run reports about one strategy."""

    name: str
    class_: Annotated[str, Field(alias="class")]  # "strategies.long_flat:LongFlat"
    params: dict[str, Any]
    metrics: Performance
    versus_benchmark: VersusBenchmark
    luck: Luck


@dataclass(frozen=True)
class FoldSkill:
    """The correlations of forecast and realised return in the folds."""

    known: int  # folds with a correlation
    median_correlation: float | None
    above_zero: float | None  # share of these folds with a correlation above 0


@dataclass(frozen=True)
class ForecastSkill(SkillTests, Skill):
    """The skill of the forecasts at the closes of the traded window, with its tests."""

    folds: FoldSkill
    reliability: Reliability
    network: NetworkGain | None  # None without calibration


@dataclass(frozen=True)
class Rung(SkillTests, Skill):
    """One model on one schedule of refits, traded by the strategy of the ladder."""

    model: str
    refit_every: int | str
    folds: int
    seconds: float  # of all fits
    sharpe: float | None  # annual, of the strategy on the forecast of this rung
    own_minus: Difference  # annual Sharpe ratio on the forecast of the config minus `sharpe`


@dataclass(frozen=True)
class Ladder:
    """Cheaper models and rarer refits, compared with the forecast of the config, which is in both lists."""

    strategy: str  # the one that traded every rung
    models: tuple[Rung, ...]  # the cheapest first
    refits: tuple[Rung, ...]  # the rarest first


@dataclass(frozen=True)
class Verdicts:
    """The verdicts on the strategies, and the rule that gives them."""

    rule: str
    text: str  # one sentence about all of them
    by_strategy: dict[str, str]
    superior_predictive_ability: float | None  # Hansen's p-value that none has a higher mean return


@dataclass(frozen=True)
class Trials:
    """The trials on the asset whose windows overlap that of the run; the trials of the run are included."""

    count: int  # a row of the ledger that cannot be read is one more
    variance: float | None  # of their annual Sharpe ratios (divisor n - 1); None with fewer than two
    kept: bool  # False if there is no ledger that outlives the run, so that other trials are not known
    struck: int  # trials whose ratio somebody took out of the variance
    begun: str | None  # date of the oldest row of the ledger, UTC: what was tried before is not known


@dataclass(frozen=True)
class Check:
    """The outcome of one check of a run, or the reason why it was not run."""

    name: str
    status: str  # PASSED, FAILED, NOT_RUN, or RAN if it can neither pass nor fail
    detail: str
    strategy: str = ""  # the only strategy that it is about; "" for the whole run

    def __post_init__(self) -> None:
        if self.status not in (PASSED, FAILED, RAN, NOT_RUN):
            raise ValueError(f"status {self.status!r}")

    @property
    def decides(self) -> bool:
        """Whether no edge is supported while it fails; another check that fails is a warning."""
        return self.name in (*VOIDING, AUDIT)


@dataclass(frozen=True)
class Assessment:
    """Everything that a run found: the content of summary.json as a value.

    Examples
    --------
    >>> import lstmstrat
    >>> settings = ["forecast.model=always_up", "forecast.members=1", "data.start=2008-01-02"]
    >>> config = lstmstrat.load_config("configs/aapl.yaml", settings)
    >>> config = config.model_copy(update={"strategies": config.strategies[:1]})
    >>> assessment = lstmstrat.run(config).assessment
    >>> assessment.strategies[0].versus_benchmark.verdict
    'not distinguishable from buy-and-hold'
    >>> assessment == lstmstrat.Assessment.from_dict(assessment.to_dict())
    True
    """

    schema: int
    name: str
    made: Origin
    data: DataFacts
    costs: BrokerConfig
    walk_forward: WalkForwardFacts
    period: Period
    benchmark: Performance
    strategies: tuple[StrategyAssessment, ...]
    forecast_skill: ForecastSkill
    ladder: Ladder | None
    verdict: Verdicts
    trials: Trials
    checks: tuple[Check, ...]
    versions: dict[str, str]
    universe: UniverseFacts | None = None  # None for one asset
    panel: PanelFacts | None = None

    def to_dict(self) -> dict[str, Any]:
        """The content of summary.json, ready for JSON."""
        values: dict[str, Any] = _adapter().dump_python(self, mode="json", by_alias=True)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Assessment:
        """The inverse of `to_dict`.

        Raises
        ------
        DataError
            `values` have another schema version, or are not a summary.
        """
        schema = values.get("schema")
        if schema != SCHEMA:
            raise DataError(
                f"summary.json has schema {schema!r}, and this version of lstmstrat reads schema {SCHEMA}; "
                "run the config.yaml beside it again"
            )
        try:
            return _adapter().validate_python(dict(values))
        except ValidationError as error:
            raise DataError(f"summary.json cannot be read: {_first_mistake(error)}") from None


@cache
def _adapter() -> TypeAdapter[Assessment]:
    return TypeAdapter(Assessment)


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors()[0]
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{'.'.join(str(part) for part in mistake['loc'])}: {mistake['msg']}{more}"
