"""The results of a run as values: frozen, picklable, and without the objects that produced them.

account.py      `Account`: equity, exposure, orders and trades of one strategy
orders.py       orders as they were placed, and their fills
run.py          `Run`: the accounts and forecasts of a run, aligned on the traded window
trial.py        `Trial`: an entry of the ledger
tables.py       the tables of a run
assessment.py   `Assessment`: the content of summary.json
judgement.py    `Judgement`: the verdicts on strategies that no config ran
result.py       `Result`: a finished run, with its config, assessment and tables
exports.py      a result in the tables of other programs
run_folder.py   writes the files of a run and reads them back
"""
