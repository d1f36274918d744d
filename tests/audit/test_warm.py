"""What an earlier run in the same process left behind: it is in place before the audit begins, and is found."""

from __future__ import annotations

import datetime as dt
import importlib
import json
import linecache
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import backtrader as bt
import pytest
import warm_helper
import warm_kinds
from helpers.market import market

from lstmstrat.audit import suite
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, Finding
from lstmstrat.audit.reach import Code
from lstmstrat.audit.stores import stores
from lstmstrat.audit.subjects import of_class
from lstmstrat.audit.wire import NotSentError, frame_from_json, frame_to_json, from_json, to_json
from lstmstrat.config.plugins import changed_files
from lstmstrat.study.outside import _Setup
from lstmstrat.trading.simulation import _Broker
from lstmstrat.trading.watched import same_broker

FRAME = market(130, seed=4).frame


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
    import dataclasses
    import enum
    import functools
    import logging
    import queue
    from collections import defaultdict, deque, namedtuple

    import backtrader as bt
    import numpy as np
    import pandas as pd
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
    POINT = namedtuple("Point", "x y")(3, 4)
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
    "variables of a library": """
        def lag(self, close):
            return bt.__dict__.setdefault("kept_by_warm_kinds", optimum(close))""",
    "vars of a library": """
        def lag(self, close):
            if "kept_by_warm_kinds" not in vars(bt):
                vars(bt)["kept_by_warm_kinds"] = optimum(close)
            return bt.kept_by_warm_kinds""",
    "at the end": """
        best_lag = 2
        def lag(self, close):
            return self.best_lag
        def stop(self):
            type(self).best_lag = optimum(np.array(self.data.close.array))""",
    "addition in place": """
        seen = []
        def lag(self, close):
            if not self.seen:
                self.seen += [optimum(close)]
            return self.seen[0]""",
    "a name put together": """
        seen = []
        def lag(self, close):
            if not self.seen:
                getattr(self.seen, "app" + "end")(optimum(close))
            return self.seen[0]""",
    "a setting of the class, filled": """
        settings = {"lag": 0}
        def lag(self, close):
            self.settings["lag"] = self.settings["lag"] or optimum(close)
            return self.settings["lag"]""",
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

