"""Planted leaks of a universe, which its audit must find, and the clean one, which it must pass.

Letters: D sessions, N assets.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from lstmstrat.arrays import Floats
from lstmstrat.audit import child
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, WARNING, Control, Finding
from lstmstrat.config.schema import Config
from lstmstrat.forecasting.session import Progress
from lstmstrat.prices.bars import CLOSE
from lstmstrat.prices.panel import Panel, panel_of
from lstmstrat.prices.panel_assets import Asset
from lstmstrat.prices.universe import listed
from lstmstrat.study.panel import own_audit, own_code, own_leaks
from lstmstrat.study.panel.audit import PREFIX, SUFFIX, audit_panel, decider
from lstmstrat.study.panel.decisions import Decide, Decisions
from lstmstrat.study.panel.own_audit import OwnCase, audit_own

SYMBOLS = tuple(f"A{k}" for k in range(8))
SESSIONS = 200
SCORES: Mapping[str, Any] = MappingProxyType({"rule": "top", "long": 2, "short": 2})


def controls(show: Progress, with_own: bool) -> tuple[Control, ...]:
    """Each planted leak with the probe that must find it, then the clean controls.

    Those in code of one's own take ten times as long as the others, and only say what its probes (own_audit.py)
    find: they are planted `with_own`, where there is such code.
    """
    total = 2 * len(LEAKS) + 1 + (len(OWN_LEAKS) + 1 if with_own else 0)
    found, panel = list[Control](), _panel()
    for control in itertools.chain(_of_decisions(panel), _of_own_code(panel) if with_own else ()):
        found.append(control)
        show(len(found), total)
    return tuple(found)


def _of_decisions(panel: Panel) -> Iterator[Control]:
    """Leaks in scores and weights, and none."""
    decide = decider(_config())
    for leak, probe in itertools.product(LEAKS, (PREFIX, SUFFIX)):
        (finding,) = audit_panel(leak(decide), panel, leak.__name__, "", _quiet, only=probe.split()[0])
        name = f"{leak.__name__.strip('_')}, {(leak.__doc__ or '').rstrip('.')}"
        caught = finding.status == FAILED
        yield Control(name, probe.split()[0], caught, str(finding.difference or "not found"))
    yield _clean("a portfolio of scores", audit_panel(decide, panel, "clean", "", _quiet))


def _of_own_code(panel: Panel) -> Iterator[Control]:
    """Leaks in code of one's own, and none."""
    for leak, probe, status in OWN_LEAKS:
        yield _check_own(leak, probe, status, panel)
    with _own_case(own_leaks.BestScore, panel) as case:
        yield _clean("a feature and a rule of one's own", audit_own(case, _quiet))


def _clean(name: str, findings: Sequence[Finding]) -> Control:
    """Whether something without a leak passes every probe."""
    faults = "; ".join(f"{f.probe}: {f.difference or f.detail}" for f in findings if f.status != PASSED)
    return Control(name, "", not faults, faults or "no difference")


def _check_own(leak: type[Any], probe: str, status: str, panel: Panel) -> Control:
    """Whether a probe finds a leak in code of one's own, which has run here before, as in any audit."""
    with _own_case(leak, panel) as case:
        case.code.decided(in_steps=False)
        (finding,) = audit_own(case, _quiet, only=probe.split()[0])
    name = f"{leak.__name__}, {(leak.__doc__ or '').rstrip('.')}"
    return Control(name, probe.split()[0], finding.status == status, str(finding.difference or finding.detail))


@contextmanager
def _own_case(rule: type[Any], panel: Panel) -> Iterator[OwnCase]:
    """A rule of own_leaks.py, which trades the scores of a feature there."""
    for kept in (own_leaks.Remembers.shown, own_leaks.StaleCache.by_length):
        kept.clear()
    portfolio: dict[str, Any] = {"rule": f"{rule.__module__}:{rule.__name__}", "gross": 1.0}
    feature = f"{own_leaks.__name__}:{own_leaks.momentum.__name__}"
    with TemporaryDirectory() as folder:
        if rule is own_leaks.ReadsAFile:
            portfolio["params"] = {"path": str(Path(folder, "labels.txt"))}
            Path(folder, "labels.txt").write_text("1 0 1 1 0")
        (code,) = own_code.of_config(_config("return_1", feature, portfolio=portfolio), panel, child.CAN_FORK)
        yield OwnCase(code, rule.__name__, "")


def _score_of_tomorrow(decide: Decide) -> Decide:
    """The score of the next session."""
    return _with(decide, lambda lines, panel: {"forecast": _later(lines["forecast"])})


def _scale_of_all(decide: Decide) -> Decide:
    """Scores divided by their deviation over the whole period."""

    def scaled(lines: dict[str, Floats], panel: Panel) -> dict[str, Floats]:
        return {"forecast": lines["forecast"] / np.nanstd(lines["forecast"])}

    return _with(decide, scaled)


