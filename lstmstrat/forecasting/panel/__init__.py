"""Forecasts for many assets.

relation.py  labels within a session: rank, median, difference from the mean
samples.py   what a fold learns from, and when each label was known
shuffled.py  the same labels dealt out by chance, as a control
forward.py   `PanelForward`, the path from the bars of many assets to their forecasts
"""
