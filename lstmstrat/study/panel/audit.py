"""The look-ahead audit of a universe: does a score or a weight depend on later bars of any asset?

Bars are changed after a session, of all assets at once, and what was decided up to it is compared, bit by bit.
Some of these sessions are spread over the traded window, and one is the last before a fold is fitted. Leaks are
planted first (leaks.py), and the probes must find them.

Letters: D sessions, N assets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lstmstrat.arrays import Floats, Times
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, Discrepancy, Finding
from lstmstrat.config.schema import Config
from lstmstrat.errors import ConfigError
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.ledger import Ledger
from lstmstrat.prices.panel import Panel
from lstmstrat.store import Store
from lstmstrat.study.panel.simulate import forecast, portfolio_weights
from lstmstrat.trading.portfolio.optimiser import optimiser_of

PLACES = (0.02, 0.25, 0.5, 0.75, 0.97)  # of the traded window, at which bars are changed
AFTER = 30  # sessions after the cut that are there, with changed bars
REPEAT, PREFIX, SUFFIX, SOURCES = "P0 repeat", "P1 prefix", "P2 suffix", "P12 sources"
PROBES = (REPEAT, PREFIX, SUFFIX)
CHANGED = {PREFIX: "no later bars", SUFFIX: "later bars of all assets replaced, half of the assets gone"}


@dataclass(frozen=True, eq=False)
class Decisions:
    """What was decided at the close of each session: forecast, spread, distance, weight; (D, N) each."""

    times: Times  # (D,)
    symbols: tuple[str, ...]  # (N,)
    first: int  # session of the first forecast
    refits: tuple[int, ...]  # sessions at which a fold begins
    lines: Mapping[str, Floats]


Decide = Callable[[Panel], Decisions]


def decider(config: Config) -> Decide:
    """The decisions of a config on a panel; what was fitted is known again within it, and what skfolio has solved.

    A class of the user's may read more than the returns that it is asked about, so it is asked anew on each panel.
    """
    session = Session(Store(None), ledger=Ledger(None))
    session.told = None
    assert config.portfolio is not None
    rule = config.portfolio
    known = optimiser_of(rule)

    def decide(panel: Panel) -> Decisions:
        found = forecast(config, panel, session)
        optimiser = optimiser_of(rule) if rule.optimiser in rule.own_code else known
        lines = {"forecast": found.forecast, "spread": found.spread, "distance": found.distance}
        return Decisions(
            times=panel.times,
            symbols=panel.symbols,
            first=found.folds[0].fitted_at if found.folds else len(panel.times),
            refits=tuple(fold.fitted_at for fold in found.folds),
            lines={**lines, "weight": portfolio_weights(rule, panel, found, optimiser)},
        )

    return decide


def audit_panel(
    decide: Decide, panel: Panel, subject: str, command: str, show: Progress, only: str = "", cut: str = ""
) -> tuple[Finding, ...]:
    """The findings of each probe; `only` is one of them, such as P2, and `cut` the date of one session."""
    probes = [probe for probe in PROBES if not only or probe.split()[0] == only]
    whole = decide(panel)
    cuts = [_session(whole, cut)] if cut else _cuts(whole)
    steps = iter(range(1, 1 + sum(1 if probe == REPEAT else len(cuts) for probe in probes)))
    total = sum(1 if probe == REPEAT else len(cuts) for probe in probes)
    show(0, total)

    def compared(changed: Panel, upto: int, how: str) -> Discrepancy | None:
        found = _difference(whole, decide(changed), upto, how)
        show(next(steps), total)
        return found

    findings = list[Finding]()
    for probe in probes:
        at = [len(whole.times) - 1] if probe == REPEAT else cuts
        found = (compared(_changed(panel, probe, k), k, CHANGED.get(probe, "the same bars again")) for k in at)
        findings.append(_finding(probe, subject, whole, at, next(filter(None, found), None), command))
    return tuple(findings)


def check_options(portfolio: str, strategy: str | None, only: str, cut: str) -> None:
    """Refuses a strategy, a probe or a date that a universe does not have.

    Raises
    ------
    ConfigError
        With what there is.
    """
    known = [probe.split()[0] for probe in PROBES]
    if strategy not in (None, portfolio):
        raise ConfigError(f"--strategy {strategy}: there is none; known: {portfolio}")
    if only and only not in known:
        raise ConfigError(f"--only {only}: a universe has the probes {', '.join(known)}")
    if cut:
        try:
            np.datetime64(cut, "D")
        except ValueError:
            raise ConfigError(f"--cut {cut}: expected a date, such as 2012-06-29") from None


def own_code(config: Config, subject: str) -> tuple[Finding, ...]:
    """What code of the user's own opens is not watched in a universe; nothing without such code."""
    if not (own := config.own_code_of_universe):
        return ()
    detail = (
        f"whether {', '.join(own)} read files with later prices is only looked at in a run on one asset so far"
    )
    return (Finding(SOURCES, subject, NOT_ASSESSED, 0, (), detail),)


