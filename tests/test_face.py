"""Everything a user types: it is there, it is documented, and its examples run."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path
from typing import Any

import pytest

import lstmstrat

ROOT = Path(__file__).parents[1]
NAMES = sorted(name for name in lstmstrat.__all__ if name != "__version__")
ERRORS = {name for name in NAMES if name.endswith("Error")}


def documented(name: str) -> Any:
    value = getattr(lstmstrat, name)
    return value.audit if inspect.ismodule(value) else value  # `lstmstrat.audit` is a module that can be called


@pytest.mark.parametrize("name", sorted(set(NAMES) - ERRORS))
def test_a_public_name_has_an_example_that_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    value = documented(name)
    finder, runner = doctest.DocTestFinder(recurse=True), doctest.DocTestRunner(verbose=False)
    module = inspect.getmodule(value)
    examples = [test for test in finder.find(value, name, module=module) if test.examples]
    assert examples, f"{name} has no example"
    for test in examples:
        result = runner.run(test)
        assert result.failed == 0, f"an example of {test.name} fails"


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_says_what_its_signature_does_not(name: str) -> None:
    value = documented(name)
    text = inspect.getdoc(value) or ""
    assert text.strip()
    if inspect.isfunction(value):
        parameters = inspect.signature(value).parameters
        assert not parameters or "Parameters\n----------" in text
        for parameter in parameters:
            assert parameter in text, f"{name} says nothing of {parameter}"
        assert "Raises\n------" in text
        assert "Examples\n--------" in text
