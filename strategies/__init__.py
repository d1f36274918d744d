"""Strategies to run and to change, one in each file; a config names them as ``strategies.long_flat:LongFlat``."""
