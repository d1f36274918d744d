"""Bars to forecasts.

features.py, targets.py   the inputs and the label of each bar
schedule.py               which bars may train the model that forecasts bar t
history.py                the closed bars of an asset and their features
training_set.py           the samples of a fold and their scaling
models/                   the LSTM, cheaper models, a user's own model
walk_forward.py           the only path from bars to forecasts
fitting.py                the fits of the folds that are due, as one job
fitted_fold.py            a fold after its fit
parts.py                  what its models say about bars
learned.py                what it has learned from the forecasts before it:
    calibration.py        how far its parts are trusted
    predictive.py         sigma, up and quantiles, from earlier errors
reasons.py                why a bar has no forecast, in words
cost.py                   what a training will take, before it starts
forecasts.py              the forecasts of a walk-forward as a value
trainer.py                fitted models, from the store or from a new fit
session.py, executor.py   the store, the threads and the counts of a run
"""
