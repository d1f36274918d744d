"""The report as one HTML page that works without a network: text, numbers, charts and plotly.js in one file.

    tables      every table as rows of cells
    render      a template and its values to text
    view        the values of the page of a run
    compare     the page of a comparison
    sweep       the page of a sweep
    runs        the list of the runs in a folder
    curves      pictures that need no script
    glossary    the terms, each in a sentence
    templates/  the page, section by section (Jinja2)
    static/     its style and script, and plotly.js as it is published, with its licence

The page is read from top to bottom: the answer, the strategies, luck, the forecast, the course of time, the
trades, the training, how it was made. The menu of the strategy governs every chart and every table of one
strategy. It begins with the first strategy of the config, never with the best.
"""

from __future__ import annotations

from lstmstrat.report.figures import payload
from lstmstrat.report.page.render import as_json, render
from lstmstrat.report.page.view import view
from lstmstrat.results.result import Result


def page(result: Result) -> str:
    """The text of report.html. All names and sentences from the run are escaped."""
    return render("page.html", **view(result), payload=as_json(payload(result)))
