"""What the audit of a universe says of code of the user's own: what it reads, what it keeps, and as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import panel_own_kinds as kinds
import pytest
import yaml
from helpers.command import tiny
from helpers.own_model import FOREST, NETWORK
from test_panel_run import config

from lstmstrat import Config, ConfigError
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, WARNING
from lstmstrat.audit.sources import Judgement, judged, of_own_code
from lstmstrat.audit.subject_code import SubjectCode
from lstmstrat.audit.subjects import of_config as subjects_of
from lstmstrat.commands.main import main
from lstmstrat.prices.panel import Panel
from lstmstrat.study.panel.audit import check_options
from lstmstrat.study.panel.own_audit import OwnCase, audit_own, own_findings
from lstmstrat.study.panel.own_code import PanelCode, did, made, of_config
from lstmstrat.study.panel.run import prepare_panel
from lstmstrat.study.prepare import prepare

NAME = kinds.__name__
RULES = {"rule": "top", "long": 2, "short": 2}


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


@pytest.fixture(scope="module", autouse=True)
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("panel_own_kinds")
    kinds.write_files(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMSTRAT_TEST_PANEL_FILES", str(folder))  # the same in a new process
        patch.setattr(kinds, "FILES", folder)
        yield folder


def own(
    *features: Callable[..., Any], rule: Any = None, weights: Any = None, model: Any = None, **forecast: Any
) -> Config:
    portfolio: dict[str, Any] = {"rule": f"{NAME}:{rule.__name__}", "gross": 1.0} if rule else dict(RULES)
    portfolio |= {"weights": f"{NAME}:{weights.__name__}"} if weights else {}
    names = ["return_1", *(f"{NAME}:{feature.__name__}" for feature in features)]
    settings = {"pool": "all", "relation": "rank", "train_size": 120, "refit_every": 60, "least_assets": 4}
    model = model if isinstance(model, str) else f"{NAME}:{model.__name__}" if model else "ridge"
    return config(
        data={"universe": ["AMD", "CVX", "GE", "HD", "KO", "XOM"], "start": "2007-06-01", "end": "2008-03-31"},
        forecast={**settings, "model": model, "features": names, "lookback": 5, "loss_steps": 5, **forecast},
        portfolio=portfolio,
    )


_loaded: dict[str, Panel] = {}


def code_of(found: Config) -> PanelCode:
    (code,) = of_config(*prepare_panel(found, loaded=_loaded))
    return code


def watched(asked: Mapping[str, Config]) -> dict[str, Judgement]:
    """What P12 says of each, all of which a run has asked here before: one new process for all of them."""
    codes = [code_of(one) for one in asked.values()]
    cases = [OwnCase(code, "mine", "") for code in codes]
    found = zip(of_own_code(codes), cases, strict=True)
    judgements = [judged(one, case.code, lambda case=case: did(case.stream).decisions) for one, case in found]
    return dict(zip(asked, judgements, strict=True))


@pytest.fixture(scope="module")
def of_universe(files: Path) -> dict[str, Judgement]:
    asked = {feature.__name__: own(feature) for feature in (kinds.honest, *kinds.SOURCES)}
    asked |= {rule.__name__: own(rule=rule) for rule in kinds.MEMORIES if rule is not kinds.ByFeature}
    asked |= {
        "ByFeature": own(kinds.fills, rule=kinds.ByFeature),
        "rule": own(rule=kinds.ByFile),
        "optimiser": own(weights=kinds.CalmByFile),
        "model": own(model=kinds.MeanModel, model_params={"path": str(files / "labels.npy")}),
        "Calm": own(weights=kinds.Calm),
        "MeanModel": own(model=kinds.MeanModel),
        NETWORK: own(model=NETWORK, model_params={"width": 3}, pool="none", relation="none"),
        FOREST: own(model=FOREST, model_params={"n_estimators": 3}),
    }
    return watched(asked)


def test_own_code_that_reads_nothing_passes_every_probe() -> None:
    asked = own(kinds.honest, rule=kinds.Honest)
    findings = own_findings(*prepare_panel(asked, loaded=_loaded), "mine", "lstmstrat audit c.yaml", quiet)
    assert [(f.probe, f.status) for f in findings] == [
        ("P12 sources", PASSED),
        ("P0 stream", PASSED),
        ("P6 cache", PASSED),
        ("P7 scale", PASSED),
    ], findings
    assert "opens no file" in findings[0].detail
    assert findings[0].command == "lstmstrat audit c.yaml --only P12"


def test_without_own_code_there_is_nothing_to_watch() -> None:
    assert own_findings(*prepare_panel(own(), loaded=_loaded), "top", "", quiet) == ()


@pytest.fixture(scope="module")
def of_one_asset() -> dict[str, Judgement]:
    """What the audit of one asset says of each feature of `SOURCES`: one new process for all of them."""
    codes = {}
    for feature in (kinds.honest, *kinds.SOURCES):
        features = ["return_1", f"{NAME}:{feature.__name__}"]
        values = tiny(data={"end": "2005-09-30"}, forecast={"features": features, "model": "ridge"})
        values["strategies"] = [{"class": "strategies.long_flat:LongFlat"}]
        subjects = subjects_of(*prepare(Config(**values), offline=True))
        codes[feature.__name__] = SubjectCode(next(subject for subject in subjects if subject.name == "forecast"))
    found = zip(codes.items(), of_own_code([*codes.values()]), strict=True)
    return {name: judged(one, code, tuple) for (name, code), one in found}  # a forecast alone decides nothing


@pytest.mark.parametrize("feature", ["honest", *(feature.__name__ for feature in kinds.SOURCES)])
def test_a_feature_gets_the_verdict_that_it_gets_with_one_asset(
    feature: str, of_one_asset: dict[str, Judgement], of_universe: dict[str, Judgement]
) -> None:
    words = {one.__name__: said for one, said in kinds.SOURCES.items()}
    one, many = of_one_asset[feature], of_universe[feature]
    assert one.status == many.status == (NOT_ASSESSED if feature in words else PASSED), (one, many)
    for said in (one, many):
        assert words.get(feature, "") in said.detail


@pytest.mark.parametrize("rule", [rule.__name__ for rule in kinds.MEMORIES])
def test_what_a_rule_keeps_from_an_earlier_run_is_found(rule: str, of_universe: dict[str, Judgement]) -> None:
    found = of_universe[rule]
    assert found.status == FAILED, found.detail
    assert "it uses what an earlier run left behind: alone in a new process its order is" in found.detail


@pytest.mark.parametrize("kind", ["rule", "optimiser", "model"])
def test_what_rules_optimisers_and_models_read_is_named(kind: str, of_universe: dict[str, Judgement]) -> None:
    assert of_universe[kind].status == NOT_ASSESSED
    assert "labels.npy" in of_universe[kind].detail


@pytest.mark.parametrize("kind", ["Calm", "MeanModel", NETWORK, FOREST])
def test_an_optimiser_and_a_model_that_read_nothing_pass(kind: str, of_universe: dict[str, Judgement]) -> None:
    assert of_universe[kind].status == PASSED, of_universe[kind].detail


class Peeks(kinds.Rule):
    """In one month it reads the next close from the array behind the closes so far."""

    def values(self, scores: np.ndarray, closes: np.ndarray) -> np.ndarray:
        whole = closes if closes.base is None else closes.base
        later = whole[min(len(closes), len(whole) - 1)]
        return later / closes[-1] if 150 <= len(closes) < 170 else scores


def needs_many(bars: np.ndarray) -> np.ndarray:
    """A feature that fails on few bars, of which a stream begins with some."""
    assert len(bars) > 150
    return kinds.honest(bars)


def of_rule(rule: type[Any]) -> OwnCase:
    found = code_of(own(rule=kinds.Honest))
    portfolio = found.rule.model_copy(update={"rule": f"{rule.__module__}:{rule.__name__}"})
    return OwnCase(replace(found, rule=portfolio), "mine", "")


def test_a_month_of_look_ahead_is_found_by_the_stream() -> None:
    (found,) = audit_own(of_rule(Peeks), quiet, "P0")
    assert found.status == FAILED
    assert found.difference is not None
    assert 149 <= found.difference.bar < 170


def test_what_cannot_run_as_a_stream_is_a_warning() -> None:
    found = code_of(own(kinds.honest))
    features = ("return_1", f"{__name__}:{needs_many.__name__}")
    code = replace(found, forecast=found.forecast.model_copy(update={"features": features}))
    (finding,) = audit_own(OwnCase(code, "mine", ""), quiet, "P0")
    assert finding.status == WARNING, finding
    assert "cannot run live (as a stream: it ends with" in finding.detail


class Notebook(kinds.Rule):
    """As in a notebook: no other process can import it."""

    seen: dict[int, Any] = {}  # noqa: RUF012

    def values(self, scores: np.ndarray, closes: np.ndarray) -> np.ndarray:
        self.seen[len(closes)] = closes[-1].copy()
        return self.seen.get(len(closes) + 1, closes[-1]) / closes[-1]


def test_a_class_of_a_notebook_is_looked_at_in_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PanelCode, "importable", False)
    found = of_rule(Notebook)
    found.code.decided(in_steps=False)
    (finding,) = audit_own(found, quiet, "P12")
    assert finding.status == FAILED, finding
    assert "without Notebook.seen its order is" in finding.detail


def test_prices_that_this_process_has_read_before_are_asked_for_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PanelCode, "importable", False)
    (finding,) = audit_own(of_rule(kinds.ByPanel), quiet, "P12")
    assert finding.status == NOT_ASSESSED
    assert "us_stocks" in finding.detail


def test_a_model_of_ones_own_is_watched_on_the_newest_sessions_and_all_else_on_the_whole_panel() -> None:
    asked = own(kinds.honest, rule=kinds.Honest, model=kinds.MeanModel, refit_every=10, train_size=40)
    prepared, panel = prepare_panel(asked, loaded=_loaded)
    cheap, model = of_config(prepared, panel)
    assert cheap.names == (f"{NAME}:honest", f"{NAME}:Honest")
    assert model.names == (f"{NAME}:honest", f"{NAME}:MeanModel", f"{NAME}:Honest")
    assert len(cheap.panel.times) == len(panel.times) > len(model.panel.times) > model.first + 30
    findings = own_findings(prepared, panel, "mine", "", quiet, "P0")
    assert [finding.status for finding in findings] == [PASSED, PASSED]
    assert findings[0].period[0] < findings[1].period[0] < findings[0].period[1] == findings[1].period[1]


def test_another_process_makes_the_same_code() -> None:
    code = code_of(own(kinds.honest, rule=kinds.Honest))
    sent = code.sent()
    assert sent is not None
    again = made(sent, code.bars_sent())
    assert (again.forecast, again.rule) == (code.forecast, code.rule)
    assert again.panel.sha256 == code.panel.sha256
    assert again.decided(in_steps=True).words == code.decided(in_steps=True).words


def test_an_error_of_the_code_is_no_pass() -> None:
    """Where nothing ran before it ends with an error, and here as well."""
    findings = audit_own(of_rule(kinds.Rule), quiet)  # abstract
    assert {finding.status for finding in findings} == {NOT_ASSESSED}
    assert "it does not run: StrategyError: " in findings[0].detail


def test_the_command_watches_own_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    for feature, code in ((kinds.honest, 0), (kinds.by_pickle, 3)):
        values = own(feature).model_dump(mode="json", exclude_defaults=True)
        path.write_text(yaml.safe_dump(values))
        assert main(["audit", str(path), "--only", "P12", "--quiet"]) == code
        assert "P12 sources" in capsys.readouterr().out


def test_a_probe_of_own_code_needs_some() -> None:
    check_options(own(kinds.honest), None, "P12", "")
    with pytest.raises(ConfigError, match="--only P12 looks at code of your own, and there is none"):
        check_options(own(), None, "P12", "")
    with pytest.raises(ConfigError, match="a universe has the probes P0, P1, P2, P6, P7, P12"):
        check_options(own(), None, "P9", "")
