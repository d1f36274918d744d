"""Seeds and audits are those of the code that ran, whatever was edited, wherever it lies and however it got here.

Each expected number is that of the same run with an empty store.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import linecache
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import backtrader as bt
import pytest
from helpers.command import PLAIN, command, summary, tiny, written

import lstmstrat
from lstmstrat import Config, ConfigError, Session, Store
from lstmstrat.audit.finding import AuditResult, Finding
from lstmstrat.commands.audit import _keep
from lstmstrat.config.plugins import changed_files, load_module
from lstmstrat.config.validation import validated
from lstmstrat.results.assessment import AUDIT, Seeds
from lstmstrat.study import audits, fingerprint, replicas
from lstmstrat.study.prepare import prepare
from lstmstrat.study.simulate import simulate_all

pytestmark = pytest.mark.usefixtures("no_cuts")

ROOT = Path(__file__).parents[2]
RULE = """
from lstmstrat import ForecastStrategy


class Mine(ForecastStrategy):
    def target_exposure(self):
        return 1.0 if {rule} else 0.0
"""
RISES, FALLS = RULE.format(rule="self.forecast[0] > 0.0"), RULE.format(rule="self.forecast[0] < 0.0")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "project").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    keeper = type(bt.Strategy)  # Backtrader keeps the strategies of the process by the names of their classes
    monkeypatch.setattr(keeper, "_indcol", dict(keeper._indcol))
    yield
    as_in_a_new_process()


def as_in_a_new_process() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in ("rule_mine", "rule_helper")]:
        del sys.modules[name]
    importlib.invalidate_caches()


_CLOCK = iter(range(10_000))


def write(path: Path, text: str) -> None:
    """As an editor does that saves once in ten seconds."""
    path.write_text(text)
    time = 1_600_000_000 + 10 * next(_CLOCK)
    os.utime(path, (time, time))


def config(name: str = "rule_mine:Mine", **forecast: Any) -> Config:
    report = {"seeds": 3, "html": False}
    return validated(Config, tiny(strategies=[{"class": name}], forecast=PLAIN | forecast, report=report), "")


def seeds(asked: Config, store: Store) -> Seeds:
    with Session(store, jobs=1) as session:
        found = lstmstrat.run(asked, session=session).assessment.strategies[0].luck.seeds
    assert found is not None
    return found


def check(asked: Config, store: Store) -> Seeds:
    """The seeds that a run finds, which must be those that come of the same strategy where nothing is stored."""
    found = seeds(asked, store)
    with Session(Store(None), jobs=1) as session:
        run = simulate_all(*prepare(asked), session)
        worked_out = replicas.seeds(run, 3, session, lambda done, total: None)
    assert worked_out == {run.strategies[0].name: found}
    return found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.sqlite")


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Runs a cell of a notebook: its code in `__main__`, its source in linecache, and in no file."""
    main = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)

    def run(source: str) -> None:
        name = f"<ipython-input-{next(_CLOCK)}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), vars(main))

    return run


def test_a_cell_of_a_notebook_that_is_edited(cell: Callable[[str], None], store: Store) -> None:
    cell(RISES)
    first = check(config("__main__:Mine"), store)
    cell(FALLS)
    assert check(config("__main__:Mine"), store) != first
    cell("SIGN = 1.0" + RULE.format(rule="SIGN * self.forecast[0] > 0.0"))
    assert check(config("__main__:Mine"), store).differences == first.differences
    cell("SIGN = -1.0")
    assert check(config("__main__:Mine"), store) != first


def test_a_feature_in_a_cell_that_is_edited(cell: Callable[[str], None], store: Store) -> None:
    asked = config(features=["return_1", "__main__:feat"])
    write(Path("rule_mine.py"), RISES)
    source = "import numpy as np\nK = 2\ndef feat(bars):\n    return np.log(bars[:, 3] / bars[:, {}]) * K\n"
    cell(source.format(0))
    first = check(asked, store)
    cell(source.format(1))
    second = check(asked, store)
    cell("K = 3")
    assert len({first.differences, second.differences, check(asked, store).differences}) >= 2


