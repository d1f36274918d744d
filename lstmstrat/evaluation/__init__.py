"""Statistics of accounts and forecasts: pure functions of arrays and series. An undefined value is None.

metrics.py       return and risk of an account
round_trips.py   fills to round trips
bootstrap.py     the circular block bootstrap behind all intervals
sharpe.py        the Sharpe ratio of a strategy minus that of buy-and-hold
growth.py        growth and drawdown against buy-and-hold, the source of a lead, the break-even cost
timing.py        a strategy against its own positions in a random order
many_trials.py   corrections for the number of strategies that were tried
skill.py         accuracy of the forecasts
ranks.py         what scores of many assets are worth, by their order in a session
rank_books.py    what the quantiles of such scores earn, and at which cost nothing is left
survivors.py     what of their skill is timing, and how much of an index the data covers
verdict.py       the verdict on a strategy, by a rule that is declared beforehand
"""
