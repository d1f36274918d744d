"""The look-ahead audit: planted leaks are found, honest strategies left alone, and nothing is claimed blindly."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from helpers.command import tiny, written
from helpers.market import market
from scipy.stats import binom
from users_kinds import LSTM, Breaks, KnowsDates, Level, Mine, OnForecast, PeeksInNext, Repaints, Rolls, Sleeps

import lstmstrat
from lstmstrat import ConfigError, DataError, LSTMForecast, StrategyError, WalkForward
from lstmstrat.audit import AuditResult, leaks, sources, suite, trading
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, Control, Discrepancy, Finding
from lstmstrat.audit.subjects import of_class
from lstmstrat.audit.trace import Subject
from lstmstrat.commands.main import main
from lstmstrat.forecasting.schedule import Fold
from lstmstrat.forecasting.targets import labels
from lstmstrat.forecasting.training_set import TrainingSet

PRICES = market(160)


def audited(cls: type[Any], prices: Any = PRICES, **options: Any) -> AuditResult:
    return lstmstrat.audit(cls, prices, **{"self_test": False, **options})


AT_ONCE = (Mine, PeeksInNext, Repaints, Rolls, Sleeps, KnowsDates, Breaks, Level)


@pytest.fixture(scope="module")
def watched() -> dict[type[Any], sources.Sources]:
    """What P12 finds in each of them: one new process instead of eight."""
    found = sources.of_subjects([of_class(cls, PRICES, {}, None, (), None) for cls in AT_ONCE])
    return dict(zip(AT_ONCE, found, strict=True))


@pytest.fixture
def at_once(watched: dict[type[Any], sources.Sources], monkeypatch: pytest.MonkeyPatch) -> None:
    """The audits of this test find `watched` in place of a new process of their own."""

    def found(subjects: Sequence[Subject]) -> list[sources.Sources]:
        return [watched[subject.cls] for subject in subjects]

    monkeypatch.setattr(sources, "of_subjects", found)


def by_probe(result: AuditResult) -> dict[str, Finding]:
    return {finding.id: finding for finding in result.findings}


# --- planted leaks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("leak", "probe"), suite.PLANTED, ids=lambda value: getattr(value, "__name__", value))
def test_a_planted_leak_is_found_by_the_probe_that_is_there_for_it(leak: type[Any], probe: str) -> None:
    found = suite.check_leak(leak, probe)
    assert found.caught, found.detail


@pytest.mark.parametrize("probe", sorted({probe for _, probe in suite.PLANTED}))
def test_without_its_leak_the_same_probe_finds_nothing(probe: str) -> None:
    """What is found is the leak and nothing else: the honest version of each passes the very probe."""
    if probe == "P9":
        with suite.control_subject(leaks.Honest) as subject:
            assert trading.benchmark(subject) == ""
    elif probe == "P13":  # the honest version of the leak is the forecast itself
        assert by_probe(audited(LSTMForecast, params=LSTM, only=probe))[probe].status == PASSED
    else:
        with suite.control_subject(leaks.Honest) as subject:
            honest = suite.open_case(subject, 0, lambda *_: "")
            assert suite.run_probe(honest, probe).status == PASSED


def test_every_detectable_row_of_the_catalogue_is_planted() -> None:
    """Rows 8 and 16 cannot be found by changing bars; the others of 1 to 31 can."""
    rows = {int(re.match(r"(\d+):", leak.__doc__ or "")[1]) for leak, _ in suite.PLANTED}  # type: ignore[index]
    assert rows == set(range(1, 32)) - {8, 16}


@pytest.fixture(scope="module")
def clean() -> tuple[Control, Control]:
    """What the two clean controls say, as the self-test of every audit asks them."""
    return suite.check_honest(), suite.check_known_in_time()


@pytest.fixture
def clean_once(clean: tuple[Control, Control], monkeypatch: pytest.MonkeyPatch) -> None:
    """The self-tests of this test find `clean` in place of controls of their own."""
    monkeypatch.setattr(suite, "check_honest", lambda: clean[0])
    monkeypatch.setattr(suite, "check_known_in_time", lambda: clean[1])


def test_the_clean_control_passes(clean: tuple[Control, Control]) -> None:
    assert clean == (
        Control("Honest, clean: a forecast from bars", "", True, "passes 12 probes"),
        Control("KnownInTime, clean: a forecast from columns and peers", "", True, "passes 3 probes"),
    )


def test_evenly_spaced_cuts_miss_what_aimed_ones_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """The labels that overlap reach HORIZON bars: five cuts in the middle of folds see nothing of them."""
    middles = [t + leaks.EVERY // 2 for t in range(leaks.FIRST, suite.BARS - leaks.EVERY, leaks.EVERY)][:5]
    monkeypatch.setattr("lstmstrat.audit.case.aimed_cuts", lambda *_, **__: middles)
    assert not suite.check_leak(leaks.LabelsOverlap, "P2").caught


# --- honest strategies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [Mine, OnForecast])
def test_an_honest_strategy_of_a_user_passes(cls: type[Any]) -> None:
    """With a new process for P12 in each audit, as users have it."""
    result = audited(cls)
    assert [f for f in result.findings if f.status == FAILED] == []
    assert {f.id for f in result.findings if f.status == NOT_ASSESSED} <= {"P10", "P13"}
    assert result.exit_code == 0
    assert re.fullmatch(
        r"No difference in [\d,]+ comparisons at \d+ cuts, 2020-[\d-]+ to 2020-08-11\.", result.sentence
    )


def test_an_indicator_is_audited_without_an_account() -> None:
    found = by_probe(audited(LSTMForecast, params=LSTM))
    assert {probe for probe, f in found.items() if f.status != PASSED} == {"P4", "P5", "P11"}
    assert found["P10"].comparisons > 2


def test_a_module_that_was_imported_anew_leaves_nothing_behind() -> None:
    """Pickle looks the classes of lines and parameters up by name, in modules of Backtrader."""
    before, known = getattr(bt.lineseries, Mine.lines.__name__), dict(type(bt.Strategy)._indcol)
    assert "as if they were the first" in by_probe(audited(Mine, only="P6"))["P6"].detail
    assert getattr(bt.lineseries, Mine.lines.__name__) is before
    assert not [name for name in sys.modules if "__audited_" in name]
    assert type(bt.Strategy)._indcol == known


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"warm_start": True}, "rightly depends on the first one"),
        ({"refit_every": "never"}, "fits one fold"),
    ],
)
def test_what_rightly_depends_on_older_history_is_not_assessed(params: dict[str, Any], said: str) -> None:
    found = by_probe(audited(LSTMForecast, params={**LSTM, **params}, only="P8"))["P8"]
    assert (found.status, said in found.detail) == (NOT_ASSESSED, True)


@pytest.mark.parametrize("params", [{"mode": "expanding"}, {"calibration": "learned"}])
def test_a_forecast_that_learns_from_all_history_is_assessed_as_one_that_does_not(params: dict[str, Any]) -> None:
    found = by_probe(audited(LSTMForecast, params={**LSTM, **params}, only="P8"))["P8"]
    assert found.status == PASSED
    assert found.comparisons > 100


def test_a_forecast_of_a_strategys_own_rightly_depends_on_older_history() -> None:
    class Own(bt.Strategy):
        def __init__(self) -> None:
            self.model = LSTMForecast(self.data, **{**LSTM, "mode": "expanding"})

    found = by_probe(audited(Own, only="P8"))["P8"]
    assert (found.status, "rightly depends on it" in found.detail) == (NOT_ASSESSED, True)


@pytest.mark.parametrize(
    "params",
    [
        {"refit_every": 1000, "refit_when": "users_kinds:rose"},
        {"calibration": "none"},
        {"mode": "expanding", "horizon": 3, "quantiles": ()},
    ],
)
def test_what_a_fold_has_learned_is_compared_with_that_of_the_same_fold(params: dict[str, Any]) -> None:
    """With other bars a condition asks for a refit elsewhere, which is no look-ahead."""
    found = by_probe(audited(LSTMForecast, params={**LSTM, **params}, only="P13"))["P13"]
    assert (found.status, found.comparisons > 2) == (PASSED, True), found.detail


def test_an_average_that_never_forgets_is_told_from_a_leak() -> None:
    found = by_probe(audited(Mine, params={"period": 20}, only="P8"))["P8"]
    assert found.status == PASSED
    assert "fading: EMA.ema" in found.detail


def test_a_frame_and_a_broker_of_ones_own() -> None:
    frame = PRICES.frame.rename(columns=str.title)
    calls: list[Any] = []

    def setup(cerebro: Any) -> None:
        calls.append(cerebro)
        cerebro.broker.setcash(500_000.0)

    found = by_probe(audited(Mine, frame, setup=setup))
    assert len(calls) > 50
    assert {probe for probe, f in found.items() if f.status != PASSED} == {"P9", "P10", "P13"}


# --- leaks of users -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("cls", "probes"),
    [(PeeksInNext, {"P0", "P2", "P3"}), (Repaints, {"P2", "P3"})],
)
def test_a_leak_of_a_user_is_found(cls: type[Any], probes: set[str]) -> None:
    result = audited(cls)
    assert probes <= {f.id for f in result.failures}
    assert result.exit_code == 1


@pytest.mark.usefixtures("at_once")
def test_a_price_level_is_a_warning_and_no_leak() -> None:
    """The level decides, which the next split changes; but nothing later than the bar is read."""
    result = audited(Level)
    assert ([f.id for f in result.warnings], result.failures, result.exit_code) == (["P7"], [], 0)
    assert "Warning: Level: its decisions depend on the level of prices" in result.sentence
    assert result.to_dict()["schema"] == 2


def test_a_feature_that_looks_ahead_is_found_in_the_forecast() -> None:
    params = {**LSTM, "features": ("return_1", "users_kinds:ahead")}
    found = by_probe(audited(LSTMForecast, params=params))
    assert (found["P2"].status, found["P3"].status) == (FAILED, FAILED)


def test_labels_that_reach_past_the_fitting_bar_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine itself with a purge too short by three bars, and labels made with the bars that this takes."""

    def leaky(self: WalkForward, fold: Fold) -> TrainingSet:
        later = labels(self._history.bars, self.config)[fold.first + 3 : fold.cutoff + 4]
        rows = self._input_rows[fold.first : fold.cutoff + 1]
        return TrainingSet(rows, np.nan_to_num(later), self.config.lookback, fold.purge)

    monkeypatch.setattr(WalkForward, "_training_set", leaky)
    found = by_probe(audited(LSTMForecast, params=LSTM))
    assert (found["P2"].status, found["P3"].status) == (FAILED, FAILED)


