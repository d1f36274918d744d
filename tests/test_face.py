"""Everything a user types: it is there, it is documented, and its examples run."""

from __future__ import annotations

import doctest
import importlib
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


INNER = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for path in (ROOT / "lstmstrat").rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", INNER)
def test_the_examples_of_a_module_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of public names have run above."""
    monkeypatch.chdir(ROOT)
    module, public = importlib.import_module(name), {id(documented(one)) for one in NAMES}
    inner = [
        value
        for value in vars(module).values()
        if getattr(value, "__module__", "") == name
        and inspect.getdoc(value)
        and id(value) not in public
        and hasattr(value, "__qualname__")  # not the instances, whose text is that of their class
    ]
    finder, runner = doctest.DocTestFinder(recurse=True), doctest.DocTestRunner(verbose=False)
    names = {**vars(module), "__name__": "__main__"}  # what an example defines is the reader's, not the module's
    for value in inner:
        for test in finder.find(value, value.__qualname__, module=module, globs=names):
            assert runner.run(test).failed == 0, f"an example of {test.name} fails"


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
