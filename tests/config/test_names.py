"""What a config names is looked for without an import, and nothing is said that the import would not say."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import textwrap
import uuid
import warnings
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from helpers.command import tiny, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstmstrat.config.names import FEATURE, MODEL, STRATEGY, wrong_names
from lstmstrat.config.plugins import load_attribute
from lstmstrat.config.search import missing
from lstmstrat.errors import ConfigError
from lstmstrat.study.prepare import load_config


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with no module in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def module(folder: Path, text: str, name: str = "") -> str:
    """The name of a new module with this text; of a package if it ends with ``/__init__``."""
    name = name or f"mine_{uuid.uuid4().hex}"
    path = folder / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    importlib.invalidate_caches()
    return name.removesuffix("/__init__").replace("/", ".")


def said_by_import(path: str, kind: tuple[str, str]) -> str:
    fits = (lambda x: isinstance(x, type)) if kind[0] == "Class" else callable
    before = dict(sys.modules)
    try:
        load_attribute(path, *kind, fits)
    except ImportError as error:
        return str(error)
    finally:
        for name in sys.modules.keys() - before.keys():
            del sys.modules[name]
    return ""


PLAIN = """
import math
from collections import OrderedDict as ordered

WIDTH, (HEIGHT, *REST) = 3, (4, 5)
LIMIT: float = 1.0

def momentum(bars):
    inner = 1
    return inner

class Mine:
    depth = 3
    def fit(self): ...

if WIDTH > 9:
    def branch(bars): ...
try:
    from nowhere import fast
except ImportError as why:
    fast = None
for step in range(2):
    pass
with open(__file__) as handle:
    handle.read()
if (size := 4) > 3: ...
match WIDTH:
    case [first, *others]: ...
    case {"a": 1, **more}: ...
    case whole: ...

def later():
    global LATER
    LATER = 1
