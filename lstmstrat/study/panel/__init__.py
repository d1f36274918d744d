"""A run over a universe: the same steps as for one asset, with a portfolio in place of the strategies.

simulate.py  panel, forecasts, the portfolio and the equal-weight hold: a `PanelRun`
evidence.py  what the scores are worth
checks.py    the checks of such a run
inputs.py    those of its features and training labels
kind.py      many such runs, and what they share
replicas.py  the same with other seeds, and in null worlds
run.py       a config to a `Result`
"""
