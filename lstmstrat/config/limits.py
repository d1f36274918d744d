"""The largest value of each setting, with the reason. What sensible people do lies far below it.

What a limit allows may still take hours or gigabytes: `forecasting/cost.py` estimates that before it starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Limit:
    """The largest number, or the longest text or list.

    Examples
    --------
    >>> Limit(1_000, "more would not fit").mistake(2_000)
    'expected at most 1000: more would not fit'
    >>> Limit(1_000, "more would not fit").mistake("month")
    ''
    """

    most: int | float
    why: str
    keyword: Literal["maximum", "maxLength", "maxItems"] = "maximum"  # of JSON Schema

    def mistake(self, value: Any) -> str:
        """A sentence on a value that is too large; '' on any other."""
        kinds: dict[str, type[Any] | tuple[type[Any], ...]] = {"maxLength": str, "maxItems": tuple}
        if not isinstance(value, kinds.get(self.keyword, (int, float))):
            return ""  # another type of the same setting, such as a word in place of a number
        size: float = value if self.keyword == "maximum" else len(value)
        if size <= self.most:
            return ""
        unit = {"maximum": "", "maxLength": " characters", "maxItems": " in the list"}[self.keyword]
        return f"expected at most {self.most}{unit}: {self.why}"


Limits = Mapping[str, Limit]  # by the name of the field

_BARS = "nobody has more bars: it is twenty years of minutes"
_WINDOW = "of daily bars it is forty years"
_FILE_NAME = "it becomes part of a file name"

DATA: Limits = {
    "symbol": Limit(100, _FILE_NAME, "maxLength"),
    "accepted": Limit(1_000, "nobody looks at more", "maxItems"),
    "universe": Limit(100_000, "no market has so many assets", "maxItems"),
    "extra": Limit(1_000, "a network cannot weigh more inputs against each other", "maxItems"),
    "peers": Limit(1_000, "a network cannot weigh more inputs against each other", "maxItems"),
}
PEER: Limits = {
    "symbol": DATA["symbol"],
    "accepted": DATA["accepted"],
    "name": Limit(100, "it is a name in a list", "maxLength"),
}
EXTRA: Limits = {
    "name": PEER["name"],
    "date": Limit(100_000, "no table has so many columns"),
    "column": Limit(100_000, "no table has so many columns"),
}
FORECAST: Limits = {
    "lookback": Limit(10_000, _WINDOW),
    "least_assets": Limit(100_000, "no universe has so many assets"),
    "horizon": Limit(10_000, _WINDOW),
    "features": Limit(1_000, "a network cannot weigh more inputs against each other", "maxItems"),
    "peer_features": Limit(1_000, "a network cannot weigh more inputs against each other", "maxItems"),
    "clip": Limit(1_000.0, "a value so many deviations out is an error of the data, and drowns all others"),
    "train_size": Limit(10_000_000, _BARS),
    "max_train_size": Limit(10_000_000, _BARS),
    "refit_every": Limit(10_000_000, _BARS + "; never is a word of its own"),
    "hidden_size": Limit(2_048, "such a layer has 17 million weights, and no prices tell so much"),
    "layers": Limit(32, "the gradient does not come through more"),
    "epochs": Limit(100_000, "by then every training set is learned by heart"),
    "batch_size": Limit(1_000_000, "it is more than a training set has samples"),
    "loss_steps": Limit(10_000, _WINDOW),
    "backprop_steps": Limit(10_000, _WINDOW),
    "learning_rate": Limit(1.0, "a step of Adam moves every weight by about as much"),
    "weight_decay": Limit(1_000_000.0, "with learning_rate it takes a share of every weight off in each step"),
    "gradient_clip": Limit(1_000_000.0, "no gradient is larger, so with this value nothing is clipped"),
    "patience": Limit(100_000, "there are no more epochs to wait for"),
    "members": Limit(1_000, "the mean of more networks hardly moves"),
    "up_threshold": Limit(10.0, "a price that is 22,000 times as high"),
    "quantiles": Limit(100, "the errors of the last 1,000 bars cannot tell more of them apart", "maxItems"),
    "seed": Limit(2**63 - 1, "it must fit into 64 bits"),
}
BROKER: Limits = {
    "cash": Limit(1e15, "with more, cents are lost in the rounding"),
    "commission": Limit(0.1, "it is a share of each trade; 0.1% is written 0.001"),
    "slippage": Limit(0.1, "it is a share of the price; 0.05% is written 0.0005"),
}
STRATEGY: Limits = {"name": Limit(100, "it is the head of a column", "maxLength")}
PORTFOLIO: Limits = {
    "long": Limit(100_000, "no universe has so many assets"),
    "short": Limit(100_000, "no universe has so many assets"),
    "hold_until": Limit(100_000, "no universe has so many assets"),
    "name": Limit(100, "it is the head of a column", "maxLength"),
}
REPORT: Limits = {
    "periods_per_year": Limit(31_622_400, "it is the seconds of a leap year"),
    "seeds": Limit(10_000, "the spread over seeds is known long before"),
    "worlds": Limit(10_000, "a p-value of 0.0001 is small enough"),
}
CONFIG: Limits = {
    "name": Limit(100, _FILE_NAME, "maxLength"),
    "strategies": Limit(1_000, "each has an account of its own in the report", "maxItems"),
}
