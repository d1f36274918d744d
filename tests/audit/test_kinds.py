"""The confusion matrix of the audit: what it says of each kind of look-ahead, and of honest odd strategies."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import Any

import kinds
import numpy as np
import pytest

import lstmstrat
from lstmstrat.audit import AuditResult, alone, sources, suite
from lstmstrat.audit.contents import described
from lstmstrat.audit.subjects import of_class
from lstmstrat.audit.trace import Subject


@pytest.fixture(scope="session", autouse=True)
def _files() -> Iterator[None]:
    """For the session: the tests of this module may run in parts, with others between them."""
    kinds.write_files()
    yield
    shutil.rmtree(kinds.FILES)


def subject_of(cls: type[Any]) -> Subject:
    return of_class(cls, kinds.FRAME, {}, None, (), kinds.two_feeds if issubclass(cls, kinds.TwoFeeds) else None)


@pytest.fixture(scope="session")
def watched(_files: None) -> dict[type[Any], Subject]:
    """The subjects with what P12 finds: one new process for all of them saves a minute."""
    classes = [cls for cls, _ in kinds.HONEST] + [cls for cls, probe, _ in kinds.UNKNOWN if probe == "P12"]
    subjects = [subject_of(cls) for cls in classes]
    found = sources.of_subjects(subjects)
    return {s.cls: s.with_fields(sources=f) for s, f in zip(subjects, found, strict=True)}


def audited(cls: type[Any], **options: Any) -> Any:
    setup = subject_of(cls).setup
    return lstmstrat.audit(cls, kinds.FRAME, setup=setup, self_test=False, **options)


def said(result: Any) -> list[str]:
    return [f"{f.status} {f.probe}: {f.detail} {f.difference}" for f in result.findings if f.status != "passed"]


@pytest.mark.parametrize(("cls", "probe", "words"), kinds.LEAKY, ids=lambda x: getattr(x, "__name__", ""))
def test_a_leak_is_found(cls: type[Any], probe: str, words: str) -> None:
    result = audited(cls, only=probe)
    assert result.exit_code == 1, said(result)
    failures = {f.id: f for f in result.failures}
    assert probe in failures, said(result)
    assert words in f"{failures[probe].detail} {failures[probe].difference}"


@pytest.mark.parametrize(("cls", "warning"), kinds.HONEST, ids=lambda x: getattr(x, "__name__", ""))
def test_an_honest_strategy_passes(
    cls: type[Any], warning: str, watched: dict[type[Any], Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every probe, at five cuts; those of test_audit.py pass at all of them."""
    monkeypatch.setattr(alone, "AIMED", 5)
    subject = watched[cls].with_fields(cuts=5)
    result = AuditResult(suite.findings([(subject, lambda probe, day: f"{probe} {day}")]), ())
    assert result.exit_code == 0, said(result)
    assert [f.id for f in result.warnings] == ([warning] if warning else []), said(result)


@pytest.mark.parametrize(("cls", "probe", "words"), kinds.UNKNOWN, ids=lambda x: getattr(x, "__name__", ""))
def test_what_comes_from_elsewhere_is_named(
    cls: type[Any], probe: str, words: str, watched: dict[type[Any], Subject]
) -> None:
    subject = watched.get(cls) or subject_of(cls)
    result = AuditResult(suite.findings([(subject, lambda probe, day: "")], only=probe), ())
    assert result.exit_code == 3, said(result)
    (found,) = [f for f in result.findings if f.id == probe]
    assert found.status == "not assessed"
    assert words in found.detail


def test_noise_names_the_orders_that_won() -> None:
    """A purchase at the low of its bar wins every walk, by limit orders that were made at the open."""
    (failure,) = audited(kinds.LimitAtItsOwnLow, only="P11").failures
    assert "10 of 10 random walks won" in failure.detail
    assert "Limit buy 10 at" in failure.detail
    assert "of all gains come from limit and stop orders made at an open" in failure.detail


def test_the_call_of_a_failure_names_its_setup() -> None:
    (failure,) = audited(kinds.MeanOfTheOther, only="P2").failures
    assert "setup=two_feeds" in failure.command
    scope = {**vars(kinds), "lstmstrat": lstmstrat, "prices": kinds.FRAME}
    (again,) = eval(failure.command, scope).failures
    assert again.difference == failure.difference


def test_what_the_child_process_does_is_not_done_here() -> None:
    """No hook stays, no module is imported anew, and no file of the test is left open."""
    before = dict(sys.modules)
    audited(kinds.ReadsCsv, only="P12")
    assert {name: sys.modules[name] for name in before} == before


@pytest.mark.parametrize(
    "value",
    [20, 0.3, "close", (5, 10, 20), list(range(5, 300, 5)), {"fast": 5, "slow": 20}, np.linspace(0.0, 1.0, 101)],
    ids=str,
)
def test_settings_are_no_tables(value: Any) -> None:
    assert described(value) == ""
