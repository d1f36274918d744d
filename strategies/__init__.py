"""Strategies to run and to change, one a file: name them ``strategies.long_flat:LongFlat`` in a config."""