"""
BOUND = ["ordered", "WIDTH", "HEIGHT", "REST", "LIMIT", "momentum", "Mine", "branch", "fast", "why", "step"]
BOUND += ["handle", "size", "first", "others", "more", "whole", "later", "LATER", "__doc__", "__name__"]
UNBOUND = ["inner", "depth", "fit", "OrderedDict", "self", "momentun", "Mine.fit", "a", "range"]


@pytest.mark.parametrize("attribute", BOUND)
def test_what_a_text_binds_somewhere_is_not_missing(attribute: str, folder: Path) -> None:
    assert missing(f"{module(folder, PLAIN)}:{attribute}", *FEATURE) == ""


@pytest.mark.parametrize("attribute", UNBOUND)
def test_what_a_text_binds_nowhere_is_missing_in_the_words_of_the_import(attribute: str, folder: Path) -> None:
    path = f"{module(folder, PLAIN)}:{attribute}"
    sentence = said_by_import(path, FEATURE)
    assert sentence.startswith(f"{path!r}: ")
    assert missing(path, *FEATURE).partition(";")[0] == sentence.partition(";")[0]


@pytest.mark.parametrize(
    ("text", "kind", "attribute", "hint"),
    [
        ("def momentum(bars): ...", FEATURE, "momentun", "; did you mean 'momentum'?"),
        ("def momentum(bars): ...\ndef _own(): ...", FEATURE, "x", "; known: momentum"),
        ("class Mine: ...\nWIDTH = 3\ndef make(): ...", STRATEGY, "Mime", "; did you mean 'Mine'?"),
        ("class Mine: ...\nclass Yours: ...\ndef make(): ...", MODEL, "x", "; known: Mine, Yours"),
        ("", STRATEGY, "Mine", ""),
        ("# -*- coding: latin-1 -*-\nclass Größe: ...", STRATEGY, "Mine", "; known: Größe"),
    ],
)
def test_the_nearest_name_is_that_of_the_import(
    text: str, kind: tuple[str, str], attribute: str, hint: str, folder: Path
) -> None:
    name = module(folder, text)
    if "latin" in text:
        (folder / f"{name}.py").write_text(text, encoding="latin-1")
    path = f"{name}:{attribute}"
    assert missing(path, *kind) == f"{path!r}: {name} has no {attribute}{hint}" == said_by_import(path, kind)


@pytest.mark.parametrize(
    "text",
    [
        "from math import *",
        "try:\n    from math import *\nexcept ImportError: ...",
        "def __getattr__(name): return len",
        "globals()['sqrt'] = len",
        "globals().update(sqrt=len)",
        "vars()['sqrt'] = len",
        "locals()['sqrt'] = len",
        "import sys\nsetattr(sys.modules[__name__], 'sqrt', len)",
        "import importlib\nsetattr(importlib.import_module(__name__), 'sqrt', len)",
        "import importlib\nimportlib.import_module(__name__).sqrt = len",
        "import importlib\nimportlib.import_module(__name__).__dict__['sqrt'] = len",
        "from sys import modules as all\nall[__name__].sqrt = len",
        "exec('sqrt = len')",
        "from builtins import exec as run\nrun('sqrt = len')",
        "def f():\n    global sqrt\n    sqrt = len\nf()",
        "def f(x=(sqrt := len)): ...",
        "@(sqrt := lambda f: f)\ndef f(): ...",
        "class A(sqrt := object): ...",
    ],
)
def test_nothing_is_said_of_what_only_the_import_can_tell(text: str, folder: Path) -> None:
    path = f"{module(folder, text)}:sqrt"
    assert missing(path, *FEATURE) == "" == said_by_import(path, FEATURE)


@pytest.mark.parametrize("text", ["def (:", "x = 1\0", "(" * 5_000, "+".join("1" * 20_000), "\N{SNOWMAN}"])
def test_a_text_that_is_not_python_is_left_to_the_import(text: str, folder: Path) -> None:
    name = module(folder, text)
    said = missing(f"{name}:f", *FEATURE)  # a version of Python with a deeper stack reads the long sum
    assert said == "" or (text[0] == "1" and said == f"'{name}:f': {name} has no f")


def test_folders_and_packages_are_searched_as_the_import_does(folder: Path) -> None:
    module(folder, "class Rule: ...", "pack/__init__")
    module(folder, "class Mine: ...", "pack/rules")
    module(folder, "class Deep: ...", "open/inner/deep")  # no __init__.py in either folder
    module(folder, "import sys\nsys.modules[__name__ + '.made'] = sys", "maker/__init__")
    module(folder, "__path__ = []", "mover/__init__")
    (folder / "other").mkdir()
    (folder / "other" / "statistics.py").write_text("class Shadow: ...")
    there = ["pack:Rule", "pack:rules", "pack.rules:Mine", "open.inner.deep:Deep", "open:inner", "maker.made:path"]
    there += ["time:sleep", "sys:path", "os.path:join", "zipimport:zipimporter", "mover.rest:x", "numpy:array"]
    assert [path for path in there if missing(path, *STRATEGY)] == []
    absent = {
        "nowhere:Mine": "there is no module nowhere; known: maker, mover, pack",
        "nowhere.at.all:Mine": "there is no module nowhere; known: maker, mover, pack",
        "pack.ruls:Mine": "there is no module pack.ruls; did you mean 'pack.rules'?",
        "pack.rules.more:Mine": "there is no module pack.rules.more",
        "open.inner.deap:Deep": "there is no module open.inner.deap; did you mean 'open.inner.deep'?",
        "open.iner:Deep": "there is no module open.iner",
        "pack:Rul": "'pack:Rul': pack has no Rul; did you mean 'Rule'?",
        "pack.rules:Mime": "'pack.rules:Mime': pack.rules has no Mime; did you mean 'Mine'?",
        "open:Mine": "'open:Mine': open has no Mine",
        "other.statistics:x": "'other.statistics:x': other.statistics has no x; known: Shadow",
        "a/b:C": "there is no module a/b; known: maker, mover, pack",
        ":Mine": "':Mine' is not module:Class; expected such as strategies.long_flat:LongFlat",
        "Mine": "'Mine' is not module:Class; expected such as strategies.long_flat:LongFlat",
    }
    before = (set(sys.modules), list(sys.path))
    assert {path: missing(path, *STRATEGY) for path in absent} == absent
    assert (set(sys.modules), list(sys.path)) == before
    assert {path: said_by_import(path, STRATEGY) for path in absent} == absent


def test_the_current_directory_comes_first(folder: Path) -> None:
    module(folder, "def mine(bars): ...", "mailbox")  # also a module of Python
    assert "mailbox" not in sys.modules
    assert missing("mailbox:mine", *FEATURE) == ""
    assert missing("mailbox:Mailbox", *FEATURE) == "'mailbox:Mailbox': mailbox has no Mailbox; known: mine"


def test_this_package_is_the_installed_one_also_in_a_checkout_of_it(folder: Path) -> None:
    """``pip install .``, and then a run in the checkout: `audit` found its own model twice, and refused it."""
    (folder / "lstmstrat").mkdir()
    (folder / "lstmstrat" / "__init__.py").write_text("raise ImportError('the checkout')")
    loaded = load_attribute("lstmstrat.audit.sketch:Sketch", "Class", "", lambda _: True)
    assert loaded.__module__ == "lstmstrat.audit.sketch"


def test_a_module_in_memory_counts_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, name = ModuleType("made_by_hand"), module(folder, "def old(bars): ...")
    monkeypatch.setitem(sys.modules, "made_by_hand", made)
    monkeypatch.setitem(sys.modules, "halted", None)
    assert missing("made_by_hand:x", *FEATURE) == missing("halted:x", *FEATURE) == ""
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(sys.modules, name, importlib.import_module(name))
    (folder / f"{name}.py").write_text("def new(bars): ...")
    assert missing(f"{name}:old", *FEATURE) == missing(f"{name}:new", *FEATURE) == ""
    assert "did you mean 'new'" in missing(f"{name}:nev", *FEATURE)


def test_another_finder_and_one_that_fails_are_left_to_the_import(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an editable installation has one."""

    class Editable:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
            if name == "broken":
                raise RuntimeError(name)
            place = folder / "elsewhere" / f"{name}.py"
            loader = Translator(name, str(place)) if name == "translated" else None
            found = importlib.util.spec_from_file_location(name, place, loader=loader)
            return found if place.exists() else None

    class Translator(SourceFileLoader):
        def get_data(self, path: str) -> bytes:
            return super().get_data(path).replace(b"function", b"def")

    module(folder / "elsewhere", "def f(bars): ...", "installed")
    module(folder / "elsewhere", "x = 1", "translated")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Editable])
    assert [missing(f"{name}:f", *FEATURE) for name in ("installed", "broken", "translated")] == ["", "", ""]
    assert missing("installed:g", *FEATURE) == "'installed:g': installed has no g; known: f"


