"""The identity of code: what changes what it does changes it, and nothing else does, in any process."""

from __future__ import annotations

import importlib
import os
import pickle
import random
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.processor import processor_seconds

from lstmstrat import load_config
from lstmstrat.config.identity import Identity, identify, own_modules
from lstmstrat.trading.parameters import load_strategy

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _modules_of_the_test_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(sys.modules)
    keeper = type(bt.Strategy)  # Backtrader keeps the strategies of the process by the names of their classes
    monkeypatch.setattr(keeper, "_indcol", dict(keeper._indcol))
    yield
    for name in sys.modules.keys() - before.keys():
        if name.split(".")[0] in ("mine", "pack"):
            del sys.modules[name]


def module(source: str, name: str = "mine") -> ModuleType:
    """A module of a user's that came from no file, as a notebook's cells do."""
    made = ModuleType(name)
    sys.modules[name] = made
    exec(compile(textwrap.dedent(source), f"<cell {random.random()}>", "exec"), vars(made))
    return made


def digest(source: str, name: str = "Mine") -> str:
    """Of one class or function of a module."""
    found = identify(getattr(module(source), name))
    assert found.sha256 is not None, found.unidentified
    return found.sha256


RULE = """
import math
import numpy as np
from functools import lru_cache, partial, cached_property, wraps
import backtrader as bt

LIMIT = 0.5
TABLE = {"a": [1, 2, {"b": 3.0}], "c": (4, 5)}
KINDS = {"x", "y", "z"}
LEVELS = np.arange(4.0)
TAKE = None

def helper(x, least=1, *, most=9):
    return max(least, min(x * LIMIT, most))

def factory(k):
    def inner(x):
        return x + k
    return inner

plus = factory(3)
half = partial(helper, least=2)

def logged(function):
    @wraps(function)
    def inner(*args):
        return function(*args)
    return inner

@logged
def decorated(x):
    return x + 7

@lru_cache(maxsize=None)
def remembered(x):
    return x * 11

class Base:
    weight = 1.0

    def base(self):
        return self.weight

class Mine(bt.Strategy, Base):
    params = (("period", 20), ("mode", "fast"))
    scale = 2.0

    @property
    def size(self):
        return 100

    @staticmethod
    def fixed():
        return 41

    @classmethod
    def own(cls):
        return 51

    @cached_property
    def kept(self):
        return 61

    def next(self):
        if self.size > 3 and self.kind in {"p", "q"}:
            self.buy(size=helper(TABLE["a"][0]) + plus(1) + half(2) + decorated(1) + remembered(2))
        values = [x for x in LEVELS if x > 1.5 and x not in KINDS]
        return lambda: len(values) + 71
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 0.5", "LIMIT = 0.5000001"),
        ("LIMIT = 0.5", "LIMIT = None"),
        ('"b": 3.0', '"b": 4.0'),
        ('"x", "y", "z"', '"x", "y"'),
        ("np.arange(4.0)", "np.arange(4)"),
        ("np.arange(4.0)", "np.arange(4.0) + 1e-16 * np.arange(4)"),
        ("least=1,", "least=0,"),
        ("most=9", "most=8"),
        ("factory(3)", "factory(4)"),
        ("partial(helper, least=2)", "partial(helper, least=3)"),
        ("x + 7", "x + 8"),
        ("x + 7", "x - 7"),
        ("x * 11", "x * 12"),
        ("maxsize=None", "maxsize=5"),
        ("weight = 1.0", "weight = 1"),
        ('("period", 20)', '("period", 21)'),
        ('("period", 20)', '("length", 20)'),
        ("scale = 2.0", "scale = 3.0"),
        ("return 100", "return 101"),
        ("return 41", "return 42"),
        ("return 51", "return 52"),
        ("return 61", "return 62"),
        ("@property", "@cached_property"),
        ('in {"p", "q"}', 'in {"p", "r"}'),
        ("x > 1.5", "x >= 1.5"),
        ("+ 71", "+ 72"),
        ("self.buy", "self.sell"),
        ("class Mine(bt.Strategy, Base)", "class Mine(bt.Strategy)"),
        ("class Mine(bt.Strategy, Base)", "class Mine(bt.SignalStrategy, Base)"),
        ("helper(TABLE", "abs(TABLE"),
        ("return max(least", "return min(least"),
        ("def factory(k):\n    def inner(x):", "def factory(k):\n    def inner(x, y=0):"),
    ],
)
def test_what_changes_what_a_strategy_does_changes_its_identity(old: str, new: str) -> None:
    assert RULE.count(old) == 1
    assert digest(RULE) != digest(RULE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import math\n", "# a comment\n\n\nimport math\n"),
        ("def helper(x, least=1, *, most=9):\n", 'def helper(x, least=1, *, most=9):\n    """What it is."""\n'),
        ("    def next(self):\n", '    def next(self):\n        "Every bar."\n        # nothing\n\n'),
        ("class Base:\n", 'class Base:\n    """A base."""\n\n'),
        ("TAKE = None\n", "TAKE = 12345\nUNUSED = (x for x in 'abc')\n"),
        ('LIMIT = 0.5\nTABLE = {"a": [1, 2, {"b": 3.0}], "c": (4, 5)}\n', ""),  # moved to the end
        ('{"x", "y", "z"}', '{"z", "y", "x"}'),
        ("LIMIT = 0.5", "LIMIT = 1 / 2"),
        ("import math\n", "import math, json, os\n"),
    ],
)
def test_what_does_not_change_what_it_does_does_not(old: str, new: str) -> None:
    assert RULE.count(old) == 1
    assert digest(RULE) == digest(RULE.replace(old, new) + ("" if new else old))


def test_it_is_the_same_again_and_after_a_use() -> None:
    """Python specialises the instructions that run often."""
    made = module(RULE)
    first = identify(made.Mine)
    for _ in range(100):
        made.helper(3)
        made.decorated(2)
    assert identify(made.Mine) == first == identify(module(RULE).Mine)


def test_it_is_the_same_in_processes_that_hash_otherwise_from_source_and_from_bytecode(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(textwrap.dedent(RULE) + "MORE = {frozenset({'a', 'b'}), ('c', 'd'), Base}\n")
    script = (
        "from lstmstrat.config.identity import identify\nimport mine\n"
        "print(identify(mine.Mine, mine.MORE, {'k': mine}).sha256)"
    )
    found = []
    for seed in ("0", "1", "4321"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        found.append(done.stdout)
    assert len(found[0]) == 65
    assert found[0] == found[1] == found[2]


OUTSIDE = {
    "pack/__init__.py": "SOME = 1\n",
    "pack/rule.py": "from . import limits\nimport pack.names\nfrom .limits import LOW\n\n\n"
    "def rule(x):\n    return limits.LIMIT + len(pack.names.NAME) + LOW\n\n\n"
    "def by_name(x):\n    return getattr(limits, 'NAMED')\n\n\n"
    "def late(x):\n    from . import later\n    from pack.later import LATE\n    return later.f(x) + LATE\n\n\n"
    "def by_text(x):\n    import importlib\n    return importlib.import_module('pack.texts').T\n\n\n"
    "def any_name(x, n):\n    return getattr(limits, n)\n\n\n"
    "def handed(x, where=limits):\n    return vars(where)\n\n\n"
    "def in_eval(x):\n    return eval('LOW + x')\n\n\n"
    "PLUGIN = 'pack.texts:plugin'\n\n\ndef by_plugin(x):\n    return PLUGIN\n",
    "pack/limits.py": "import numpy\nLIMIT = 1\nLOW = 2\nNAMED = 3\nOTHER = 4\n",
    "pack/names.py": "NAME = 'a'\n",
    "pack/later.py": "LATE = 1\ndef f(x):\n    return x + 5\n",
    "pack/texts.py": "T = 1\ndef plugin(x):\n    return x + 9\n",
}


@pytest.mark.parametrize(
    ("function", "file", "old", "new", "moves"),
    [
        ("rule", "limits", "LIMIT = 1", "LIMIT = 22", True),
        ("rule", "limits", "LOW = 2", "LOW = 3", True),
        ("by_name", "limits", "NAMED = 3", "NAMED = 4", True),
        ("rule", "limits", "OTHER = 4", "OTHER = 5", False),
        ("rule", "names", "'a'", "'bb'", True),
        ("rule", "texts", "T = 1", "T = 2", False),
        ("late", "later", "x + 5", "x + 6", True),
        ("late", "later", "LATE = 1", "LATE = 2", True),
        ("by_text", "texts", "T = 1", "T = 2", True),
        ("any_name", "limits", "OTHER = 4", "OTHER = 5", True),
        ("handed", "limits", "OTHER = 4", "OTHER = 5", True),
        ("in_eval", "limits", "LOW = 2", "LOW = 3", True),
        ("by_plugin", "texts", "x + 9", "x + 10", True),
    ],
)
def test_the_users_modules_count_wherever_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, file: str, old: str, new: str, moves: bool
) -> None:
    """As far as the code names what is in them."""

    def key(folder: Path, **changed: str) -> str | None:
        for name, text in {**OUTSIDE, **{f"pack/{k}.py": v for k, v in changed.items()}}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        for name in [name for name in sys.modules if name.split(".")[0] == "pack"]:
            del sys.modules[name]
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(folder))
            import pack.rule

            return identify(getattr(pack.rule, function)).sha256

    text = OUTSIDE[f"pack/{file}.py"]
    assert text.count(old) == 1
    first, other = key(tmp_path / "a"), key(tmp_path / "b", **{file: text.replace(old, new)})
    assert first is not None
    assert (first != other) == moves


VALUES: list[Any] = [
    1, 1.0, True, "1", b"1", None, ..., 1j, float("nan"), -0.0, 0.0, (1,), [1], {1}, frozenset({1, 2}), {1: 2},
    {2: 1}, {"a": 1, "b": 2}, {"b": 2, "a": 1}, range(3), range(4), slice(1, 2), np.float32(1), np.arange(2),
    np.arange(2.0), np.arange(2)[None], np.array([1, "a"], dtype=object), np.dtype("f4"), Path("a"),
    pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-01", tz="UTC"), pd.Series([1, 2]),
    pd.Series([1, 2], index=[1, 0]), pd.Series([1, 2], name="a"), pd.DataFrame({"a": [1, 2]}),
    pd.DataFrame({"b": [1, 2]}), pd.DataFrame({"a": [1, 3]}), pd.Series(["x", "y"], dtype="category"),
    pd.date_range("2020-01-01", periods=2), pd.date_range("2020-01-01", periods=2, tz="UTC"), len, np.sum,
    np.sin, random.Random(1), np.random.default_rng(1), np.random.default_rng(2), pd.DataFrame, ModuleType,
]  # fmt: skip


def test_every_value_has_an_identity_of_its_own() -> None:
    seen: dict[str, Any] = {}
    for value in VALUES:
        found = identify(value)
        assert found.sha256 is not None, found.unidentified
        assert identify(value) == found
        other = seen.setdefault(found.sha256, value)
        assert other is value, f"{other!r} and {value!r} have one identity"


def test_a_table_counts_by_its_content_and_not_by_how_it_was_built() -> None:
    whole = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    column_by_column = pd.DataFrame(index=range(2))
    for name in whole:
        column_by_column[name] = whole[name]
    assert identify(whole) == identify(column_by_column)


def test_attributes_of_instances_count_and_a_getstate_hides_nothing() -> None:
    source = """
    class Settings:
        def __init__(self, value):
            self.value = value

        def __getstate__(self):
            return {}

    class Slots:
        __slots__ = ("value",)

    class Listed(list):
        pass

    class Odd:
        def __reduce__(self):
            return "Odd"
    """
    made = module(source)
    assert identify(made.Settings(1)) != identify(made.Settings(2))
    assert identify(made.Settings(1)) == identify(made.Settings(1))
    slots = [made.Slots(), made.Slots()]
    slots[0].value, slots[1].value = 1, 2
    assert identify(slots[0]) != identify(slots[1])
    assert identify(made.Listed([1])) != identify(made.Listed([2])) != identify([2])
    assert identify(made.Odd()).sha256 is None


def test_cycles_end() -> None:
    """Also through a set, a list and the functions of a class."""
    made = module("""
    class Mine:
        def again(self):
            return Mine, other
    def other():
        return Mine().again(), other
    Mine.me = {Mine, other}
    Mine.chain = []
    Mine.chain.append(Mine.chain)
    """)
    assert identify(made.Mine).sha256 is not None
    assert identify(made.other) == identify(made.other)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("LOG = open('/dev/null')\nLOG.close()", "mine.LOG, a TextIOWrapper"),
        ("import socket\nLOG = socket.socket()\nLOG.close()", "mine.LOG, a socket"),
        ("LOG = (x for x in 'abc')", "mine.LOG, a generator"),
        ("import sqlite3\nLOG = sqlite3.connect(':memory:')", "mine.LOG, a Connection"),
        ("LOG = {'file': open('/dev/null')}\nLOG['file'].close()", "mine.LOG['file'], a TextIOWrapper"),
        ("class Held: pass\nLOG = Held()\nLOG.frame = __import__('sys')._getframe()", "a frame"),
        ("import threading\nLOG = threading.local()", "mine.LOG, a _local"),
        ("LOG = [[x] for x in range(200_001)]", "mine.LOG, which leads to more than 200,000 values"),
        ("LOG = []\nfor _ in range(100_000): LOG = [LOG]", "mine.rule, which is nested too deeply"),
    ],
)  # fmt: skip
def test_what_no_copy_could_be_made_of_leaves_the_code_without_an_identity(source: str, told: str) -> None:
    found = identify(module(f"{source}\ndef rule():\n    return LOG\n").rule)
    assert found.sha256 is None
    assert told in found.unidentified


def test_what_holds_nothing_does_no_harm() -> None:
    """A lock, a logger, a weak reference; and a file that the rule does not name."""
    made = module("""
    import logging, threading, weakref, functools, re
    LOCK, LOG, PATTERN = threading.Lock(), logging.getLogger("mine"), re.compile("a+")
    FILE = open("/dev/null")
    FILE.close()
    @functools.singledispatch
    def kinds(x):
        return LOCK, LOG, PATTERN
    @kinds.register
    def _(x: int):
        return 1
    def rule(x):
        return kinds(x)
    """)
    assert identify(made.rule).unidentified == ""


def test_a_function_put_into_an_installed_class_counts() -> None:
    """A monkey patch of a base class changes every strategy that inherits from it."""
    made = module("""
    import backtrader as bt
    class Mine(bt.Strategy):
        pass
    def patched(self):
        return 1
    """)
    before = identify(made.Mine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bt.Strategy, "next", made.patched)
        assert identify(made.Mine) != before
    assert identify(made.Mine) == before


def test_a_compiled_function_counts_by_its_source() -> None:
    """numba gives every function it compiles another number in every process."""
    source = "import numba\n@numba.njit\ndef inner(x):\n    return x + 1\ndef rule(x):\n    return inner(x)\n"
    first, again = identify(module(source).rule), identify(module(source).rule)
    assert first == again
    assert first.sha256 is not None
    assert identify(module(source.replace("x + 1", "x + 2")).rule) != first
    assert identify(module(source.replace("njit", "njit(fastmath=True)")).rule) != first


def test_an_installed_package_counts_by_its_version_and_the_hashes_of_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package of the user's may be installed again without another version; a loose file there is the user's."""
    module("def rule():\n    import pack_installed\n    return pack_installed.f()\n")
    site = tmp_path / "site-packages"
    (site / "pack_installed-1.0.dist-info").mkdir(parents=True)
    (site / "pack_installed.py").write_text("def f():\n    return 1\n")
    monkeypatch.syspath_prepend(str(site))
    info = site / "pack_installed-1.0.dist-info"
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pack_installed\nVersion: 1.0\n")
    found = []
    for record in ("pack_installed.py,sha256=a,1", "pack_installed.py,sha256=a,1", "pack_installed.py,sha256=b,1"):
        (info / "RECORD").write_text(record)
        own_modules._version.cache_clear()
        own_modules._package.cache_clear()
        monkeypatch.delitem(sys.modules, "pack_installed", raising=False)
        import pack_installed

        found.append(identify(pack_installed.f).sha256)
    assert found[0] == found[1] != found[2]
    (info / "METADATA").unlink()
    shutil.rmtree(info)
    own_modules._version.cache_clear()
    own_modules._package.cache_clear()
    importlib.invalidate_caches()
    own = identify(pack_installed.f)
    pack_installed.f.__defaults__ = (1,)
    assert identify(pack_installed.f) != own
    monkeypatch.delitem(sys.modules, "pack_installed")