# --- what cannot be assessed --------------------------------------------------------------------------------


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("cls", "probe", "why"),
    [
        (Rolls, "P0", "two equal runs differ"),
        (Sleeps, "P1", "no indicator and made no order"),
        (Breaks, "P0", "it does not run: ZeroDivisionError: of its own"),
    ],
)
def test_what_cannot_be_seen_is_not_assessed(cls: type[Any], probe: str, why: str) -> None:
    result = audited(cls)
    found = by_probe(result)
    assert found[probe].status == NOT_ASSESSED
    assert why in found[probe].detail
    assert (result.failures, result.exit_code) == ([], 3)
    assert result.sentence.startswith("Not assessable: ")


@pytest.mark.usefixtures("at_once")
def test_what_depends_on_no_bar_passes_and_says_so() -> None:
    result = audited(KnowsDates)
    assert result.exit_code == 0
    assert by_probe(result)["P1"].detail.startswith("it depends on no bar: ")


@pytest.mark.usefixtures("clean_once")
def test_an_audit_that_misses_a_planted_leak_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "PLANTED", ((leaks.Honest, "P2"),))  # nothing to find
    monkeypatch.setattr(suite, "PROBES", {name: suite.PROBES[name] for name in ("P0", "P2")})
    result = lstmstrat.audit(Mine, PRICES)
    assert {finding.status for finding in result.findings} == {PASSED}
    assert [c.caught for c in result.controls] == [False, True, True]
    assert result.exit_code == 3
    assert result.blind[0].startswith("the audit is broken: Honest")


