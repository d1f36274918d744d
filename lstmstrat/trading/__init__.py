"""The part that imports Backtrader. Only audit/ imports it too.

indicator.py    the indicator `LSTMForecast`
strategy.py     the base classes of strategies, and buy-and-hold
sizing.py       how much to order, from what the order really costs
broker.py       what the broker says at an open
mistakes.py     what goes wrong silently in Backtrader, found in a class or at its start
parameters.py   loads a strategy class by its path and checks its parameters
simulation.py   runs one strategy with one account over the prices
order_log.py    copies orders while they are new
recorder.py     records the account of a strategy in any Cerebro
watched.py      a Cerebro of the user's own: its runs, its costs, its broker once more
clock.py        converts dates to Backtrader's times and back
plotting.py     ``cerebro.plot()`` without a screen
portfolio/      many assets on one account, by columns and without Backtrader
"""