def test_an_object_that_raises_when_it_is_looked_at_stops_no_run() -> None:
    made = module("""
    class Mean(type):
        @property
        def __module__(cls):
            raise ZeroDivisionError("no")
    Odd = Mean("Odd", (), {})
    def rule():
        return Odd
    """)
    told = identify(made.rule).unidentified
    assert told.startswith("mine.rule, which cannot be read (ZeroDivisionError: no")


KEPT = [
    "from sklearn.ensemble import RandomForestRegressor as R\nimport numpy as np\n"
    "HELD = R(3, random_state=0).fit(np.arange({}.0)[:, None], np.arange({}.0))",
    "import torch\ntorch.manual_seed({})\nHELD = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())",
    "import numba\n@numba.vectorize\ndef HELD(x):\n    return x + {}",
    "import dataclasses\n@dataclasses.dataclass\nclass Held:\n    x: int = {}\nHELD = Held()",
    "import enum\nclass HELD(enum.Enum):\n    A = {}",
    "import pydantic\nclass Held(pydantic.BaseModel):\n    x: int = {}\nHELD = Held()",
    "from typing import NamedTuple\nclass Held(NamedTuple):\n    x: int\nHELD = Held({})",
    "import re, decimal, datetime as d\nHELD = re.compile('a' * {}), decimal.Decimal({}), d.date(2000, 1, {})",
    "import functools\n@functools.singledispatch\ndef HELD(x):\n    return {}",
]
SCRIPT = (
    "import sys\nfrom lstmstrat.config.identity import identify\nfor source in sys.argv[1:]:\n"
    "    names = {'__name__': '__main__'}\n"
    "    exec(source + '\\ndef rule():\\n    return HELD\\n', names)\n    print(identify(names['rule']))"
)


