"""The calls of a run on the workers of a Dask cluster, here or on other machines.

connect.py   `lstmstrat.cluster`: from an address to an executor, and everything that can be wrong with it
executor.py  the executor: what is sent, and what comes back
parcel.py    calls as bytes; a training set that many calls share is sent once
machine.py   what the numbers of a process depend on: one that differs gets no work
work.py      what runs on a worker, which opens neither store nor ledger
preload.py   what a worker process of ``local:N`` does first
"""
