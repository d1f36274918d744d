"""A run over a universe: the same steps as for one asset, with a portfolio in place of the strategies.

simulate.py  panel, forecasts, the portfolio and the equal-weight hold: a `PanelRun`
stream.py    the same a few sessions at a time
evidence.py  what the scores are worth
checks.py    the checks of such a run
inputs.py    those of its features and training labels
audit.py, own_audit.py  does anything depend on later bars? what does code of the user's own read and keep?
             (decisions.py, changed.py, own_code.py; leaks.py, own_leaks.py: planted; audits.py: the record)
kind.py      many such runs, and what they share
replicas.py  the same with other seeds, and in null worlds
run.py       a config to a `Result`
"""
