"""The command lines: ``python -m lstmstrat.{backtest,audit,new,trials}`` call the modules of this part."""
