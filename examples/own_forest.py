"""A random forest of scikit-learn, by its name, beside the LSTM in a ladder. A regressor needs no code of yours.

python examples/own_forest.py
"""

import lstmstrat
from lstmstrat import Config, DataConfig, ForecastConfig, ForecastStrategy, Ledger, ReportConfig, Session, Store

FORECAST = {"lookback": 20, "train_size": 500, "refit_every": 125, "mode": "rolling", "calibration": "none"}
NETWORK = {"hidden_size": 8, "epochs": 2, "members": 2}  # of the LSTM; the forest is one fit


class LongFlat(ForecastStrategy):
    def target_exposure(self):
        return 1.0 if self.forecast[0] > 0 else 0.0


def main():
    forest = {"n_estimators": 20, "max_depth": 3, "max_features": 0.5}
    config = Config(
        data=DataConfig(symbol="IBM", start="2010-01-01"),
        forecast=ForecastConfig(
            model="sklearn.ensemble:RandomForestRegressor", model_params=forest, **FORECAST, **NETWORK
        ),
        strategies=[{"class": "own_forest:LongFlat"}],
        report=ReportConfig(ladder=True),
    )
    result = lstmstrat.run(config, session=Session(Store(None), ledger=Ledger(None)))  # nothing is kept
    for rung in result.assessment.ladder.models:
        print(f"{rung.model:38} {rung.folds} folds, correlation {rung.correlation:+.3f}")


if __name__ == "__main__":
    main()
