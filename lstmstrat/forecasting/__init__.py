"""Bars to forecasts.

features.py, targets.py   the inputs and the label of each bar
schedule.py               which bars may train the model that forecasts bar t
history.py                the closed bars of an asset and their features
training_set.py           the samples of a fold and their scaling
models/                   the LSTM, cheaper models, a user's own model
walk_forward.py           the only path from bars to forecasts
calibration.py            how far a forecast is trusted, by those before it
reasons.py                why a bar has no forecast, in words
cost.py                   what a training will take, before it starts
forecasts.py              the forecasts of a walk-forward as a value
trainer.py                fitted models, from the store or from a new fit
session.py, executor.py   the store, the threads and the counts of a run
"""