def test_a_model_in_a_cell_that_is_edited_in_one_session(cell: Callable[[str], None]) -> None:
    """The session keeps fitted models; what they use is part of them."""
    cell((ROOT / "tests" / "helpers" / "own_model.py").read_text().split("OWN = (")[0])
    cell("from helpers.own_model import *\nfrom dataclasses import dataclass\nK = 1.0")
    cell(
        "@dataclass(frozen=True)\nclass Own(Drawn):\n    def fit(self, training, seed, start=None, stop=None):\n"
        "        return Sloped(*vars_of(super().fit(training, seed)))\n"
        "def vars_of(f):\n    return f.inputs, f.losses, f.clip, K * f.slopes\n"
    )
    asked = config("strategies.long_flat:LongFlat", model="__main__:Own")
    sys.path.insert(0, str(ROOT))
    with Session(Store(None), jobs=1) as session:
        first = lstmstrat.run(asked, session=session).forecasts["forecast"].to_numpy()
        cell("K = 2.0")
        second = lstmstrat.run(asked, session=session).forecasts["forecast"].to_numpy()
    sys.path.remove(str(ROOT))
    traded = first == first
    assert second[traded] == pytest.approx(2.0 * first[traded], rel=1e-12)


def test_a_file_that_is_edited_while_the_process_lives_is_refused_until_it_is_loaded_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(Path("rule_mine.py"), RISES)
    first = check(config(), store)
    write(Path("rule_mine.py"), "# a comment\n" + RISES)
    assert check(config(), store) == first
    write(Path("rule_mine.py"), FALLS)
    told = (
        r"rule_mine.py was changed after it was imported, and the old code would run; restart Python \(in a "
        r"notebook: the kernel\), or call importlib.reload for rule_mine"
    )
    for _ in range(2):
        with pytest.raises(ConfigError, match=told):
            seeds(config(), store)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    importlib.reload(sys.modules["rule_mine"])
    assert check(config(), store) != first


def test_a_new_process_has_nothing_of_the_old_code(store: Store, tmp_path: Path) -> None:
    """The command after a live process that still has the old code; its seeds are those of the edited file."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    path = written(tmp_path, config().model_dump(mode="json", by_alias=True, exclude_none=True))

    def found(out: str) -> dict[str, Any]:
        line = [sys.executable, "-m", "lstmstrat.backtest", str(path), "--out", out, "--quiet", "--cache", "c"]
        done = subprocess.run(line, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        luck: dict[str, Any] = summary(Path(out))["strategies"][0]["luck"]
        return luck["seeds"]["differences"]

    write(Path("rule_mine.py"), RISES)
    first = seeds(config(), Store("c"))
    assert found("a") == list(first.differences)
    write(Path("rule_mine.py"), FALLS)
    with contextlib.suppress(ConfigError):
        seeds(config(), Store("c"))
    second = found("b")
    as_in_a_new_process()
    assert second == list(seeds(config(), Store(None)).differences) != list(first.differences)


HELPED = "import rule_helper\n" + RULE.format(rule="rule_helper.rule(self.forecast[0])")
HELPER = "def rule(forecast):\n    return forecast {} 0.0\n"


@pytest.mark.parametrize("folder", ["elsewhere", "project"])  # on PYTHONPATH; below the current directory
def test_a_helper_that_is_edited(folder: str, store: Store, tmp_path: Path) -> None:
    write(Path("rule_mine.py"), HELPED)
    write(tmp_path / folder / "rule_helper.py", HELPER.format(">"))
    first = check(config(), store)
    write(tmp_path / folder / "rule_helper.py", HELPER.format("<"))
    with pytest.raises(ConfigError, match=r"rule_helper.py was changed .* importlib.reload for rule_helper"):
        seeds(config(), store)
    as_in_a_new_process()
    assert check(config(), store) != first


def test_a_constant_taken_from_a_helper_that_is_edited(store: Store, tmp_path: Path) -> None:
    """Nothing in the module shows any more where it came from."""
    write(
        Path("rule_mine.py"), "from rule_helper import SIGN\n" + RULE.format(rule="SIGN * self.forecast[0] > 0.0")
    )
    write(tmp_path / "elsewhere" / "rule_helper.py", "SIGN = 1.0\n")
    first = check(config(), store)
    write(tmp_path / "elsewhere" / "rule_helper.py", "SIGN = -1.0\n")
    with pytest.raises(ConfigError, match=r"rule_helper.py was changed"):
        seeds(config(), store)
    as_in_a_new_process()
    assert check(config(), store) != first


@pytest.mark.parametrize("when", ["at the import", "at the start"])
def test_a_file_of_settings_that_changes(when: str, store: Store) -> None:
    """Read at the import it is in a variable; read at the start it shows in the orders."""
    read = "import json, pathlib\n\n\ndef read():\n    return json.loads(pathlib.Path('rule.json').read_text())\n"
    constant = "\n\nSIGN = read()['sign']\n" if when == "at the import" else ""
    sign = "SIGN" if constant else "read()['sign']"
    write(Path("rule_mine.py"), read + constant + RULE.format(rule=f"{sign} * self.forecast[0] > 0.0"))
    Path("rule.json").write_text(json.dumps({"sign": 1.0}))
    first = check(config(), store)
    Path("rule.json").write_text(json.dumps({"sign": -1.0}))
    as_in_a_new_process()
    assert check(config(), store) != first


def test_what_changes_nothing_is_found_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment, another helper function, another name of the file or the asset: no replica is run again."""
    write(Path("rule_mine.py"), HELPED)
    write(Path("rule_helper.py"), HELPER.format(">"))
    first = seeds(config(), store)
    monkeypatch.setattr(replicas, "replica", lambda *_: pytest.fail("run again"))
    write(Path("rule_mine.py"), "# moved\n\n\n" + HELPED)
    write(
        Path("rule_helper.py"), '"""Helps."""\nimport json\n\n\ndef more():\n    pass\n\n\n' + HELPER.format(">")
    )
    as_in_a_new_process()
    assert seeds(config(), store) == first


