"""Runs every probe on every subject, and first on leaks that the audit must find: the test of the audit itself."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from lstmstrat.audit import child, invariance, leaks, learning, more_leaks, perturb, probes, sources, trading
from lstmstrat.audit.case import Case, Command, open_case
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, WARNING, AuditResult, Control, Finding, dates
from lstmstrat.audit.subjects import of_config
from lstmstrat.audit.trace import Subject
from lstmstrat.config.schema import Config
from lstmstrat.errors import ConfigError, LSTMStratError, did_you_mean
from lstmstrat.forecasting.session import Progress, Session
from lstmstrat.prices import Prices
from lstmstrat.prices.bars import COLUMNS
from lstmstrat.prices.outside import NOTHING, Outside, Stream, later
from lstmstrat.store import Store

Probe = Callable[[Case], Finding]

PROBES: dict[str, Probe] = {
    "P0": probes.rerun,
    "P1": probes.liveness,
    "P2": probes.suffix,
    "P3": probes.truncation,
    "P4": trading.intrabar,
    "P5": trading.fills,
    "P6": invariance.cache,
    "P7": invariance.scale,
    "P8": invariance.history,
    "P9": trading.closed_form,
    "P10": probes.folds,
    "P11": trading.noise,
    "P12": sources.probe,
    "P13": learning.learned,
}

EXPECTED = {"P7": WARNING, "P12": NOT_ASSESSED}
"""What a probe says of its planted leaks: those of other probes fail."""
BARS = 200  # length of the random walk that the controls run on
PLANTED: tuple[tuple[type[Any], str], ...] = (  # a leak, and the probe that must find it
    (leaks.ScaledOnEverything, "P2"),
    (leaks.TrainedOnEverything, "P2"),
    (leaks.LabelsOverlap, "P2"),
    (leaks.Smoothed, "P2"),
    (leaks.Backfilled, "P2"),
    (leaks.NextReturn, "P2"),
    (leaks.StoppedOnTheTest, "P2"),
    (leaks.WeekStampedAtItsStart, "P2"),
    (leaks.SeededByTheData, "P3"),
    (leaks.SameBar, "P4"),
    (leaks.SameClose, "P5"),
    (leaks.BestOfBar, "P5"),
    (leaks.StaleCache, "P6"),
    (leaks.PriceLevel, "P7"),
    (leaks.SinceTheFirstBar, "P8"),
    (leaks.LateBenchmark, "P9"),
    *more_leaks.PLANTED,
)


def probe_ids(only: str) -> list[str]:
    """The ids of the probes to run: all, or the one in `only` (``P2``).

    Raises
    ------
    ConfigError
        There is no such probe.
    """
    if only and only.upper() not in PROBES:
        raise ConfigError(f"--only {only}: there is no such probe{did_you_mean(only.upper(), PROBES)}")
    return [only.upper()] if only else list(PROBES)


def audit_config(config: Config, prices: Prices, progress: Progress | None = None) -> AuditResult:
    """Audit the strategies of `config`, with the forecast, after the self-test; train_size is a number of bars."""

    def command(strategy: str) -> Command:
        return lambda probe, day: (
            f"lstmstrat audit CONFIG --strategy {strategy} --only {probe}"
            + (f" --cut {shlex.quote(day)}" if day else "")
        )

    subjects = of_config(config, prices)
    return AuditResult(findings([(s, command(s.name)) for s in subjects], progress=progress), controls())


def findings(
    subjects: Sequence[tuple[Subject, Command]],
    *,
    seed: int = 0,
    only: str = "",
    cut: str = "",
    progress: Progress | None = None,
) -> tuple[Finding, ...]:
    """The findings of every probe for every subject.

    Raises
    ------
    ConfigError
        There is no such probe, or no bar of the date `cut`.
    LSTMStratError
        The run of a subject on its original bars raises it.
    """
    names, results = probe_ids(only), list[Finding]()
    with quiet(), Session(Store(None)) as session:
        audits = list(_opened(_watched(subjects, names), names, seed, cut, session))
        if cut and not audits:
            raise ConfigError(f"--cut {cut}: no bar has this date; the audited bars are {_dates(subjects)}")
        total, done = sum(len(probes) for _, probes in audits), 0
        for case, probes in audits:
            for k, probe in enumerate(probes):
                if progress is not None:
                    progress(done + k, total)
                results.append(run_probe(case, probe))
                if _ends_the_case(results[-1]):
                    break
            done += len(probes)
        if progress is not None and total:
            progress(total, total)
    return tuple(results)


def _opened(
    subjects: Sequence[tuple[Subject, Command]], names: Sequence[str], seed: int, cut: str, session: Session
) -> Iterator[tuple[Case, list[str]]]:
    """The case of each subject with its probes; without the subjects that have no bar of the date `cut`.

    All share the fitted models of one session: a model is a function of its training set, and P6 makes sure of
    that with sessions of its own.
    """
    for subject, command in subjects:
        probes = [name for name in names if not subject.probes or name in subject.probes]
        if not probes:
            continue
        case = open_case(subject.with_fields(session=session), seed, command, cut)
        if isinstance(case.original.error, LSTMStratError):
            raise case.original.error
        if case.cuts or not cut:
            yield case, probes


def _watched(subjects: Sequence[tuple[Subject, Command]], names: Sequence[str]) -> list[tuple[Subject, Command]]:
    """The subjects with what P12 finds before anything runs here, if it is to run."""
    asked = [s for s, _ in subjects if "P12" in names and (not s.probes or "P12" in s.probes) and not s.sources]
    found = dict(zip(map(id, asked), sources.of_subjects(asked), strict=True))
    return [(s.with_fields(sources=found[id(s)]) if id(s) in found else s, command) for s, command in subjects]


def _dates(subjects: Sequence[tuple[Subject, Command]]) -> str:
    periods = {tuple(dates(s.frame.index, [0, len(s.frame) - 1])) for s, _ in subjects}
    return ", ".join(f"{first} to {last}" for first, last in sorted(periods))


def run_probe(case: Case, probe: str) -> Finding:
    """The finding of one probe for one subject; "not assessed" if the original run ended with an error."""
    error = case.original.error
    if error is not None:
        return case.not_assessed(f"{probe} run", f"it does not run: {type(error).__name__}: {error}")
    return PROBES[probe](case)


def _ends_the_case(finding: Finding) -> bool:
    """Whether the other probes cannot say anything: the subject is not deterministic or does not run."""
    return finding.status == NOT_ASSESSED and finding.id == "P0"


def controls(progress: Progress | None = None) -> tuple[Control, ...]:
    """The self-test: each planted leak with the probe that must find it, then the two clean controls."""
    results, total = list[Control](), len(PLANTED) + 2
    with quiet():
        for k, (leak, probe) in enumerate(PLANTED):
            results.append(check_leak(leak, probe))
            if progress is not None:
                progress(k + 1, total)
        results.append(check_honest())
        results.append(check_known_in_time())
    if progress is not None:
        progress(total, total)
    return tuple(results)


def check_leak(leak: type[Any], probe: str) -> Control:
    """Whether the probe finds the leak. The name of the control has the number in the docstring of the leak."""
    name = f"{leak.__name__}, {(leak.__doc__ or '').split(':')[0]}"
    with control_subject(leak) as subject:
        if probe == "P9":
            fault = trading.benchmark(subject, leak)
            return Control(name, probe, bool(fault), fault or "not found")
        finding = run_probe(open_case(subject, 0, _no_command), probe)
    found = finding.status == EXPECTED.get(probe, FAILED)
    return Control(name, probe, found, str(finding.difference or finding.detail))


def check_honest() -> Control:
    """Whether the honest model passes every probe that applies to it."""
    probes = [probe for probe in PROBES if probe not in ("P10", "P13")]  # it has no LSTMForecast
    return _clean(leaks.Honest, "a forecast from bars", probes)


def check_known_in_time() -> Control:
    """Whether a forecast from a column and a peer that are joined by time passes the probes of later rows."""
    probes = [probe for probe in ("P1", "P2", "P3") if probe in PROBES]
    return _clean(more_leaks.KnownInTime, "a forecast from columns and peers", probes)


def _clean(cls: type[Any], what: str, probes: Sequence[str]) -> Control:
    """Whether a strategy without a leak passes the probes; `what` says which of the two it is."""
    with control_subject(cls) as subject:
        case = open_case(subject, 0, _no_command)
        results = [run_probe(case, probe) for probe in probes]
    faults = [f for f in results if f.status != PASSED]
    detail = "; ".join(f"{f.probe}: {f.detail}" for f in faults)
    name = f"{cls.__name__}, clean: {what}"
    return Control(name, "", not faults, detail or f"passes {len(results)} probes")


@contextmanager
def control_subject(cls: type[Any]) -> Iterator[Subject]:
    """A strategy of `leaks`, or the strategy `Follow` with an indicator of `leaks`, on a random walk."""
    params: dict[str, Any] = {}
    setup = _second_feed if cls in (more_leaks.OtherFeed, more_leaks.PeerAhead) else None
    more_leaks.BestOfEarlierRuns.best = 0
    with TemporaryDirectory() as folder:
        if issubclass(cls, leaks.Honest):
            leaks.StaleCache.by_length.clear()
            cls, params = leaks.Follow, {"indicator": cls}
        elif cls is more_leaks.ReadsAFile:
            params = {"path": str(Path(folder) / "labels.txt")}
            Path(params["path"]).write_text("1 0 1 1 0")
        path = "" if child.CAN_FORK else f"{cls.__module__}:{cls.__name__}"  # else P12 needs a name to import
        refits = tuple(range(leaks.FIRST, BARS, leaks.EVERY))
        outside = _outside() if cls in more_leaks.WITH_OUTSIDE else NOTHING
        subject = Subject(cls.__name__, cls, params, market(), refits=refits, setup=setup, path=path)
        yield subject.with_fields(outside=outside)


def _outside() -> Outside:
    """A column with a row each day, known on the day after, and a peer: random walks."""
    peer = perturb.noise(market(), 8)
    times = peer.index.to_numpy().astype("datetime64[ns]")
    mood = np.random.default_rng(9).normal(size=(BARS, 1))
    column = Stream("mood", later(times, np.timedelta64(1, "D")), mood)
    return Outside((column,), (Stream("peer", times, peer.to_numpy()),))


def _second_feed(cerebro: Any) -> None:
    """Add another random walk as the second feed."""
    cerebro.adddata(bt.feeds.PandasData(dataname=perturb.noise(market(), 8)))


def market() -> pd.DataFrame:
    """`BARS` business days of a random walk."""
    empty = pd.DataFrame(0.0, pd.bdate_range("2020-01-06", periods=BARS), list(COLUMNS))
    return perturb.noise(empty, 7)


def _no_command(probe: str, cut: str) -> str:
    return ""


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the warnings of missing forecasts: the probes leave out prices on purpose."""
    log = logging.getLogger("lstmstrat")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
