"""Runs every probe on every subject, and first on leaks that the audit must find: the test of the audit itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd

from lstmstrat.audit import invariance, leaks, perturb, probes, trading
from lstmstrat.audit.case import Case, Command, open_case
from lstmstrat.audit.finding import FAILED, NOT_ASSESSED, PASSED, WARNING, Control, Finding
from lstmstrat.audit.trace import Subject
from lstmstrat.errors import ConfigError, LSTMStratError, did_you_mean
from lstmstrat.forecasting.session import Progress
from lstmstrat.prices.bars import COLUMNS

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
}

ONLY_WARNED = ("P7", "P8")  # probes whose planted leaks are no look-ahead in themselves
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
    for done, (subject, command) in enumerate(subjects):
        with quiet():
            case = open_case(subject, seed, command, cut)
            if isinstance(case.original.error, LSTMStratError):
                raise case.original.error
            if cut and not case.cuts:
                first, last = case.original.day(0), case.original.day(case.original.bars - 1)
                raise ConfigError(f"--cut {cut}: no bar has this date; the audited bars are {first} to {last}")
            for k, probe in enumerate(names):
                if progress is not None:
                    progress(done * len(names) + k, len(subjects) * len(names))
                results.append(run_probe(case, probe))
                if _ends_the_case(results[-1]):
                    break
    if progress is not None and subjects:
        progress(len(subjects) * len(names), len(subjects) * len(names))
    return tuple(results)


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
    """The self-test: each planted leak with the probe that must find it, then the clean control."""
    results, total = list[Control](), len(PLANTED) + 1
    with quiet():
        for k, (leak, probe) in enumerate(PLANTED):
            results.append(check_leak(leak, probe))
            if progress is not None:
                progress(k + 1, total)
        results.append(check_honest())
    if progress is not None:
        progress(total, total)
    return tuple(results)


def check_leak(leak: type[Any], probe: str) -> Control:
    """Whether the probe finds the leak. The name of the control has the number in the docstring of the leak."""
    name = f"{leak.__name__}, {(leak.__doc__ or '').split(':')[0]}"
    if probe == "P9":
        fault = trading.benchmark(control_subject(leak), leak)
        return Control(name, probe, bool(fault), fault or "not found")
    finding = run_probe(open_case(control_subject(leak), 0, _no_command), probe)
    found = finding.status == (WARNING if probe in ONLY_WARNED else FAILED)
    return Control(name, probe, found, str(finding.difference or finding.detail))


def check_honest() -> Control:
    """Whether the honest model passes every probe that applies to it."""
    case = open_case(control_subject(leaks.Honest), 0, _no_command)
    results = [run_probe(case, probe) for probe in PROBES if probe != "P10"]  # it has no LSTMForecast
    faults = [f for f in results if f.status != PASSED]
    detail = "; ".join(f"{f.probe}: {f.detail}" for f in faults)
    return Control("Honest, the clean control", "", not faults, detail or f"passes {len(results)} probes")


def control_subject(cls: type[Any]) -> Subject:
    """A strategy of `leaks`, or the strategy `Follow` with an indicator of `leaks`, on a random walk."""
    params: dict[str, Any] = {}
    if issubclass(cls, leaks.Honest):
        leaks.StaleCache.by_length.clear()
        cls, params = leaks.Follow, {"indicator": cls}
    return Subject(cls.__name__, cls, params, market(), refits=tuple(range(leaks.FIRST, BARS, leaks.EVERY)))


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