def test_a_strategy_that_keeps_something_in_its_class_finds_its_seeds_in_the_next_process(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        RISES + "\n    bars = []\n\n    def next(self):\n        super().next()\n        Mine.bars.append(self)\n"
    )
    write(Path("rule_mine.py"), source)
    first = check(config(), store)
    as_in_a_new_process()
    monkeypatch.setattr(replicas, "replica", lambda *_: pytest.fail("run again"))
    assert seeds(config(), store) == first


def test_nothing_is_kept_of_code_without_an_identity_and_the_report_says_so(store: Store, tmp_path: Path) -> None:
    write(
        Path("rule_mine.py"), RULE.format(rule="self.forecast[0] > 0.0 and LOG") + "\n\nLOG = open('log', 'w')\n"
    )
    with Session(store, jobs=1) as session:
        found = lstmstrat.run(config(), session=session).assessment
    assert found.strategies[0].luck.seeds == seeds(config(), Store(None))
    (told,) = (notice for notice in found.data.notices if "LOG" in notice)
    assert told == (
        "seeds and null worlds are worked out anew in each run, and no audit is known: mine: its code holds "
        "rule_mine.LOG, a TextIOWrapper, which nothing tells from another one"
    )
    kept = [payload for (payload,) in store._open().execute("SELECT payload FROM results")]
    assert not any(b'"mine"' in payload for payload in kept)
    sys.modules["rule_mine"].LOG.close()


@pytest.mark.parametrize("edited", ["helper", "settings", "nothing"])
def test_an_audit_of_other_code_is_no_audit(edited: str, tmp_path: Path) -> None:
    """A rule outside of the folder passes, and is then made to look ahead; or reads another file while it runs."""
    write(Path("rule_mine.py"), HELPED)
    read = "def rule(forecast):\n    return forecast * float(open('sign').read()) > {}\n"
    read = read.replace("open('sign').read()", "__import__('pathlib').Path('sign').read_text()")
    write(tmp_path / "elsewhere" / "rule_helper.py", read.format("0.0"))
    Path("sign").write_text("1.0")
    asked, prices = prepare(config())
    code = {s.label: fingerprint.of_code(asked, s) for s in asked.strategies}
    passed = Finding("P2 suffix", "mine", "passed", 12, (), "")
    _keep(Store(tmp_path / "store.sqlite"), asked, prices, code, AuditResult((passed,), ()))
    if edited == "helper":
        write(tmp_path / "elsewhere" / "rule_helper.py", read.format("0.0000001"))
    if edited == "settings":
        Path("sign").write_text("-1.0")
    as_in_a_new_process()
    assert audit_status(tmp_path) == ("passed" if edited == "nothing" else "not run")


