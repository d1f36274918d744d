"""What a run found: the values that the report is written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from lstmstrat.config import Config


@dataclass(frozen=True)
class Result:
    """A finished run; every frame is in the units of the files it becomes."""

    config: Config
    summary: dict[str, Any]
    equity: pd.DataFrame
    exposure: pd.DataFrame
    forecasts: pd.DataFrame
    folds: pd.DataFrame
    orders: pd.DataFrame
    trades: pd.DataFrame
    closes: pd.Series
