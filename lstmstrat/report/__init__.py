"""What people read: the terminal, the files of a run, the HTML page.

    cells       the columns of the table of strategies, and how a number is written
    terminal    progress, folds, the table
    files       the run folder, whole or not at all
    figures     the charts as plain data
    html        the page around them

Everything here turns values into text. It is the only place that rounds; beside drawdowns and the
band of chance it computes nothing that a `Result` does not hold.
"""
