"""What a notebook shows in the place of a result, a comparison or a sweep.

The HTML needs no script and no style sheet, takes its colours from the notebook, light or dark, and escapes
every text of the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lstmstrat.report import answer, comparison, ranks, sweep
from lstmstrat.report.cells import HOLDING as HOLDS
from lstmstrat.report.cells import verdict
from lstmstrat.report.columns import METRICS, metric_cells
from lstmstrat.report.page.curves import bounds, points
from lstmstrat.results.assessment import Assessment
from lstmstrat.results.comparison import Comparison
from lstmstrat.results.result import HOLDING, Result
from lstmstrat.results.sweep import Sweep

if TYPE_CHECKING:
    from jinja2 import Template

SIZE = 640.0, 220.0  # of the curve
HOLD, CHOSEN = "currentColor", "#3d85c6"  # 3.2:1 or more on white and on black
TABLE = """\
<div class="lstmstrat">
{%- for text in sentences %}
<p style="margin:.4em 0;max-width:50em{{ '' if loop.index0 else ';font-weight:600' }}">{{ text }}</p>
{%- endfor %}
{%- if curve %}
<svg viewBox="0 0 {{ size[0] }} {{ size[1] }}" width="{{ size[0] }}" style="max-width:100%" role="img" \
aria-label="{{ curve.label }}">
{%- for line in curve.lines %}
<polyline points="{{ line.points }}" fill="none" stroke="{{ line.colour }}" stroke-width="{{ line.width }}" \
stroke-opacity="{{ line.opacity }}"/>
{%- endfor %}
</svg>
<p style="margin:.2em 0;font-size:90%">{{ curve.label }}</p>
{%- endif %}
<table>
<thead><tr>{% for head in heads %}<th scope="col">{{ head }}</th>{% endfor %}</tr></thead>
<tbody>
{%- for row in rows %}
<tr><th scope="row" style="text-align:left">{{ row[0] }}</th>
{%- for cell in row[1:] %}<td style="text-align:right">{{ cell }}</td>{% endfor %}</tr>
{%- endfor %}
</tbody>
</table>
</div>
"""


def result_html(result: Result) -> str:
    """The verdicts in a sentence, the equity of the first strategy and of holding, and the table of strategies."""
    found = result.assessment
    first, *_ = found.strategies
    heads = ["", *(column.heading.replace("\u00ad", "") for column in METRICS), "verdict"]
    rows = [
        [HOLDS, *metric_cells(found.benchmark, METRICS), ""],
        *(
            [one.name, *metric_cells(one.metrics, METRICS), verdict(one.versus_benchmark.verdict)[0]]
            for one in found.strategies
        ),
    ]
    return _template().render(
        sentences=[answer.sentence(found), answer.money(found, first), *ranks.holding(found), *ranks.brief(found)],
        curve=_curve(result, found),
        size=SIZE,
        heads=heads,
        rows=rows,
    )


def comparison_html(found: Comparison) -> str:
    """What came out of a comparison in sentences, and its contenders."""
    return _table(comparison.sentences(found), comparison.contenders(found))


def sweep_html(found: Sweep) -> str:
    """The best points of a sweep with what all trials leave of them, and all its points."""
    return _table(sweep.sentences(found), sweep.every_point(found))


def _table(sentences: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    heads, *body = rows
    return _template().render(sentences=sentences, curve=None, size=SIZE, heads=heads, rows=body)


def _curve(result: Result, found: Assessment) -> dict[str, Any]:
    first = found.strategies[0].name
    values = {name: result.equity[name].to_numpy() for name in (HOLDING, first)}
    low, high = bounds(np.concatenate(list(values.values())))

    def line(name: str, colour: str) -> dict[str, Any]:
        drawn = points(values[name], low, high, *SIZE)
        return {"points": drawn, "colour": colour, "width": 2, "opacity": 1.0 if name == first else 0.6}

    return {
        "label": f"Account value on a log scale: {first} (blue), holding {found.data.symbol} (grey), "
        f"{found.period.first} to {found.period.last}",
        "lines": [line(HOLDING, HOLD), line(first, CHOSEN)],
    }


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined).from_string(TABLE)