@pytest.fixture(scope="module")
def kept() -> list[list[str]]:
    """Of each of two processes, which hash otherwise, the identity of every source with an 8, an 8 and a 9."""
    sources = [source.replace("{}", number) for source in KEPT for number in ("8", "8", "9")]
    found = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *sources], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
        found.append(done.stdout.splitlines())
    return found


@pytest.mark.parametrize("source", KEPT)
def test_what_people_keep_in_a_module_has_the_same_identity_in_every_process(
    source: str, kept: list[list[str]]
) -> None:
    place = 3 * KEPT.index(source)
    first, second = (found[place : place + 3] for found in kept)
    assert first == second
    assert first[0] == first[1] != first[2]
    assert "sha256=None" not in first[0]


def test_an_identity_is_a_hash_or_a_name() -> None:
    with pytest.raises(ValueError, match="a hash, or the name"):
        Identity(None)
    with pytest.raises(ValueError, match="a hash, or the name"):
        Identity("a", "b")


def test_an_instance_that_was_pickled_changes_nothing() -> None:
    """Python then keeps the names of its slots in the class."""
    made = module("class Mine:\n    pass\n")
    before = identify(made.Mine)
    pickle.dumps(made.Mine())
    assert "__slotnames__" in vars(made.Mine)
    assert identify(made.Mine) == before


def test_the_strategies_of_a_config_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six strategies: 10 ms of CPU time here, whatever else runs beside; the bound is five times that."""
    monkeypatch.chdir(ROOT)
    strategies = load_config("configs/aapl.yaml").strategies
    classes = [load_strategy(s.class_) for s in strategies]

    def identified() -> set[str | None]:
        return {identify(cls, dict(s.params)).sha256 for cls, s in zip(classes, strategies, strict=True)}

    assert len(identified() - {None}) == len(strategies)
    assert processor_seconds(identified, tries=5) < 0.05


def test_nothing_of_the_process_is_changed() -> None:
    made, state = module(RULE), (random.getstate(), [*sys.path], sys.getrecursionlimit(), {*sys.modules})
    identify(made.Mine, socket)
    assert (random.getstate(), [*sys.path], sys.getrecursionlimit(), {*sys.modules}) == state
