"""From a template and its values to the text of a page."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from lstmstrat.report.page.glossary import GLOSSARY

if TYPE_CHECKING:
    from jinja2 import Environment

PLOTLY_SHA256 = "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"
"""Hash of static/plotly-basic.min.js: plotly.js 4.1.1, the published file of its basic build."""


def render(template: str, **values: Any) -> str:
    """The text of a page with style, script and plotly.js in it; every value is escaped but for `as_json`.

    A page without a `glossary` of its own has that of a run on one asset.
    """
    return (
        _environment()
        .get_template(template)
        .render(
            {"glossary": GLOSSARY, **values},
            css=_static("page.css"),
            script=_static("page.js"),
            plotly=_static("plotly-basic.min.js"),
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("lstmstrat.report.page", "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_said)
    made.filters |= {"slug": _slug, "raw": _raw}
    return made


def _static(name: str) -> Any:
    """A file that goes into the page as it is."""
    from markupsafe import Markup

    folder = resources.files("lstmstrat.report.page").joinpath("static")
    return Markup(folder.joinpath(name).read_text(encoding="utf-8"))


def as_json(values: Any) -> Any:
    """JSON that cannot close the script element around it."""
    from markupsafe import Markup

    return Markup(json.dumps(values, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"))


def _slug(text: str) -> str:
    """A name for an address: ``timing p`` is ``timing-p``."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _said(value: Any) -> Any:
    """A text with a minus sign in front of its numbers in place of a hyphen, as the charts write it.

    Dates, and the settings in a name such as ``f(x=-1)``, keep their hyphen, and so does what is `_raw`.
    """
    return MINUS.sub("\u2212", value) if type(value) is str else value


MINUS = re.compile(r"(?<![^\s\[<])-(?=\d)")


def _raw(text: str) -> Any:
    """A text that somebody may want to copy, as it is."""
    from markupsafe import escape

    return escape(text)
