"""The report of a run: text in the terminal and an HTML page.

    cells       numbers as text
    columns     the columns of every table
    card        the honesty card
    figures     the charts as plain data
    page        the page with tables and charts
    terminal    progress, folds, the tables of a run, trials, audits
    result      the values that show themselves in Python: html in a notebook, picture by matplotlib

This part turns values into text, and only this part rounds them. It computes nothing that a `Result` does not
contain, except drawdowns and the band of chance.
"""