def test_a_look_runs_nothing_and_warns_of_nothing(folder: Path) -> None:
    name = module(folder, "open('ran', 'w')\nraise SystemExit\nPATTERN = '\\d'\ndef f(bars): ...")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert missing(f"{name}:g", *FEATURE).endswith("has no g; known: f")
    assert (caught, [path.name for path in folder.iterdir()]) == ([], [f"{name}.py"])


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)
PATHS = st.text("ab.:_/\\ \0é\ud800", max_size=9) | st.text(max_size=9).map("os.path:{}".format)
WORDS = st.sampled_from(["features", "peer_features", "refit_when", "model", "epochs"])
CLASSES = st.dictionaries(st.sampled_from(["class", "class_", "params"]), PATHS | ANY) | ANY


@given(
    st.fixed_dictionaries(
        {
            "forecast": st.dictionaries(WORDS, PATHS | st.lists(PATHS | ANY, max_size=3) | ANY) | ANY,
            "strategies": st.lists(CLASSES, max_size=3) | ANY,
        }
    )
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_stands_in_a_config_it_is_answered(values: dict[str, Any]) -> None:
    before = (set(sys.modules), list(sys.path))
    assert all(line.startswith(("forecast.", "strategies.")) for line in wrong_names(values))
    assert (set(sys.modules), list(sys.path)) == before


def test_a_name_is_answered_in_the_same_words_whether_or_not_keys_are_wrong(folder: Path) -> None:
    own = module(folder, "def momentum(bars): return bars[:, 3]")
    names = {
        "features": ["retrun_1", "gap", "return_0", "", f"{own}:momentum", f"{own}:momentun", "nowhere:f", "x:"],
        "peer_features": ["volatility", f"{own}:x"],
        "refit_when": f"{own}:momentu",
        "model": "rigde",
    }
    classes = ["nowhere.rules:Mine", f"{own}:Mine", "Mine", "strategies.long_flt:LongFlat", ":", "lstmstrat.x:Y"]
    strategies = [{"class": path, "name": f"s{i}"} for i, path in enumerate(classes)]

    def lines(**changes: Any) -> list[str]:
        with pytest.raises(ConfigError) as error:
            load_config(written(folder, tiny(forecast=names, strategies=strategies, **changes)))
        return str(error.value).splitlines()[1:]

    sound, (first, *rest) = lines(), lines(broker={"csh": 1})
    assert first == "  broker.csh: unknown key; did you mean 'cash'?"
    assert len(sound) == len(classes) + 6 + 2 + 1 + 1
    assert sorted(rest) == sorted(line for line in sound if "lstmstrat.x" not in line)  # it has a __getattr__


def test_a_class_has_two_keys_as_the_section_has() -> None:
    """The field of a `StrategyConfig` may be called by its name, too."""
    strategies = [{"class": "Mine", "params": 1}, {"class_": "Mine"}]
    (first, second) = wrong_names({"strategies": strategies})
    assert (first[:20], second[:20]) == ("strategies.0.class: ", "strategies.1.class: ")


def test_a_name_that_is_refused_as_a_value_is_refused_once(folder: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(written(folder, tiny(forecast={"refit_when": "mine", "model": "", "features": "gap"})))
    keys = [line.split(":")[0].strip() for line in str(error.value).splitlines()[1:]]
    assert sorted(keys) == ["forecast.features", "forecast.model", "forecast.refit_when"]
