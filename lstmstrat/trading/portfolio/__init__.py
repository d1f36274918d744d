"""Many assets on one account, without Backtrader but by its rules.

weights.py  scores to target weights; the equal weights of the benchmark
optimiser.py  the weights of a side by an optimiser, such as one of skfolio's
own.py      the same by a rule of the user's
orders.py   what to order at one open, from what the orders really cost
columns.py  `simulate`, session by session over all assets at once, and `PortfolioAccount`
"""
