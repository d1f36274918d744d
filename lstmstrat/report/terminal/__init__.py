"""The text in a terminal or a pipe.

    answer      the answer of a run in eight lines
    run         the honesty card and the tables of a run
    compare     runs side by side
    folds       the folds that are going to be trained
    panel       the universe of a run
    progress    the stages of a run; notebook draws them there
    runs        a list of runs
    sweep       a config at many settings
    rows        a table that fits on every screen, for the two above
    trials      the ledger of trials
    audit       the findings of an audit
    console     helpers for rich, which all of these use

rich is imported inside the functions that print, so that importing this package is fast.
"""

from lstmstrat.report.terminal.answer import print_answer
from lstmstrat.report.terminal.audit import print_audit
from lstmstrat.report.terminal.compare import print_comparison
from lstmstrat.report.terminal.folds import print_folds
from lstmstrat.report.terminal.notebook import in_notebook
from lstmstrat.report.terminal.panel import print_panel
from lstmstrat.report.terminal.progress import stages
from lstmstrat.report.terminal.run import print_findings, print_result
from lstmstrat.report.terminal.runs import print_runs
from lstmstrat.report.terminal.sweep import print_sweep
from lstmstrat.report.terminal.trials import print_trials

__all__ = [
    "in_notebook",
    "print_answer",
    "print_audit",
    "print_comparison",
    "print_findings",
    "print_folds",
    "print_panel",
    "print_result",
    "print_runs",
    "print_sweep",
    "print_trials",
    "stages",
]
