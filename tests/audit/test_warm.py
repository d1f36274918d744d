"""What an earlier run in the same process left behind: it is in place before the audit begins, and is found."""

from __future__ import annotations

import linecache
import sys
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import backtrader as bt
import pytest
import warm_helper
import warm_kinds
from helpers.market import market

from lstmstrat.audit import suite
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, Finding
from lstmstrat.audit.subjects import of_class

FRAME = market(130, seed=4).frame


@pytest.fixture(scope="module", autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    if hasattr(bt, "kept_by_warm_kinds"):
        del bt.kept_by_warm_kinds


def after_a_run(*classes: type[Any], **params: Any) -> dict[str, Finding]:
    """What P12 says of each class after it ran here over all bars."""
    subjects = [of_class(cls, FRAME, params, None, (), None) for cls in classes]
    for subject in subjects:
        assert subject.run().error is None
    found = suite.findings([(subject, lambda probe, day: "") for subject in subjects], only="P12")
    return {finding.subject: finding for finding in found}


def test_a_class_of_a_module_is_held_against_a_new_process() -> None:
    names = ("OnTheClass", "InAHelper", "InALibrary", "NeedsAllBars", "Indicated", "Honest")
    found = after_a_run(*(getattr(warm_kinds, name) for name in names))
    said = {name: (finding.status, finding.detail) for name, finding in found.items()}
    for name in names[:3] + names[4:5]:
        assert said[name][0] == FAILED, said[name]
        assert "left behind: alone in a new process its order is" in said[name][1]
    assert said["NeedsAllBars"][0] != PASSED
    assert said["Honest"][0] == PASSED, said["Honest"]


def test_an_object_in_a_parameter_is_looked_at_though_the_class_is_fresh() -> None:
    (found,) = after_a_run(warm_kinds.ByParameter, tuner=warm_helper.Tuner()).values()
    assert found.status == NOT_ASSESSED
    assert "parameter tuner.lag" in found.detail


NOTEBOOK = """
    import functools
    from collections import defaultdict, deque

    import backtrader as bt
    import numpy as np
    import warm_helper
    from warm_helper import optimum
    from warm_kinds import Lagged

    THRESHOLD, PERIODS, NAMES = 0.01, [3, 5], ("a", "b")
    GRID = [n * 2 for n in range(1, 3)]
    SETTINGS = {"lag": 3}
    memo, rows, log, counts = {}, [None], [], defaultdict(int)
    best, runs = -1, 0
    newest = deque(maxlen=3)
    array = np.zeros(2)
"""

LEAKS = {
    "class attribute": "best_lag = 0; lag = lambda self, c: kept(type(self), c)",
    "class by name": """
        best_lag = 0
        def lag(self, close):
            if not Mine.best_lag:
                Mine.best_lag = optimum(close)
            return Mine.best_lag""",
    "base class": """
        def lag(self, close):
            if "hidden" not in vars(Lagged):
                Lagged.hidden = optimum(close)
            return Lagged.hidden""",
    "setattr": """
        found = None
        def lag(self, close):
            if self.found is None:
                setattr(self.__class__, "found", optimum(close))
            return self.found""",
    "class method": """
        found = None
        @classmethod
        def keep(cls, close):
            cls.found = cls.found or optimum(close)
        def lag(self, close):
            self.keep(close)
            return self.found""",
    "global": """
        def lag(self, close):
            global best
            if best == -1:
                best = optimum(close)
            return best""",
    "globals()": """
        def lag(self, close):
            if globals()["best"] == -1:
                globals()["best"] = optimum(close)
            return best""",
    "dictionary": """
        def lag(self, close):
            if "best" not in memo:
                memo["best"] = optimum(close)
            return memo["best"]""",
    "among settings": """
        def lag(self, close):
            if "best" not in SETTINGS:
                SETTINGS["best"] = optimum(close)
            return SETTINGS["best"]""",
    "list": """
        def lag(self, close):
            if rows[0] is None:
                rows[0] = optimum(close)
            return rows[0]""",
    "deque": """
        def lag(self, close):
            if not newest:
                newest.append(optimum(close))
            return newest[0]""",
    "array": """
        def lag(self, close):
            if array[0] == 0:
                array[0] = optimum(close)
            return int(array[0])""",
    "container on the class": """
        kept = {}
        def lag(self, close):
            return self.kept.setdefault("best", optimum(close))""",
    "handed to a function": """
        def lag(self, close):
            return fill(memo, close)""",
    "cache": """
        def lag(self, close):
            return cached(tuple(self.data._name), close.tobytes() if False else Bars(close))""",
    "default value": "lag = lambda self, c, kept={}: kept.setdefault('best', optimum(c))",
    "default of a parameter": """
        params = (("memo", {}),)
        def lag(self, close):
            return self.p.memo.setdefault("best", optimum(close))""",
    "closure": "lag = around()",
    "cell of a closure": "ask = staticmethod(warm_helper.kept_around()); lag = lambda self, c: self.ask(c)",
    "object": "tuner = warm_helper.Tuner(); lag = lambda self, c: self.tuner.of(c)",
    "helper memo": "lag = lambda self, c: warm_helper.by_memo(c)",
    "helper global": "lag = lambda self, c: warm_helper.by_global(c)",
    "helper cache": "lag = lambda self, c: warm_helper.by_cache(c)",
    "helper attribute": "lag = lambda self, c: warm_helper.by_attribute(c)",
    "helper default": "lag = lambda self, c: warm_helper.by_default(c)",
    "helper object": "lag = lambda self, c: warm_helper.by_object(c)",
    "helper closure": "lag = lambda self, c: warm_helper.by_closure(c)",
    "imported inside": """
        def lag(self, close):
            import warm_helper as other
            return other.by_memo(close)""",
    "library": """
        def lag(self, close):
            if not hasattr(bt, "kept_by_warm_kinds"):
                bt.kept_by_warm_kinds = optimum(close)
            return bt.kept_by_warm_kinds""",
    "at the end": """
        best_lag = 2
        def lag(self, close):
            return self.best_lag
        def stop(self):
            type(self).best_lag = optimum(np.array(self.data.close.array))""",
    "iterator": """
        lags = iter([5, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3])
        def lag(self, close):
            return next(self.lags)""",
    "property": """
        found = None
        @property
        def chosen(self):
            if Mine.found is None:
                Mine.found = optimum(np.array(self.data.close.array))
            return Mine.found
        def lag(self, close):
            return self.chosen""",
    "lambda on the class": """
        rule = None
        def lag(self, close):
            if self.rule is None:
                n = optimum(close)
                type(self).rule = staticmethod(lambda: n)
            return self.rule()""",
}

HONEST = {
    "constants": "lag = lambda self, c: PERIODS[0] if THRESHOLD else GRID[0] + SETTINGS['lag'] + len(NAMES)",
    "grid that nobody changes": """
        def lag(self, close):
            self._rows = []
            self._rows.append(GRID[1])
            return self._rows[0]""",
    "attributes of the strategy": """
        ordered, best_lag, seen = None, 3, 0
        def lag(self, close):
            self.ordered, self.seen = None, 0
            self.seen += 1
            setattr(self, "best_lag", 3)
            return self.best_lag""",
    "log": """
        def lag(self, close):
            log.append("started")
            return 3""",
    "count": """
        started = 0
        def lag(self, close):
            global runs
            runs += 1
            type(self).started += 1
            counts["runs"] += 1
            return 3""",
    "memo of a pure function": """
        def lag(self, close):
            return memo.setdefault("lag", 1 + 2)""",
    "cache of a pure function": "lag = lambda self, c: pure(1)",
    "parameters": """
        params = (("lags", [3, 5]), ("names", {"fast": 3}))
        def lag(self, close):
            own = {}
            own["fast"] = self.p.names["fast"]
            return own["fast"] if self.p.lags else 5""",
    "a helper with settings": """
        tuner = warm_helper.Tuner()
        def lag(self, close):
            return 3 + self.tuner.lag""",
}

FUNCTIONS = """
    def kept(cls, close):
        if not cls.best_lag:
            cls.best_lag = optimum(close)
        return cls.best_lag

    def fill(where, close):
        if "best" not in where:
            where.update(best=optimum(close))
        return where["best"]

    class Bars:
        def __init__(self, close):
            self.close = close
        def __hash__(self):
            return 1
        def __eq__(self, other):
            return True

    @functools.lru_cache
    def cached(name, bars):
        return optimum(bars.close)

    @functools.cache
    def pure(n):
        return n + 2

    def around():
        kept = {}
        def lag(self, close):
            return kept.setdefault("best", optimum(close))
        return lag
"""


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module without a file, whose cells are in `linecache`, as in IPython."""
    module = ModuleType("notebook_of_test_warm")
    module.In = []  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    yield module
    for name in [name for name in linecache.cache if name.startswith("<cell")]:
        del linecache.cache[name]


def run_cell(module: ModuleType, text: str) -> None:
    text, cells = textwrap.dedent(text), module.In
    name = f"<cell {len(cells)}>"
    cells.append(text)
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), vars(module))


def in_a_notebook(module: ModuleType, body: str, *, sources: bool = True) -> type[Any]:
    for cell in (NOTEBOOK, FUNCTIONS, f"class Mine(Lagged):\n{textwrap.indent(textwrap.dedent(body), '    ')}"):
        run_cell(module, cell)
    if not sources:
        module.In.clear()
        linecache.clearcache()
    mine: type[Any] = module.Mine
    return mine


@pytest.fixture(autouse=True)
def _fresh_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MEMO", "TUNER", "by_closure", "best_of_all"):
        value = {"MEMO": {}, "TUNER": warm_helper.Tuner(), "by_closure": warm_helper.kept_around()}.get(name, 0)
        monkeypatch.setattr(warm_helper, name, value)
    monkeypatch.setattr(warm_helper.by_default, "__defaults__", ({},))
    vars(warm_helper.by_attribute).clear()
    vars(bt).pop("kept_by_warm_kinds", None)
    if "hidden" in vars(warm_kinds.Lagged):
        del warm_kinds.Lagged.hidden
    warm_helper._cached.cache_clear()


@pytest.mark.parametrize("kind", LEAKS)
def test_what_a_class_of_a_notebook_keeps_is_found(kind: str, notebook: ModuleType) -> None:
    (found,) = after_a_run(in_a_notebook(notebook, LEAKS[kind])).values()
    assert found.status in (FAILED, NOT_ASSESSED), found.detail
    assert "earlier run" in found.detail


@pytest.mark.parametrize("kind", HONEST)
def test_an_honest_class_of_a_notebook_passes(kind: str, notebook: ModuleType) -> None:
    (found,) = after_a_run(in_a_notebook(notebook, HONEST[kind])).values()
    assert found.status == PASSED, found.detail