def test_a_finding_cannot_pass_without_a_comparison() -> None:
    with pytest.raises(ValueError, match="passed without a comparison"):
        Finding("P2 suffix", "x", PASSED, 0, (), "")


def test_the_exit_code_of_a_leak_is_that_of_a_leak_though_another_is_blind() -> None:
    leak = Finding("P2 suffix", "x", FAILED, 1, (), "", Discrepancy(0, "", "", "", ""))
    blind = Finding("P1 liveness", "y", NOT_ASSESSED, 0, (), "")
    assert AuditResult((leak, blind), ()).exit_code == 1
    assert AuditResult((blind,), ()).exit_code == 3
    assert AuditResult((), ()).exit_code == 3


def test_the_noise_rule_is_the_99_percent_quantile() -> None:
    """SciPy is the second origin of the number of walks that luck may win."""
    assert binom.ppf(0.99, trading.WALKS, 0.05) == trading.ALLOWED


# --- the interface ------------------------------------------------------------------------------------------


def test_the_module_can_be_called_and_imported() -> None:
    script = """
import lstmstrat
from lstmstrat.audit import audit
assert callable(lstmstrat.audit) and lstmstrat.audit.audit is audit
import sys
print([name for name in ("torch", "numba", "backtrader", "pandas") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: audited(Mine, only="P99"), ConfigError, "--only P99: there is no such probe"),
        (lambda: audited(Mine, only="P2", cut="1999-01-01"), ConfigError, "no bar has this date"),
        (lambda: audited(dict), StrategyError, "no class of a Backtrader strategy or indicator"),
        (lambda: audited(Mine, [1, 2]), DataError, "expected a DataFrame"),
        (lambda: audited(Mine, pd.DataFrame({"close": [1.0]})), DataError, "no column date, open, high, low"),
    ],
)
def test_what_the_user_can_mend_is_said(call: Callable[[], Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


@pytest.mark.usefixtures("at_once")
def test_the_call_of_a_failure_shows_it_again() -> None:
    failure = audited(Repaints, seed=3).failures[-1]
    prices = PRICES
    scope = {"lstmstrat": lstmstrat, "Repaints": Repaints, "prices": prices}
    again = eval(failure.command, scope)
    assert [f.difference for f in again.failures] == [failure.difference]


class TestCommand:
    LEAKY: dict[str, Any] = tiny(forecast={"features": ["return_1", "users_kinds:ahead"], "refit_every": 20})

    @pytest.mark.usefixtures("clean_once")
    def test_an_honest_config(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With two of the planted leaks, of which each has a test of its own above, as the clean controls have."""
        monkeypatch.setattr(suite, "PLANTED", ((leaks.NextReturn, "P2"), (leaks.SameBar, "P4")))
        path = written(tmp_path, tiny(forecast={"refit_every": 20}, data={"end": "2005-09-30"}))
        out = tmp_path / "audit.json"
        assert main(["audit", str(path), "--quiet", "--json", str(out)]) == 0
        printed = capsys.readouterr().out
        assert printed.startswith("Planted leaks found: 2 of 2; clean controls passed: 2 of 2.\n")
        assert "Not to be found this way: hyper-parameters" in " ".join(printed.split())
        record = json.loads(out.read_text())
        assert record["sentence"] in " ".join(printed.split())
        assert {f["subject"] for f in record["findings"]} == {"forecast", "long_flat", "cross"}

    def test_the_printed_command_shows_a_failure_again(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = written(tmp_path, self.LEAKY)
        assert main(["audit", str(path), "--quiet", "--strategy", "long_flat", "--only", "P2", "--seed", "5"]) == 1
        first = capsys.readouterr().out
        printed = next(line.strip() for line in first.splitlines() if line.startswith("  lstmstrat audit"))
        words = shlex.split(printed)
        assert words[:2] == ["lstmstrat", "audit"]
        assert main([*words[1:], "--quiet"]) == 1
        seen = next(line for line in first.splitlines() if " was " in line)
        assert seen in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--strategy", "none"], "--strategy none: there is none; known: forecast, long_flat, cross"),
            (["--only", "P77"], "--only P77: there is no such probe"),
            (["--only", "P2", "--cut", "1999-01-01"], "no bar has this date"),
            (["--only", "P9", "--json", "/nowhere/x.json"], "--json /nowhere/x.json"),
        ],
    )
    def test_what_the_user_can_mend(
        self, arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = written(tmp_path, tiny())
        assert main(["audit", str(path), "--quiet", *arguments]) == 2
        assert said in capsys.readouterr().err

    def test_a_strategy_that_cannot_be_assessed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = written(tmp_path, {**tiny(), "strategies": [{"class": "users_kinds:Rolls"}]})
        assert main(["audit", str(path), "--quiet", "--strategy", "rolls", "--only", "P0"]) == 3
        assert "Not assessable: rolls: P0 rerun: two equal runs differ" in capsys.readouterr().out
