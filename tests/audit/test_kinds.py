"""The confusion matrix of the audit: what it says of each kind of look-ahead, and of honest odd strategies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import kinds
import pytest

import lstmstrat


@pytest.fixture(scope="module", autouse=True)
def _files() -> Iterator[None]:
    kinds.write_files()
    yield
    shutil.rmtree(kinds.FILES)


def audited(cls: type[Any], **options: Any) -> Any:
    setup = kinds.two_feeds if issubclass(cls, kinds.TwoFeeds) else None
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
def test_an_honest_strategy_passes(cls: type[Any], warning: str) -> None:
    result = audited(cls)
    assert result.exit_code == 0, said(result)
    assert [f.id for f in result.warnings] == ([warning] if warning else []), said(result)


@pytest.mark.parametrize(("cls", "probe", "words"), kinds.UNKNOWN, ids=lambda x: getattr(x, "__name__", ""))
def test_what_comes_from_elsewhere_is_named(cls: type[Any], probe: str, words: str) -> None:
    result = audited(cls, only=probe)
    assert result.exit_code == 3, said(result)
    (found,) = [f for f in result.findings if f.id == probe]
    assert found.status == "not assessed"
    assert words in found.detail
