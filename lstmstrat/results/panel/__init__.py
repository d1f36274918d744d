"""What a run over a universe found, as values.

run.py    `PanelRun`: accounts, panel and forecasts, aligned on its sessions
facts.py  `UniverseFacts` and `PanelFacts`, which an `Assessment` holds
holdings.py what an account held, from its orders
tables.py the tables of its files
"""