def return_of_tomorrow(bars: Floats) -> Floats:
    """A feature that reads the next bar, where it is handed over together with this one; (n, 5) -> (n,)."""
    closes = np.log(bars[:, CLOSE])
    return np.append(closes[1:] - closes[:-1], np.nan)[: len(bars)]


def _feature_of_tomorrow(decide: Decide) -> Decide:
    """A feature with the return to the next close."""
    return decider(_config("return_1", f"{__name__}:{return_of_tomorrow.__name__}"))


def _members_of_tomorrow(decide: Decide) -> Decide:
    """No weight in an asset that has no bar at the next session."""

    def leaving(lines: dict[str, Floats], panel: Panel) -> dict[str, Floats]:
        stays = np.vstack([panel.members[1:], panel.members[-1:] & False])
        return {"weight": np.where(stays, lines["weight"], 0.0)}

    return _with(decide, leaving)


def _volatility_of_tomorrow(decide: Decide) -> Decide:
    """Weights scaled by how far the assets move at the next session."""

    def timed(lines: dict[str, Floats], panel: Panel) -> dict[str, Floats]:
        closes = np.log(panel.bars[:, :, CLOSE])
        moved = np.nan_to_num(np.abs(_later(closes) - closes)).max(axis=1, keepdims=True)
        return {"weight": lines["weight"] / (1.0 + moved)}

    return _with(decide, timed)


def _ranks_of_all(decide: Decide) -> Decide:
    """The asset with the best return over the whole period is always held."""

    def knowing(lines: dict[str, Floats], panel: Panel) -> dict[str, Floats]:
        closes = pd.DataFrame(panel.bars[:, :, CLOSE]).ffill().to_numpy()
        weight = lines["weight"].copy()
        weight[:, int(np.nanargmax(closes[-1] / closes[0]))] = 1.0
        return {"weight": weight}

    return _with(decide, knowing)


OWN_LEAKS: tuple[tuple[type[Any], str, str], ...] = (  # with the probe, and what it must say
    (own_leaks.ReadsAFile, own_audit.SOURCES, NOT_ASSESSED),
    (own_leaks.Remembers, own_audit.SOURCES, FAILED),
    (own_leaks.BehindTheCloses, own_audit.STREAM, FAILED),
    (own_leaks.StaleCache, own_audit.CACHE, FAILED),
    (own_leaks.Cheapest, own_audit.SCALE, WARNING),
)
Leak = Callable[[Decide], Decide]
LEAKS: tuple[Leak, ...] = (
    _score_of_tomorrow,
    _scale_of_all,
    _feature_of_tomorrow,
    _members_of_tomorrow,
    _volatility_of_tomorrow,
    _ranks_of_all,
)


def _with(decide: Decide, change: Callable[[dict[str, Floats], Panel], dict[str, Floats]]) -> Decide:
    """Decisions with some lines changed."""

    def leaking(panel: Panel) -> Decisions:
        found = decide(panel)
        return replace(found, lines={**found.lines, **change(dict(found.lines), panel)})

    return leaking


def _later(values: Floats) -> Floats:
    """The values of the next session; (D, N), NaN at the last."""
    return np.vstack([values[1:], np.full((1, values.shape[1]), np.nan)])


def _config(*features: str, portfolio: Mapping[str, Any] = SCORES) -> Config:
    forecast = {
        "model": "ridge",
        "pool": "all",
        "relation": "rank",
        "train_size": 60,
        "refit_every": 40,
        "lookback": 5,
        "loss_steps": 5,
        "least_assets": 4,
        "features": features or ("return_1", "return_5", "volatility_5"),
    }
    data = {"universe": SYMBOLS, "source": "csv", "path": "{symbol}.csv"}
    return Config.model_validate({"data": data, "forecast": forecast, "portfolio": dict(portfolio)})


def _panel() -> Panel:
    """Random walks; one has no bar at every ninth session."""
    rng = np.random.default_rng(3)
    times = np.busday_offset("2020-01-01", np.arange(SESSIONS), roll="forward").astype("datetime64[ns]")
    assets = []
    for k, symbol in enumerate(SYMBOLS):
        close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, SESSIONS)))
        bars = np.column_stack([close, close * 1.01, close * 0.99, close, rng.uniform(1e5, 1e6, SESSIONS)])
        there = np.arange(SESSIONS) % 9 != 0 if k == 2 else np.ones(SESSIONS, dtype=bool)
        assets.append(Asset(symbol, times[there], bars[there]))
    return panel_of(listed(SYMBOLS), "csv", assets)


def _quiet(done: int, total: int) -> None:
    """Shows nothing."""
