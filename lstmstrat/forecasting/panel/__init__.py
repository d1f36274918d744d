"""Forecasts for many assets.

sessions.py   new sessions as they are handed over: checked arrays, or a sentence
asset.py      the bars of one asset, beside the sessions at which it has them
relation.py   labels within a session: rank, median, difference from the mean
samples.py    what a fold learns from, and when each label was known
shuffled.py   the same labels dealt out by chance, as a control
forward.py    `PanelForward`, the path from the bars of many assets to their forecasts
reasons.py    why a fold has no model, or learns nothing new
drawn.py      some of what the folds used, kept to be worked again
forecasts.py  `PanelForecasts`, all of it side by side
"""
