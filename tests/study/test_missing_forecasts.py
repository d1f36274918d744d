"""What a run says of bars without a forecast and of equal labels: in the log, the checks and the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.command import tiny
from helpers.market import market

from lstmstrat import Config, Result, Session, Store, run
from lstmstrat.arrays import Floats
from lstmstrat.config.validation import validated
from lstmstrat.ledger import Ledger
from lstmstrat.prices.bars import CLOSE, OPEN

GAPS = (150, 220)
ABOUT = "an input of the last `lookback` bars is missing"


def gaps(bars: Floats) -> Floats:
    """A feature that has no value at two bars."""
    values = np.log(bars[:, CLOSE] / bars[:, OPEN])
    values[[t for t in GAPS if t < len(bars)]] = np.nan
    return values


def suspended(path: Path) -> dict[str, str]:
    """Prices that stand still from bar 300 to bar 449, as a file."""
    frame = market(500).frame.copy()
    frame.iloc[300:450, :4] = frame["close"].iloc[300]
    frame.iloc[450:, :4] *= frame["close"].iloc[300] / frame["open"].iloc[450]
    frame.to_csv(path, index_label="date")
    return {"source": "csv", "path": str(path), "symbol": "X", "start": "2020-01-01", "end": "2021-11-30"}


@pytest.fixture
def result(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Result:
    values = tiny(
        data=suspended(tmp_path / "prices.csv"),
        forecast={"features": ["return_1", "test_missing_forecasts:gaps"], "refit_every": 20, "mode": "rolling"},
        report={"seeds": 3},
    )
    values["strategies"] = [{**values["strategies"][0], "name": name} for name in ("one", "two", "three")]
    with Session(Store(None), ledger=Ledger(None)) as session:
        return run(validated(Config, values, ""), session=session)


def test_the_report_names_the_input_and_the_log_says_each_reason_once(
    result: Result, caplog: pytest.LogCaptureFixture
) -> None:
    """lookback 5: each gap takes five forecasts. Three strategies and three seeds have the same forecasts."""
    said = f"10 bars: {ABOUT} (test_missing_forecasts:gaps has no value on 2 bars)"
    (check,) = (check for check in result.assessment.checks if check.name == "forecasts")
    assert (check.status, check.detail) == ("failed", said)
    assert f"no forecast on {said}" in result.assessment.data.notices
    told = [record.message for record in caplog.get_records("setup") if ABOUT in record.message]
    assert len(told) == 1
    assert "leave test_missing_forecasts:gaps out of features" in told[0]


def test_a_suspended_share_has_folds_that_are_constant(result: Result, caplog: pytest.LogCaptureFixture) -> None:
    """Training sets of 60 bars, of which 56 are samples, between bars 300 and 449."""
    constant = result.folds[result.folds["status"] == "constant"]
    assert 3 <= len(constant) <= 5
    forecasts = result.forecasts[result.forecasts["fold"].isin(constant["number"])]
    assert (forecasts["forecast"] == 0.0).all()
    assert (forecasts["spread"] == 0.0).all()
    said = f"{len(constant)} of {len(result.folds)} folds have equal labels, and forecast that constant"
    assert said in result.assessment.data.notices
    assert len([record for record in caplog.get_records("setup") if "are all equal" in record.message]) == 1
    largest = np.abs(np.diff(np.log(result.prices["open"]))).max()
    assert result.forecasts["forecast"].abs().max() < largest
