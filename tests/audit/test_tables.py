"""What is a table that comes with a strategy, and what is a setting."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from lstmstrat.audit.contents import described
from lstmstrat.audit.tables import Tables

RNG = np.random.default_rng(0)
SIGNALS = RNG.random(1000) > 0.6
HEX = f"{int(''.join(str(int(s)) for s in SIGNALS[:400]), 2):x}"
NUMBERS = [int(n) for n in RNG.integers(2**25, 2**30, 40)]
FRACTIONS = [float(x) for x in RNG.normal(size=40)]


def spread(values: list[Any]) -> type[Any]:
    """A class with an attribute for each value, which no list holds."""
    return type("Spread", (), {"__module__": __name__, **{f"m{k}": value for k, value in enumerate(values)}})


def in_functions(values: list[Any]) -> type[Any]:
    """A class with a method for each value."""
    scope: dict[str, Any] = {"__name__": __name__}
    exec("\n".join(f"def f{k}(self): return {value!r}" for k, value in enumerate(values)), scope)
    functions = {name: value for name, value in scope.items() if name[0] == "f"}
    return type("InFunctions", (), {"__module__": __name__, **functions})


@pytest.mark.parametrize(
    "text",
    [
        HEX,
        base64.b64encode(bytes(range(100, 200))).decode(),
        "u.d." * 30,
        "u_d_d_" * 30,
        "up,down,up," * 20,
        "buy|hold|" * 30,
    ],
    ids=["hexadecimal", "base64", "dots", "underscores", "commas", "bars"],
)
def test_a_text_that_nobody_says_is_a_table(text: str) -> None:
    assert described(text) == "has a row of signals"


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a/rather/long/address/of/some/page.html?symbol=AAPL&first=2010",
        "/home/somebody/projects/strategies/momentum/with/a/long/path/to/config.yaml",
        "-" * 80,
        "+" + "-" * 60 + "+",
        "=-" * 40,
        "|" + "---|" * 30,
        "Buys when the close is above its average of the last bars, and sells when it is below it again; " * 3,
        "lstmstrat.strategies.momentum.very_long_module_name:VeryLongNameOfSomeStrategyClass",
    ],
    ids=["address", "path", "line", "box", "waves", "table", "sentences", "class path"],
)
def test_what_people_write_is_none(text: str) -> None:
    assert described(text) == ""


def test_a_list_of_names_is_none_and_one_of_signals_is() -> None:
    tickers = [f"{a}{b}{c}" for a in "ABCD" for b in "KLMN" for c in "XYZW"]
    assert described(tickers) == ""
    assert described(["up", "down", "down"] * 20) == "has a row of signals"
    assert described([f"0.{k}1" for k in range(60)]) == "has 60 numbers"


@pytest.mark.parametrize("make", [spread, in_functions])
@pytest.mark.parametrize("values", [NUMBERS, FRACTIONS, [n << 60 | n for n in NUMBERS[:10]]], ids=len)
def test_long_numbers_count_together_wherever_they_are(make: Any, values: list[Any]) -> None:
    found = Tables()
    found.look_at_code(make(values))
    (said,) = found.found
    assert said.endswith(" long numbers together")


@pytest.mark.parametrize("make", [spread, in_functions])
def test_settings_are_short_numbers(make: Any) -> None:
    settings = [
        *range(5, 300, 7),
        *(k / 1000 for k in range(40)),
        100_000,
        1_000_000.0,
        1e-6,
        0.5,
        3.141592653589793,
    ]
    found = Tables()
    found.look_at_code(make([*settings, 0x9E3779B97F4A7C15, 12345678]))
    assert found.found == []
