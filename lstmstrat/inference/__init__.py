"""Is the difference from buy-and-hold real, does the forecast know anything? Pure functions; undefined is None.

bootstrap.py  the circular block bootstrap, for all intervals
sharpe.py     the Sharpe ratio of a strategy above that of buy-and-hold
growth.py     growth and drawdown beside it, where the lead comes from, what costs it bears
timing.py     a strategy beside its own positions in another order
best.py       the best of several
deflated.py   is a Sharpe ratio more than the best of so many trials would have by luck?
skill.py      how well forecasts met what came
verdict.py    what may be said of a strategy, by a rule declared beforehand
"""