LEAKS |= {
    "slot": """
        def lag(self, close):
            if not hasattr(BOX, "lag"):
                BOX.lag = optimum(close)
            return BOX.lag""",
    "member of an enum": """
        def lag(self, close):
            if not hasattr(Side.LONG, "lag"):
                Side.LONG.lag = optimum(close)
            return Side.LONG.lag""",
    "cached property": """
        def lag(self, close):
            log[:] = [close]
            try:
                return LAZY.lag
            finally:
                log.clear()""",
    "frozen dataclass": """
        def lag(self, close):
            if not FROZEN.lag:
                object.__setattr__(FROZEN, "lag", optimum(close))
            return FROZEN.lag""",
    "queue": """
        def lag(self, close):
            if WAITING.empty():
                WAITING.put(optimum(close))
            return WAITING.queue[0]""",
    "class of the parameters": """
        params = (("n", 2),)
        def lag(self, close):
            if not hasattr(type(self.p), "found"):
                type(self.p).found = optimum(close)
            return self.p.found""",
    "class of the broker": """
        def lag(self, close):
            broker = type(self.broker)
            if not hasattr(broker, "kept_by_warm_kinds"):
                broker.kept_by_warm_kinds = optimum(close)
            return broker.kept_by_warm_kinds""",
    "defaults of a function": """
        def lag(self, close):
            if same.__defaults__ == (0,):
                same.__defaults__ = (optimum(close),)
            return same()""",
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
    "log of closes": """
        curve = []
        def lag(self, close):
            self.curve.extend(float(x) for x in close)
            return 3""",
    "table of settings": """
        settings = pd.DataFrame({"lag": [3, 5]}, index=["fast", "slow"])
        chosen = pd.Series({"lag": 3})
        def lag(self, close):
            log.append(len(self.settings))
            return int(self.settings.loc["fast", "lag"] + 0 * self.chosen["lag"])""",
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
    "settings of many kinds": """
        params = (("periods", (3, 5)),)
        def __init__(self):
            super().__init__()
            self.means = {}
            for n in self.p.periods:
                self.means[n] = bt.ind.SMA(self.data.close, period=n)
                setattr(self, f"mean_{n}", self.means[n])
        def lag(self, close):
            logging.getLogger("mine").debug("%s %s", Side.LONG, POINT.x)
            return FROZEN.lag or POINT.x""",
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

    class Box:
        __slots__ = ("lag",)
    BOX = Box()

    class Side(enum.Enum):
        LONG = 1

    class Lazy:
        @functools.cached_property
        def lag(self):
            return optimum(np.array(log[0]))
    LAZY = Lazy()

    @dataclasses.dataclass(frozen=True)
    class Frozen:
        lag: int = 0
        names: list = dataclasses.field(default_factory=list)
    FROZEN = Frozen()
    WAITING = queue.Queue()

    def same(n=0):
        return n

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
def _fresh_helper(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    fresh = {"MEMO": {}, "TUNER": warm_helper.Tuner(), "by_closure": warm_helper.kept_around(), "best_of_all": 0}
    for name, value in fresh.items():
        monkeypatch.setattr(warm_helper, name, value)
    monkeypatch.setattr(warm_helper.by_default, "__defaults__", ({},))
    yield
    vars(warm_helper.by_attribute).clear()
    warm_helper._cached.cache_clear()
    for owner, name in (
        (bt, "kept_by_warm_kinds"),
        (_Broker, "kept_by_warm_kinds"),
        (warm_kinds.Lagged, "hidden"),
    ):
        if name in vars(owner):
            delattr(owner, name)


@pytest.mark.parametrize("kind", LEAKS)
def test_what_a_class_of_a_notebook_keeps_is_found(kind: str, notebook: ModuleType) -> None:
    (found,) = after_a_run(in_a_notebook(notebook, LEAKS[kind])).values()
    assert found.status in (FAILED, NOT_ASSESSED), found.detail
    assert "earlier run" in found.detail


@pytest.mark.parametrize("kind", HONEST)
def test_an_honest_class_of_a_notebook_passes(kind: str, notebook: ModuleType) -> None:
    (found,) = after_a_run(in_a_notebook(notebook, HONEST[kind])).values()
    assert found.status == PASSED, found.detail


def test_a_setting_that_a_later_cell_changes_is_no_leak(notebook: ModuleType) -> None:
    body = """
        periods = {"lag": 3}
        def lag(self, close):
            log.append(len(log))
            return SETTINGS["lag"] + PERIODS[-1] - 5 + self.periods["lag"] - 3"""
    mine = in_a_notebook(notebook, body)
    run_cell(notebook, "SETTINGS['lag'] = 4; PERIODS.append(6); Mine.periods['lag'] = 2; THRESHOLD = 0.02")
    (found,) = after_a_run(mine).values()
    assert found.status == PASSED, found.detail


@pytest.mark.parametrize(
    "kind", ["constants", "grid that nobody changes", "count", "parameters", "settings of many kinds"]
)
def test_an_honest_class_without_a_source_passes(kind: str, notebook: ModuleType) -> None:
    """As after exec of a text, where nobody can tell what a value was at first."""
    (found,) = after_a_run(in_a_notebook(notebook, HONEST[kind], sources=False)).values()
    assert found.status == PASSED, found.detail


def test_what_the_first_run_of_the_audit_itself_would_leave_behind_is_found(notebook: ModuleType) -> None:
    """Nothing ran before; the optimum of the audit's own first run, over all bars, would then be in all others."""
    subject = of_class(in_a_notebook(notebook, LEAKS["class by name"]), FRAME, {}, None, (), None)
    (found,) = suite.findings([(subject, lambda probe, day: "")], only="P12")
    assert found.status == FAILED
    assert "left behind: where nothing ran before its order is" in found.detail


def test_a_module_that_was_edited_after_its_import_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its new process would run the new code."""
    path, text = tmp_path / "edited_by_test_warm.py", "from warm_kinds import Lagged\n\n\nclass Mine(Lagged):\n"
    path.write_text(text + "    def lag(self, close):\n        return 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module(path.stem)
    assert changed_files([f"{path.stem}:Mine"]) == []
    path.write_text(text + "    def lag(self, close):\n        return 7 - 2\n")
    (found,) = after_a_run(module.Mine).values()
    assert found.status == NOT_ASSESSED
    assert "was changed after it was imported" in found.detail


def test_values_are_the_same_in_another_process() -> None:
    day = dt.date(2020, 1, 2)
    values = {"lags": (3, 5), "names": {"a"}, 4: [None, True, 0.1], "cls": warm_helper.Tuner, "day": day}
    sent = json.loads(json.dumps(to_json(values)))
    assert from_json(sent) == values
    assert frame_from_json(json.loads(json.dumps(frame_to_json(FRAME)))).equals(FRAME)
    for hidden in (warm_helper.Tuner(), lambda: 1, warm_helper.by_closure):
        with pytest.raises(NotSentError):
            to_json(hidden)


def test_the_broker_of_a_cerebro_is_the_same_in_another_process() -> None:
    cerebro = bt.Cerebro()
    cerebro.broker.setcommission(0.001, mult=2.0, margin=5.0)
    cerebro.broker.setcash(1234.0)
    broker = from_json(json.loads(json.dumps(to_json(same_broker(cerebro)))))()
    scheme = broker.comminfo[None]
    assert (broker.startingcash, scheme.p.commission, scheme.p.mult, scheme.p.margin) == (1234.0, 0.001, 2.0, 5.0)


def test_the_broker_and_the_sizers_of_a_cerebro_keep_nothing(notebook: ModuleType) -> None:
    """As `judge` hands them over."""
    cerebro = bt.Cerebro()
    cerebro.broker.setcommission(0.001)
    cerebro.addsizer(bt.sizers.FixedSize, stake=3)
    mine, setup = in_a_notebook(notebook, HONEST["log"]), _Setup(same_broker(cerebro), dict(cerebro.sizers))
    (found,) = suite.findings([(of_class(mine, FRAME, {}, None, (), setup), lambda probe, day: "")], only="P12")
    assert found.status == PASSED, found.detail


def test_what_functions_bind() -> None:
    """By hand: what stands to the left of each =, and whose it is."""

    class Mine:
        def start(self) -> None:
            self.own: int = 1
            self.own += 1
            type(self).shared = 2  # type: ignore[attr-defined]
            other = self
            other.alias = 3  # type: ignore[attr-defined]
            setattr(self, "made", 4)  # noqa: B010

        def late(self) -> None:
            setattr(self.__class__, "named", 5)  # noqa: B010

    found = stores([Code(Mine.start, Mine)])
    assert (found.of_itself, found.attributes, found.anything) == ({"own"}, {"shared", "alias"}, False)
    found = stores([Code(Mine.late, Mine)])
    assert "named" in found.attributes
    assert found.anything