def audit_status(folder: Path) -> str:
    with Session(Store(folder / "store.sqlite"), jobs=1) as session:
        checks = lstmstrat.run(config(), session=session).assessment.checks
    return next(one.status for one in checks if one.name == AUDIT)


def test_an_audit_is_bound_to_what_the_code_did_and_that_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run knows that the first one did the same. It is asked again when the strategy does otherwise."""
    read = "float(__import__('pathlib').Path('sign').read_text())"
    write(Path("rule_mine.py"), RULE.format(rule=f"self.forecast[0] * {read} > 0.0"))
    Path("sign").write_text("1.0")
    asked, prices = prepare(config())
    code = {s.label: fingerprint.of_code(asked, s) for s in asked.strategies}
    passed = Finding("P2 suffix", "mine", "passed", 12, (), "")
    _keep(Store(tmp_path / "store.sqlite"), asked, prices, code, AuditResult((passed,), ()))
    probes, real = list[str](), audits._probe
    monkeypatch.setattr(audits, "_probe", lambda *of: probes.append(real(*of)) or probes[-1])
    assert [audit_status(tmp_path) for _ in range(3)] == ["passed"] * 3
    assert len(probes) == 1
    Path("sign").write_text("-1.0")
    assert audit_status(tmp_path) == "not run"
    Path("sign").write_text("2.0")
    assert audit_status(tmp_path) == "passed"
    assert (len(probes), len(set(probes))) == (2, 2)


def test_an_audit_of_code_without_an_identity_is_not_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(Path("rule_mine.py"), RULE.format(rule="LOG") + "\n\nLOG = (x for x in 'abc')\n")
    asked, prices = prepare(config())
    code = {s.label: fingerprint.of_code(asked, s) for s in asked.strategies}
    passed = Finding("P2 suffix", "mine", "passed", 12, (), "")
    _keep(Store(tmp_path / "store.sqlite"), asked, prices, code, AuditResult((passed,), ()))
    assert capsys.readouterr().err == (
        "mine: its code holds rule_mine.LOG, a generator, which nothing tells from another one, so no report will "
        "know of this audit\n"
    )


@pytest.mark.parametrize("seen", [True, False])
def test_a_file_that_was_edited_after_the_import_is_refused_at_the_first_look_too(
    seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a notebook that imports, edits and only then runs: the bytecode tells what was imported."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = Path("rule_mine.py")
    write(path, "RULE = 1\n")
    load_module("rule_mine")
    if seen:
        assert changed_files(["rule_mine:RULE"]) == []
    write(path, '"""A docstring."""\n\nRULE = 1  # and a comment\n')
    assert changed_files(["rule_mine:RULE"]) == []
    write(path, "RULE = 2\n")
    (sentence,) = changed_files(["rule_mine:RULE", "rule_mine:OTHER"])
    assert "rule_mine.py was changed after it was imported" in sentence
    path.unlink()
    assert len(changed_files(["rule_mine:RULE"])) == 1
    write(path, "RULE = 1\n")
    assert changed_files(["rule_mine:RULE"]) == []


def test_bytecode_that_cannot_be_written_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be older than the import; refused, the file could never be run there."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    write(Path("rule_mine.py"), "RULE = 1\n")
    load_module("rule_mine")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    write(Path("rule_mine.py"), "RULE = 2\n")
    as_in_a_new_process()
    assert load_module("rule_mine").RULE == 2
    assert changed_files(["rule_mine:RULE"]) == []


def test_a_file_that_was_saved_twice_within_a_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python knows its bytecode by second and size, so also a new process would run the first version."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = Path("rule_mine.py")
    path.write_text(RISES)
    load_module("rule_mine")
    status = path.stat()
    path.write_text(FALLS)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    as_in_a_new_process()
    told = written(tmp_path, config().model_dump(mode="json", by_alias=True, exclude_none=True))
    found = command(told, "--out", "out", "--quiet")
    assert found.code == 2
    assert "rule_mine.py was saved twice within a second, and Python runs what it keeps of the first" in found.err
    write(path, FALLS)
    as_in_a_new_process()
    assert command(told, "--out", "out", "--quiet").code == 0
