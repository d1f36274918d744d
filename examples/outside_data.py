"""Outside data in a config: a file of weekly numbers, and another share, each joined by the time it was known.

python examples/outside_data.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import lstmstrat


def write_mood(path):
    """A hundred weekly numbers, dated on Fridays; in a file of your own they would mean something."""
    fridays = np.datetime64("2011-01-07") + 7 * np.arange(100)
    moods = np.random.default_rng(0).normal(size=100)
    rows = [f"{day},{mood:.3f}" for day, mood in zip(fridays, moods, strict=True)]
    path.write_text("\n".join(["date,mood", *rows]) + "\n")


def main():
    with TemporaryDirectory() as folder:
        file = Path(folder, "mood.csv")
        write_mood(file)
        data = lstmstrat.DataConfig(
            symbol="IBM",
            start="2011-01-03",
            extra=[{"name": "mood", "path": file, "lag": "3d"}],  # published on the Monday after
            peers=[{"name": "msft", "symbol": "MSFT"}],
        )
        config = lstmstrat.Config(
            data=data,
            forecast=lstmstrat.ForecastConfig(
                model="ridge",
                train_size=250,
                features=["return_1", "volatility_21", "column:mood", "column:mood.change_21"],
                peer_features=["return_1"],
            ),
            strategies=[{"class": "strategies.long_flat:LongFlat"}],
        )
        with lstmstrat.Session(lstmstrat.Store(None), ledger=lstmstrat.Ledger(None)) as session:
            result = lstmstrat.run(config, session=session)
    facts = result.assessment.data
    for one in facts.outside:
        print(f"{one.kind} {one.name}: {one.rows} rows, known from {one.first} to {one.last}, lag {one.lag}")
    print(*(note for note in facts.notices if note.startswith("mood: ")), sep="\n")
    print(f"{result.forecasts['forecast'].notna().sum()} forecasts")


if __name__ == "__main__":
    main()
