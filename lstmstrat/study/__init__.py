"""From a config to a `Result`: this part puts the parts below it together.

run.py          from a config to a result, step by step
prepare.py      checks a config and its strategies, and loads its prices
build.py        builds every strategy once, before the training
simulate.py     simulates buy-and-hold and every strategy -> `Run`
tasks.py        runs variations of a run -> their outcomes
replicas.py     other seeds and null worlds
ladder.py       cheaper models and rarer refits
extras.py       runs seeds, null worlds and the ladder if the config asks for them
checks.py       the checks of a run
judge.py        the statistics and the verdicts of a run
ledger.py       the ledger of trials
proof.py        where only the audit is missing, it is made at once
outside.py      the verdict on a Cerebro of the user's own, or on bare returns
kinds.py        how a config is run, on one asset or over a universe, where there are many of them
sweep.py        a config at every point of a grid
compare.py      runs side by side
calls.py        sweep and compare, as Python calls them
cuts.py         every strategy once more on prices that end early
audits.py       the look-ahead audit of a strategy, and the record of the last one
cluster/        the calls of a run on the workers of a Dask cluster
fingerprint.py  the keys of stored results
"""
