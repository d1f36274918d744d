"""Prices, checked and adjusted once: `Prices` and `load`.

    prices.py        the value, and how it is made of raw bars
    sources.py       the prices that a config asks for; join.py adds what comes from outside.py, extra.py
    bars.py          the columns of a bar
    bundled.py, files.py, yahoo.py   the sources
    yahoo_client.py  one question to Yahoo, asked again where that can help
    download.py      what was asked and what came; kept.py   which kept one answers; revision.py   what changed
    table.py         the table of a vendor to raw bars; it names the stages, from text.py to order.py
    check.py         what bars must satisfy before anything is computed from them
    adjust.py        the adjustment for splits and dividends
    faults.py        what is well-formed and cannot be true; jumps.py finds it in the prices
    acceptance.py    what is done about it: reported, refused, left out, accepted
    levels.py        the closes by which an asset is known again
    null_history.py  a history like the real one, without anything that can be forecast

The two names are loaded when first used: who needs the columns alone does not pay for pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstmstrat.prices.prices import Prices as Prices
    from lstmstrat.prices.sources import load as load

_HOME = {"Prices": "prices", "load": "sources"}

__all__ = ["Prices", "load"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"lstmstrat.prices.{_HOME[name]}"), name)
    raise AttributeError(f"module 'lstmstrat.prices' has no attribute {name!r}")