def _cuts(whole: Decisions) -> list[int]:
    """Sessions after which bars are changed: in all of the traded window, and around the fit of a fold."""
    last = len(whole.times) - 2
    spread = [whole.first + int(place * (last - whole.first)) for place in PLACES]
    fit = whole.refits[len(whole.refits) // 2]
    return sorted({k for k in (*spread, fit - 1, fit) if whole.first <= k <= last})


def _session(whole: Decisions, day: str) -> int:
    """The last session up to a date."""
    at = int(np.searchsorted(whole.times, np.datetime64(day) + np.timedelta64(1, "D"))) - 1
    return min(max(at, whole.first), len(whole.times) - 2)


def _changed(panel: Panel, probe: str, cut: int) -> Panel:
    """The panel with other bars after a session."""
    if probe == REPEAT:
        return panel
    end = cut + 1 if probe == PREFIX else cut + 1 + AFTER
    bars = panel.bars[:end].copy()
    bars[cut + 1 :] = _other_bars(bars[cut + 1 :], cut)
    return replace(panel, times=panel.times[:end], bars=bars)


def _other_bars(bars: Floats, seed: int) -> Floats:
    """Other prices on another level for some assets, and no bars of the others; (d, N, 5)."""
    rng = np.random.default_rng(seed)
    other: Floats = bars * np.exp(rng.normal(0.0, 1.0, (len(bars), bars.shape[1], 1)))
    other[:, rng.permutation(bars.shape[1])[: bars.shape[1] // 2]] = np.nan
    return other


def _difference(whole: Decisions, other: Decisions, upto: int, how: str) -> Discrepancy | None:
    """The first decision up to a session that is another one."""
    found = list(_differences(whole, other, upto, how))
    return min(found, key=lambda one: one.bar, default=None)


def _differences(whole: Decisions, other: Decisions, upto: int, how: str) -> Iterator[Discrepancy]:
    for name, values in whole.lines.items():
        one, two = values[: upto + 1], other.lines[name][: upto + 1]
        differ = (one != two) & ~(np.isnan(one) & np.isnan(two))
        if differ.any():
            session, asset = (int(k) for k in np.argwhere(differ)[0])
            yield Discrepancy(
                bar=session,
                date=_day(whole.times[session]),
                line=f"{name} of {whole.symbols[asset]}",
                original=f"{one[session, asset]:.10g}",
                changed=f"{two[session, asset]:.10g}",
                cut=_day(whole.times[upto]),
                perturbation=how,
            )


def _finding(
    probe: str, subject: str, whole: Decisions, cuts: list[int], found: Discrepancy | None, command: str
) -> Finding:
    compared = sum(int(np.isfinite(whole.lines["forecast"][: k + 1]).sum()) * len(whole.lines) for k in cuts)
    detail = "no difference" if found is None else "it depends on later bars"
    status = FAILED if found is not None else PASSED
    if not compared and found is None:
        status, detail = NOT_ASSESSED, "there is no forecast to compare"
    return Finding(
        probe=probe,
        subject=subject,
        status=status,
        comparisons=compared,
        cuts=() if probe == REPEAT else tuple(_day(whole.times[k]) for k in cuts),
        detail=detail,
        difference=found,
        command=f"{command} --only {probe.split()[0]}",
        period=(_day(whole.times[whole.first]), _day(whole.times[-1])),
    )


def _day(time: np.datetime64) -> str:
    text = str(time.astype("datetime64[s]")).replace("T", " ")
    return text.removesuffix(" 00:00:00")
