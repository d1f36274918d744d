"""The command ``lstmstrat`` and its subcommands; ``python -m lstmstrat.{backtest,audit,new,trials}`` are doors."""
