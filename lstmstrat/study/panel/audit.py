"""The look-ahead audit of a universe: does a score or a weight depend on later bars of any asset?

Bars are changed after a session, of all assets at once, and what was decided up to it is compared, bit by bit.
Some of these sessions are spread over the traded window, and one is the last before a fold is fitted. Leaks are
planted first (leaks.py), and the probes must find them.

Letters: D sessions, N assets.
"""

from __future__ import annotations

import itertools

import numpy as np

from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, Discrepancy, Finding
from lstmstrat.config.schema import Config
from lstmstrat.errors import ConfigError
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.ledger import Ledger
from lstmstrat.prices.panel import Panel
from lstmstrat.store import Store
from lstmstrat.study.panel import own_audit
from lstmstrat.study.panel.changed import with_other_later, without_later
from lstmstrat.study.panel.decisions import SCORE, Decide, Decisions, day, difference
from lstmstrat.study.panel.simulate import forecast, portfolio_weights
from lstmstrat.trading.portfolio.optimiser import optimiser_of

PLACES = (0.02, 0.25, 0.5, 0.75, 0.97)  # of the traded window, at which bars are changed
REPEAT, PREFIX, SUFFIX = "P0 repeat", "P1 prefix", "P2 suffix"
PROBES = (REPEAT, PREFIX, SUFFIX)
CHANGED = {
    REPEAT: "the same bars again",
    PREFIX: "no later bars",
    SUFFIX: "later bars of all assets replaced, half of the assets gone",
}


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
    probes = [probe for probe in PROBES if only in ("", _id(probe))]
    if not probes:
        return ()
    whole = decide(panel)
    cuts = [_session(whole, cut)] if cut else _cuts(whole)
    at = {REPEAT: [len(whole.times) - 1], PREFIX: cuts, SUFFIX: cuts}
    total, findings = sum(len(at[probe]) for probe in probes), list[Finding]()
    done = itertools.count(1)
    show(0, total)
    for probe in probes:
        found, moved = None, probe != SUFFIX
        for k in at[probe]:
            other = decide(_changed(panel, probe, k))
            found = found or difference(whole, other, k, CHANGED[probe])
            moved = moved or _moved(whole, other, k)
            show(next(done), total)
        findings.append(_finding(probe, subject, whole, at[probe], found, moved, command))
    return tuple(findings)


def _moved(whole: Decisions, other: Decisions, cut: int) -> bool:
    """Whether other bars have moved a score after the cut: otherwise no probe could find anything."""
    after = slice(cut + 1, len(other.times))
    one, two = (decisions.lines[SCORE][after] for decisions in (whole, other))
    return bool((np.isfinite(one) & np.isfinite(two) & (one != two)).any())


def check_options(config: Config, strategy: str | None, only: str, cut: str) -> None:
    """Refuses a strategy, a probe or a date that the audit of a universe does not have.

    Raises
    ------
    ConfigError
        With what there is.
    """
    portfolio, own = config.portfolio.label if config.portfolio else "", config.own_code_of_universe
    known, of_own = (list(dict.fromkeys(map(_id, probes))) for probes in (PROBES, own_audit.PROBES))
    if strategy not in (None, portfolio):
        raise ConfigError(f"--strategy {strategy}: there is none; known: {portfolio}")
    if only and only not in (*known, *of_own):
        raise ConfigError(f"--only {only}: a universe has the probes {_listed(known + of_own)}")
    if only and only not in known and not own:
        raise ConfigError(f"--only {only} looks at code of your own, and there is none; known: {_listed(known)}")
    if cut:
        try:
            np.datetime64(cut, "D")
        except ValueError:
            raise ConfigError(f"--cut {cut}: expected a date, such as 2012-06-29") from None


def _listed(ids: list[str]) -> str:
    return ", ".join(sorted(set(ids), key=lambda name: int(name[1:])))


def _id(probe: str) -> str:
    return probe.split()[0]


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
    """The panel as a probe changes it after a session."""
    if probe == REPEAT:
        return panel
    return without_later(panel, cut) if probe == PREFIX else with_other_later(panel, cut)


def _finding(
    probe: str,
    subject: str,
    whole: Decisions,
    cuts: list[int],
    found: Discrepancy | None,
    moved: bool,
    command: str,
) -> Finding:
    compared, status, detail = sum(whole.until(k) for k in cuts), PASSED, "no difference"
    if found is not None:
        status, detail = FAILED, "it depends on later bars"
    elif not compared:
        status, detail = NOT_ASSESSED, "there is no forecast to compare"
    elif not moved:
        status, detail = NOT_ASSESSED, "other bars move no score, so nothing could show whether later ones do"
    return Finding(
        probe=probe,
        subject=subject,
        status=status,
        comparisons=compared,
        cuts=() if probe == REPEAT else tuple(day(whole.times[k]) for k in cuts),
        detail=detail,
        difference=found,
        command=f"{command} --only {_id(probe)}",
        period=(day(whole.times[whole.first]), day(whole.times[-1])),
    )
